"""Trying a definition before it is kept: how many, who for example, and how several overlap."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from psycopg import sql

from kaquan.runtime import InvalidInput, Tx, words
from kaquan.segments.audience import check_definition
from kaquan.segments.compile import Compiler
from kaquan.segments.model import Rule
from kaquan.segments.parse import parse_definition
from kaquan.segments.settle import open_compiler
from kaquan.segments.store.members import (
    SAMPLED,
    count_customers_roughly,
    count_matching,
    list_ids,
    list_source_ids,
    matching_query,
    reading_all,
)
from kaquan.segments.store.previews import (
    AUDIENCE_ORDERS,
    count_masks,
    count_parts,
    count_sampled,
    ordered_query,
)
from kaquan.segments.store.segments import list_segments

EXACT_UP_TO = 100_000
SAMPLED_CUSTOMERS = 20_000
SAMPLE_SHOWN = 20
LONGEST_VALUE_SHOWN = 200
_Z95 = 1.959964
_PLACE = re.compile(r"%\((\w+)\)s")
_CLAUSES = re.compile(r" (left join |from |where |and |group by )")


class AudienceCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many a definition matches; unless ``exact``, between ``low`` and ``high`` (95 %)."""

    count: int
    exact: bool
    low: int
    high: int


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How many a definition matches, and how many of them each channel may reach."""

    total: AudienceCount
    channels: Mapping[str, AudienceCount]


class WrittenQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as SQL with named places, and the values that go there as text."""

    text: str
    values: Mapping[str, str]


async def preview_count(tx: Tx, definition: Mapping[str, Any], *, now: datetime) -> int:
    """Return how many customers a definition matches as of ``now``, storing nothing.

    Raises InvalidInput with the path to what cannot be accepted.
    """
    rule, compiler = await _open(tx, definition, now=now)
    return await _count(tx, rule, compiler)


async def count_audience(
    tx: Tx,
    definition: Mapping[str, Any],
    *,
    exact: bool = False,
    exact_up_to: int = EXACT_UP_TO,
    now: datetime,
) -> AudienceCount:
    """Count whom a definition matches, as measure_reach does. Raises InvalidInput."""
    reach = await measure_reach(tx, definition, exact=exact, exact_up_to=exact_up_to, now=now)
    return reach.total


async def measure_reach(
    tx: Tx,
    definition: Mapping[str, Any],
    *,
    channels: Sequence[str] = (),
    exact: bool = False,
    exact_up_to: int = EXACT_UP_TO,
    now: datetime,
) -> Reach:
    """Count whom a definition matches and whom of them each channel may reach, in one query.

    Exactly, or from a sample of more than ``exact_up_to`` customers. A sample reads whole pages
    of the customers' table, each as likely as any other, so the estimate is the sample's count
    over the share that was read (Horvitz-Thompson), and its variance follows from the counts by
    page (Cochran, *Sampling Techniques*, 9A). Raises InvalidInput as preview_count does.
    """
    roughly = 0 if exact else await count_customers_roughly(tx)
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    parts = [
        compiler.condition(parse_definition({"reachable": {"channel": one}})) for one in channels
    ]
    if roughly <= exact_up_to:
        source = compiler.source(few=False)
        counts = await count_parts(tx, source, condition, parts, parameters=compiler.parameters)
        figures = [AudienceCount(count=n, exact=True, low=n, high=n) for n in counts]
    else:
        share = min(1.0, SAMPLED_CUSTOMERS / roughly)
        sampled = await count_sampled(
            tx,
            compiler.source(few=True, customers=SAMPLED),
            [condition, *parts],
            parameters=compiler.parameters,
            percent=100 * share,
        )
        figures = [_estimate(matches, squares, share) for matches, squares in sampled]
    return Reach(total=figures[0], channels=dict(zip(channels, figures[1:], strict=True)))


def _estimate(matches: int, squares: int, share: float) -> AudienceCount:
    deviation = math.sqrt((1 - share) * squares) / share
    estimate = matches / share
    return AudienceCount(
        count=round(estimate),
        exact=False,
        low=max(matches, math.floor(estimate - _Z95 * deviation)),
        high=math.ceil(estimate + _Z95 * max(deviation, 1 / share)),
    )


