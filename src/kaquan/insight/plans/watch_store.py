"""SQL of what became of certificates."""

from typing import LiteralString

from kaquan.insight.plans.model import PlanWatch
from kaquan.runtime import Page, Tx, struct_row

_WATCH: LiteralString = (
    "select plan_id, looked_at, standing, observed, waiting, value, low, high, withdrawn_after,"
    " since from plan_watch where plan_id = %(plan)s"
)


async def insert_watch(tx: Tx, watch: PlanWatch) -> bool:
    """Store a look; False when there was one at this very moment."""
    cursor = await tx.execute(
        "insert into plan_watch (plan_id, looked_at, standing, observed, waiting, value, low, high,"
        " withdrawn_after, since) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict do nothing",
        (
            *(watch.plan_id, watch.looked_at, watch.standing, watch.observed, watch.waiting),
            *(watch.value, watch.low, watch.high, watch.withdrawn_after, watch.since),
        ),
    )
    return cursor.rowcount == 1


async def list_watches(
    tx: Tx, plan_id: str, *, limit: int, page: int = 1, ascending: bool = False
) -> Page[PlanWatch]:
    """Return a page of looks at a plan, the latest first unless ``ascending``."""
    direction: LiteralString = "" if ascending else " desc"
    given = {"plan": plan_id, "limit": limit, "offset": (page - 1) * limit}
    async with tx.cursor(row_factory=struct_row(PlanWatch)) as cursor:
        await cursor.execute(
            _WATCH + f" order by looked_at{direction} limit %(limit)s offset %(offset)s", given
        )
        found = await cursor.fetchall()
    counting = await tx.execute("select count(*) from plan_watch where plan_id = %(plan)s", given)
    row = await counting.fetchone()
    assert row is not None
    return Page(found, row[0], str(page + 1) if page * limit < row[0] else None)


async def list_watched(tx: Tx) -> list[str]:
    """Return the ids of the approved plans that have a certificate to hold."""
    cursor = await tx.execute(
        "select id from allocation_plan where status = 'approved'"
        " and (result ->> 'certified')::boolean order by id"
    )
    return [row[0] for row in await cursor.fetchall()]
