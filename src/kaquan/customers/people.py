"""Entering, changing and erasing customers."""

from datetime import datetime
from typing import Any

from msgspec import UNSET, structs

from kaquan.customers.checks import (
    check_birth_date,
    check_email,
    check_optional_metadata,
    check_phone,
    merge_metadata,
)
from kaquan.customers.cleaning import clean_draft, find_country
from kaquan.customers.forgetting import forget_mentions, gather_mentions
from kaquan.customers.model import Customer, CustomerDraft, CustomerSummary, PermanentDeletion
from kaquan.customers.store.customers import (
    erase_customer_row,
    find_customer_row,
    insert_customers,
    list_customer_summaries,
    lock_customers,
    lock_for_erasure,
    refresh_summary_rows,
    update_customer_row,
)
from kaquan.customers.store.data_keys import destroy_data_keys
from kaquan.customers.store.erasure import (
    erase_traces,
    forget_names,
    insert_deletion,
    insert_erasures,
    list_parts,
)
from kaquan.customers.store.merging import find_survivors
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
    checked = check_customer(draft, country=await find_country(tx, draft), now=now)
    if checked.id is not None:
        known = known or await _find(tx, row_id=checked.id)
        if known is None:
            raise NotFound("customer", checked.id)
        return await _update(tx, known, structs.replace(checked, source_id=UNSET), now=now)
    # Found by an id that they had before a merge, people keep the one that they have.
    told = structs.replace(checked, source_id=UNSET)
    if isinstance(checked.source_id, str):
        known = known or await _find(tx, source_id=checked.source_id)
        if known is not None:
            return await _update(tx, known, told, now=now)
    await check_by_schema(tx, "customer", checked.metadata, new=True)
    fresh = new_customer(checked, id_=new_id("cust"), now=now)
    if await insert_customers(tx, [fresh]):
        return fresh
    # Another transaction has just entered them.
    return await _update(tx, await get_customer(tx, fresh.source_id or ""), told, now=now)


async def update_customer(
    tx: Tx, reference: str, draft: CustomerDraft, *, now: datetime
) -> Customer:
    """Store what the draft says about the customer with this id (ours or the merchant's).

    Raises InvalidInput, NotFound, and Duplicate when another customer has the new source_id.
    """
    checked = check_customer(draft, country=await find_country(tx, draft), now=now)
    return await _update(tx, await get_customer(tx, reference), checked, now=now)


async def delete_customer(tx: Tx, reference: str, *, now: datetime) -> None:
    """Erase a person: nothing personal stays, and no list or look-up shows them any more.

    An empty row keeps their orders and redemptions countable. Raises NotFound.
    """
    customer = await get_customer(tx, reference)
    await lock_for_erasure(tx, customer.id)
    parts = await list_parts(tx, customer.id)
    await forget_mentions(tx, await gather_mentions(tx, customer, parts))
    for part in parts:
        await forget_names(tx, part, now=now)
    await erase_customer_row(tx, customer.id, now=now)
    await destroy_data_keys(tx, parts)
    await insert_erasures(tx, parts, thorough=False, at=now, logged_at=None)


async def erase_customer(tx: Tx, reference: str, *, now: datetime) -> PermanentDeletion:
    """Erase a person and what is personal in all that was recorded about them.

    Events go; orders, redemptions, publications and messages keep figures and ids only, so that
    every sum stays. Raises NotFound.
    """
    customer = await get_customer(tx, reference)
    await lock_for_erasure(tx, customer.id)
    counts: dict[str, int] = {}
    parts = await list_parts(tx, customer.id)
    await forget_mentions(tx, await gather_mentions(tx, customer, parts))
    for part in parts:
        emptied = await erase_traces(tx, part)
        counts = {name: counts.get(name, 0) + count for name, count in emptied.items()}
        await forget_names(tx, part, now=now)
    await erase_customer_row(tx, customer.id, now=now)
    await destroy_data_keys(tx, parts)
    await insert_erasures(tx, parts, thorough=True, at=now, logged_at=None)
    deletion = PermanentDeletion(
        id=new_id("pd"), customer_id=customer.id, counts=counts, created_at=now
    )
    await insert_deletion(tx, deletion, now=now)
    return deletion


async def get_customer(tx: Tx, reference: str) -> Customer:
    """Return a customer by our id, else by the merchant's; raises NotFound.

    An id of somebody who was merged into another person names that person.
    """
    found = await find_customer(tx, reference)
    if found is None:
        raise NotFound("customer", reference)
    return found


async def find_customer(tx: Tx, reference: str) -> Customer | None:
    """Return a customer as get_customer does, or None."""
    return await _find(tx, row_id=reference, source_id=reference)


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


def check_customer(draft: CustomerDraft, *, country: str | None, now: datetime) -> CustomerDraft:
    """Return the draft with its values cleaned and checked; raises InvalidInput with the field.

    ``country`` is that of phone numbers without a prefix; None leaves those as they are.
    """
    draft = clean_draft(draft, country=country).draft
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


async def _find(
    tx: Tx, *, row_id: str | None = None, source_id: str | None = None
) -> Customer | None:
    found = await find_customer_row(tx, row_id=row_id, source_id=source_id)
    if found is not None:
        return found
    named = [reference for reference in (row_id, source_id) if reference is not None]
    survivors = await find_survivors(tx, named)
    for reference in named:
        if reference in survivors:
            return await find_customer_row(tx, row_id=survivors[reference])
    return None


async def _update(tx: Tx, known: Customer, draft: CustomerDraft, *, now: datetime) -> Customer:
    if says_nothing_new(known, draft):
        return known
    await check_by_schema(tx, "customer", draft.metadata, new=False)
    return await update_customer_row(tx, known.id, _given(draft), now=now)


def says_nothing_new(known: Customer, draft: CustomerDraft) -> bool:
    """Tell whether writing could be saved: a checkout names its customer every time."""
    stated = structs.asdict(draft)
    merged = merge_metadata(known.metadata, draft.metadata)
    return merged == known.metadata and all(
        stated[name] is UNSET or stated[name] == getattr(known, name)
        for name in stated
        if name not in ("id", "metadata")
    )


def new_customer(draft: CustomerDraft, *, id_: str, now: datetime) -> Customer:
    """Return the customer that a checked draft enters."""
    given = _given(draft)
    fields: dict[str, Any] = {name: given.get(name) for name in Customer.__struct_fields__}
    fields |= {"id": id_, "created_at": now, "metadata": merge_metadata({}, draft.metadata)}
    return Customer(**fields)


def _given(draft: CustomerDraft) -> dict[str, Any]:
    """What a draft says, without our id."""
    stated = structs.asdict(draft)
    return {k: v for k, v in stated.items() if k != "id" and v is not UNSET}
