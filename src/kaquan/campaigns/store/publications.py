"""SQL of publications."""

from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Json

from kaquan.campaigns.model import Publication
from kaquan.campaigns.store.listing import all_of, page_offset, sort_clause
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    Page,
    Tx,
    is_storable,
    struct_row,
)

_COLUMNS: LiteralString = (
    "p.id, p.campaign_id, p.voucher_id, v.code, p.customer_id, p.source_id, p.channel,"
    " p.metadata, p.created_at"
)
_FROM: LiteralString = " from publication p join voucher v on v.id = p.voucher_id"
_EVER: LiteralString = " from publication p join voucher_ever v on v.id = p.voucher_id"
_ORDERS: dict[str, LiteralString] = {
    "created_at": "p.id",
    "id": "p.id",
    "voucher_code": "v.code",
    "tracking_id": "p.id",
    "customer_id": "p.customer_id",
    "channel": "p.channel",
}
PUBLICATION_FILTERS = FilterFields(
    named={
        "result": FilterField("'SUCCESS'"),
        "failure_code": FilterField("null::text"),
        "customer_id": FilterField("p.customer_id"),
        "campaign_name": FilterField(
            "(select c.name from campaign_ever c where c.id = p.campaign_id)"
        ),
        "voucher_type": FilterField(
            "(case (select coalesce(v.offer, c.offer) #>> '{effect,code}' from voucher_ever o"
            " left join campaign_ever c on c.id = o.campaign_id where o.id = v.id)"
            " when 'stored_value' then 'GIFT_VOUCHER' when 'points_payment' then 'LOYALTY_CARD'"
            " else 'DISCOUNT_VOUCHER' end)"
        ),
        "is_referral_code": FilterField(
            "(exists (select from campaign_ever c where c.id = p.campaign_id"
            " and c.kind = 'REFERRAL_PROGRAM'))",
            FilterKind.BOOLEAN,
        ),
        "parent_object_id": FilterField("p.campaign_id"),
        "related_object_id": FilterField("p.voucher_id"),
        "source_id": FilterField("p.source_id"),
        "voucher_code": FilterField("v.code"),
        "created_at": FilterField("p.created_at", FilterKind.TIME),
    },
    objects={"metadata": "p.metadata"},
)
"""What a list of publications may be filtered by."""


_WRITTEN: LiteralString = (
    "id, campaign_id, voucher_id, customer_id, once, source_id, channel, metadata, created_at"
)


class NewPublication(msgspec.Struct, frozen=True):
    """A publication to be stored; ``once`` is its customer's only one of the campaign."""

    publication: Publication
    once: bool


async def insert_publications(tx: Tx, given: Sequence[NewPublication]) -> set[str]:
    """Store publications in one statement; returns the ids of those that could be stored.

    With ``once``, a customer who already got one of the campaign gets no second row, and in no
    case do two rows of a campaign share a ``source_id``: unique indexes decide, and wait for a
    transaction that is storing the same. Rows go in by customer id, so that two writers never
    wait for each other in a circle.
    """
    rows = [msgspec.structs.asdict(one.publication) | {"once": one.once} for one in given]
    cursor = await tx.execute(
        f"insert into publication ({_WRITTEN})"
        f" select {_WRITTEN} from json_populate_recordset(null::publication, %s)"
        " order by customer_id on conflict do nothing returning id",
        (Json(rows),),
    )
    return {row[0] for row in await cursor.fetchall()}


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


async def list_published_at_once(tx: Tx, first: Publication) -> list[Publication]:
    """Return what was given to the customer of a campaign in one request, in order."""
    query: LiteralString = (
        f"select {_COLUMNS}{_FROM} where p.campaign_id = %s and p.customer_id = %s"
        " and p.created_at = %s and p.channel = %s and p.id >= %s order by p.id"
    )
    async with tx.cursor(row_factory=struct_row(Publication)) as cursor:
        await cursor.execute(
            query,
            (first.campaign_id, first.customer_id, first.created_at, first.channel, first.id),
        )
        return await cursor.fetchall()


async def list_publications(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    customer_id: str | None = None,
    voucher_id: str | None = None,
    source_id: str | None = None,
    condition: Condition | None = None,
    order: str = "-created_at",
    page: int = 1,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Publication]:
    """Return a page of publications, also of deleted vouchers, and the exact number of all.

    ``condition`` is a filter over ``PUBLICATION_FILTERS``. ``order`` is created_at, id,
    voucher_code, customer_id or channel, with a minus in front for descending. A page starts at
    its number or, sorted by time at any depth, after the ``next_cursor`` of the page before it.
    Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    if not all(is_storable(text) for text in (source_id or "", cursor or "")):
        return Page([], 0)
    wanted: dict[str, Any] = {
        "campaign_id": campaign_id,
        "customer_id": customer_id,
        "voucher_id": voucher_id,
        "source_id": source_id,
    }
    parts: list[sql.Composable] = [
        sql.SQL("p.{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name, value in wanted.items()
        if value is not None
    ]
    parameters = wanted | {"cursor": cursor, "limit": limit + 1, "offset": 0 if cursor else offset}
    if condition is not None:
        parts.append(condition.sql)
        parameters |= condition.parameters
    counted = await tx.execute(
        sql.SQL("select count(*) {} where {}").format(sql.SQL(_EVER), all_of(parts)), parameters
    )
    row = await counted.fetchone()
    assert row is not None
    if cursor is not None:
        parts.append(
            sql.SQL("{} {} %(cursor)s").format(sql.SQL(column), sql.SQL("<" if descending else ">"))
        )
    query = sql.SQL(
        "select {} {} where {} order by {} {direction}, p.id {direction}"
        " limit %(limit)s offset %(offset)s"
    ).format(
        sql.SQL(_COLUMNS),
        sql.SQL(_EVER),
        all_of(parts),
        sql.SQL(column),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    async with tx.cursor(row_factory=struct_row(Publication)) as rows:
        await rows.execute(query, parameters)
        found = await rows.fetchall()
    more = len(found) > limit and column == "p.id"
    return Page(found[:limit], row[0], found[limit - 1].id if more else None)


async def _find(tx: Tx, where: LiteralString, parameters: tuple[str, ...]) -> Publication | None:
    async with tx.cursor(row_factory=struct_row(Publication)) as cursor:
        await cursor.execute(f"select {_COLUMNS}{_FROM}{where}", parameters)
        return await cursor.fetchone()
