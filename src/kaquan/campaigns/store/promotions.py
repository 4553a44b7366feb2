"""SQL of promotions: their tiers and stacks of tiers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from kaquan.campaigns.promotion_model import PromotionStack, PromotionTier
from kaquan.campaigns.store.listing import page_offset, sort_clause, where_clause
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

_TIER: LiteralString = (
    "v.id, t.campaign_id, t.name, t.banner, t.hierarchy, v.category_ids, v.offer, v.active,"
    " v.starts_at, v.expires_at, coalesce(v.metadata, '{}') as metadata, v.created_at,"
    " v.updated_at"
)
_TIERS: LiteralString = (
    " from promotion_tier t join voucher v on v.id = t.voucher_id"
    " join campaign c on c.id = t.campaign_id"
)
_TIERS_EVER: LiteralString = (
    " from promotion_tier t join voucher_ever v on v.id = t.voucher_id"
    " join campaign_ever c on c.id = t.campaign_id"
)
_TIER_ORDERS: dict[str, LiteralString] = {
    "created_at": "v.created_at",
    "updated_at": "coalesce(v.updated_at, v.created_at)",
    "hierarchy": "t.hierarchy",
}
_STACK: LiteralString = (
    "s.id, s.campaign_id, s.name, s.tier_ids, s.category_id, s.created_at, s.updated_at"
)
_STACK_ORDERS: dict[str, LiteralString] = {
    "created_at": "s.created_at",
    "updated_at": "coalesce(s.updated_at, s.created_at)",
    "name": "s.name",
}


async def insert_tier_row(tx: Tx, tier: PromotionTier) -> None:
    """Store what only a promotion says of a tier; its voucher is stored already."""
    await tx.execute(
        "insert into promotion_tier (voucher_id, campaign_id, name, banner, hierarchy)"
        " values (%s, %s, %s, %s, %s)",
        (tier.id, tier.campaign_id, tier.name, tier.banner, tier.hierarchy),
    )


async def update_tier_row(tx: Tx, tier: PromotionTier) -> None:
    """Write back what only a promotion says of a tier."""
    await tx.execute(
        "update promotion_tier set (name, banner, hierarchy) = (%s, %s, %s) where voucher_id = %s",
        (tier.name, tier.banner, tier.hierarchy, tier.id),
    )


async def leave_stacks(tx: Tx, tier_ids: Sequence[str]) -> None:
    """Leave tiers out of the stacks they are in; an empty stack goes."""
    await tx.execute(
        "update promotion_stack set tier_ids = array(select one from unnest(tier_ids) as one"
        " where one <> all(%s)) where tier_ids && %s",
        (list(tier_ids), list(tier_ids)),
    )
    await tx.execute("delete from promotion_stack where tier_ids = '{}'")


async def get_promotion_tier(tx: Tx, tier_id: str) -> PromotionTier:
    """Return a tier. Raises NotFound."""
    found = await list_tiers_by_id(tx, [tier_id])
    if not found:
        raise NotFound("promotion tier", tier_id)
    return found[0]


async def list_tiers_by_id(
    tx: Tx, tier_ids: Sequence[str], *, ever: bool = False
) -> list[PromotionTier]:
    """Return those of these tiers that exist, in the order given; ``ever``, or existed."""
    wanted = [one for one in tier_ids if is_storable(one)]
    async with tx.cursor(row_factory=struct_row(PromotionTier)) as cursor:
        await cursor.execute(
            f"select {_TIER}{_TIERS_EVER if ever else _TIERS} where v.id = any(%s) order by array_position(%s, v.id)",
            (wanted, wanted),
        )
        return await cursor.fetchall()


async def list_promotion_tiers(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    available_at: datetime | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[PromotionTier]:
    """Return a page of tiers, of one promotion or of all, and the exact number of those.

    ``available_at`` narrows the list to tiers that are switched on and not over at that moment,
    as their promotions. ``order`` is created_at, updated_at or hierarchy, with a minus in front
    for descending. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _TIER_ORDERS)
    offset = page_offset(page, limit)
    where, parameters = where_clause(
        [
            ("t.campaign_id = %s", campaign_id),
            ("v.active and c.active and (v.expires_at > %s) is not false", available_at),
            ("(c.expires_at > %s) is not false", available_at),
        ]
    )
    total = await _count(tx, "select count(*)" + _TIERS + where, parameters)
    direction: LiteralString = " desc" if descending else ""
    async with tx.cursor(row_factory=struct_row(PromotionTier)) as cursor:
        await cursor.execute(
            f"select {_TIER}{_TIERS}{where} order by {column}{direction}, v.id{direction}"
            " limit %s offset %s",
            (*parameters, limit, offset),
        )
        return Page(await cursor.fetchall(), total)


