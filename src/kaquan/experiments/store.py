"""SQL of the exposure log. It is only ever added to."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.experiments.model import Arm, Assignment, Exposure, ExposureCounts
from kaquan.runtime import Tx, struct_row


async def insert_exposures(
    tx: Tx, campaign_id: str, assigned: Sequence[tuple[str, Assignment]], *, now: datetime
) -> int:
    """Record assignments in one statement, leaving earlier ones as they are; returns the new.

    Rows go in by customer id, so that two writers never wait for each other in a circle.
    """
    cursor = await tx.execute(
        "insert into exposure (campaign_id, customer_id, arm, propensity, assigned_at)"
        " select %s, given.*, %s"
        " from unnest(%s::text[], %s::text[], %s::float8[]) as given (customer_id, arm, propensity)"
        " order by given.customer_id"
        " on conflict (project_id, campaign_id, customer_id) do nothing",
        (
            campaign_id,
            now,
            [customer_id for customer_id, _ in assigned],
            [assignment.arm.value for _, assignment in assigned],
            [assignment.propensity for _, assignment in assigned],
        ),
    )
    return cursor.rowcount


async def list_assignments(
    tx: Tx, campaign_id: str, customer_ids: Sequence[str]
) -> dict[str, Assignment]:
    """Return what is recorded for these customers of a campaign."""
    cursor = await tx.execute(
        "select customer_id, arm, propensity from exposure"
        " where campaign_id = %s and customer_id = any(%s)",
        (campaign_id, list(customer_ids)),
    )
    return {
        customer_id: Assignment(Arm(arm), propensity)
        for customer_id, arm, propensity in await cursor.fetchall()
    }


async def find_exposure(tx: Tx, campaign_id: str, customer_id: str) -> Exposure | None:
    """Return the customer's assignment in a campaign."""
    async with tx.cursor(row_factory=struct_row(Exposure)) as cursor:
        await cursor.execute(
            "select campaign_id, customer_id, arm, propensity, assigned_at from exposure"
            " where campaign_id = %s and customer_id = %s",
            (campaign_id, customer_id),
        )
        return await cursor.fetchone()


async def list_exposures(
    tx: Tx, campaign_id: str, *, limit: int, after: str = ""
) -> list[Exposure]:
    """Return a campaign's assignments by customer id, those after ``after`` first."""
    async with tx.cursor(row_factory=struct_row(Exposure)) as cursor:
        await cursor.execute(
            "select campaign_id, customer_id, arm, propensity, assigned_at from exposure"
            " where campaign_id = %s and customer_id > %s order by customer_id limit %s",
            (campaign_id, after, limit),
        )
        return await cursor.fetchall()


async def count_exposures(tx: Tx, campaign_id: str) -> ExposureCounts:
    """Return how many customers of a campaign are in each arm."""
    cursor = await tx.execute(
        "select count(*) filter (where arm = 'treatment'),"
        " count(*) filter (where arm = 'holdout') from exposure where campaign_id = %s",
        (campaign_id,),
    )
    row = await cursor.fetchone()
    assert row is not None
    return ExposureCounts(treatment=row[0], holdout=row[1])
