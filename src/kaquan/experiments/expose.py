"""Recording who was assigned to what, before anything is sent."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.experiments.model import Assignment
from kaquan.experiments.store import insert_exposures, list_assignments
from kaquan.runtime import Tx


async def record_exposures(
    tx: Tx, campaign_id: str, assigned: Sequence[tuple[str, Assignment]], *, now: datetime
) -> dict[str, Assignment]:
    """Record assignments of a campaign's customers, any number at once.

    Whoever was assigned before keeps the first assignment. Returns, for each customer id given,
    the assignment that stands: this, and not what was passed in, decides what is done.
    """
    await insert_exposures(tx, campaign_id, assigned, now=now)
    return await list_assignments(tx, campaign_id, [customer_id for customer_id, _ in assigned])
