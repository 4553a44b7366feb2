"""SQL of earning rules and tiers."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.loyalty.model import EarningRule, LoyaltyTier
from kaquan.runtime import InvalidInput, NotFound, Page, Tx, is_storable, struct_row

_RULE: LiteralString = (
    "id, campaign_id, event, schema_id, terms, pending_days, expiry, banner, active, starts_at,"
    " expires_at, metadata, created_at, updated_at"
)
_TIER: LiteralString = (
    "id, campaign_id, name, from_points, to_points, earning_rules, rewards, metadata, created_at,"
    " updated_at"
)
_RULE_ORDERS: dict[str, LiteralString] = {
    "created_at": "created_at",
    "updated_at": "coalesce(updated_at, created_at)",
}
_TIER_ORDERS: dict[str, LiteralString] = {
    "points": "from_points",
    "name": "name",
    "created_at": "created_at",
    "updated_at": "coalesce(updated_at, created_at)",
}


async def insert_rule(tx: Tx, rule: EarningRule) -> None:
    """Store an earning rule."""
    await tx.execute(
        "insert into earning_rule (id, campaign_id, event, schema_id, terms, pending_days, expiry,"
        " banner, active, starts_at, expires_at, metadata, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            rule.id,
            rule.campaign_id,
            rule.event,
            rule.schema_id,
            Jsonb(msgspec.to_builtins(rule.terms)),
            rule.pending_days,
            None if rule.expiry is None else Jsonb(msgspec.to_builtins(rule.expiry)),
            rule.banner,
            rule.active,
            rule.starts_at,
            rule.expires_at,
            Jsonb(rule.metadata),
            rule.created_at,
        ),
    )


async def update_rule_row(tx: Tx, rule: EarningRule) -> None:
    """Write an earning rule back."""
    await tx.execute(
        "update earning_rule set (terms, pending_days, expiry, banner, active, starts_at,"
        " expires_at, metadata, updated_at) = (%s, %s, %s, %s, %s, %s, %s, %s, %s) where id = %s",
        (
            Jsonb(msgspec.to_builtins(rule.terms)),
            rule.pending_days,
            None if rule.expiry is None else Jsonb(msgspec.to_builtins(rule.expiry)),
            rule.banner,
            rule.active,
            rule.starts_at,
            rule.expires_at,
            Jsonb(rule.metadata),
            rule.updated_at,
            rule.id,
        ),
    )


async def delete_rule_row(tx: Tx, rule_id: str) -> None:
    """Forget an earning rule; what it gave stays."""
    await tx.execute("delete from earning_rule where id = %s", (rule_id,))


async def get_earning_rule(
    tx: Tx, campaign_id: str, rule_id: str, *, lock: bool = False
) -> EarningRule:
    """Return a programme's earning rule. Raises NotFound."""
    found = None
    if is_storable(rule_id):
        query: LiteralString = (
            f"select {_RULE} from earning_rule where campaign_id = %s and id = %s"
        )
        async with tx.cursor(row_factory=struct_row(EarningRule)) as cursor:
            await cursor.execute(query + " for update" if lock else query, (campaign_id, rule_id))
            found = await cursor.fetchone()
    if found is None:
        raise NotFound("earning rule", rule_id)
    return found


async def count_rules(tx: Tx) -> int:
    """Return how many earning rules the project has."""
    row = await (await tx.execute("select count(*) from earning_rule")).fetchone()
    assert row is not None
    return row[0]


async def list_earning_rules(
    tx: Tx,
    campaign_id: str,
    *,
    ids: Sequence[str] | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 10,
) -> Page[EarningRule]:
    """Return a page of a programme's rules, perhaps of these only, and the number of all.

    ``order`` is created_at or updated_at, with a minus in front for descending. Raises
    InvalidInput.
    """
    where: LiteralString = (
        " from earning_rule where campaign_id = %(campaign_id)s"
        " and (%(ids)s::text[] is null or id = any(%(ids)s))"
    )
    parameters = {
        "campaign_id": campaign_id,
        "ids": None if ids is None else list(ids),
        "limit": limit,
        "offset": (page - 1) * limit,
    }
    total = await (await tx.execute("select count(*)" + where, parameters)).fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(EarningRule)) as cursor:
        await cursor.execute(
            f"select {_RULE}{where} order by {_sort(order, _RULE_ORDERS)}"
            " limit %(limit)s offset %(offset)s",
            parameters,
        )
        return Page(await cursor.fetchall(), total[0])


async def list_rules_for(
    tx: Tx, events: Sequence[str], *, customer_id: str
) -> list[tuple[EarningRule, str]]:
    """Return the active rules for these events, each with the customer's card in its programme.

    Of several cards it is the one that was given first. Switched-off programmes and cards earn
    nothing.
    """
    columns: LiteralString = ", ".join(f"r.{name}" for name in _RULE.split(", "))
    cursor = await tx.execute(
        f"select {columns}, card.id from earning_rule r"
        " join campaign c on c.id = r.campaign_id and c.active"
        " join lateral (select v.id from voucher v where v.campaign_id = r.campaign_id"
        " and v.holder_id = %s and v.active order by v.published_at, v.id limit 1) card on true"
        " where r.event = any(%s) and r.active order by r.id",
        (customer_id, list(events)),
    )
    names = _RULE.split(", ")
    return [
        (msgspec.convert(dict(zip(names, row[:-1], strict=True)), EarningRule), row[-1])
        for row in await cursor.fetchall()
    ]


async def insert_tier(tx: Tx, tier: LoyaltyTier) -> None:
    """Store a tier."""
    await tx.execute(
        "insert into loyalty_tier (id, campaign_id, name, from_points, to_points, earning_rules,"
        " rewards, metadata, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tier.id,
            tier.campaign_id,
            tier.name,
            tier.from_points,
            tier.to_points,
            Jsonb(msgspec.to_builtins(tier.earning_rules)),
            Jsonb(msgspec.to_builtins(tier.rewards)),
            Jsonb(tier.metadata),
            tier.created_at,
        ),
    )


async def list_tiers(tx: Tx, campaign_id: str, *, order: str = "points") -> list[LoyaltyTier]:
    """Return a programme's tiers, from the fewest points up unless ``order`` says otherwise.

    ``order`` is points, name, created_at or updated_at, with a minus in front for descending.
    Raises InvalidInput.
    """
    async with tx.cursor(row_factory=struct_row(LoyaltyTier)) as cursor:
        await cursor.execute(
            f"select {_TIER} from loyalty_tier where campaign_id = %s"
            f" order by {_sort(order, _TIER_ORDERS)}",
            (campaign_id,),
        )
        return await cursor.fetchall()


def _sort(order: str, columns: dict[str, LiteralString]) -> LiteralString:
    column = columns.get(order.removeprefix("-"))
    if column is None:
        message = f"Sorting goes by {', '.join(columns)}; a minus in front reverses it."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    return column + " desc, id desc" if order.startswith("-") else column + ", id"
