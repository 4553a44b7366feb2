"""Erasures outlive the database: a log in a file, and its replay on what was restored.

A line a person: the project's id, ours of the person, whether what their orders and messages said
went too, and when. The file only grows, and holds nothing but ids.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from kaquan.customers.merging.merge import merge_customers, undo_merge
from kaquan.customers.people import delete_customer, erase_customer
from kaquan.customers.store.erasure import (
    StandingMerge,
    insert_erasures,
    list_standing_merges,
    list_undone_erasures,
    lock_unlogged,
    update_logged,
)
from kaquan.runtime import (
    Database,
    InvalidInput,
    Settings,
    Tx,
    read_projects,
)

_AT_ONCE = 1_000
_BY = "erasures"
"""Who undoes merges, as their records say."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """That a person was erased; ``thorough``: with what was recorded of them."""

    project: str
    customer: str
    thorough: bool
    at: datetime


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """Who was erased again, and the merges that were undone so that nobody else was."""

    erased: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()


def erasure_log(settings: Settings) -> Path:
    """Return where erasures are logged."""
    return settings.erasure_log or settings.data_dir / "erasures.jsonl"


def read_erasures(path: Path) -> list[Erasure]:
    """Return what a log says; nothing for a file that is not there. Raises InvalidInput by line."""
    if not path.is_file():
        return []
    found: list[Erasure] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            # A crash may have cut the last line; the job writes it again.
            if not line.endswith(b"\n") or not line.strip():
                continue
            try:
                found.append(msgspec.json.decode(line, type=Erasure))
            except msgspec.MsgspecError as error:
                message = f"Line {number} of the log of erasures cannot be read: {error}"
                raise InvalidInput(message, field=f"line {number}") from error
    return found


async def log_erasures(database: Database, path: Path, *, clock: Callable[[], datetime]) -> int:
    """Append to the log who was erased since the last time; returns how many.

    A line is on the disk before it is noted as logged: a crash between may write it twice, which
    does no harm.
    """
    count = 0
    for project in await read_projects(database):
        while True:
            async with database.transaction(project.project_id) as tx:
                rows = await lock_unlogged(tx, limit=_AT_ONCE)
                lines = [
                    Erasure(project=project.id, customer=id_, thorough=thorough, at=at)
                    for id_, thorough, at in rows
                ]
                if lines:
                    await asyncio.to_thread(_append, path, lines)
                    await update_logged(tx, [row[0] for row in rows], now=clock())
            count += len(rows)
            if len(rows) < _AT_ONCE:
                break
    return count


async def replay_log(database: Database, path: Path, *, clock: Callable[[], datetime]) -> Replayed:
    """Erase again whoever the log says was erased and who is in the database nevertheless.

    For a database that was restored from a dump older than an erasure. May be run at any time,
    and again: who is erased already is passed over. Raises InvalidInput for a log that cannot be
    read.
    """
    return await _replay(database, read_erasures(path), clock=clock)


async def _replay(
    database: Database, erasures: Sequence[Erasure], *, clock: Callable[[], datetime]
) -> Replayed:
    replayed = Replayed()
    for project in await read_projects(database):
        mine = {one.customer: one for one in erasures if one.project == project.id}
        if not mine:
            continue
        async with database.transaction(project.project_id) as tx:
            there = await list_undone_erasures(tx, list(mine))
            undone = await _part(tx, there, now=clock())
        for id_ in there:
            async with database.transaction(project.project_id) as tx:
                # Who is one person with somebody erased a moment ago went with them.
                if await list_undone_erasures(tx, [id_]):
                    await _erase(tx, mine[id_], now=clock())
        replayed = Replayed(erased=(*replayed.erased, *there), undone=(*replayed.undone, *undone))
    return replayed


async def _part(tx: Tx, erased: Sequence[str], *, now: datetime) -> list[str]:
    """Undo merges of people to be erased with people who are not; returns the merges.

    A dump may know such a merge where it was undone before the erasure. Newer merges are undone
    first; those among people of whom none is to be erased are done again.
    """
    gone = set(erased)
    merges = await list_standing_merges(tx, erased)
    groups = _group(merges)
    mixed = [
        merge
        for merge in merges
        if any(merge.survivor_id in group and group - gone for group in groups)
    ]
    for merge in mixed:
        await undo_merge(tx, merge.id, by=_BY, now=now)
    for merge in reversed(mixed):
        if not gone & {merge.survivor_id, merge.merged_id}:
            await merge_customers(
                tx, merge.survivor_id, merge.merged_id, by=_BY, reason=merge.reason, now=now
            )
    return [merge.id for merge in mixed]


def _group(merges: Sequence[StandingMerge]) -> list[set[str]]:
    """Return who is one person by these merges."""
    groups: list[set[str]] = []
    for merge in merges:
        pair = {merge.survivor_id, merge.merged_id}
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair]
        groups.append(pair.union(*touched))
    return groups


async def _erase(tx: Tx, erasure: Erasure, *, now: datetime) -> None:
    await insert_erasures(
        tx, [erasure.customer], thorough=erasure.thorough, at=erasure.at, logged_at=now
    )
    if erasure.thorough:
        await erase_customer(tx, erasure.customer, now=now)
    else:
        await delete_customer(tx, erasure.customer, now=now)


def _append(path: Path, lines: Sequence[Erasure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        if log.tell() and not _ends_a_line(path):
            log.write(b"\n")
        log.write(msgspec.json.Encoder().encode_lines(lines))
        log.flush()
        os.fsync(log.fileno())
    path.chmod(0o600)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as log:
        log.seek(-1, os.SEEK_END)
        return log.read(1) == b"\n"
