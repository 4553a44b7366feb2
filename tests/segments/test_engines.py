"""One meaning: a corpus of random trees gives the same members on every engine."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kaquan.runtime import Tx
from kaquan.segments import (
    Engine,
    Instant,
    Rule,
    extract_tables,
    list_audience,
    list_segments,
    match_on_copy,
    open_copy,
    open_instant,
    parse_definition,
    query_copy,
    rules_reachable,
)
from kaquan.segments.reference import Reference
from kaquan.segments.store.lake import COLUMNS
from segments.corpus import Author
from segments.world import NOW, make_world

TREES = 320


async def agree(tx: Tx, folder: Path, definitions: list[Any], engines: list[Engine]) -> int:
    """Evaluate everywhere; returns how many definitions match some but not all customers."""
    await extract_tables(tx, folder)
    at = await open_instant(tx, now=NOW)
    rules = [parse_definition(definition) for definition in definitions]
    members = rules_reachable(rules, await list_segments(tx))
    run = {engine: runner(engine, folder, at, members) for engine in engines}
    everybody = len(await list_audience(tx, {"all": []}, now=NOW))
    telling = 0
    for definition, rule in zip(definitions, rules, strict=True):
        expected = await list_audience(tx, definition, now=NOW)
        for engine in engines:
            assert run[engine](rule) == expected, f"{engine}: {json.dumps(definition)}"
        telling += 0 < len(expected) < everybody
    return telling


def runner(
    engine: Engine, folder: Path, at: Instant, members: Mapping[str, Rule]
) -> Callable[[Rule], list[str]]:
    """Return what evaluates a tree; what engines read once for many trees is read here."""
    match engine:
        case Engine.DUCKDB:
            connection = open_copy(folder, frozenset(COLUMNS))
            return lambda rule: sorted(query_copy(connection, rule, at=at, members=members))
        case Engine.REFERENCE:
            reference = Reference(folder, at=at, members=members)
            return lambda rule: sorted(
                person["source_id"] or person["id"]
                for person in reference.people
                if reference.matches(rule, person)
            )
        case _:
            return lambda rule: match_on_copy(engine, rule, folder, at=at, members=members)


@pytest.mark.slow
async def test_a_corpus_means_the_same_everywhere(tx: Tx, tmp_path: Path) -> None:
    world = await make_world(tx)
    author = Author(20260301, (world.live, world.static), tuple(world.customers))
    definitions = [author.definition() for _ in range(TREES)]
    telling = await agree(tx, tmp_path, definitions, [Engine.DUCKDB, Engine.REFERENCE])
    assert telling > TREES / 3
    # The control: an engine whose clock is a day off must be found out.
    at = await open_instant(tx, now=NOW + timedelta(days=1))
    rules = [parse_definition(definition) for definition in definitions[:60]]
    late = runner(Engine.REFERENCE, tmp_path, at, rules_reachable(rules, await list_segments(tx)))
    caught = 0
    for definition, rule in zip(definitions[:60], rules, strict=True):
        caught += late(rule) != await list_audience(tx, definition, now=NOW)
    assert caught > 5
