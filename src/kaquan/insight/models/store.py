"""SQL of the registry of models."""

from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.insight.models.model import (
    Drift,
    Lack,
    ModelKind,
    ModelRun,
    ModelVersion,
    RunStatus,
    Trained,
    Verdict,
)
from kaquan.runtime import NotFound, Page, Tx, new_id, struct_row

_MODEL: LiteralString = """
    select id, kind, version, status, card, verdict, trained_at, activated_at, retired_at,
           scored_at, scored_count
      from prediction_model
"""
_RUN: LiteralString = """
    select id, kind, status, subject, arm, control, asked_by, model_id, lacks, created_at,
           finished_at, alive_until
      from model_run
"""
_ORDERS: dict[str, LiteralString] = {
    "-trained_at": "trained_at desc, id desc",
    "trained_at": "trained_at, id",
    "kind": "kind, version desc",
    "-kind": "kind desc, version desc",
}
MODEL_ORDERS = tuple(_ORDERS)
_DRIFTS_KEPT = 52


async def insert_model(
    tx: Tx, trained: Trained, verdict: Verdict, *, now: datetime
) -> ModelVersion:
    """Store a version; one that activates retires the active one of its kind and scope."""
    kind, scope = trained.card.kind, trained.card.scope
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' model', 0))"
    )
    if verdict.retires:
        await tx.execute(
            "update prediction_model set status = 'retired', retired_at = %s"
            " where kind = %s and scope = %s and status = 'active'",
            (now, kind, scope),
        )
    model_id = new_id("model")
    await tx.execute(
        "insert into prediction_model (id, kind, scope, version, status, card, verdict, artifact,"
        " trained_at, activated_at)"
        " select %(id)s, %(kind)s, %(scope)s, coalesce(max(version), 0) + 1, %(status)s, %(card)s,"
        "        %(verdict)s, %(artifact)s, %(now)s, %(activated)s"
        "   from prediction_model where kind = %(kind)s",
        {
            "id": model_id,
            "kind": kind,
            "scope": scope,
            "status": "active" if verdict.activates else "candidate",
            "card": _json(trained.card),
            "verdict": _json(verdict),
            "artifact": trained.artifact,
            "now": now,
            "activated": now if verdict.activates else None,
        },
    )
    return await get_model(tx, model_id)


async def get_model(tx: Tx, model_id: str) -> ModelVersion:
    """Return a version; raises NotFound."""
    async with tx.cursor(row_factory=struct_row(ModelVersion)) as cursor:
        await cursor.execute(_MODEL + " where id = %s", (model_id,))
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("model", model_id)
    return found


async def find_active(tx: Tx, kind: ModelKind) -> ModelVersion | None:
    """Return the version of a kind that scores customers, or None; not for uplift (`list_active`)."""
    async with tx.cursor(row_factory=struct_row(ModelVersion)) as cursor:
        await cursor.execute(_MODEL + " where kind = %s and status = 'active'", (kind,))
        return await cursor.fetchone()


async def list_active(tx: Tx, kind: ModelKind) -> list[ModelVersion]:
    """Return all versions of a kind that score customers: of uplift, one a pair of arms."""
    async with tx.cursor(row_factory=struct_row(ModelVersion)) as cursor:
        await cursor.execute(
            _MODEL + " where kind = %s and status = 'active' order by activated_at desc, id",
            (kind,),
        )
        return await cursor.fetchall()


async def list_models(
    tx: Tx,
    *,
    kind: ModelKind | None = None,
    order: str = "-trained_at",
    limit: int,
    page: int = 1,
) -> Page[ModelVersion]:
    """Return a page of versions in one of `MODEL_ORDERS`."""
    condition: LiteralString = " where %(kind)s::text is null or kind = %(kind)s"
    given: dict[str, Any] = {"kind": kind, "limit": limit, "offset": (page - 1) * limit}
    async with tx.cursor(row_factory=struct_row(ModelVersion)) as cursor:
        await cursor.execute(
            _MODEL
            + condition
            + " order by "
            + _ORDERS[order]
            + " limit %(limit)s offset %(offset)s",
            given,
        )
        found = await cursor.fetchall()
    counting = await tx.execute("select count(*) from prediction_model" + condition, given)
    row = await counting.fetchone()
    assert row is not None
    return Page(found, row[0], str(page + 1) if page * limit < row[0] else None)


async def read_artifact(tx: Tx, model_id: str) -> bytes:
    """Return what predicts; raises NotFound."""
    cursor = await tx.execute("select artifact from prediction_model where id = %s", (model_id,))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("model", model_id)
    return row[0]


async def update_scored(tx: Tx, model_id: str, *, count: int, as_of: datetime) -> None:
    """Note that a version has scored so many customers as of a moment."""
    await tx.execute(
        "update prediction_model set scored_at = %s, scored_count = %s where id = %s",
        (as_of, count, model_id),
    )


