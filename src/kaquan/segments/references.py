"""Segments that refer to other segments: found by name or id, without circles, within bounds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec

from kaquan.runtime import InvalidInput, words
from kaquan.segments.model import (
    AllOf,
    AnyOf,
    InSegment,
    NotOf,
    Rule,
    Segment,
    SegmentKind,
)
from kaquan.segments.operands import closest
from kaquan.segments.parse import parse_definition

MOST_NODES_IN_ALL = 5_000
DEEPEST_IN_ALL = 100


def name_by_id(definition: Any, segments: list[Segment], *, path: str = "definition") -> Any:
    """Return the (valid) definition with every reference to a segment written as its id.

    Raises InvalidInput with the path of a reference to no segment.
    """
    match definition:
        case {"all": parts} | {"any": parts}:
            word = next(iter(definition))
            return {
                word: [
                    name_by_id(part, segments, path=f"{path}.{word}[{index}]")
                    for index, part in enumerate(parts)
                ]
            }
        case {"not": part}:
            return {"not": name_by_id(part, segments, path=f"{path}.not")}
        case {"attribute": "segment", "value": str() as name}:
            return definition | {"value": _id_of(name, segments, f"{path}.value")}
        case {"attribute": "segment", "value": names}:
            found = [
                _id_of(name, segments, f"{path}.value[{index}]")
                for index, name in enumerate(cast("list[str]", names))
            ]
            return definition | {"value": found}
        case _:
            return definition


def check_references(rule: Rule, segments: Mapping[str, Rule], *, own_id: str | None) -> None:
    """Refuse a rule that refers to itself in a circle, or that is too large with all it refers to.

    ``segments`` holds the rules of the others by id. Raises InvalidInput.
    """
    sizes: dict[str, tuple[int, int]] = {}

    def size_of(segment_id: str) -> tuple[int, int]:
        if segment_id == own_id:
            message = "The segment would contain itself, directly or through other segments."
            raise InvalidInput(message, field="definition")
        if segment_id not in segments:
            return 1, 1
        if segment_id not in sizes:
            sizes[segment_id] = measure(segments[segment_id])
        return sizes[segment_id]

    def measure(of: Rule) -> tuple[int, int]:
        match of:
            case InSegment(references):
                parts = [size_of(reference) for reference in references]
            case _:
                parts = [measure(inner) for inner in inner_rules(of)]
        nodes = 1 + sum(part[0] for part in parts)
        depth = 1 + max((part[1] for part in parts), default=0)
        if nodes > MOST_NODES_IN_ALL or depth > DEEPEST_IN_ALL:
            message = words(
                "With the segments it refers to, the rule exceeds %(most_nodes_in_all)s rules or %(deepest_in_all)s levels.",
                most_nodes_in_all=MOST_NODES_IN_ALL,
                deepest_in_all=DEEPEST_IN_ALL,
            )
            raise InvalidInput(message, field="definition")
        return nodes, depth

    measure(rule)


def inner_rules(rule: Rule) -> tuple[Rule, ...]:
    """Return the rules directly below this one."""
    match rule:
        case AllOf(rules) | AnyOf(rules):
            return rules
        case NotOf(inner):
            return (inner,)
        case _:
            return ()


def references_in(rule: Rule) -> Iterator[str]:
    """Yield the ids of the segments that a rule names itself."""
    if isinstance(rule, InSegment):
        yield from rule.references
    for inner in inner_rules(rule):
        yield from references_in(inner)


def rules_reachable(roots: Iterable[Rule], segments: Sequence[Segment]) -> dict[str, Rule]:
    """Return, by id, the rules of the live segments that the roots refer to at any remove."""
    live = {s.id: s for s in segments if s.kind is not SegmentKind.STATIC}
    found: dict[str, Rule] = {}
    waiting = list(roots)
    while waiting:
        for reference in references_in(waiting.pop()):
            if reference in live and reference not in found:
                found[reference] = parse_stored(live[reference])
                waiting.append(found[reference])
    return found


def walk(rule: Rule, members: Mapping[str, Rule]) -> Iterator[Rule]:
    """Yield a rule, all below it, and the rules of the live segments it refers to."""
    waiting = [rule]
    seen: set[str] = set()
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(inner_rules(current))
        if isinstance(current, InSegment):
            fresh = [one for one in current.references if one in members and one not in seen]
            seen.update(fresh)
            waiting.extend(members[one] for one in fresh)


def parse_stored(segment: Segment) -> Rule:
    """Return the tree of a stored segment."""
    return _parse(msgspec.json.encode(segment.definition), segment.name)


@lru_cache(maxsize=4_096)
def _parse(definition: bytes, name: str) -> Rule:
    # Live checks ask for the same trees again and again; a tree never changes.
    return parse_definition(msgspec.json.decode(definition), path=f"segment '{name}'")


def _id_of(reference: str, segments: list[Segment], path: str) -> str:
    by_id = {segment.id for segment in segments}
    if reference in by_id:
        return reference
    by_name = {segment.name: segment.id for segment in segments}
    if reference not in by_name:
        none = words(" There are none yet.")
        hint = closest(reference, list(by_name)) if by_name else none
        message = words(
            "There is no segment '%(reference)s'.%(hint)s", reference=reference[:60], hint=hint
        )
        raise InvalidInput(message, field=path)
    return by_name[reference]
