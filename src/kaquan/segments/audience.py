"""Keeping segments: made, changed, evaluated, and asked about one customer."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import structs
from psycopg import sql

from kaquan.runtime import InvalidInput, KaquanError, Tx, check_metadata, get_project, new_id
from kaquan.segments.compile import Compiler
from kaquan.segments.model import Rule, Segment, SegmentKind
from kaquan.segments.operands import check_value_text
from kaquan.segments.parse import parse_definition
from kaquan.segments.references import (
    check_references,
    name_by_id,
    parse_stored,
    references_in,
    rules_reachable,
)
from kaquan.segments.store import (
    count_matching,
    delete_segment_row,
    get_segment,
    insert_segment,
    list_matching,
    list_segments,
    list_static_memberships,
    lock_definitions,
    replace_members,
    update_segment_row,
)

LONGEST_NAME = 255
MOST_PARAMETERS = 30_000
"""PostgreSQL takes 65,535 parameters in one statement."""


class SegmentInUse(KaquanError):
    """The segment cannot go: another segment refers to it, or something was sent to it."""

    key = "segment_in_use"


async def create_segment(
    tx: Tx,
    name: str,
    definition: Mapping[str, Any],
    *,
    kind: SegmentKind = SegmentKind.AUTO_UPDATE,
    metadata: Mapping[str, Any] | None = None,
    now: datetime,
) -> Segment:
    """Store a segment; the members of a static one are settled at once.

    Other segments may be named in the definition by name or id; ids are stored. Raises
    InvalidInput with the path to what cannot be accepted, and Duplicate for a taken name.
    """
    await lock_definitions(tx)
    segment = Segment(
        id=new_id("seg"),
        name=_check_name(name),
        kind=kind,
        definition=await _check_definition(tx, definition, own_id=None),
        metadata=check_metadata(dict(metadata or {}), "metadata"),
        member_count=0,
        evaluated_at=None,
        created_at=now,
        updated_at=None,
    )
    await insert_segment(tx, segment)
    if kind is SegmentKind.STATIC:
        await _settle(tx, segment, now=now)
    return await get_segment(tx, segment.id)


async def update_segment(
    tx: Tx,
    reference: str,
    *,
    name: str | None = None,
    definition: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    now: datetime,
) -> Segment:
    """Change what is given of a segment; a static one's members are settled anew with its rule.

    Raises NotFound, and InvalidInput and Duplicate as create_segment does; a definition that
    would contain itself through other segments is refused.
    """
    await lock_definitions(tx)
    known = await get_segment(tx, reference)
    changed = structs.replace(
        known,
        name=known.name if name is None else _check_name(name),
        definition=known.definition
        if definition is None
        else await _check_definition(tx, definition, own_id=known.id),
        metadata=known.metadata if metadata is None else check_metadata(dict(metadata), "metadata"),
        updated_at=now,
    )
    await update_segment_row(tx, changed)
    if definition is not None and known.kind is SegmentKind.STATIC:
        await _settle(tx, changed, now=now)
    return await get_segment(tx, known.id)


async def delete_segment(tx: Tx, reference: str) -> None:
    """Delete a segment. Raises NotFound, and SegmentInUse when something refers to it."""
    await lock_definitions(tx)
    segment = await get_segment(tx, reference)
    for other in await list_segments(tx):
        if other.id != segment.id and segment.id in references_in(parse_stored(other)):
            message = f"The segment '{other.name}' refers to this one."
            raise SegmentInUse(message)
    if not await delete_segment_row(tx, segment.id):
        message = "Something was sent to this segment; its record is kept."
        raise SegmentInUse(message)


async def evaluate_segment(tx: Tx, reference: str, *, now: datetime) -> int:
    """Store who matches a segment as of ``now`` and return how many they are.

    A static segment keeps its members and is only counted. Raises NotFound.
    """
    segment = await get_segment(tx, reference)
    if segment.kind is SegmentKind.STATIC:
        return segment.member_count
    return await _settle(tx, segment, now=now)


async def preview_count(tx: Tx, definition: Mapping[str, Any], *, now: datetime) -> int:
    """Return how many customers a definition matches as of ``now``, storing nothing.

    Raises InvalidInput with the path to what cannot be accepted.
    """
    rule = parse_definition(await _check_definition(tx, definition, own_id=None))
    compiler = await _compiler(tx, [rule], await list_segments(tx), now=now)
    condition = compiler.condition(rule)
    return await count_matching(tx, condition, parameters=compiler.parameters)


async def segment_ids_of(
    tx: Tx, customer_id: str, *, now: datetime, among: Collection[str] | None = None
) -> frozenset[str]:
    """Return the ids of the segments that a customer is in as of ``now``.

    Live segments are checked by their rules (one query for all of them, as a rule), static ones
    by their stored members. ``among`` limits the answer to these ids.
    """
    segments = await list_segments(tx)
    wanted = [s for s in segments if among is None or s.id in among]
    found: set[str] = set()
    if any(segment.kind is SegmentKind.STATIC for segment in wanted):
        found |= {s.id for s in wanted} & set(await list_static_memberships(tx, customer_id))
    live = {s.id: parse_stored(s) for s in wanted if s.kind is not SegmentKind.STATIC}
    if live:
        compiler = await _compiler(tx, live.values(), segments, now=now)
        found |= await _check_live(tx, customer_id, live, compiler=compiler)
    return frozenset(found)


async def _check_live(
    tx: Tx, customer_id: str, rules: dict[str, Rule], *, compiler: Compiler
) -> set[str]:
    found: set[str] = set()
    conditions: dict[str, sql.Composable] = {}
    last = next(reversed(rules))
    for segment_id, rule in rules.items():
        conditions[segment_id] = compiler.condition(rule)
        if segment_id == last or len(compiler.parameters) > MOST_PARAMETERS:
            found |= set(
                await list_matching(
                    tx, customer_id, conditions=conditions, parameters=compiler.parameters
                )
            )
            compiler, conditions = compiler.fresh(), {}
    return found


async def _settle(tx: Tx, segment: Segment, *, now: datetime) -> int:
    rule = parse_stored(segment)
    compiler = await _compiler(tx, [rule], await list_segments(tx), now=now)
    condition = compiler.condition(rule)
    return await replace_members(tx, segment.id, condition, parameters=compiler.parameters, now=now)


async def _compiler(
    tx: Tx, rules: Iterable[Rule], segments: list[Segment], *, now: datetime
) -> Compiler:
    project = await get_project(tx)
    return Compiler(now=now, zone=project.zone, members=rules_reachable(rules, segments))


async def _check_definition(
    tx: Tx, definition: Mapping[str, Any], *, own_id: str | None
) -> dict[str, Any]:
    parse_definition(definition)
    segments = await list_segments(tx)
    stored = name_by_id(definition, segments)
    rule = parse_definition(stored)
    check_references(rule, rules_reachable([rule], segments), own_id=own_id)
    return stored


def _check_name(name: str) -> str:
    text = check_value_text(name, "name").strip()
    if not 1 <= len(text) <= LONGEST_NAME:
        message = f"A segment's name has 1 to {LONGEST_NAME} characters."
        raise InvalidInput(message, field="name")
    return text
