"""``/v1/consents``: what customers may agree to, and what each of them decided.

A consent is a channel and a purpose, such as ``email.marketing``; the dialect's ``unsubscribed``
stands for all of them at once.
"""

from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.routes import reads, writes
from kaquan.customers import get_customer, list_consents, record_consent
from kaquan.runtime import InvalidInput

KNOWN = ("email.marketing", "sms.marketing", "push.marketing", "phone.marketing")
_UNSUBSCRIBED = "unsubscribed"
_SOURCE = "api"


class ConsentView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that customers may agree to."""

    id: str
    name: str
    category: str
    object: Literal["consent"] = "consent"


class ConsentList(msgspec.Struct, frozen=True, kw_only=True):
    """All that customers may agree to."""

    data: list[ConsentView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class CustomerConsents(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer decided, by consent; without a decision nobody may contact them."""

    consents: dict[str, bool]
    object: Literal["customer_consents"] = "customer_consents"


@reads("/consents", "List consents")
async def read_consents(call: CurrentCall) -> ConsentList:
    """List what customers may agree to."""
    found = [
        ConsentView(id=one, name=one.replace(".", " "), category=one.partition(".")[0])
        for one in KNOWN
    ]
    return ConsentList(data=found, total=len(found))


@reads("/customers/{customer_id:str}/consents", "List customer's consents")
async def read_customer_consents(customer_id: FromPath[str], call: CurrentCall) -> CustomerConsents:
    """Get a customer's latest decisions."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        decisions = await list_consents(tx, customer.id)
    latest: dict[str, bool] = {}
    for decision in decisions:
        latest.setdefault(f"{decision.channel}.{decision.purpose}", decision.granted)
    return CustomerConsents(consents=latest)


@writes("PUT", "/customers/{customer_id:str}/consents", "Update customer's consents")
async def change_customer_consents(
    customer_id: FromPath[str], data: JSONBody[dict[str, bool]], call: CurrentCall
) -> CustomerConsents:
    """Record a customer's decisions; ``unsubscribed`` withdraws every consent."""
    decisions = {one: granted for one, granted in data.items() if one != _UNSUBSCRIBED}
    if data.get(_UNSUBSCRIBED):
        decisions |= dict.fromkeys(KNOWN, False)
    for consent in decisions:
        channel, dot, purpose = consent.partition(".")
        if not (channel and dot and purpose):
            message = "A consent is a channel and a purpose, such as email.marketing."
            raise InvalidInput(message, field=consent[:60])
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        for consent, granted in decisions.items():
            channel, _, purpose = consent.partition(".")
            await record_consent(
                tx,
                customer.id,
                channel=channel,
                purpose=purpose,
                granted=granted,
                source=_SOURCE,
                now=call.now,
            )
    return CustomerConsents(consents=decisions)


def consents_router() -> Router:
    """Routes of consents."""
    return Router(
        path="/",
        route_handlers=[read_consents, read_customer_consents, change_customer_consents],
        tags=["Customers"],
    )
