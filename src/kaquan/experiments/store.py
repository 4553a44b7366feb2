"""SQL of the exposure log. It is only ever added to."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from kaquan.experiments.model import (
    Arm,
    Assignment,
    Experiment,
    Exposure,
    ExposureCounts,
    Placement,
    Standing,
)
from kaquan.runtime import Tx, struct_row

_ARMS: LiteralString = (
    "select e.campaign_id, e.customer_id, e.arm, e.propensity"
    "  from unnest(%s::text[], %s::text[]) as asked (campaign_id, customer_id)"
    "  join exposure e on e.campaign_id = asked.campaign_id"
    "                 and e.customer_id = asked.customer_id"
)
_EVERYWHERE: LiteralString = (
    "select to_json(x)::text,"
    "       (select json_agg(json_build_array(p.customer_id, p.arm, p.propensity))::text"
    "          from experiment_exposure p"
    "         where p.experiment_id = x.id and p.customer_id = any(%s))"
    "  from experiment x where x.status = 'running' and coalesce(x.campaign_id, '') = ''"
)
_EXPERIMENT = msgspec.json.Decoder(Experiment)
_PLACED = msgspec.json.Decoder(list[tuple[str, str, float]])


class StandingAsked(msgspec.Struct, frozen=True):
    """Queries on the standing of customers that are under way, as in a pipeline."""

    arms: AsyncCursor[TupleRow] | None
    everywhere: AsyncCursor[TupleRow] | None

    async def read(self) -> Standing:
        """Fetch the answers."""
        rows = [] if self.arms is None else await self.arms.fetchall()
        found = None if self.everywhere is None else await self.everywhere.fetchone()
        placed = [] if found is None or found[1] is None else _PLACED.decode(found[1])
        return Standing(
            arms={(row[0], row[1]): Assignment(Arm(row[2]), row[3]) for row in rows},
            everywhere=None if found is None else _EXPERIMENT.decode(found[0]),
            placed={one[0]: Placement(one[1], one[2]) for one in placed},
        )


async def ask_standing(
    tx: Tx, pairs: Sequence[tuple[str, str]], customer_ids: Sequence[str]
) -> StandingAsked:
    """Ask what is logged for pairs of campaign and customer, and for customers everywhere."""
    return StandingAsked(
        await tx.execute(_ARMS, ([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
        if pairs
        else None,
        await tx.execute(_EVERYWHERE, (list(customer_ids),)) if customer_ids else None,
    )


async def insert_arms(
    tx: Tx, assigned: Sequence[tuple[tuple[str, str], Assignment]], *, now: datetime
) -> None:
    """Record assignments of several campaigns in one statement, leaving earlier ones alone."""
    await tx.execute(
        "insert into exposure (campaign_id, customer_id, arm, propensity, assigned_at)"
        " select given.*, %s from unnest(%s::text[], %s::text[], %s::text[], %s::float8[])"
        " as given (campaign_id, customer_id, arm, propensity)"
        " order by given.campaign_id, given.customer_id"
        " on conflict (project_id, campaign_id, customer_id) do nothing",
        (
            now,
            [pair[0] for pair, _ in assigned],
            [pair[1] for pair, _ in assigned],
            [assignment.arm.value for _, assignment in assigned],
            [assignment.propensity for _, assignment in assigned],
        ),
    )


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
