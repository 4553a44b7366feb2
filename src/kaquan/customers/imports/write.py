"""Storing entries many at a time; what the database or a schema refuses is refused alone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from kaquan.customers.catalogue import upsert_product
from kaquan.customers.imports.model import Entry, ImportKind, OrderRow, Outcome, SourceRow
from kaquan.customers.orders import create_order
from kaquan.customers.people import upsert_customer
from kaquan.customers.sealing import open_sealers
from kaquan.customers.store.catalogue import list_products_named
from kaquan.customers.store.imports import (
    CUSTOMERS,
    PRODUCTS,
    SKUS,
    BoundRow,
    ImportTarget,
    enter_rows,
    find_ids,
    find_parents,
    update_rows,
)
from kaquan.runtime import InvalidInput, KaquanError, SchemaChecker, Tx, load_checker, new_ids

TARGETS: Mapping[str, tuple[ImportTarget, str]] = {
    "customer": (CUSTOMERS, "customer"),
    "product": (PRODUCTS, "product"),
    "sku": (SKUS, "product"),
}
"""By what a row is: where it goes, and the subject of the schema of its metadata."""


async def write_entries(
    tx: Tx, kind: ImportKind, entries: Sequence[Entry], *, now: datetime
) -> list[Outcome]:
    """Store entries in their order and return what became of each."""
    target, subject = TARGETS[kind.noun]
    checker = await load_checker(tx)
    outcomes: list[Outcome] = []
    for run in _runs(entries):
        try:
            async with tx.transaction():
                outcomes += await _write(tx, target, run, (checker, subject), now=now)
        except psycopg.DataError:
            outcomes += await _one_by_one(tx, target, run, (checker, subject), now=now)
    return outcomes


async def write_orders(tx: Tx, rows: Sequence[SourceRow], *, now: datetime) -> list[Outcome]:
    """Store orders with what they bring along, each on its own."""
    outcomes: list[Outcome] = []
    for row in rows:
        given = msgspec.convert(row.values, OrderRow)
        outcome = Outcome(row=row, reference=given.reference, reason=given.reason)
        if given.order is not None:
            try:
                async with tx.transaction():
                    await _write_order(tx, given, now=now)
            except KaquanError as error:
                outcome = msgspec.structs.replace(outcome, reason=reason_of(error))
            except psycopg.DataError:
                reason = "A value is outside of what can be stored."
                outcome = msgspec.structs.replace(outcome, reason=reason)
        outcomes.append(outcome)
    return outcomes


def reason_of(error: KaquanError) -> str:
    """Return the sentence for a row that was refused, with the field that it is about."""
    field = error.field if isinstance(error, InvalidInput) else ""
    return f"{field}: {error.message}" if field and field not in error.message else error.message


async def _write_order(tx: Tx, given: OrderRow, *, now: datetime) -> None:
    assert given.order is not None
    order = given.order
    for product in given.products:
        await upsert_product(tx, product, now=now)
    if given.customer is not None:
        customer = await upsert_customer(tx, given.customer, now=now)
        order = msgspec.structs.replace(order, customer_id=customer.id)
    await create_order(tx, order, now=now)


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Cut entries into runs in which nothing is written twice, so that later rows win."""
    run: list[Entry] = []
    seen: set[str] = set()
    for entry in entries:
        key = entry.row_id or entry.source_id
        if key in seen:
            yield run
            run, seen = [], set()
        if key is not None:
            seen.add(key)
        run.append(entry)
    if run:
        yield run


