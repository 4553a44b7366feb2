"""Entering many customers at once, as a rush of requests names them."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime

from msgspec import UNSET, structs

from kaquan.customers.checks import merge_metadata
from kaquan.customers.cleaning import country_of
from kaquan.customers.model import Customer, CustomerDraft
from kaquan.customers.people import (
    check_customer,
    new_customer,
    says_nothing_new,
    upsert_customer,
)
from kaquan.customers.store.customers import insert_customers, list_named_customers
from kaquan.runtime import KaquanError, Tx, get_project, load_checker, new_ids


async def enter_customers(
    tx: Tx, drafts: Sequence[CustomerDraft], *, now: datetime
) -> list[Customer | KaquanError]:
    """Store what drafts say about customers, each as ``upsert_customer`` does.

    What that would raise is the draft's result, and nothing of it is stored. Those who are known
    and those who are new take a statement together; only changes take one each.
    """
    ids = [draft.id for draft in drafts if draft.id is not None]
    sources = [s for draft in drafts if draft.id is None and isinstance(s := draft.source_id, str)]
    by_id, by_source = await list_named_customers(tx, ids, sources)
    has_phones = any(isinstance(draft.phone, str) for draft in drafts)
    country = country_of(await get_project(tx)) if has_phones else None
    results: list[Customer | KaquanError | None] = []
    newcomers: dict[str, CustomerDraft] = {}
    for draft in drafts:
        source_id = draft.source_id if isinstance(draft.source_id, str) else ""
        known = by_source.get(source_id) if draft.id is None else by_id.get(draft.id)
        try:
            checked = check_customer(draft, country=country, now=now)
        except KaquanError as error:
            results.append(error)
            continue
        told = structs.replace(checked, source_id=UNSET)
        results.append(known if known is not None and says_nothing_new(known, told) else None)
        if known is None and draft.id is None and source_id and source_id not in newcomers:
            newcomers[source_id] = checked
    entered = await _enter_newcomers(tx, newcomers, now=now)
    for number, draft in enumerate(drafts):
        if results[number] is not None:
            continue
        source_id = draft.source_id if isinstance(draft.source_id, str) else ""
        fresh = entered.get(source_id) if draft.id is None else None
        if fresh is not None and newcomers[source_id] == check_customer(
            draft, country=country, now=now
        ):
            results[number] = fresh
        else:
            results[number] = await _upsert(tx, draft, now=now, alone=len(drafts) == 1)
    return [one for one in results if one is not None]


async def _enter_newcomers(
    tx: Tx, drafts: dict[str, CustomerDraft], *, now: datetime
) -> dict[str, Customer]:
    """Store new customers in one statement; those whom the project's schema refuses, or another
    transaction enters meanwhile, are left out.
    """
    if not drafts:
        return {}
    checker = await load_checker(tx)
    rows: list[Customer] = []
    for id_, draft in zip(new_ids("cust", len(drafts)), drafts.values(), strict=True):
        metadata = merge_metadata({}, draft.metadata)
        try:
            checker.check("customer", metadata, new=True)
        except KaquanError:
            continue
        rows.append(new_customer(draft, id_=id_, now=now))
    entered = await insert_customers(tx, rows) if rows else []
    return {one.source_id: one for one in entered if one.source_id is not None}


async def _upsert(
    tx: Tx, draft: CustomerDraft, *, now: datetime, alone: bool
) -> Customer | KaquanError:
    try:
        async with nullcontext() if alone else tx.transaction():
            return await upsert_customer(tx, draft, now=now)
    except KaquanError as error:
        return error
