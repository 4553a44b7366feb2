"""SQL of vouchers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.campaigns.model import Voucher
from kaquan.campaigns.store.listing import page_offset, sort_clause, where_clause
from kaquan.ledger import AccountKind
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

VOUCHER_COLUMNS: LiteralString = (
    "v.id, v.code, v.campaign_id, c.name as campaign_name, v.holder_id, v.offer, v.quantity,"
    " v.active, v.tier, v.starts_at, v.expires_at, v.published_at, v.category, v.category_ids,"
    " v.additional_info,"
    " coalesce(v.metadata, '{}') as metadata, v.created_at, v.updated_at"
)
"""A voucher ``v`` as Voucher has it, its campaign (if any) being ``c``."""

_FROM: LiteralString = " from voucher v left join campaign c on c.id = v.campaign_id"
_EVER: LiteralString = " from voucher_ever v left join campaign_ever c on c.id = v.campaign_id"
# Identifiers begin with the time, so their order is the order of creation.
_ORDERS: dict[str, LiteralString] = {
    "created_at": "v.id",
    "code": "v.code",
    "updated_at": "coalesce(v.updated_at, v.created_at)",
}


class VoucherPattern(msgspec.Struct, frozen=True, kw_only=True):
    """What vouchers that are stored together have in common."""

    created_at: datetime
    campaign_id: str | None = None
    offer: dict[str, Any] | None = None
    quantity: int | None = None
    balance: int = 0
    balance_kind: AccountKind | None = None
    active: bool = True
    tier: bool = False
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    category: str | None = None
    category_ids: Sequence[str] = ()
    additional_info: str | None = None
    metadata: dict[str, Any] = {}


async def insert_vouchers(
    tx: Tx, ids: Sequence[str], codes: Sequence[str], *, pattern: VoucherPattern
) -> list[str]:
    """Store vouchers that are like ``pattern`` in all but id and code, in one statement.

    Those whose code exists already are left out; returns the ids of the others.
    """
    # Two texts that the server splits: an array parameter costs a Python call an element, and
    # a temporary table to COPY into is no faster and needs more (docs/algorithms/codes.md).
    cursor = await tx.execute(
        "insert into voucher (id, code, campaign_id, offer, quantity, active, tier, starts_at,"
        " expires_at, category, category_ids, additional_info, metadata, created_at)"
        " select fresh.id, fresh.code, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
        " from unnest(string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n')) as fresh (id, code)"
        " on conflict (project_id, code) where deletion_id is null do nothing",
        (
            pattern.campaign_id,
            None if pattern.offer is None else Jsonb(pattern.offer),
            pattern.quantity,
            pattern.active,
            pattern.tier,
            pattern.starts_at,
            pattern.expires_at,
            pattern.category,
            list(pattern.category_ids),
            pattern.additional_info,
            Jsonb(pattern.metadata) if pattern.metadata else None,
            pattern.created_at,
            "\n".join(ids),
            "\n".join(codes),
        ),
    )
    if cursor.rowcount == len(ids):
        return list(ids)
    cursor = await tx.execute("select id from voucher where id = any(%s)", (list(ids),))
    return [row[0] for row in await cursor.fetchall()]


async def update_voucher_row(tx: Tx, voucher: Voucher, *, now: datetime) -> None:
    """Write back what may change of a voucher."""
    await tx.execute(
        "update voucher set (offer, quantity, active, starts_at, expires_at, category,"
        " category_ids, additional_info, metadata, updated_at)"
        " = (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " where id = %s",
        (
            None if voucher.offer is None else Jsonb(voucher.offer),
            voucher.quantity,
            voucher.active,
            voucher.starts_at,
            voucher.expires_at,
            voucher.category,
            list(voucher.category_ids),
            voucher.additional_info,
            Jsonb(voucher.metadata) if voucher.metadata else None,
            now,
            voucher.id,
        ),
    )


async def find_voucher(tx: Tx, code_or_id: str, *, lock: bool = False) -> Voucher | None:
    """Return a voucher by its code or its id; ``lock`` keeps others from changing it."""
    return await _find(tx, code_or_id, " and not v.tier", lock=lock)


async def get_voucher(tx: Tx, code_or_id: str, *, lock: bool = False) -> Voucher:
    """Return a voucher by its code or its id. Raises NotFound."""
    voucher = await find_voucher(tx, code_or_id, lock=lock)
    if voucher is None:
        raise NotFound("voucher", code_or_id)
    return voucher


async def get_tier(tx: Tx, tier_id: str, *, lock: bool = False) -> Voucher:
    """Return the voucher that stands for a promotion's tier. Raises NotFound."""
    voucher = await _find(tx, tier_id, " and v.tier", lock=lock)
    if voucher is None:
        raise NotFound("promotion tier", tier_id)
    return voucher


async def get_any_voucher(tx: Tx, voucher_id: str) -> Voucher:
    """Return a voucher or a tier by id, locked. Raises NotFound."""
    voucher = await _find(tx, voucher_id, "", lock=True)
    if voucher is None:
        raise NotFound("voucher", voucher_id)
    return voucher


async def _find(tx: Tx, code_or_id: str, condition: LiteralString, *, lock: bool) -> Voucher | None:
    if not is_storable(code_or_id):
        return None
    query: LiteralString = (
        f"select {VOUCHER_COLUMNS}{_FROM} where (v.code = %s or v.id = %s){condition}"
        " order by v.code = %s desc limit 1"
    )
    async with tx.cursor(row_factory=struct_row(Voucher)) as cursor:
        await cursor.execute(
            query + " for no key update of v" if lock else query,
            (code_or_id, code_or_id, code_or_id),
        )
        return await cursor.fetchone()