async def _one_by_one(
    tx: Tx,
    target: ImportTarget,
    entries: Sequence[Entry],
    schema: tuple[SchemaChecker, str],
    *,
    now: datetime,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for entry in entries:
        try:
            async with tx.transaction():
                outcomes += await _write(tx, target, [entry], schema, now=now)
        except psycopg.DataError:
            reason = "A value is outside of what can be stored."
            outcomes.append(_refused(entry, reason))
    return outcomes


async def _write(
    tx: Tx,
    target: ImportTarget,
    entries: Sequence[Entry],
    schema: tuple[SchemaChecker, str],
    *,
    now: datetime,
) -> list[Outcome]:
    ids, by_source = await find_ids(
        tx,
        target,
        ids=[entry.row_id for entry in entries if entry.row_id is not None],
        source_ids=[entry.source_id for entry in entries if entry.source_id is not None],
    )
    parents = await _find_parents(tx, entries)
    outcomes: dict[int, Outcome] = {}
    bound: dict[int, BoundRow] = {}
    fresh = iter(new_ids(target.prefix, len(entries)))
    for place, entry in enumerate(entries):
        known = _known_id(entry, ids, by_source)
        reason = _refusal(entry, known, parents, schema)
        if reason is not None:
            outcomes[place] = _refused(entry, reason)
            continue
        bound[place] = BoundRow(
            row_id=known or next(fresh),
            source_id=entry.source_id,
            given=_values(entry.given),
            is_new=known is None,
            parent_id=None if entry.parent is None else parents.products.get(entry.parent),
        )
    await _store(tx, target, list(bound.values()), now=now)
    for place, row in bound.items():
        entry = entries[place]
        outcomes[place] = Outcome(
            row=entry.row,
            reference=entry.source_id or row.row_id,
            found=not row.is_new,
            changes=entry.changes,
        )
    return [outcomes[place] for place in range(len(entries))]


async def _store(tx: Tx, target: ImportTarget, rows: list[BoundRow], *, now: datetime) -> None:
    new = [row for row in rows if row.is_new]
    entered = await enter_rows(tx, target, new, now=now) if new else {}
    placed = [
        msgspec.structs.replace(row, row_id=entered[row.source_id])
        if row.is_new and row.source_id is not None
        else row
        for row in rows
    ]
    if placed and target is CUSTOMERS:
        sealers = await open_sealers(tx, [row.row_id for row in placed])
        # Whoever was erased in the meantime has no key, and nothing is written of them.
        placed = [
            msgspec.structs.replace(row, given=sealers[row.row_id].seal(row.given))
            for row in placed
            if row.row_id in sealers
        ]
    if placed:
        await update_rows(tx, target, placed, now=now)


class _Parents(msgspec.Struct, frozen=True):
    """Products by the reference that a variant names, and what variants belong to already."""

    products: dict[str, str]
    of_skus: dict[str, str]


async def _find_parents(tx: Tx, entries: Sequence[Entry]) -> _Parents:
    wanted = sorted({entry.parent for entry in entries if entry.parent is not None})
    if not wanted:
        return _Parents({}, {})
    products: dict[str, str] = {}
    for product in await list_products_named(tx, wanted):
        products[product.id] = product.id
        if product.source_id is not None:
            products.setdefault(product.source_id, product.id)
    skus = [entry.source_id for entry in entries if entry.source_id is not None]
    return _Parents(products, await find_parents(tx, skus))


def _known_id(entry: Entry, ids: set[str], by_source: Mapping[str, str]) -> str | None:
    if entry.row_id is not None:
        return entry.row_id if entry.row_id in ids else None
    return None if entry.source_id is None else by_source.get(entry.source_id)


def _refusal(
    entry: Entry, known: str | None, parents: _Parents, schema: tuple[SchemaChecker, str]
) -> str | None:
    if entry.row_id is not None and known is None:
        return f"id: There is nothing with the id '{entry.row_id}'."
    if entry.parent is not None:
        product = parents.products.get(entry.parent)
        if product is None:
            return f"product_id: There is no product '{entry.parent}'."
        owner = parents.of_skus.get(entry.source_id or "", product)
        if owner != product:
            return "source_id: This variant belongs to another product."
    checker, subject = schema
    try:
        checker.check(subject, entry.given.get("metadata", {}), new=known is None)
    except InvalidInput as error:
        return error.message
    return None


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return msgspec.to_builtins(dict(given))


def _refused(entry: Entry, reason: str) -> Outcome:
    return Outcome(row=entry.row, reference=entry.source_id or entry.row_id, reason=reason)
