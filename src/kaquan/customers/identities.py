"""By what a person is known: phone, e-mail, card, device, … and the proof that it is theirs."""

from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.customers.checks import check_email, check_phone
from kaquan.customers.cleaning import clean_email, clean_phone, country_of
from kaquan.customers.merging.merge import merge_customers
from kaquan.customers.merging.model import Merge
from kaquan.customers.model import Customer
from kaquan.customers.people import get_customer
from kaquan.customers.store.identities import (
    delete_identity,
    find_owner,
    lock_value,
    upsert_identity,
)
from kaquan.runtime import InvalidInput, NotFound, Tx, check_reference, check_text, get_project


class IdentityKind(StrEnum):
    """What an identity is."""

    PHONE = "phone"
    EMAIL = "email"
    MERCHANT = "merchant"
    OPENID = "openid"
    UNIONID = "unionid"
    CARD = "card"
    DEVICE = "device"


class Proven(msgspec.Struct, frozen=True):
    """Whose an identity is after its proof, and the merge that the proof led to."""

    customer: Customer
    merge: Merge | None


async def claim_identity(
    tx: Tx, reference: str, kind: IdentityKind, value: str, *, source: str, now: datetime
) -> None:
    """Note that an identity may be a customer's; ``source`` says who told. Nothing is joined.

    Raises NotFound, and InvalidInput for a value that cannot be of its kind.
    """
    customer = await get_customer(tx, reference)
    await upsert_identity(
        tx,
        customer.id,
        (kind, await _normal(tx, kind, value)),
        source=check_text(source, "source"),
        proof=None,
        now=now,
    )


async def prove_identity(
    tx: Tx,
    reference: str,
    kind: IdentityKind,
    value: str,
    *,
    proof: str,
    source: str,
    by: str,
    now: datetime,
) -> Proven:
    """Record that an identity is proven to be a customer's (``proof``: how, such as 'login').

    When it was proven to be another's before, both are one person: the one entered earlier goes
    on, the other is merged into them. The merge stands in the audit and can be undone. Of two
    proofs at the same time the second sees the first. Raises NotFound and InvalidInput.
    """
    if not proof.strip():
        raise InvalidInput("Say how this was proven.", field="proof")
    identity = (kind, await _normal(tx, kind, value))
    await lock_value(tx, identity)
    customer = await get_customer(tx, reference)
    owner_id = await find_owner(tx, identity)
    merge = None
    if owner_id is not None and owner_id != customer.id:
        owner = await get_customer(tx, owner_id)
        older, newer = sorted((owner, customer), key=lambda one: (one.created_at, one.id))
        reason = f"Both proved the same {kind} ({proof.strip()})."
        merge = await merge_customers(tx, older.id, newer.id, by=by, reason=reason, now=now)
        customer = await get_customer(tx, older.id)
    await upsert_identity(
        tx,
        customer.id,
        identity,
        source=check_text(source, "source"),
        proof=check_text(proof, "proof"),
        now=now,
    )
    return Proven(customer, merge)


async def remove_identity(tx: Tx, reference: str, kind: IdentityKind, value: str) -> None:
    """Forget that an identity is, or may be, a customer's. Raises NotFound."""
    customer = await get_customer(tx, reference)
    if not await delete_identity(tx, customer.id, (kind, await _normal(tx, kind, value))):
        raise NotFound("identity", kind)


async def _normal(tx: Tx, kind: IdentityKind, value: str) -> str:
    """Return a value in the one way that it is compared in."""
    if kind is IdentityKind.PHONE:
        country = country_of(await get_project(tx))
        return check_phone(clean_phone(value, country=country), "value")
    if kind is IdentityKind.EMAIL:
        return check_email(clean_email(value), "value").lower()
    return check_reference(value.strip(), "value")
