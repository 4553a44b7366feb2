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

# The cap is on all arms' customers together: who is in which arm has no say in it. The share is the
# design's, the amount what it comes to; without a share nothing is capped.
_CAPPED: LiteralString = """
    , cap as (
        select percentile_disc(coalesce(%(winsor_bps)s, 10000) / 10000.0::float8)
                   within group (order by revenue) as revenue,
               percentile_disc(coalesce(%(winsor_bps)s, 10000) / 10000.0::float8)
                   within group (order by margin) as margin
          from person
    ), capped as (
        select p.customer_id, p.arm, p.propensity, p.assigned_at, p.orders, p.before, p.redeemed,
               least(p.revenue, cap.revenue) as revenue, least(p.margin, cap.margin) as margin
          from person p, cap
    )
"""

# Nobody who bought before, and thirds of those who did by what they spent, over all arms.
_STRATA: LiteralString = """
    , bound as (
        select percentile_disc(1 / 3.0::float8) within group (order by before) as low,
               percentile_disc(2 / 3.0::float8) within group (order by before) as high
          from person where before > 0
    ), placed as (
        select p.*, case when p.before <= 0 then 'none' when p.before <= bound.low then 'low'
                         when p.before <= bound.high then 'middle' else 'high' end as stratum
          from capped p, bound
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


class Unit(msgspec.Struct, frozen=True):
    """A customer whose days are over: the arm, its chance, the outcome, and the time before."""

    arm: str
    chance: float
    outcome: float
    before: float


_COUNTED: LiteralString = (
    "with unit as (select customer_id, arm, propensity, assigned_at from experiment_exposure"
    " where experiment_id = %(experiment)s and assigned_at + %(horizon)s <= %(now)s), "
)


async def list_slices(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, weighed: bool, now: datetime
) -> list[Slice]:
    """Sum up outcomes by arm and day of completion, the days in order."""
    query: LiteralString = (
        _COUNTED
        + UNIT_OUTCOMES
        + _CAPPED
        + " select arm, ((assigned_at + %(horizon)s) at time zone 'UTC')::date, "
        + _SUMS
        + " from capped group by 1, 2 order by 2, 1"
    )
    cursor = await tx.execute(query, _given(experiment, margin_rate_bps, now))
    return [
        Slice(arm=row[0], day=row[1], metrics=_read(row[0], row[2:], weighed))
        for row in await cursor.fetchall()
    ]


async def list_strata(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, now: datetime
) -> dict[str, dict[str, Sample]]:
    """Sum up the experiment's metric by arm and stratum of the time before."""
    value = _VALUES[experiment.metric]
    query: LiteralString = (
        _COUNTED
        + UNIT_OUTCOMES
        + _CAPPED
        + _STRATA
        + f" select arm, stratum, count(*), sum({value}), sum({value} * {value}::numeric)"
        + " from placed group by 1, 2"
    )
    cursor = await tx.execute(query, _given(experiment, margin_rate_bps, now))
    found: dict[str, dict[str, Sample]] = {}
    for arm, stratum, n, total, total_sq in await cursor.fetchall():
        found.setdefault(arm, {})[stratum] = Sample(n, float(total), float(total_sq))
    return found


async def list_units(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, now: datetime
) -> list[Unit]:
    """Return every customer who counts, by the experiment's metric, in the order of ids."""
    query: LiteralString = (
        _COUNTED
        + UNIT_OUTCOMES
        + _CAPPED
        + f" select arm, propensity, {_VALUES[experiment.metric]}::float8, before::float8"
        + " from capped order by customer_id"
    )
    cursor = await tx.execute(query, _given(experiment, margin_rate_bps, now))
    return [Unit(*row) for row in await cursor.fetchall()]


def _given(experiment: Experiment, margin_rate_bps: int, now: datetime) -> dict[str, Any]:
    return outcome_window(experiment, now=now) | {
        "margin_rate_bps": margin_rate_bps,
        "winsor_bps": experiment.winsor_bps,
    }


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