async def insert_run(tx: Tx, run: ModelRun) -> None:
    """Store a request to train."""
    await tx.execute(
        "insert into model_run (id, kind, status, subject, arm, control, asked_by, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(run.id, run.kind, run.status, run.subject, run.arm, run.control),
            *(run.asked_by, run.created_at),
        ),
    )


async def get_run(tx: Tx, run_id: str, *, lock: bool = False) -> ModelRun:
    """Return a request, kept from others' changes with ``lock``; raises NotFound."""
    suffix: LiteralString = " for update" if lock else ""
    async with tx.cursor(row_factory=struct_row(ModelRun)) as cursor:
        await cursor.execute(_RUN + " where id = %s" + suffix, (run_id,))
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("model run", run_id)
    return found


async def find_pending(
    tx: Tx, kind: ModelKind, subject: str | None, *, arm: str | None, control: str | None
) -> ModelRun | None:
    """Return the latest request of the same that is not finished, or None."""
    async with tx.cursor(row_factory=struct_row(ModelRun)) as cursor:
        await cursor.execute(
            _RUN + " where kind = %s and subject is not distinct from %s"
            " and arm is not distinct from %s and control is not distinct from %s"
            " and status = 'pending' order by created_at desc, id desc limit 1",
            (kind, subject, arm, control),
        )
        return await cursor.fetchone()


async def update_alive(tx: Tx, run_id: str, *, until: datetime) -> None:
    """Say that somebody works on a request, and until when they may be silent."""
    await tx.execute(
        "update model_run set alive_until = %s where id = %s and status = 'pending'",
        (until, run_id),
    )


async def list_latest_runs(tx: Tx) -> list[ModelRun]:
    """Return the latest request of each kind, and of each experiment's pair of arms."""
    async with tx.cursor(row_factory=struct_row(ModelRun)) as cursor:
        await cursor.execute(
            "select distinct on (kind, subject, arm, control) r.* from (" + _RUN + ") r"
            " order by kind, subject, arm, control, created_at desc, id desc"
        )
        return await cursor.fetchall()


async def update_run(
    tx: Tx,
    run_id: str,
    *,
    status: RunStatus,
    model_id: str | None = None,
    lacks: tuple[Lack, ...] = (),
    now: datetime,
) -> None:
    """Store what became of a request; a pending one with a model has only to score yet."""
    await tx.execute(
        "update model_run set status = %s, model_id = coalesce(%s, model_id), lacks = %s,"
        " finished_at = %s where id = %s",
        (status, model_id, _json(lacks), None if status is RunStatus.PENDING else now, run_id),
    )


async def list_people(tx: Tx, *, after: str, limit: int) -> list[str]:
    """Return customers' ids in order, from behind one on."""
    cursor = await tx.execute(
        "select id from customer where erased_at is null and id > %s order by id limit %s",
        (after, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def insert_drift(tx: Tx, model_id: str, drift: Drift) -> None:
    """Store a look at a model."""
    await tx.execute(
        "insert into model_drift (model_id, checked_at, report) values (%s, %s, %s)"
        " on conflict do nothing",
        (model_id, drift.checked_at, _json(drift)),
    )


async def list_drifts(tx: Tx, model_id: str) -> list[Drift]:
    """Return the latest looks at a model, the newest first."""
    cursor = await tx.execute(
        "select report from model_drift where model_id = %s order by checked_at desc limit %s",
        (model_id, _DRIFTS_KEPT),
    )
    return [msgspec.convert(row[0], Drift) for row in await cursor.fetchall()]


async def list_score_shares(
    tx: Tx, name: str, *, bins: int
) -> tuple[int, list[tuple[float, float, int]]]:
    """Return how many have a prediction, and how they spread: from, to and count of equal steps.

    The steps go from the least to the 99th percentile; the last one holds all above it.
    """
    cursor = await tx.execute(
        "with bound as (select min(value)::float8 as low, count(*) as n,"
        "   percentile_disc(0.99) within group (order by value)::float8 as high"
        "   from customer_score where name = %(name)s)"
        " select b.n, b.low, b.high,"
        "   case when b.high > b.low then"
        "     least(floor((k.value::float8 - b.low) / (b.high - b.low) * %(bins)s), %(bins)s - 1)"
        "   else 0 end::int as place, count(*)"
        "  from customer_score k cross join bound b where k.name = %(name)s group by 1, 2, 3, 4"
        " order by 4",
        {"name": name, "bins": bins},
    )
    rows = await cursor.fetchall()
    if not rows:
        return 0, []
    total, low, high = rows[0][0], rows[0][1], rows[0][2]
    steps = bins if high > low else 1
    counts = {row[3]: row[4] for row in rows}
    width = (high - low) / steps
    return total, [
        (low + width * place, low + width * (place + 1), counts.get(place, 0))
        for place in range(steps)
    ]


def _json(value: object) -> Jsonb:
    return Jsonb(msgspec.to_builtins(value))
