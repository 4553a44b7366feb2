"""Storing who matches: a whole segment at once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import sql

from kaquan.customers import country_of, open_index
from kaquan.runtime import Tx, get_project
from kaquan.segments.compile import Compiler
from kaquan.segments.instant import Instant
from kaquan.segments.model import Rule, Segment, SegmentKind
from kaquan.segments.references import parse_stored, rules_reachable
from kaquan.segments.store.changes import (
    lock_upkeep,
    note_members_changed,
    update_kept_to,
)
from kaquan.segments.store.members import matching_query, replace_members
from kaquan.segments.store.segments import list_segments


async def open_compiler(
    tx: Tx, rules: Iterable[Rule], segments: list[Segment], *, now: datetime
) -> Compiler:
    """Return a compiler for rules of the transaction's project, with all they refer to."""
    at = await open_instant(tx, now=now)
    return Compiler(at=at, members=rules_reachable(rules, segments))


async def open_instant(tx: Tx, *, now: datetime) -> Instant:
    """Return the moment of an evaluation in the transaction's project."""
    project = await get_project(tx)
    index = await open_index(tx, country=country_of(project))
    return Instant(now, project.zone, index.of)


async def settle_members(tx: Tx, segment: Segment, *, now: datetime) -> int:
    """Store who matches a segment's rule and return how many they are."""
    rule = parse_stored(segment)
    compiler = await open_compiler(tx, [rule], await list_segments(tx), now=now)
    condition = compiler.condition(rule)
    query = matching_query(compiler.source(few=False), condition)
    return await settle_with(tx, segment, query, parameters=compiler.parameters, now=now)


async def settle_with(
    tx: Tx,
    segment: Segment,
    wanted: sql.Composed,
    *,
    parameters: Mapping[str, Any],
    now: datetime,
) -> int:
    """Store those whom a query gives as a segment's members and return how many they are.

    Of a segment that is kept live, who enters and leaves is told, except by the first settling:
    its members are the start that changes are counted from.
    """
    await lock_upkeep(tx)
    is_live = segment.kind is SegmentKind.AUTO_UPDATE
    count = await replace_members(
        tx,
        segment.id,
        wanted,
        parameters=parameters,
        tell=is_live and segment.evaluated_at is not None,
        now=now,
    )
    if is_live:
        await update_kept_to(tx, [segment.id], kept_to=now)
    elif segment.kind is SegmentKind.STATIC:
        await note_members_changed(tx, segment.id)
    return count
