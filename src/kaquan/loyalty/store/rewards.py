"""SQL of rewards, of who offers them, and of points given for them."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from kaquan.loyalty.model import Reward, RewardAssignment, RewardRedemption
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

_REWARD: LiteralString = (
    "select r.id, r.name, r.kind, r.campaign_id, c.kind as campaign_kind, r.balance, r.product_id,"
    " r.sku_id, r.exchange_ratio, r.points_ratio, r.stock,"
    " coalesce(u.granted - u.balance, 0) + coalesce(t.balance, 0) as redeemed, r.image_url,"
    " r.description, r.metadata, r.created_at, r.updated_at"
    " from reward r left join campaign c on c.id = r.campaign_id"
    " left join account u on u.owner = r.id and u.kind = 'uses'"
    " left join account t on t.owner = r.id and t.kind = 'used'"
)
_ASSIGNMENT: LiteralString = (
    "a.id, a.reward_id, a.campaign_id, a.points, a.created_at, a.updated_at"
)
_REDEMPTION: LiteralString = (
    "id, reward_id, reward_name, reward_kind, assignment_id, campaign_id, voucher_id, customer_id,"
    " loyalty_tier_id, points, given_voucher_id, order_id, metadata, created_at"
)
_COLUMNS: LiteralString = (
    "name, kind, campaign_id, balance, product_id, sku_id, exchange_ratio, points_ratio, stock,"
    " image_url, description, metadata"
)


async def insert_reward(tx: Tx, reward: Reward) -> None:
    """Store a reward."""
    await tx.execute(
        f"insert into reward ({_COLUMNS}, created_at, id)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (*_values(reward), reward.created_at, reward.id),
    )


async def update_reward_row(tx: Tx, reward: Reward) -> None:
    """Write a reward back."""
    await tx.execute(
        f"update reward set ({_COLUMNS}, updated_at)"
        " = (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) where id = %s",
        (*_values(reward), reward.updated_at, reward.id),
    )


async def delete_reward_row(tx: Tx, reward_id: str) -> None:
    """Forget a reward and who offers it."""
    await tx.execute("delete from reward where id = %s", (reward_id,))


async def get_reward(tx: Tx, reward_id: str, *, lock: bool = False) -> Reward:
    """Return a reward; ``lock`` keeps others from giving or changing it. Raises NotFound."""
    found = None
    if is_storable(reward_id):
        query: LiteralString = _REWARD + " where r.id = %s"
        if lock:
            # Locked before it is read with its counts, which others may have moved meanwhile.
            await tx.execute("select from reward where id = %s for no key update", (reward_id,))
        async with tx.cursor(row_factory=struct_row(Reward)) as cursor:
            await cursor.execute(query, (reward_id,))
            found = await cursor.fetchone()
    if found is None:
        raise NotFound("reward", reward_id)
    return found


async def list_rewards_by_id(tx: Tx, reward_ids: Sequence[str]) -> list[Reward]:
    """Return those of these rewards that still exist."""
    async with tx.cursor(row_factory=struct_row(Reward)) as cursor:
        await cursor.execute(_REWARD + " where r.id = any(%s)", (list(reward_ids),))
        return await cursor.fetchall()


async def list_rewards(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    assignment_id: str | None = None,
    page: int = 1,
    limit: int = 10,
) -> Page[Reward]:
    """Return a page of rewards, newest first: all, a programme's, or an assignment's."""
    where: LiteralString = (
        " where (%(campaign_id)s::text is null or exists (select from reward_assignment a"
        "   where a.reward_id = r.id and a.campaign_id = %(campaign_id)s))"
        " and (%(assignment_id)s::text is null or exists (select from reward_assignment a"
        "   where a.reward_id = r.id and a.id = %(assignment_id)s))"
    )
    parameters: dict[str, Any] = {"campaign_id": campaign_id, "assignment_id": assignment_id}
    if assignment_id is not None and not is_storable(assignment_id):
        return Page([], 0)
    counted = await tx.execute("select count(*) from reward r" + where, parameters)
    total = await counted.fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(Reward)) as cursor:
        await cursor.execute(
            _REWARD + where + " order by r.created_at desc, r.id desc"
            " limit %(limit)s offset %(offset)s",
            parameters | {"limit": limit, "offset": (page - 1) * limit},
        )
        return Page(await cursor.fetchall(), total[0])


async def insert_assignment(tx: Tx, assignment: RewardAssignment) -> bool:
    """Store an assignment; False when the programme offers the reward already."""
    cursor = await tx.execute(
        "insert into reward_assignment (id, reward_id, campaign_id, points, created_at)"
        " values (%s, %s, %s, %s, %s) on conflict (project_id, reward_id, campaign_id) do nothing",
        (
            assignment.id,
            assignment.reward_id,
            assignment.campaign_id,
            assignment.points,
            assignment.created_at,
        ),
    )
    return cursor.rowcount == 1


async def update_assignment_row(tx: Tx, assignment: RewardAssignment) -> None:
    """Write an assignment's price back."""
    await tx.execute(
        "update reward_assignment set (points, updated_at) = (%s, %s) where id = %s",
        (assignment.points, assignment.updated_at, assignment.id),
    )


