"""SQL that sums up an experiment's outcomes: one statement, every metric, a row an arm and day.

An outcome is of a customer and of a fixed stretch after the assignment, and counts when that
stretch is over: so what is looked at early never changes later, and looking often is safe.
"""

from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import msgspec

from kaquan.experiments import Experiment, Metric
from kaquan.insight.experiment.summary import ArmSummary, Second, Weighed
from kaquan.insight.statistics import Sample
from kaquan.runtime import Tx

PRE_DAYS = 28
"""How far back the pre-period reaches at least; as far as outcomes reach forward when that is more."""

_VALUES: dict[Metric, LiteralString] = {
    Metric.REVENUE: "revenue",
    Metric.MARGIN: "margin",
    Metric.BUYERS: "(orders > 0)::int",
    Metric.REDEEMERS: "redeemed::int",
    Metric.ORDER_VALUE: "revenue",
}
_PAID: LiteralString = "('PAID', 'FULFILLED', 'PARTIALLY_RETURNED')"

_SUMS: LiteralString = (
    "count(*), sum(before), sum(before * before), sum(orders), sum(orders * orders),"
    " sum(1 / propensity), sum(1 / propensity / propensity), "
) + ", ".join(
    f"sum({value}), sum({value} * {value}::numeric), sum({value} * before),"
    f" sum({value} * orders), sum({value} / propensity),"
    f" sum({value} / propensity / propensity),"
    f" sum({value}::float8 * {value} / propensity / propensity)"
    for value in _VALUES.values()
)

# Amounts before the assignment are as ordered: what came back later may be the arm's doing.
UNIT_OUTCOMES: LiteralString = f"""
    basket as (
        select u.customer_id, u.arm, u.propensity, u.assigned_at,
               count(o.id) filter (where o.placed_at >= u.assigned_at and o.status in {_PAID})
                   as orders,
               coalesce(sum(net_total(o)) filter (
                   where o.placed_at >= u.assigned_at and o.status in {_PAID}), 0) as revenue,
               coalesce(sum(net_amount(o)) filter (
                   where o.placed_at >= u.assigned_at and o.status in {_PAID}), 0) as amount,
               coalesce(sum(o.total_minor) filter (where o.placed_at < u.assigned_at), 0) as before,
               exists (select from redemption r
                        where r.customer_id = u.customer_id and r.campaign_id = %(campaign)s
                          and r.kind = 'redemption' and r.result = 'SUCCESS'
                          and r.created_at >= u.assigned_at
                          and r.created_at < u.assigned_at + %(horizon)s
                          and not exists (select from redemption b
                                           where b.reverses_id in (r.id, r.parent_id)
                                             and b.kind = 'rollback' and b.result = 'SUCCESS'))
                   as redeemed
          from unit u
          left join orders o on o.customer_id = u.customer_id
               and o.placed_at >= u.assigned_at - %(before)s
               and o.placed_at < u.assigned_at + %(horizon)s
               and o.status not in ('CREATED', 'CANCELED')
         group by 1, 2, 3, 4
    ), person as (
        select *, (amount * %(margin_rate_bps)s - (amount - revenue) * 10000) / 10000.0 as margin
          from basket
    )
"""


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """The arm's customers whose outcome was complete on a day, under every metric."""

    arm: str
    day: date
    metrics: dict[Metric, ArmSummary]


class ArmSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers an arm has, how many of them count, and the chances they had of it."""

    arm: str
    assigned: int
    counted: int
    least: float
    most: float
    next_at: datetime | None


async def list_slices(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, weighed: bool, now: datetime
) -> list[Slice]:
    """Sum up outcomes by arm and day of completion, the days in order."""
    query: LiteralString = (
        "with unit as (select customer_id, arm, propensity, assigned_at from experiment_exposure"
        " where experiment_id = %(experiment)s and assigned_at + %(horizon)s <= %(now)s), "
        + UNIT_OUTCOMES
        + " select arm, ((assigned_at + %(horizon)s) at time zone 'UTC')::date, "
        + _SUMS
        + " from person group by 1, 2 order by 2, 1"
    )
    cursor = await tx.execute(
        query, outcome_window(experiment, now=now) | {"margin_rate_bps": margin_rate_bps}
    )
    return [
        Slice(arm=row[0], day=row[1], metrics=_read(row[0], row[2:], weighed))
        for row in await cursor.fetchall()
    ]


async def read_arm(
    tx: Tx, metric: Metric, query: LiteralString, *, given: dict[str, Any]
) -> ArmSummary:
    """Sum up all units of a query that ends in `UNIT_OUTCOMES` as one arm under a metric."""
    cursor = await tx.execute(query + " select " + _SUMS + " from person", given)
    row = await cursor.fetchone()
    assert row is not None
    return _read("all", tuple(figure or 0 for figure in row), False)[metric]


async def list_arm_sizes(tx: Tx, experiment: Experiment, *, now: datetime) -> list[ArmSize]:
    """Count the customers of each arm; ``next_at`` is when the next outcome will be complete."""
    cursor = await tx.execute(
        "select arm, count(*), count(*) filter (where assigned_at + %(horizon)s <= %(now)s),"
        " min(propensity), max(propensity),"
        " min(assigned_at + %(horizon)s) filter (where assigned_at + %(horizon)s > %(now)s)"
        " from experiment_exposure where experiment_id = %(experiment)s group by 1",
        outcome_window(experiment, now=now),
    )
    return [
        ArmSize(
            arm=row[0], assigned=row[1], counted=row[2], least=row[3], most=row[4], next_at=row[5]
        )
        for row in await cursor.fetchall()
    ]


def outcome_window(experiment: Experiment, *, now: datetime) -> dict[str, Any]:
    """What `UNIT_OUTCOMES` has to be told of an experiment, but for the margin's rate."""
    return {
        "experiment": experiment.id,
        "campaign": experiment.campaign_id,
        "horizon": timedelta(days=experiment.horizon_days),
        "before": timedelta(days=max(PRE_DAYS, experiment.horizon_days)),
        "now": now,
    }


async def find_margin_rate(tx: Tx, campaign_id: str | None) -> int | None:
    """Return the margin rate in basis points that somebody set, the campaign's or the project's."""
    cursor = await tx.execute(
        "select coalesce((select metadata -> 'margin_rate_bps' from campaign where id = %s),"
        " settings -> 'margin_rate_bps') from project",
        (campaign_id,),
    )
    row = await cursor.fetchone()
    rate = None if row is None else row[0]
    whole = isinstance(rate, int) and not isinstance(rate, bool) and 0 <= rate <= 10_000
    return rate if whole else None


def _read(arm: str, row: tuple[Any, ...], weighed: bool) -> dict[Metric, ArmSummary]:
    n, before, before_sq, orders, orders_sq, w, w_sq = row[:7]
    metrics: dict[Metric, ArmSummary] = {}
    for number, metric in enumerate(_VALUES):
        y, y_sq, y_before, y_orders, wy, w_sq_y, w_sq_y_sq = row[7 + 7 * number : 14 + 7 * number]
        ratio = metric is Metric.ORDER_VALUE
        metrics[metric] = ArmSummary(
            name=arm,
            sample=Sample(n, float(y), float(y_sq)),
            before=None
            if ratio or weighed
            else Second(Sample(n, float(before), float(before_sq)), float(y_before)),
            denominator=Second(Sample(n, float(orders), float(orders_sq)), float(y_orders))
            if ratio
            else None,
            weighed=Weighed(*map(float, (w, wy, w_sq, w_sq_y, w_sq_y_sq)))
            if weighed and not ratio
            else None,
        )
    return metrics