async def list_vouchers_with_offers(tx: Tx, campaign_id: str) -> list[str]:
    """Return the ids of a campaign's vouchers and tiers that have an offer of their own."""
    cursor = await tx.execute(
        "select id from voucher where campaign_id = %s and offer is not null order by id",
        (campaign_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_vouchers_by_id(tx: Tx, voucher_ids: Sequence[str]) -> list[Voucher]:
    """Return these vouchers, by our ids, also those that were deleted since."""
    query: LiteralString = f"select {VOUCHER_COLUMNS}{_EVER} where v.id = any(%s) order by v.id"
    async with tx.cursor(row_factory=struct_row(Voucher)) as cursor:
        await cursor.execute(query, (list(voucher_ids),))
        return await cursor.fetchall()


class VoucherFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which vouchers to list; None asks nothing.

    ``search`` is the beginning of the code, ``code`` the whole of it; ``held`` tells those that
    somebody holds from those of the pool.
    """

    campaign_id: str | None = None
    holder_id: str | None = None
    search: str | None = None
    code: str | None = None
    ids: Sequence[str] | None = None
    category: str | None = None
    category_id: str | None = None
    active: bool | None = None
    held: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None


async def list_vouchers(
    tx: Tx,
    wanted: VoucherFilter | None = None,
    *,
    campaign_id: str | None = None,
    holder_id: str | None = None,
    search: str | None = None,
    active: bool | None = None,
    held: bool | None = None,
    order: str = "-created_at",
    page: int = 1,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Voucher]:
    """Return a page of vouchers and the exact number of all that match.

    The filter is ``wanted``, or the parameters named like its members. ``order`` is created_at,
    updated_at or code, with a minus in front for descending. A page starts at its number or, at
    any depth, after the ``next_cursor`` of the page before it. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    asked = wanted or VoucherFilter(
        campaign_id=campaign_id, holder_id=holder_id, search=search, active=active, held=held
    )
    texts = (asked.search, asked.code, asked.category, asked.category_id, cursor)
    if not all(is_storable(text or "") for text in (*texts, *(asked.ids or ()))):
        return Page([], 0)
    filters = _list_filters(asked)
    where, parameters = where_clause(filters)
    counted = await tx.execute("select count(*) from voucher v" + where, parameters)
    row = await counted.fetchone()
    assert row is not None
    after: LiteralString = f"{column} < %s" if descending else f"{column} > %s"
    where, parameters = where_clause([*filters, (after, cursor)])
    async with tx.cursor(row_factory=struct_row(Voucher)) as rows:
        await rows.execute(
            f"select {VOUCHER_COLUMNS}{_FROM}{where} order by {column}{' desc' if descending else ''},"
            f" v.id{' desc' if descending else ''} limit %s offset %s",
            (*parameters, limit + 1, 0 if cursor else offset),
        )
        found = await rows.fetchall()
    if len(found) <= limit:
        return Page(found, row[0])
    last = found[limit - 1]
    following = {"v.code": last.code, "v.id": last.id}.get(column)
    return Page(found[:limit], row[0], following)


def _list_filters(asked: VoucherFilter) -> list[tuple[LiteralString, Any]]:
    return [
        ("v.tier = %s", False),
        ("v.campaign_id = %s", asked.campaign_id),
        ("v.holder_id = %s", asked.holder_id),
        ("starts_with(v.code, %s)", asked.search or None),
        ("v.code = %s", asked.code),
        ("v.id = any(%s)", None if asked.ids is None else list(asked.ids)),
        ("v.category = %s", asked.category),
        ("%s = any(v.category_ids)", asked.category_id),
        ("v.active = %s", asked.active),
        ("(v.holder_id is not null) = %s", asked.held),
        ("v.created_at > %s", asked.created_after),
        ("v.created_at < %s", asked.created_before),
        ("coalesce(v.updated_at, v.created_at) > %s", asked.updated_after),
        ("coalesce(v.updated_at, v.created_at) < %s", asked.updated_before),
    ]


async def count_vouchers(tx: Tx, campaign_id: str | None, *, at_most: int) -> int:
    """Count vouchers of a campaign, or those of none, looking at no more than ``at_most``."""
    where, parameters = (
        ("campaign_id is null", []) if campaign_id is None else ("campaign_id = %s", [campaign_id])
    )
    cursor = await tx.execute(
        f"select count(*) from (select from voucher where {where} limit %s) as counted",
        (*parameters, at_most),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def draw_vouchers(
    tx: Tx, campaign_id: str, count: int, *, now: datetime
) -> list[tuple[str, str]]:
    """Take up to ``count`` vouchers of the pool for this transaction; returns ids and codes.

    The pool is what nobody holds, that is active, not expired, and has a use left. Rows that
    another transaction is drawing are passed over, so nobody waits and no two get the same.
    """
    # The uses left are asked for as a value: of "exists" the planner would make a hash of every
    # account there is.
    cursor = await tx.execute(
        "select v.id, v.code from voucher v"
        " where v.campaign_id = %s and v.holder_id is null and v.active"
        " and (v.expires_at is null or v.expires_at > %s)"
        " and (v.quantity is null or (select a.balance - a.held from account a"
        " where a.owner = v.id and a.kind = 'uses') > 0)"
        " order by v.id limit %s for no key update of v skip locked",
        (campaign_id, now, count),
    )
    return await cursor.fetchall()


async def assign_holders(tx: Tx, held: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Give vouchers to customers: pairs of voucher id and customer id."""
    await tx.execute(
        "update voucher v set holder_id = held.customer_id, published_at = %s, updated_at = %s"
        " from unnest(%s::text[], %s::text[]) as held (voucher_id, customer_id)"
        " where v.id = held.voucher_id",
        (
            now,
            now,
            [voucher_id for voucher_id, _ in held],
            [customer_id for _, customer_id in held],
        ),
    )