async def delete_assignment_row(tx: Tx, assignment_id: str) -> None:
    """Let a programme offer a reward no longer."""
    await tx.execute("delete from reward_assignment where id = %s", (assignment_id,))


async def list_assignments(
    tx: Tx,
    *,
    reward_id: str | None = None,
    campaign_id: str | None = None,
    assignment_id: str | None = None,
    page: int = 1,
    limit: int = 10,
) -> Page[RewardAssignment]:
    """Return a page of assignments, newest first, that match all that is said."""
    where: LiteralString = (
        " from reward_assignment a"
        " where (%(reward_id)s::text is null or a.reward_id = %(reward_id)s)"
        " and (%(campaign_id)s::text is null or a.campaign_id = %(campaign_id)s)"
        " and (%(assignment_id)s::text is null or a.id = %(assignment_id)s)"
    )
    parameters: dict[str, Any] = {
        "reward_id": reward_id,
        "campaign_id": campaign_id,
        "assignment_id": assignment_id,
    }
    if any(value is not None and not is_storable(value) for value in parameters.values()):
        return Page([], 0)
    total = await (await tx.execute("select count(*)" + where, parameters)).fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(RewardAssignment)) as cursor:
        await cursor.execute(
            f"select {_ASSIGNMENT}{where} order by a.created_at desc, a.id desc"
            " limit %(limit)s offset %(offset)s",
            parameters | {"limit": limit, "offset": (page - 1) * limit},
        )
        return Page(await cursor.fetchall(), total[0])


async def insert_reward_redemption(tx: Tx, redemption: RewardRedemption) -> None:
    """Store what points were given for."""
    await tx.execute(
        f"insert into reward_redemption ({_REDEMPTION})"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            redemption.id,
            redemption.reward_id,
            redemption.reward_name,
            redemption.reward_kind,
            redemption.assignment_id,
            redemption.campaign_id,
            redemption.voucher_id,
            redemption.customer_id,
            redemption.loyalty_tier_id,
            redemption.points,
            redemption.given_voucher_id,
            redemption.order_id,
            Jsonb(redemption.metadata),
            redemption.created_at,
        ),
    )


async def list_reward_redemptions(tx: Tx, ids: Sequence[str]) -> list[RewardRedemption]:
    """Return what points were given for, by our ids."""
    async with tx.cursor(row_factory=struct_row(RewardRedemption)) as cursor:
        await cursor.execute(
            f"select {_REDEMPTION} from reward_redemption where id = any(%s)", (list(ids),)
        )
        return await cursor.fetchall()


async def is_gift_order(tx: Tx, order_id: str) -> bool:
    """Say whether an order is goods that points were given for."""
    cursor = await tx.execute(
        "select from reward_redemption where order_id = %s and reward_kind = 'MATERIAL'",
        (order_id,),
    )
    return await cursor.fetchone() is not None


def _values(reward: Reward) -> tuple[Any, ...]:
    return (
        reward.name,
        reward.kind,
        reward.campaign_id,
        reward.balance,
        reward.product_id,
        reward.sku_id,
        reward.exchange_ratio,
        reward.points_ratio,
        reward.stock,
        reward.image_url,
        reward.description,
        Jsonb(reward.metadata),
    )
