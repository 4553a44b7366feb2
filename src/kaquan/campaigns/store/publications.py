"""SQL of publications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.campaigns.model import Publication
from kaquan.campaigns.store.listing import page_offset, sort_clause, where_clause
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

_COLUMNS: LiteralString = (
    "p.id, p.campaign_id, p.voucher_id, v.code, p.customer_id, p.source_id, p.channel,"
    " p.metadata, p.created_at"
)
_FROM: LiteralString = " from publication p join voucher v on v.id = p.voucher_id"
_ORDERS: dict[str, LiteralString] = {"created_at": "p.id"}


class NewPublication(msgspec.Struct, frozen=True):
    """A row to be stored: who gets which voucher."""

    id: str
    voucher_id: str
    customer_id: str


async def insert_publications(
    tx: Tx,
    given: Sequence[NewPublication],
    *,
    campaign_id: str | None,
    once: bool,
    source_id: str | None,
    channel: str,
    metadata: dict[str, Any],
    now: datetime,
) -> set[str]:
    """Store publications in one statement; returns the ids of those that could be stored.

    With ``once``, a customer who already got one of the campaign gets no second row, and in no
    case do two rows of a campaign share a ``source_id``: unique indexes decide, and wait for a
    transaction that is storing the same. Rows go in by customer id, so that two writers never
    wait for each other in a circle.
    """
    cursor = await tx.execute(
        "insert into publication (id, campaign_id, voucher_id, customer_id, once, source_id,"
        " channel, metadata, created_at)"
        " select given.id, %s, given.voucher_id, given.customer_id, %s, %s, %s, %s, %s"
        " from unnest(%s::text[], %s::text[], %s::text[]) as given (id, voucher_id, customer_id)"
        " order by given.customer_id"
        " on conflict do nothing returning id",
        (
            campaign_id,
            once,
            source_id,
            channel,
            Jsonb(metadata),
            now,
            [row.id for row in given],
            [row.voucher_id for row in given],
            [row.customer_id for row in given],
        ),
    )
    return {row[0] for row in await cursor.fetchall()}


async def find_publication(tx: Tx, publication_id: str) -> Publication | None:
    """Return a publication by its id."""
    if not is_storable(publication_id):
        return None
    return await _find(tx, " where p.id = %s", (publication_id,))


async def get_publication(tx: Tx, publication_id: str) -> Publication:
    """Return a publication by its id. Raises NotFound."""
    publication = await find_publication(tx, publication_id)
    if publication is None:
        raise NotFound("publication", publication_id)
    return publication


async def find_by_source(tx: Tx, scope_id: str, source_id: str) -> Publication | None:
    """Return what was published under ``source_id`` of a campaign (or a lone voucher)."""
    where: LiteralString = " where coalesce(p.campaign_id, p.voucher_id) = %s and p.source_id = %s"
    return await _find(tx, where, (scope_id, source_id))


async def find_by_voucher(tx: Tx, voucher_id: str) -> Publication | None:
    """Return the first publication of a voucher."""
    return await _find(tx, " where p.voucher_id = %s order by p.id limit 1", (voucher_id,))


async def list_first_publications(
    tx: Tx, campaign_id: str, customer_ids: Sequence[str]
) -> dict[str, Publication]:
    """Return, by customer, the first publication of the campaign to each of these."""
    query: LiteralString = (
        f"select distinct on (p.customer_id) {_COLUMNS}{_FROM}"
        " where p.campaign_id = %s and p.customer_id = any(%s) order by p.customer_id, p.id"
    )
    async with tx.cursor(row_factory=struct_row(Publication)) as cursor:
        await cursor.execute(query, (campaign_id, list(customer_ids)))
        return {found.customer_id: found for found in await cursor.fetchall()}


async def list_publications(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    customer_id: str | None = None,
    voucher_id: str | None = None,
    source_id: str | None = None,
    order: str = "-created_at",
    page: int = 1,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Publication]:
    """Return a page of publications, and the exact number of all that match.

    ``order`` is created_at or -created_at. A page starts at its number or, at any depth, after
    the ``next_cursor`` of the page before it. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    if not all(is_storable(text) for text in (source_id or "", cursor or "")):
        return Page([], 0)
    filters: list[tuple[LiteralString, str | None]] = [
        ("p.campaign_id = %s", campaign_id),
        ("p.customer_id = %s", customer_id),
        ("p.voucher_id = %s", voucher_id),
        ("p.source_id = %s", source_id),
    ]
    where, parameters = where_clause(filters)
    counted = await tx.execute("select count(*) from publication p" + where, parameters)
    row = await counted.fetchone()
    assert row is not None
    after: LiteralString = f"{column} < %s" if descending else f"{column} > %s"
    where, parameters = where_clause([*filters, (after, cursor)])
    async with tx.cursor(row_factory=struct_row(Publication)) as rows:
        await rows.execute(
            f"select {_COLUMNS}{_FROM}{where} order by {column}{' desc' if descending else ''}"
            " limit %s offset %s",
            (*parameters, limit + 1, 0 if cursor else offset),
        )
        found = await rows.fetchall()
    next_cursor = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], row[0], next_cursor)


async def _find(tx: Tx, where: LiteralString, parameters: tuple[str, ...]) -> Publication | None:
    async with tx.cursor(row_factory=struct_row(Publication)) as cursor:
        await cursor.execute(f"select {_COLUMNS}{_FROM}{where}", parameters)
        return await cursor.fetchone()
