"""``/client/v1``: what browsers and apps may ask with a public key."""

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.client_bodies import name_customer, show_public
from kaquan.api.client_key import demand_right, may_name_customers
from kaquan.api.consents import change_customer_consents, read_consents
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.dry_run import CurrentDryRun
from kaquan.api.events import EventBody, track_event
from kaquan.api.once import IdempotencyKey, move_value
from kaquan.api.problems import AnyRequest
from kaquan.api.promotions import read_tiers
from kaquan.api.publishing import PublicationBody, answer_publication
from kaquan.api.qualifications import QualificationBody, check_eligibility
from kaquan.api.redemptions import redeem_redeemables
from kaquan.api.routes import Dry, writes
from kaquan.api.validations import CheckoutBody, validate_redeemables
from kaquan.api.values import Identifier
from kaquan.customers import upsert_customer
from kaquan.runtime import Answer, InvalidInput, Tx


class PublicCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as the public is told: what it named them."""

    id: str
    source_id: str | None
    object: Literal["customer"] = "customer"


@writes("POST", "/validations", "Validate stackable discounts", dry=Dry.ON_REQUEST)
async def validate_publicly(
    request: AnyRequest, data: JSONBody[CheckoutBody], call: CurrentCall, dry: CurrentDryRun
) -> Response[dict[str, Any]]:
    """Work out what redeeming these would come to, for whom ``tracking_id`` or ``customer`` is."""
    body = name_customer(data, writes=False, trusted=True)
    return show_public(await validate_redeemables.fn(request, body, call, dry))


@writes("POST", "/qualifications", "Check eligibility", dry=Dry.ON_REQUEST)
async def qualify_publicly(
    request: AnyRequest, data: JSONBody[QualificationBody], call: CurrentCall, dry: CurrentDryRun
) -> Response[dict[str, Any]]:
    """List what the customer could use on the order, each by itself."""
    body = name_customer(data, writes=False, trusted=True)
    return show_public(await check_eligibility.fn(request, body, call, dry))


@writes("POST", "/redemptions", "Redeem stackable discounts", dry=Dry.ON_REQUEST)
async def redeem_publicly(
    request: AnyRequest,
    data: JSONBody[CheckoutBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    key: IdempotencyKey = None,
) -> Response[Any]:
    """Redeem on an order, where the project lets public keys do that."""
    demand_right(request, "redeem")
    body = name_customer(data, writes=True, trusted=may_name_customers(request))
    answer: Response[bytes] = await redeem_redeemables.fn(request, body, call, dry, key)
    return _show_answer(answer)


@writes("POST", "/publish", "Create publication")
async def publish_publicly(
    request: AnyRequest,
    data: JSONBody[PublicationBody],
    call: CurrentCall,
    campaign: FromQuery[Identifier | None] = None,
    join_once: FromQuery[bool | None] = None,
    key: IdempotencyKey = None,
) -> Response[Any]:
    """Give a voucher of the campaign to the customer, where the project lets public keys."""
    demand_right(request, "publish")
    customer = data.customer
    if customer is not None and not may_name_customers(request):
        customer = CustomerBody(id=customer.id, source_id=customer.source_id)
    body = msgspec.structs.replace(
        data, customer=customer, campaign=data.campaign if campaign is None else campaign
    )

    async def produce(tx: Tx) -> Answer:
        return await answer_publication(tx, body, call=call, join_once=join_once)

    answer = await move_value(request, call, key, produce=produce)
    return _show_answer(answer)


@writes("POST", "/events", "Track custom event")
async def track_publicly(
    request: AnyRequest, data: JSONBody[EventBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[dict[str, Any]]:
    """Record that somebody did something; who is not known yet is entered by name only."""
    customer = data.customer
    if not may_name_customers(request):
        customer = CustomerBody(id=customer.id, source_id=customer.source_id)
    body = msgspec.structs.replace(data, customer=customer)
    answer = await track_event.fn(request, body, call, key)
    return _show_answer(answer)


@writes("POST", "/customers", "Create customer")
async def create_customer_publicly(
    request: AnyRequest, data: JSONBody[CustomerBody], call: CurrentCall
) -> PublicCustomer:
    """Enter a customer, where the project lets public keys; nothing stored of them is told."""
    demand_right(request, "create_customer")
    if not isinstance(data.source_id, str):
        message = "Name the customer by 'source_id'."
        raise InvalidInput(message, field="source_id", key="invalid_customer")
    draft = draft_customer(msgspec.structs.replace(data, id=None))
    async with call.transaction() as tx:
        customer = await upsert_customer(tx, draft, now=call.now)
    return PublicCustomer(id=customer.id, source_id=customer.source_id)


@writes("PUT", "/customers/{customer_id:str}/consents", "Update customer's consents")
async def change_consents_publicly(
    request: AnyRequest,
    customer_id: FromPath[str],
    data: JSONBody[dict[str, bool]],
    call: CurrentCall,
) -> None:
    """Record a customer's decisions, where the project lets public keys enter customers."""
    demand_right(request, "create_customer")
    await change_customer_consents.fn(customer_id, data, call)


def _show_answer(answer: Response[bytes]) -> Response[Any]:
    """Show the public what value moved, with the headers that tell whether it did so before."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    shown = show_public(answer.content)
    for name, value in answer.headers.items():
        shown.headers[name] = value
    return shown


def client_side_router() -> Router:
    """Routes of the client-side API."""
    return Router(
        path="/",
        route_handlers=[
            validate_publicly,
            qualify_publicly,
            redeem_publicly,
            publish_publicly,
            track_publicly,
            create_customer_publicly,
            change_consents_publicly,
            read_consents,
            Router(path="/promotions", route_handlers=[read_tiers]),
        ],
        tags=["Client-side"],
    )
