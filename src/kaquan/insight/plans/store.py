"""SQL of plans, and of what they learn from: features as they were known at a moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.experiments import Experiment
from kaquan.insight.experiment import UNIT_OUTCOMES, outcome_window
from kaquan.insight.plans.model import Plan
from kaquan.runtime import NotFound, Page, Tx, struct_row

_PLAN: LiteralString = """
    select id, name, learnt_from, segment_id, experiment_id, status, request, result, approved_by,
           approved_at, created_at, updated_at, withdrawn_at
      from allocation_plan
"""
_ORDERS: dict[str, LiteralString] = {
    "-created_at": "created_at desc, id desc",
    "created_at": "created_at, id",
    "name": "name, id",
    "-name": "name desc, id desc",
}
PLAN_ORDERS = tuple(_ORDERS)

FEATURES = (
    "orders_30",
    "orders_90",
    "orders_365",
    "spend_30",
    "spend_90",
    "spend_365",
    "largest_order",
    "days_since_last",
    "days_since_first",
    "days_known",
    "redeemed_365",
    "discount_365",
    "published_90",
)

# Only rows that carry the time at which they became true, and only their parts that never change:
# what is true of a customer today (status of an order, returns, attributes) may be an arm's doing.
_FEATURES: LiteralString = """
    select u.customer_id, b.*,
           extract(epoch from u.as_of - c.created_at)::float8 / 86400 as days_known,
           r.*, p.*
      from unit u
      join customer c on c.id = u.customer_id
      left join lateral (
           select count(*) filter (where o.placed_at >= u.as_of - interval '30 days'),
                  count(*) filter (where o.placed_at >= u.as_of - interval '90 days'),
                  count(*) filter (where o.placed_at >= u.as_of - interval '365 days'),
                  coalesce(sum(o.amount_minor) filter (
                      where o.placed_at >= u.as_of - interval '30 days'), 0)::float8,
                  coalesce(sum(o.amount_minor) filter (
                      where o.placed_at >= u.as_of - interval '90 days'), 0)::float8,
                  coalesce(sum(o.amount_minor) filter (
                      where o.placed_at >= u.as_of - interval '365 days'), 0)::float8,
                  max(o.amount_minor)::float8,
                  extract(epoch from u.as_of - max(o.placed_at))::float8 / 86400,
                  extract(epoch from u.as_of - min(o.placed_at))::float8 / 86400
             from orders o
            where o.customer_id = u.customer_id and o.placed_at < u.as_of
              and o.created_at < u.as_of) b on true
      left join lateral (
           select count(*), coalesce(sum(x.discount_minor + x.items_discount_minor), 0)::float8
             from redemption x
            where x.customer_id = u.customer_id and x.kind = 'redemption'
              and x.result = 'SUCCESS' and x.created_at < u.as_of
              and x.created_at >= u.as_of - interval '365 days') r on true
      left join lateral (
           select count(*) from publication g
            where g.customer_id = u.customer_id and g.created_at < u.as_of
              and g.created_at >= u.as_of - interval '90 days') p on true
     order by u.customer_id
"""
_OUTCOMES: LiteralString = (
    "with unit as (select customer_id, arm, propensity, assigned_at from experiment_exposure"
    " where experiment_id = %(experiment)s and assigned_at + %(horizon)s <= %(now)s), "
    + UNIT_OUTCOMES
    + """
    select p.customer_id, p.arm, p.propensity, p.assigned_at, p.margin::float8,
           coalesce(paid.minor, 0)::float8
      from person p
      left join lateral (
           select sum(r.discount_minor + r.items_discount_minor - r.returned_minor) as minor
             from redemption r
            where r.customer_id = p.customer_id and r.campaign_id = %(campaign)s
              and r.kind = 'redemption' and r.result = 'SUCCESS'
              and r.created_at >= p.assigned_at and r.created_at < p.assigned_at + %(horizon)s
              and not exists (select from redemption b
                               where b.reverses_id in (r.id, r.parent_id)
                                 and b.kind = 'rollback' and b.result = 'SUCCESS')) paid on true
     order by p.customer_id
