"""The older routes of browsers and apps: what is asked stands in the address."""

import re
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Response, Router
from litestar.params import JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.client_bodies import name_customer, show_public
from kaquan.api.client_key import demand_right, may_name_customers
from kaquan.api.customers import CustomerBody
from kaquan.api.dry_run import CurrentDryRun
from kaquan.api.legacy import OneBody, ask_for_one, show_one, validate_promotions, view_one
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey
from kaquan.api.orders import OrderBody
from kaquan.api.problems import AnyRequest
from kaquan.api.redemptions import redeem_redeemables
from kaquan.api.routes import Dry, reads, writes
from kaquan.api.session_views import SessionBody
from kaquan.api.validations import validate_redeemables
from kaquan.api.vouchers import read_vouchers
from kaquan.runtime import InvalidInput

_MOST_ITEMS = 500
_WORD = re.compile(r"[^\[\]]+")
_SESSION = ("type", "key", "ttl", "ttl_unit")

_Word = Annotated[str | None, QueryParameter(max_length=255)]
CodeInAddress = Annotated[str, QueryParameter(max_length=255)]


def read_address(request: AnyRequest) -> OneBody:
    """Read an order, a customer and a session out of the address. Raises InvalidInput.

    Lines stand as ``item[0][product_id]=…``, people as ``customer[source_id]=…``.
    """
    items: dict[str, dict[str, Any]] = {}
    customer: dict[str, Any] = {}
    order: dict[str, Any] = {"metadata": {}}
    plain: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        match _WORD.findall(name):
            case ["item", index, member]:
                items.setdefault(index, {})[member] = value
            case ["customer", member]:
                customer[member] = value
            case ["metadata", member] | ["order", "metadata", member]:
                order["metadata"][member] = value
            case [one]:
                plain[one] = value
            case _:
                continue
    if len(items) > _MOST_ITEMS:
        message = f"An address has at most {_MOST_ITEMS} items."
        raise InvalidInput(message, field="item")
    amount = plain.get("amount")
    about = _convert(
        {"amount": amount, **order, "items": list(items.values()) or None}, OrderBody, "order"
    )
    session = {one: plain[f"session_{one}"] for one in _SESSION if f"session_{one}" in plain}
    return OneBody(
        order=about if amount is not None or items else None,
        customer=_convert(customer, CustomerBody, "customer") if customer else None,
        session=_convert(session, SessionBody, "session") if session else None,
        tracking_id=plain.get("tracking_id"),
    )


def _convert(told: dict[str, Any], kind: type[Any], field: str) -> Any:
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field=field, key="invalid_query_params") from error


@reads("/validate", "Validate voucher (client-side)")
async def validate_by_address(
    request: AnyRequest, call: CurrentCall, dry: CurrentDryRun, code: CodeInAddress
) -> Response[dict[str, Any]]:
    """Work out what redeeming one voucher would come to, for whom ``tracking_id`` is."""
    body = ask_for_one("voucher", code, read_address(request))
    named = name_customer(body, writes=False, trusted=True)
    return show_public(view_one(code, await validate_redeemables.fn(request, named, call, dry)))


@reads("/promotions/validation", "Validate promotions (client-side)")
async def promote_by_address(
    request: AnyRequest, call: CurrentCall, dry: CurrentDryRun
) -> Response[dict[str, Any]]:
    """List the tiers that apply to the order in the address."""
    asked = read_address(request)
    named = name_customer(ask_for_one("voucher", "-", asked), writes=False, trusted=True)
    body = msgspec.structs.replace(asked, customer=named.customer, order=named.order)
    return show_public(await validate_promotions.fn(request, body, call, dry))


@writes("POST", "/redeem", "Redeem voucher (client-side)", dry=Dry.ON_REQUEST)
async def redeem_publicly_by_code(
    request: AnyRequest,
    data: JSONBody[OneBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    code: CodeInAddress,
    key: IdempotencyKey = None,
) -> Response[Any]:
    """Redeem one voucher, where the project lets public keys do that."""
    demand_right(request, "redeem")
    named = name_customer(
        ask_for_one("voucher", code, data), writes=True, trusted=may_name_customers(request)
    )
    answer = show_one(await redeem_redeemables.fn(request, named, call, dry, key))
    if answer.status_code != HTTPStatus.OK:
        return answer
    shown = show_public(msgspec.json.encode(answer.content))
    for name, value in answer.headers.items():
        shown.headers[name] = value
    return shown


@reads("/vouchers", "List vouchers (client-side)")
async def list_publicly(
    request: AnyRequest,
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: _Word = None,
    customer: _Word = None,
    category: _Word = None,
) -> Response[dict[str, Any]]:
    """List vouchers, where the project lets public keys see them."""
    demand_right(request, "list_vouchers")
    return show_public(
        await read_vouchers.fn(
            request, call, paging, campaign=campaign, customer=customer, category=category
        )
    )


def client_legacy_router() -> Router:
    """The older routes of the client-side API."""
    return Router(
        path="/",
        route_handlers=[
            validate_by_address,
            promote_by_address,
            redeem_publicly_by_code,
            list_publicly,
        ],
        tags=["Client-side"],
    )
