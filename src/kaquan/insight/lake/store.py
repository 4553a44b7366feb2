"""SQL of the lake: notes of changes, files, and the facts themselves, as ``kaquan_bi`` shows them."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import LiteralString

from psycopg import sql

from kaquan.insight.lake.model import TABLES, Feed, Kind, LakeFile, is_dated
from kaquan.runtime import Tx, struct_row

_ENDED = sql.SQL(
    "case when since_xid < pg_snapshot_xmin(pg_current_snapshot()) then true"
    " else not exists (select from pg_locks l left join pg_stat_activity a using (pid)"
    "  where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted"
    "  and age(l.transactionid) >= age(since_xid::xid)"
    "  and coalesce(a.datname, current_database()) = current_database()) end"
)
"""Whether all transactions of this database (or prepared ones) that began to write before ended.

What runs in other databases of the server cannot have touched ours: it is not waited for.
"""
_FILE: LiteralString = "path, topic, low, high, row_count, byte_count, written_at"


async def open_feed(tx: Tx) -> None:
    """Have the triggers note changes from the end of this transaction on; once for a project."""
    await tx.execute(
        "insert into lake_feed (since_xid) values (pg_current_xact_id()) on conflict do nothing"
    )


async def find_feed(tx: Tx) -> Feed | None:
    """Return what the project's lake was written with; None when it never was."""
    return await _feed(tx, sql.SQL(""))


async def lock_feed(tx: Tx) -> Feed | None:
    """Become the one who copies; None when another one is at it or nothing was opened."""
    return await _feed(tx, sql.SQL(" for update skip locked"))


async def wait_for_feed(tx: Tx) -> Feed | None:
    """Become the one who copies when the other one is done; None when nothing was opened."""
    return await _feed(tx, sql.SQL(" for update"))


async def _feed(tx: Tx, lock: sql.SQL) -> Feed | None:
    async with tx.cursor(row_factory=struct_row(Feed)) as cursor:
        await cursor.execute(
            sql.SQL("select zone, schema, synced_at, {} as ready from lake_feed").format(_ENDED)
            + lock
        )
        return await cursor.fetchone()


async def mark_synced(tx: Tx, *, zone: str, schema: int, now: datetime) -> None:
    """Note what the files were written with, and when."""
    await tx.execute(
        "update lake_feed set zone = %s, schema = %s, synced_at = %s", (zone, schema, now)
    )


async def take_changes(tx: Tx) -> list[tuple[str, date | None]]:
    """Take the notes that are committed: topics and days, None for a table that is one file."""
    cursor = await tx.execute(
        "with taken as (delete from lake_change returning topic, day)"
        " select distinct topic, nullif(day, '-infinity') as day from taken order by 1, 2"
    )
    return [(topic, day) for topic, day in await cursor.fetchall()]


async def list_changed_topics(tx: Tx) -> list[str]:
    """Return the topics that have notes waiting, and take none."""
    cursor = await tx.execute("select distinct topic from lake_change order by 1")
    return [topic for (topic,) in await cursor.fetchall()]


async def list_days(tx: Tx, table: str) -> list[date]:
    """Return the days (UTC) on which a dated table has rows."""
    cursor = await tx.execute(
        sql.SQL("select distinct (at at time zone 'UTC')::date as day from {} order by 1").format(
            _view(table)
        )
    )
    return [day for (day,) in await cursor.fetchall()]


async def count_rows(tx: Tx, table: str) -> int:
    """Count a table's rows as the views show them now."""
    cursor = await tx.execute(sql.SQL("select count(*) from {}").format(_view(table)))
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def copy_rows(tx: Tx, table: str, *, low: date, high: date) -> AsyncIterator[bytes]:
    """Yield a table's rows of low <= day < high (UTC) as CSV; moments are microseconds."""
    columns = sql.SQL(", ").join(_column(name, kind) for name, kind in TABLES[table].items())
    query = sql.SQL("select {} from {}").format(columns, _view(table))
    if is_dated(table):
        query += sql.SQL(" where at >= {} and at < {} order by at").format(
            sql.Literal(f"{low}T00:00:00Z"), sql.Literal(f"{high}T00:00:00Z")
        )
    async with (
        tx.cursor() as cursor,
        cursor.copy(sql.SQL("copy ({}) to stdout (format csv)").format(query)) as copy,
    ):
        async for part in copy:
            yield bytes(part)


def _view(table: str) -> sql.Identifier:
    return sql.Identifier("kaquan_bi", table)


def _column(name: str, kind: Kind) -> sql.Composable:
    column = sql.Identifier(name)
    if kind is Kind.TIME:
        return sql.SQL("(extract(epoch from {}) * 1000000)::bigint").format(column)
    return column


async def list_files(tx: Tx, topics: Sequence[str]) -> list[LakeFile]:
    """Return the files that hold these tables now, in order of their days."""
    async with tx.cursor(row_factory=struct_row(LakeFile)) as cursor:
        await cursor.execute(
            f"select {_FILE} from lake_file"
            " where replaced_at is null and topic = any(%s) order by topic, low",
            (list(topics),),
        )
        return await cursor.fetchall()


async def replace_files(
    tx: Tx, topic: str, *, low: date, high: date, by: LakeFile | None, now: datetime
) -> None:
    """Put a file in the place of those whose days are in this span; None leaves none."""
    await tx.execute(
        "update lake_file set replaced_at = %s"
        " where replaced_at is null and topic = %s and low >= %s and high <= %s",
        (now, topic, low, high),
    )
    if by is not None:
        await tx.execute(
            f"insert into lake_file ({_FILE}) values (%s, %s, %s, %s, %s, %s, %s)",
            (by.path, topic, low, high, by.row_count, by.byte_count, by.written_at),
        )


async def list_paths(tx: Tx, *, replaced_before: datetime | None = None) -> list[str]:
    """Return the paths of all known files, or of those that were replaced before a moment."""
    cursor = await tx.execute(
        "select path from lake_file where %(before)s::timestamptz is null"
        " or replaced_at < %(before)s order by 1",
        {"before": replaced_before},
    )
    return [path for (path,) in await cursor.fetchall()]


async def forget_files(tx: Tx, paths: Sequence[str]) -> None:
    """Strike files off that are gone."""
    await tx.execute("delete from lake_file where path = any(%s)", (list(paths),))
