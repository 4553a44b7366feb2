"""SQL for projects, long work and remembered answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from kaquan.runtime.database import Tx, set_project, struct_row
from kaquan.runtime.errors import NotFound
from kaquan.runtime.model import ActionStatus, AsyncAction, Project

PROJECT_DIRECTORY = "project-directory"


async def insert_project(tx: Tx, project: Project) -> Project:
    """Store a new project under the next number and let ``tx`` see it from here on."""
    await tx.execute(
        "select set_config('kaquan.project_id',"
        " nextval(pg_get_serial_sequence('kaquan.project', 'project_id'))::text, true)"
    )
    await tx.execute(
        "insert into project (project_id, id, name, currency, time_zone, language, sandbox,"
        " settings, created_at)"
        " values (current_project(), %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            project.id,
            project.name,
            project.currency,
            project.time_zone,
            project.language,
            project.sandbox,
            Jsonb(project.settings),
            project.created_at,
        ),
    )
    entered = await get_project(tx)
    await set_project(tx, entered.project_id)
    return entered


async def get_project(tx: Tx) -> Project:
    """Return the project of the transaction."""
    async with tx.cursor(row_factory=struct_row(Project)) as cursor:
        await cursor.execute("select * from project where project_id = current_project()")
        project = await cursor.fetchone()
    if project is None:
        raise NotFound("project", "of this request")
    return project


async def list_projects(tx: Tx) -> list[Project]:
    """Return every project that is not shut; ``tx`` was opened with ``lookup=PROJECT_DIRECTORY``."""
    async with tx.cursor(row_factory=struct_row(Project)) as cursor:
        await cursor.execute("select * from project where closed_at is null order by project_id")
        return await cursor.fetchall()


async def insert_action(tx: Tx, action: AsyncAction) -> None:
    """Store long work that was just asked for."""
    await tx.execute(
        "insert into async_action (id, kind, status, done, total, request, created_at, updated_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            action.id,
            action.kind,
            action.status,
            action.done,
            action.total,
            Jsonb(action.request),
            action.created_at,
            action.updated_at,
        ),
    )


async def get_action(tx: Tx, action_id: str, *, lock: bool = False) -> AsyncAction:
    """Return long work by id; ``lock`` keeps others from advancing it in the meantime."""
    query = (
        "select id, kind, status, done, total, request, result, created_at, updated_at"
        " from async_action where id = %s"
    )
    async with tx.cursor(row_factory=struct_row(AsyncAction)) as cursor:
        if lock:
            await cursor.execute(query + " for update", (action_id,))
        else:
            await cursor.execute(query, (action_id,))
        action = await cursor.fetchone()
    if action is None:
        raise NotFound("async action", action_id)
    return action


async def list_actions(
    tx: Tx,
    *,
    limit: int,
    kind: str | None = None,
    unfinished: bool = False,
    before: datetime | None = None,
) -> list[AsyncAction]:
    """Return the most recent long work, newest first.

    Of one kind, not (well) done yet, or asked for ``before`` a moment.
    """
    async with tx.cursor(row_factory=struct_row(AsyncAction)) as cursor:
        await cursor.execute(
            "select id, kind, status, done, total, request, result, created_at, updated_at"
            " from async_action where (%(kind)s::text is null or kind = %(kind)s)"
            " and (not %(unfinished)s or status <> 'done')"
            " and (%(before)s::timestamptz is null or created_at < %(before)s)"
            " order by created_at desc, id desc limit %(limit)s",
            {"kind": kind, "unfinished": unfinished, "limit": limit, "before": before},
        )
        return await cursor.fetchall()


async def update_action(
    tx: Tx,
    action_id: str,
    *,
    status: ActionStatus,
    done: int,
    result: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Advance long work to ``done`` units."""
    await tx.execute(
        "update async_action set status = %s, done = %s, result = coalesce(%s, result),"
        " updated_at = %s where id = %s",
        (status, done, None if result is None else Jsonb(result), now, action_id),
    )


class RememberedAnswer(msgspec.Struct, frozen=True):
    """An answer given before to the same key, and the fingerprint of what had asked for it.

    ``body`` is None where it was erased.
    """

    fingerprint: bytes
    status: int
    body: bytes | None


async def look_up_answers(
    tx: Tx, keys: Sequence[tuple[str, str]], *, since: datetime
) -> list[tuple[bool, RememberedAnswer | None]]:
    """Take idempotency keys (route and key) for this transaction, and return their answers.

    The first of each pair is False when another transaction is at the key. Answers older than
    ``since`` are forgotten.
    """
    routes, names = [route for route, _ in keys], [name for _, name in keys]
    async with tx.pipeline():
        taken = await tx.execute(
            "select pg_try_advisory_xact_lock(hashtextextended("
            "   current_project() || ' ' || asked.route || ' ' || asked.key, 0))"
            " from unnest(%s::text[], %s::text[]) with ordinality as asked (route, key, number)"
            " order by number",
            (routes, names),
        )
        # A statement of its own, so that it sees what was answered until the key was taken.
        found = await tx.execute(
            "select route, key, fingerprint, status, body from idempotency"
            " where (route, key) in (select * from unnest(%s::text[], %s::text[]))"
            " and created_at >= %s",
            (routes, names, since),
        )
        free = [bool(row[0]) for row in await taken.fetchall()]
        known = {
            (route, key): RememberedAnswer(fingerprint, status, body)
            for route, key, fingerprint, status, body in await found.fetchall()
        }
    return [(is_free, known.get(key)) for is_free, key in zip(free, keys, strict=True)]


async def delete_answers(
    tx: Tx, after: tuple[str, str], *, before: datetime, limit: int
) -> tuple[str, str] | None:
    """Of the ``limit`` answers behind a route and key, delete those given ``before`` a moment.

    Returns the last route and key that were looked at, None when none were left. What a request is
    just answering by, or renewing, is passed over.
    """
    cursor = await tx.execute(
        "with seen as materialized (select route, key, created_at from idempotency"
        "   where (route, key) > (%(route)s, %(key)s) order by route, key limit %(limit)s),"
        " old as (select i.route, i.key from idempotency i join seen using (route, key)"
        "   where seen.created_at < %(before)s and i.created_at < %(before)s"
        "   for update of i skip locked),"
        " gone as (delete from idempotency i using old"
        "   where i.route = old.route and i.key = old.key)"
        " select route, key from seen order by route desc, key desc limit 1",
        {"route": after[0], "key": after[1], "before": before, "limit": limit},
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def insert_answers(
    tx: Tx, answers: Sequence[tuple[str, str, RememberedAnswer]], *, now: datetime
) -> None:
    """Remember answers by route and key; an expired one under the same key is replaced."""
    await tx.execute(
        "insert into idempotency (route, key, fingerprint, status, body, created_at)"
        " select *, %s from unnest(%s::text[], %s::text[], %s::bytea[], %s::int[], %s::bytea[])"
        " on conflict (project_id, route, key) do update"
        " set fingerprint = excluded.fingerprint, status = excluded.status,"
        " body = excluded.body, created_at = excluded.created_at",
        (
            now,
            [route for route, _, _ in answers],
            [key for _, key, _ in answers],
            [answer.fingerprint for _, _, answer in answers],
            [answer.status for _, _, answer in answers],
            [answer.body for _, _, answer in answers],
        ),
    )
