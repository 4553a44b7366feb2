"""Entering, changing and erasing customers."""

from datetime import datetime

from msgspec import UNSET, structs

from kaquan.customers.checks import (
    check_birth_date,
    check_email,
    check_optional_metadata,
    check_phone,
    merge_metadata,
)
from kaquan.customers.model import Customer, CustomerDraft, CustomerSummary, PermanentDeletion
from kaquan.customers.store.customers import (
    CUSTOMER,
    erase_customer_row,
    list_customer_summaries,
    lock_customers,
    refresh_summary_rows,
)
from kaquan.customers.store.erasure import erase_traces, insert_deletion
from kaquan.customers.store.upsert import GivenColumns, find_row, get_row, update_row, upsert_row
from kaquan.runtime import (
    NotFound,
    Tx,
    check_by_schema,
    check_metadata,
    check_name,
    check_reference,
    check_text,
    new_id,
)


async def upsert_customer(
    tx: Tx, draft: CustomerDraft, *, known: Customer | None = None, now: datetime
) -> Customer:
    """Store what the draft says about a customer and return the customer.

    The customer is found by our id, else by the merchant's, else entered as new. With our id the
    merchant's is ignored. ``known`` is the customer whom the caller has just found that way.
    Safe to run at once with others for the same merchant's id.
    Raises InvalidInput with the field that cannot be accepted, and NotFound for an unknown id.
    """
    checked = check_customer(draft, now=now)
    if checked.id is not None:
        known = known or await find_row(tx, CUSTOMER, row_id=checked.id)
        if known is None:
            raise NotFound("customer", checked.id)
        return await _update(tx, known, structs.replace(checked, source_id=UNSET), now=now)
    if isinstance(checked.source_id, str):
        known = known or await find_row(tx, CUSTOMER, source_id=checked.source_id)
        if known is not None:
            return await _update(tx, known, checked, now=now)
    await check_by_schema(tx, "customer", checked.metadata, new=True)
    return await upsert_row(tx, CUSTOMER, _given(checked), row_id=new_id("cust"), now=now)


async def update_customer(
    tx: Tx, reference: str, draft: CustomerDraft, *, now: datetime
) -> Customer:
    """Store what the draft says about the customer with this id (ours or the merchant's).

    Raises InvalidInput, NotFound, and Duplicate when another customer has the new source_id.
    """
    checked = check_customer(draft, now=now)
    return await _update(tx, await get_customer(tx, reference), checked, now=now)


async def delete_customer(tx: Tx, reference: str, *, now: datetime) -> None:
    """Erase a person: nothing personal stays, and no list or look-up shows them any more.

    An empty row keeps their orders and redemptions countable. Raises NotFound.
    """
    customer = await get_customer(tx, reference)
    await lock_customers(tx, [customer.id])
    await erase_customer_row(tx, customer.id, now=now)


async def erase_customer(tx: Tx, reference: str, *, now: datetime) -> PermanentDeletion:
    """Erase a person and what is personal in all that was recorded about them.

    Events go; orders, redemptions, publications and messages keep figures and ids only, so that
    every sum stays. Raises NotFound.
    """
    customer = await get_customer(tx, reference)
    await lock_customers(tx, [customer.id])
    counts = await erase_traces(tx, customer.id)
    await erase_customer_row(tx, customer.id, now=now)
    deletion = PermanentDeletion(
        id=new_id("pd"), customer_id=customer.id, counts=counts, created_at=now
    )
    await insert_deletion(tx, deletion, now=now)
    return deletion


async def get_customer(tx: Tx, reference: str) -> Customer:
    """Return a customer by our id, else by the merchant's; raises NotFound."""
    return await get_row(tx, CUSTOMER, reference)


async def find_customer(tx: Tx, reference: str) -> Customer | None:
    """Return a customer by our id, else by the merchant's, or None."""
    return await find_row(tx, CUSTOMER, row_id=reference, source_id=reference)


async def get_customer_summary(tx: Tx, customer_id: str) -> CustomerSummary:
    """Return what the customer bought so far; zeros for one who has not bought."""
    return (await list_customer_summaries(tx, [customer_id]))[customer_id]


async def refresh_summaries(tx: Tx, customer_ids: set[str]) -> None:
    """Recount customers whose orders changed in ``tx``.

    They are locked first: who recounts later sees what whoever recounted earlier had changed.
    """
    if customer_ids:
        wanted = sorted(customer_ids)
        await lock_customers(tx, wanted)
        await refresh_summary_rows(tx, wanted)


def check_customer(draft: CustomerDraft, *, now: datetime) -> CustomerDraft:
    """Return the draft with its values checked and trimmed; raises InvalidInput with the field."""
    return CustomerDraft(
        id=check_reference(draft.id, "id"),
        source_id=check_reference(draft.source_id, "source_id"),
        name=check_name(draft.name, "name"),
        email=check_email(draft.email, "email"),
        phone=check_phone(draft.phone, "phone"),
        birth_date=check_birth_date(draft.birth_date, "birth_date", now=now),
        description=check_text(draft.description, "description"),
        address=check_optional_metadata(draft.address, "address"),
        metadata=draft.metadata
        if draft.metadata is UNSET
        else check_metadata(draft.metadata, "metadata"),
    )


async def _update(tx: Tx, known: Customer, draft: CustomerDraft, *, now: datetime) -> Customer:
    if says_nothing_new(known, draft):
        return known
    await check_by_schema(tx, "customer", draft.metadata, new=False)
    return await update_row(tx, CUSTOMER, _given(draft), row_id=known.id, now=now)


def says_nothing_new(known: Customer, draft: CustomerDraft) -> bool:
    """Tell whether writing could be saved: a checkout names its customer every time."""
    stated = structs.asdict(draft)
    merged = merge_metadata(known.metadata, draft.metadata)
    return merged == known.metadata and all(
        stated[name] is UNSET or stated[name] == getattr(known, name)
        for name in stated
        if name not in ("id", "metadata")
    )


def _given(draft: CustomerDraft) -> GivenColumns:
    return GivenColumns(**{k: v for k, v in structs.asdict(draft).items() if k != "id"})
