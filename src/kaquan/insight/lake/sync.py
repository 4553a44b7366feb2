"""Copying what changed to the lake, checking the copy, and putting small files together.

A file holds a day of a table, or a month that is long over. What changed is copied as a whole day
or month again, in a name of its own; the database says which files stand. So a run may stop
anywhere and be repeated: files that no committed run named are nobody's, and ``compact_lake``
removes them.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from kaquan.insight.lake.model import (
    ALWAYS,
    FED_WITH,
    SCHEMA,
    TABLES,
    Fault,
    Feed,
    LakeFile,
    Synced,
    is_dated,
)
from kaquan.insight.lake.storage import Storage
from kaquan.insight.lake.store import (
    copy_rows,
    count_rows,
    find_feed,
    forget_files,
    list_changed_topics,
    list_days,
    list_files,
    list_paths,
    lock_feed,
    mark_synced,
    open_feed,
    replace_files,
    take_changes,
    wait_for_feed,
)
from kaquan.runtime import Tx, get_project, new_id

DAYS_APART = timedelta(days=35)
"""Months whose last day is longer ago become one file."""
READERS_GRACE = timedelta(minutes=10)
"""How long a replaced file stays for those who were reading it."""
_DAY = timedelta(days=1)
_Span = tuple[str, date, date]


async def sync_lake(tx: Tx, storage: Storage, *, now: datetime) -> Synced:
    """Copy what changed since the last run, everything at the first run.

    ``tx`` commits the copy. The first call of a project only lets changes be noted; the first copy
    waits until whatever began before that has ended. Does nothing while another run is at it.
    """
    if await find_feed(tx) is None:
        await open_feed(tx)
        return Synced(waiting=True)
    feed = await lock_feed(tx)
    if feed is None:
        return Synced()
    if feed.zone is None and not feed.ready:
        return Synced(waiting=True)
    spans = await _spans_to_copy(tx, feed, now=now)
    files = [await _copy_span(tx, storage, span, now=now) for span in spans]
    zone = (await get_project(tx)).time_zone
    await mark_synced(tx, zone=zone, schema=SCHEMA, now=now)
    return Synced(files=len(spans), rows=sum(files))


async def compact_lake(tx: Tx, storage: Storage, *, now: datetime) -> int:
    """Put the days of months that are over into one file each, and remove files nobody needs.

    Returns how many months were written. Waits for a copy that runs.
    """
    if await wait_for_feed(tx) is None:
        return 0
    months: dict[_Span, int] = {}
    for file in await list_files(tx, [name for name in TABLES if is_dated(name)]):
        low, high = _month_of(file.low)
        if high <= _today(now) - DAYS_APART and (file.low, file.high) != (low, high):
            months[file.topic, low, high] = months.get((file.topic, low, high), 0) + 1
    for span in months:
        await _copy_span(tx, storage, span, now=now)
    await _remove_unneeded(tx, storage, now=now)
    return len(months)


async def check_lake(tx: Tx, storage: Storage) -> list[Fault]:
    """Compare the lake with the database: files that are missing or of another size, rows.

    Of a table that changed since the last run the rows are not compared: copy first.
    """
    topics = await list_changed_topics(tx)
    waiting = {table for topic in topics for table in FED_WITH.get(topic, (topic,))}
    faults: list[Fault] = []
    held = dict.fromkeys(TABLES, 0)
    for file in await list_files(tx, list(TABLES)):
        found = storage.byte_count(file.path)
        if found != file.byte_count:
            said = "is missing" if found is None else f"has {found} bytes, not {file.byte_count}"
            faults.append(Fault(file.path, said))
        held[file.topic] += file.row_count
    for table, rows in held.items():
        known = await count_rows(tx, table)
        if table not in waiting and known != rows:
            faults.append(Fault(table, f"{rows} rows in the lake, {known} in the database"))
    return faults


async def _spans_to_copy(tx: Tx, feed: Feed, *, now: datetime) -> list[_Span]:
    """Return what to copy: days (with their months where these are files), and whole tables."""
    changes = await take_changes(tx)
    if feed.schema != SCHEMA or feed.zone != (await get_project(tx)).time_zone:
        return await _all_spans(tx, now=now)
    standing = await list_files(tx, list(TABLES))
    spans: set[_Span] = set()
    for topic, day in changes:
        for table in FED_WITH.get(topic, (topic,)):
            spans.add(_span_of(table, day, [one for one in standing if one.topic == table]))
    return sorted(spans)


async def _all_spans(tx: Tx, *, now: datetime) -> list[_Span]:
    spans: set[_Span] = set()
    for file in await list_files(tx, list(TABLES)):
        spans.add((file.topic, file.low, file.high))
    for table in TABLES:
        if not is_dated(table):
            spans.add((table, ALWAYS, date.max))
            continue
        held = [(low, high) for name, low, high in spans if name == table]
        for day in await list_days(tx, table):
            if any(low <= day < high for low, high in held):
                continue
            low, high = _month_of(day)
            clash = any(low < other_high and other_low < high for other_low, other_high in held)
            if clash or high > _today(now) - DAYS_APART:
                low, high = day, day + _DAY
            held.append((low, high))
            spans.add((table, low, high))
    return sorted(spans)


def _span_of(table: str, day: date | None, standing: Iterable[LakeFile]) -> _Span:
    if day is None:
        return table, ALWAYS, date.max
    for file in standing:
        if file.low <= day < file.high:
            return table, file.low, file.high
    return table, day, day + _DAY


async def _copy_span(tx: Tx, storage: Storage, span: _Span, *, now: datetime) -> int:
    table, low, high = span
    name = "all" if low == ALWAYS else f"from={low}/until={high}"
    project = await get_project(tx)
    path = f"{_folder(project.id)}/{table}/{name}/{new_id('part')}.parquet"
    rows, size = await storage.write(path, table, copy_rows(tx, table, low=low, high=high))
    file = LakeFile(
        path=path,
        topic=table,
        low=low,
        high=high,
        row_count=rows,
        byte_count=size,
        written_at=now,
    )
    await replace_files(tx, table, low=low, high=high, by=file if rows else None, now=now)
    return rows


async def _remove_unneeded(tx: Tx, storage: Storage, *, now: datetime) -> None:
    replaced = await list_paths(tx, replaced_before=now - READERS_GRACE)
    known = set(await list_paths(tx))
    project = await get_project(tx)
    orphans = [one for one in storage.list_paths(_folder(project.id)) if one not in known]
    for path in [*replaced, *orphans]:
        storage.delete(path)
    await forget_files(tx, replaced)


def _folder(project: str) -> str:
    return f"schema={SCHEMA}/project={project}"


def _month_of(day: date) -> tuple[date, date]:
    low = day.replace(day=1)
    return low, (low + timedelta(days=32)).replace(day=1)


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()
