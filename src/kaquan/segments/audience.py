"""Keeping segments: made, changed, evaluated, and asked about one customer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import structs
from psycopg import sql

from kaquan.runtime import InvalidInput, KaquanError, Tx, check_metadata, new_id, words
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
from kaquan.segments.settle import open_compiler, settle_members, settle_with
from kaquan.segments.store.changes import lock_upkeep, replace_topics
from kaquan.segments.store.members import (
    list_matching,
    list_static_memberships,
    list_unknown_references,
    listed_query,
)
from kaquan.segments.store.segments import (
    delete_segment_row,
    get_segment,
    insert_segment,
    list_segments,
    lock_definitions,
    update_segment_row,
)
from kaquan.segments.touch import topics_of

LONGEST_NAME = 255
MOST_PARAMETERS = 30_000
"""PostgreSQL takes 65,535 parameters in one statement."""
UNKNOWN_SHOWN = 20


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
        definition=await check_definition(tx, definition),
        metadata=check_metadata(dict(metadata or {}), "metadata"),
        member_count=0,
        evaluated_at=None,
        created_at=now,
        updated_at=None,
    )
    await insert_segment(tx, segment)
    if kind is SegmentKind.STATIC:
        await settle_members(tx, segment, now=now)
    else:
        await _note_topics(tx, segment, is_new=True)
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
        else await check_definition(tx, definition, own_id=known.id),
        metadata=known.metadata if metadata is None else check_metadata(dict(metadata), "metadata"),
        updated_at=now,
    )
    await update_segment_row(tx, changed)
    if definition is not None and known.kind is SegmentKind.STATIC:
        await settle_members(tx, changed, now=now)
    elif definition is not None:
        await _note_topics(tx, changed)
    return await get_segment(tx, known.id)


async def delete_segment(tx: Tx, reference: str) -> None:
    """Delete a segment. Raises NotFound, and SegmentInUse when something refers to it."""
    await lock_definitions(tx)
    segment = await get_segment(tx, reference)
    for other in await list_referring(tx, segment.id):
        message = words("The segment '%(name)s' refers to this one.", name=other.name)
        raise SegmentInUse(message)
    if not await delete_segment_row(tx, segment.id):
        message = "Something was sent to this segment; its record is kept."
        raise SegmentInUse(message)


async def list_referring(tx: Tx, segment_id: str) -> list[Segment]:
    """Return the other segments whose rules name this one, by name."""
    return [
        other
        for other in await list_segments(tx)
        if other.id != segment_id and segment_id in references_in(parse_stored(other))
    ]


async def evaluate_segment(tx: Tx, reference: str, *, now: datetime) -> int:
    """Store who matches a segment as of ``now`` and return how many they are.

    A static segment keeps its members and is only counted. Raises NotFound.
    """
    segment = await get_segment(tx, reference)
    if segment.kind is SegmentKind.STATIC:
        return segment.member_count
    return await settle_members(tx, segment, now=now)


async def replace_listed_members(
    tx: Tx, reference: str, customers: Sequence[str], *, now: datetime
) -> tuple[int, list[str]]:
    """Make a list of customers, by our ids or the merchant's, the members of a static segment.

    Returns how many they are, and up to 20 of the ids that name nobody. Raises NotFound, and
    InvalidInput for a segment that follows a rule.
    """
    segment = await get_segment(tx, reference)
    if segment.kind is not SegmentKind.STATIC:
        message = "Only a static segment takes a list; this one follows its rule."
        raise InvalidInput(message, field="customers")
    ids = [check_value_text(one, f"customers[{place}]") for place, one in enumerate(customers)]
    query = listed_query(sql.Placeholder("ids"))
    count = await settle_with(tx, segment, query, parameters={"ids": ids}, now=now)
    return count, await list_unknown_references(tx, ids, limit=UNKNOWN_SHOWN)


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
        compiler = await open_compiler(tx, live.values(), segments, now=now)
        matched = await check_customers(tx, [customer_id], live, compiler=compiler)
        found |= matched.get(customer_id, set())
    return frozenset(found)


async def check_customers(
    tx: Tx, customer_ids: Sequence[str], rules: Mapping[str, Rule], *, compiler: Compiler
) -> dict[str, set[str]]:
    """Return which of the rules, by their keys, each of these customers matches now.

    One query serves all rules, unless they have more parameters than a statement takes.
    """
    found: dict[str, set[str]] = {}
    conditions: dict[str, sql.Composable] = {}
    last = next(reversed(list(rules)))
    for key, rule in rules.items():
        conditions[key] = compiler.condition(rule)
        if key == last or len(compiler.parameters) > MOST_PARAMETERS:
            matched = await list_matching(
                tx,
                customer_ids,
                source=compiler.source(few=True),
                conditions=conditions,
                parameters=compiler.parameters,
            )
            for customer_id, keys in matched.items():
                found.setdefault(customer_id, set()).update(keys)
            compiler, conditions = compiler.fresh(), {}
    return found


async def check_definition(
    tx: Tx, definition: Mapping[str, Any], *, own_id: str | None = None
) -> dict[str, Any]:
    """Return a definition with the segments it names by their ids.

    Raises InvalidInput with the path to what cannot be accepted.
    """
    parse_definition(definition)
    segments = await list_segments(tx)
    stored = name_by_id(definition, segments)
    rule = parse_definition(stored)
    check_references(rule, rules_reachable([rule], segments), own_id=own_id)
    return stored


async def _note_topics(tx: Tx, segment: Segment, *, is_new: bool = False) -> None:
    """Have a segment's members settled and kept, and those of all that refer to it."""
    await lock_upkeep(tx)
    segments = await list_segments(tx)
    for other in segments:
        if other.kind is not SegmentKind.AUTO_UPDATE or (is_new and other.id != segment.id):
            continue
        rule = parse_stored(other)
        members = rules_reachable([rule], segments)
        if other.id == segment.id or segment.id in members:
            await replace_topics(tx, other.id, topics_of(rule, members))


def _check_name(name: str) -> str:
    text = check_value_text(name, "name").strip()
    if not 1 <= len(text) <= LONGEST_NAME:
        message = words(
            "A segment's name has 1 to %(longest_name)s characters.", longest_name=LONGEST_NAME
        )
        raise InvalidInput(message, field="name")
    return text
