"""Who a guest is for the limits per person: what is known of them instead of a customer's id.

A request without a customer may still tell a phone number, an e-mail address or the fingerprint of
a payment card. Each of them is a *fact*; a person's limits hold for every fact by itself, so that
of two facts the one that was seen more often binds. Facts are kept as the first 16 bytes of an
HMAC-SHA256 under a key of the project alone: equal facts are found again, and none can be read.
"""

import hmac
import secrets
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from kaquan.checkout.model import CheckoutRequest
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    clean_email,
    clean_phone,
    country_of,
)
from kaquan.runtime import Project, Tx
from kaquan.trust import find_project_key, project_key

EMAIL, PHONE, CARD = "guest_email", "guest_phone", "card_fingerprint"
"""Members of an order's or a redemption's metadata that tell who a guest is."""

_PURPOSE = "guests"
_DOMAIN = b"kaquan.guest/1\x00"
_PREFIX = "guest_"
_BYTES = 16
_LONGEST = 255


async def name_guests(
    tx: Tx,
    request: CheckoutRequest,
    order: Order | None,
    *,
    customer: Customer | None,
    project: Project,
    locking: bool,
) -> tuple[str, ...]:
    """Return the names under which a guest's limits are kept; none for a customer with an id.

    A customer who is told without an id is entered anew each time and is a guest here.
    """
    draft = request.customer
    told = CustomerDraft()
    if isinstance(draft, CustomerDraft) and draft.id is None and not draft.source_id:
        told = draft
    elif customer is not None or draft is not None:
        return ()
    facts = dict(_list_facts(told, request, order, country=country_of(project)))
    if not facts:
        return ()
    if locking:
        key = await project_key(tx, _PURPOSE)
    else:
        # Under a key that nobody has nothing is found: there are no guests yet.
        key = await find_project_key(tx, _PURPOSE) or secrets.token_bytes(32)
    return tuple(sorted(_name(key, kind, value) for kind, value in facts.items()))


def lock_number(guest: str) -> int:
    """A guest's name as a signed 64-bit number, for locks."""
    return int.from_bytes(bytes.fromhex(guest.removeprefix(_PREFIX))[:8], signed=True)


def _list_facts(
    told: CustomerDraft, request: CheckoutRequest, order: Order | None, *, country: str | None
) -> Iterator[tuple[str, str]]:
    """The facts, each in one way of writing it; what the customer's own members say counts."""
    noted: Mapping[str, object] = {**({} if order is None else order.metadata), **request.metadata}
    email = told.email if isinstance(told.email, str) else noted.get(EMAIL)
    phone = told.phone if isinstance(told.phone, str) else noted.get(PHONE)
    card = noted.get(CARD)
    if _is_fact(email):
        yield EMAIL, clean_email(email).lower()
    if _is_fact(phone):
        yield PHONE, clean_phone(phone, country=country)
    if _is_fact(card):
        yield CARD, card.strip()


def _is_fact(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST


def _name(key: bytes, kind: str, value: str) -> str:
    body = b"\x00".join((kind.encode(), value.encode("utf-8", "surrogatepass")))
    return f"{_PREFIX}{hmac.digest(key, _DOMAIN + body, 'sha256')[:_BYTES].hex()}"