async def find_last_hierarchy(tx: Tx, campaign_id: str) -> int:
    """Return the highest hierarchy of a promotion's tiers, 0 without any."""
    return await _count(
        tx,
        "select coalesce(max(hierarchy), 0) from promotion_tier where campaign_id = %s",
        [campaign_id],
    )


async def insert_stack(tx: Tx, stack: PromotionStack) -> None:
    """Store a stack."""
    await tx.execute(
        "insert into promotion_stack (id, campaign_id, name, tier_ids, category_id, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        (
            stack.id,
            stack.campaign_id,
            stack.name,
            list(stack.tier_ids),
            stack.category_id,
            stack.created_at,
        ),
    )


async def update_stack_row(tx: Tx, stack: PromotionStack) -> None:
    """Write a stack back."""
    await tx.execute(
        "update promotion_stack set (name, tier_ids, category_id, updated_at) = (%s, %s, %s, %s)"
        " where id = %s",
        (stack.name, list(stack.tier_ids), stack.category_id, stack.updated_at, stack.id),
    )


async def delete_stack_rows(tx: Tx, *, stack_id: str | None = None, campaign_id: str) -> None:
    """Forget one stack of a promotion, or all of them."""
    await tx.execute(
        "delete from promotion_stack where campaign_id = %s and (%s::text is null or id = %s)",
        (campaign_id, stack_id, stack_id),
    )


async def get_promotion_stack(
    tx: Tx, stack_id: str, *, campaign_id: str | None = None, lock: bool = False
) -> PromotionStack:
    """Return a stack, if need be one of a certain promotion. Raises NotFound."""
    stack = None
    query: LiteralString = (
        f"select {_STACK} from promotion_stack s"
        " where s.id = %s and (%s::text is null or s.campaign_id = %s)"
    )
    if is_storable(stack_id):
        async with tx.cursor(row_factory=struct_row(PromotionStack)) as cursor:
            await cursor.execute(
                query + " for update" if lock else query, (stack_id, campaign_id, campaign_id)
            )
            stack = await cursor.fetchone()
    if stack is None:
        raise NotFound("promotion stack", stack_id)
    return stack


async def list_promotion_stacks(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    updated_after: datetime | None = None,
    updated_before: datetime | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[PromotionStack]:
    """Return a page of stacks and the exact number of all that match.

    ``order`` is created_at, updated_at or name, with a minus in front for descending. Raises
    InvalidInput.
    """
    column, descending = sort_clause(order, _STACK_ORDERS)
    offset = page_offset(page, limit)
    where, parameters = where_clause(
        [
            ("s.campaign_id = %s", campaign_id),
            ("s.created_at > %s", created_after),
            ("s.created_at < %s", created_before),
            ("coalesce(s.updated_at, s.created_at) > %s", updated_after),
            ("coalesce(s.updated_at, s.created_at) < %s", updated_before),
        ]
    )
    total = await _count(tx, "select count(*) from promotion_stack s" + where, parameters)
    direction: LiteralString = " desc" if descending else ""
    async with tx.cursor(row_factory=struct_row(PromotionStack)) as cursor:
        await cursor.execute(
            f"select {_STACK} from promotion_stack s{where}"
            f" order by {column}{direction}, s.id{direction} limit %s offset %s",
            (*parameters, limit, offset),
        )
        return Page(await cursor.fetchall(), total)


async def _count(tx: Tx, query: LiteralString, parameters: Sequence[Any]) -> int:
    row = await (await tx.execute(query, parameters)).fetchone()
    assert row is not None
    return row[0]
