"""SQL of the planner: what an audience's customers did in the days just past."""

from datetime import datetime, timedelta
from typing import LiteralString

import msgspec

from kaquan.experiments import Metric
from kaquan.insight.experiment.outcome_store import PRE_DAYS, UNIT_OUTCOMES, read_arm
from kaquan.insight.experiment.summary import ArmSummary
from kaquan.runtime import Tx

_ARRIVALS_DAYS = 28

_AUDIENCE: LiteralString = """
    from customer c
    left join segment_member m on m.customer_id = c.id and m.segment_id = %(segment)s
   where c.erased_at is null and (%(segment)s::text is null or m.customer_id is not null)
"""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The audience as one arm without any experiment, its size, and how fast it grows."""

    arm: ArmSummary
    audience: int
    arrivals_a_day: float


async def get_baseline(
    tx: Tx,
    metric: Metric,
    *,
    segment_id: str | None,
    campaign_id: str | None,
    margin_rate_bps: int,
    horizon: timedelta,
    now: datetime,
) -> Baseline:
    """Sum up the last ``horizon`` of those customers who were there before it."""
    given = {
        "segment": segment_id,
        "campaign": campaign_id,
        "margin_rate_bps": margin_rate_bps,
        "horizon": horizon,
        "before": max(horizon, timedelta(days=PRE_DAYS)),
        "start": now - horizon,
        "lately": now - timedelta(days=_ARRIVALS_DAYS),
    }
    unit: LiteralString = (
        "with unit as (select c.id as customer_id, 'all' as arm, 1.0::float8 as propensity,"
        " %(start)s::timestamptz as assigned_at" + _AUDIENCE + " and c.created_at <= %(start)s), "
    )
    arm = await read_arm(tx, metric, unit + UNIT_OUTCOMES, given=given)
    cursor = await tx.execute(
        "select count(*), count(*) filter (where c.created_at > %(lately)s)" + _AUDIENCE, given
    )
    row = await cursor.fetchone()
    assert row is not None
    return Baseline(arm=arm, audience=row[0], arrivals_a_day=row[1] / _ARRIVALS_DAYS)