async def sample_audience(
    tx: Tx, definition: Mapping[str, Any], *, limit: int = SAMPLE_SHOWN, now: datetime
) -> list[str]:
    """Return the ids of some customers whom a definition matches. Raises InvalidInput."""
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    query = sql.SQL("{} limit %(most)s").format(
        matching_query(compiler.source(few=True), condition)
    )
    return await list_ids(tx, query, compiler.parameters | {"most": limit})


async def measure_regions(
    tx: Tx, definitions: Sequence[Mapping[str, Any]], *, now: datetime
) -> dict[frozenset[int], int]:
    """Count customers by the set of definitions (their places in the list) that match them.

    Whom none matches is left out, and so are sets that nobody is in. Raises InvalidInput.
    """
    rules = [parse_definition(await check_definition(tx, one)) for one in definitions]
    compiler = await open_compiler(tx, rules, await list_segments(tx), now=now)
    conditions = [compiler.condition(rule, known=True) for rule in rules]
    masks = await count_masks(
        tx, compiler.source(few=False), conditions, parameters=compiler.parameters
    )
    return {
        frozenset(place for place in range(len(rules)) if mask >> place & 1): count
        for mask, count in masks.items()
    }


async def write_audience_query(
    tx: Tx, definition: Mapping[str, Any], *, now: datetime
) -> WrittenQuery:
    """Return the query that gives whom a definition matches, for people to read.

    Raises InvalidInput.
    """
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    text = matching_query(compiler.source(few=False), condition).as_string(tx)
    named = dict.fromkeys(_PLACE.findall(text))
    return WrittenQuery(
        text=_CLAUSES.sub(r"\n\1", _PLACE.sub(r":\1", text)).strip(),
        values={name: _written(compiler.parameters[name]) for name in named},
    )


def _written(value: object) -> str:
    text = ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else value
    return str(text)[:LONGEST_VALUE_SHOWN]


async def list_audience_page(
    tx: Tx,
    definition: Mapping[str, Any],
    *,
    order: str,
    limit: int,
    page: int = 1,
    now: datetime,
) -> list[str]:
    """Return the ids of one page of the customers whom a definition matches.

    ``order`` is one of AUDIENCE_ORDERS, with ``-`` in front for descending; who has no value
    comes last. Raises InvalidInput.
    """
    if order.removeprefix("-") not in AUDIENCE_ORDERS:
        message = words(
            "A list of customers is ordered by %(audience_orders)s.",
            audience_orders=", ".join(AUDIENCE_ORDERS),
        )
        raise InvalidInput(message, field="order")
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    query = ordered_query(compiler.source(few=False), condition, order=order)
    given = compiler.parameters | {"most": limit, "skipped": (page - 1) * limit}
    async with reading_all(tx):
        return await list_ids(tx, query, given)


async def walk_audience(
    tx: Tx, definition: Mapping[str, Any], *, after: str = "", limit: int, now: datetime
) -> list[str]:
    """Return the first ``limit`` ids behind ``after``, by id, of whom a definition matches.

    To walk through all of them, pass the last id of each part as ``after`` until a part is empty.
    Raises InvalidInput.
    """
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    query = sql.SQL("{} and c.id > %(after)s order by c.id limit %(most)s").format(
        matching_query(compiler.source(few=True), condition)
    )
    return await list_ids(tx, query, compiler.parameters | {"after": after, "most": limit})


async def list_audience(tx: Tx, definition: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Return all whom a definition matches, by the merchant's ids (ours where there is none).

    The ids are sorted by their characters' codes. Raises InvalidInput.
    """
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    return await list_source_ids(
        tx, compiler.source(few=False), condition, parameters=compiler.parameters
    )


async def _open(tx: Tx, definition: Mapping[str, Any], *, now: datetime) -> tuple[Rule, Compiler]:
    rule = parse_definition(await check_definition(tx, definition))
    return rule, await open_compiler(tx, [rule], await list_segments(tx), now=now)


async def _count(tx: Tx, rule: Rule, compiler: Compiler) -> int:
    condition = compiler.condition(rule)
    return await count_matching(
        tx, compiler.source(few=False), condition, parameters=compiler.parameters
    )
