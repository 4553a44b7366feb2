"""The project at a glance."""

from datetime import datetime

from kaquan.insight.model import Dashboard
from kaquan.insight.store import get_recent, get_totals, list_live_campaigns, list_weeks
from kaquan.runtime import Tx, get_project

WEEKS = 26
MOST_CAMPAIGNS = 50


async def dashboard(tx: Tx, *, now: datetime, weeks: int = WEEKS) -> Dashboard:
    """Return the figures of the home page as of ``now``.

    The weeks end with the one of the latest paid order, so that imported history shows itself;
    ``weeks`` without an order are there, with zeros. At most 50 live campaigns, newest first.
    """
    project = await get_project(tx)
    totals = await get_totals(tx, now=now)
    return Dashboard(
        currency=project.currency,
        time_zone=project.time_zone,
        generated_at=now,
        totals=totals,
        recent=await get_recent(tx, now=now),
        weeks=await list_weeks(
            tx,
            until=totals.last_order_at or now,
            zone=project.time_zone,
            weeks=weeks,
            now=now,
        ),
        live=await list_live_campaigns(tx, limit=MOST_CAMPAIGNS, now=now),
    )
