"""SQL for projects, long work and remembered answers."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from kaquan.runtime.database import Tx, struct_row
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
    return await get_project(tx)


async def get_project(tx: Tx) -> Project:
    """Return the project of the transaction."""
    async with tx.cursor(row_factory=struct_row(Project)) as cursor:
        await cursor.execute("select * from project where project_id = current_project()")
        project = await cursor.fetchone()
    if project is None:
        raise NotFound("project", "of this request")
    return project


async def list_projects(tx: Tx) -> list[Project]:
    """Return every project; ``tx`` must have been opened with ``lookup=PROJECT_DIRECTORY``."""
    async with tx.cursor(row_factory=struct_row(Project)) as cursor:
        await cursor.execute("select * from project order by project_id")
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
    tx: Tx, *, limit: int, kind: str | None = None, unfinished: bool = False
) -> list[AsyncAction]:
    """Return the most recent long work, newest first; of one kind, or not (well) done yet."""
    async with tx.cursor(row_factory=struct_row(AsyncAction)) as cursor:
        await cursor.execute(
            "select id, kind, status, done, total, request, result, created_at, updated_at"
            " from async_action where (%(kind)s::text is null or kind = %(kind)s)"
            " and (not %(unfinished)s or status <> 'done')"
            " order by created_at desc, id desc limit %(limit)s",
            {"kind": kind, "unfinished": unfinished, "limit": limit},
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
    """An answer given before to the same key, and the fingerprint of what had asked for it."""

    fingerprint: bytes
    status: int
    body: bytes


async def try_lock_key(tx: Tx, route: str, key: str) -> bool:
    """Take the idempotency key for this transaction; False when another one is at it."""
    cursor = await tx.execute(
        "select pg_try_advisory_xact_lock("
        "hashtextextended(current_project() || ' ' || %s || ' ' || %s, 0))",
        (route, key),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def find_answer(tx: Tx, route: str, key: str, *, since: datetime) -> RememberedAnswer | None:
    """Return the remembered answer to a key, unless it is older than ``since``."""
    async with tx.cursor(row_factory=struct_row(RememberedAnswer)) as cursor:
        await cursor.execute(
            "select fingerprint, status, body from idempotency"
            " where route = %s and key = %s and created_at >= %s",
            (route, key, since),
        )
        return await cursor.fetchone()


async def insert_answer(
    tx: Tx, route: str, key: str, *, answer: RememberedAnswer, now: datetime
) -> None:
    """Remember an answer; an expired one under the same key is replaced."""
    await tx.execute(
        "insert into idempotency (route, key, fingerprint, status, body, created_at)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (project_id, route, key) do update"
        " set fingerprint = excluded.fingerprint, status = excluded.status,"
        " body = excluded.body, created_at = excluded.created_at",
        (route, key, answer.fingerprint, answer.status, answer.body, now),
    )