"""
)


class Observed(msgspec.Struct, frozen=True):
    """One customer of a past experiment: margin after all discounts, and the campaign's discount,
    both in minor units over the days after the assignment.
    """

    customer_id: str
    arm: str
    propensity: float
    assigned_at: datetime
    margin: float
    paid: float


async def list_observed(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, now: datetime
) -> list[Observed]:
    """Return everybody in an experiment whose days are over, by customer id."""
    cursor = await tx.execute(
        _OUTCOMES, outcome_window(experiment, now=now) | {"margin_rate_bps": margin_rate_bps}
    )
    return [Observed(*row) for row in await cursor.fetchall()]


async def list_features(
    tx: Tx, customers: Sequence[tuple[str, datetime]]
) -> dict[str, tuple[float | None, ...]]:
    """Return the `FEATURES` of customers, each as they were known at the moment given."""
    cursor = await tx.execute(
        "with unit as (select * from unnest(%s::text[], %s::timestamptz[])"
        " as given (customer_id, as_of))" + _FEATURES,
        ([customer_id for customer_id, _ in customers], [at for _, at in customers]),
    )
    return {row[0]: tuple(row[1:]) for row in await cursor.fetchall()}


async def insert_plan(tx: Tx, plan: Plan) -> bool:
    """Store a plan; False when its name is taken."""
    cursor = await tx.execute(
        "insert into allocation_plan (id, name, learnt_from, segment_id, status, request,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (
            *(plan.id, plan.name, plan.learnt_from, plan.segment_id, plan.status),
            *(Jsonb(msgspec.to_builtins(plan.request)), plan.created_at),
        ),
    )
    return cursor.rowcount == 1


async def get_plan(tx: Tx, id_or_name: str, *, lock: bool = False) -> Plan:
    """Return a plan by id or name, kept from others' changes with ``lock``; raises NotFound."""
    suffix: LiteralString = " for update" if lock else ""
    async with tx.cursor(row_factory=struct_row(Plan)) as cursor:
        await cursor.execute(
            _PLAN + " where id = %(wanted)s or name = %(wanted)s"
            " order by id = %(wanted)s desc limit 1" + suffix,
            {"wanted": id_or_name},
        )
        plan = await cursor.fetchone()
    if plan is None:
        raise NotFound("plan", id_or_name)
    return plan


async def list_plans(
    tx: Tx, *, status: str | None = None, order: str = "-created_at", limit: int, page: int = 1
) -> Page[Plan]:
    """Return a page of plans in one of `PLAN_ORDERS`."""
    condition: LiteralString = " where %(status)s::text is null or status = %(status)s"
    given: dict[str, Any] = {"status": status, "limit": limit, "offset": (page - 1) * limit}
    async with tx.cursor(row_factory=struct_row(Plan)) as cursor:
        await cursor.execute(
            _PLAN
            + condition
            + " order by "
            + _ORDERS[order]
            + " limit %(limit)s offset %(offset)s",
            given,
        )
        found = await cursor.fetchall()
    counting = await tx.execute("select count(*) from allocation_plan" + condition, given)
    row = await counting.fetchone()
    assert row is not None
    return Page(found, row[0], str(page + 1) if page * limit < row[0] else None)


async def update_plan(tx: Tx, plan: Plan) -> None:
    """Store what came out of a plan and who approved it."""
    await tx.execute(
        "update allocation_plan set status = %s, experiment_id = %s, result = %s,"
        " approved_by = %s, approved_at = %s, updated_at = %s, withdrawn_at = %s where id = %s",
        (
            *(plan.status, plan.experiment_id),
            None if plan.result is None else Jsonb(msgspec.to_builtins(plan.result)),
            *(plan.approved_by, plan.approved_at, plan.updated_at, plan.withdrawn_at, plan.id),
        ),
    )
