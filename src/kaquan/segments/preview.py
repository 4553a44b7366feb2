"""Trying a definition before it is kept: how many, who for example, and how two overlap."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg import sql

from kaquan.runtime import Tx
from kaquan.segments.audience import check_definition
from kaquan.segments.compile import Compiler
from kaquan.segments.model import AllOf, Rule
from kaquan.segments.parse import parse_definition
from kaquan.segments.settle import open_compiler
from kaquan.segments.store.members import (
    SAMPLED,
    count_customers_roughly,
    count_matching,
    count_sampled,
    list_ids,
    list_source_ids,
    matching_query,
)
from kaquan.segments.store.segments import list_segments

EXACT_UP_TO = 100_000
SAMPLED_CUSTOMERS = 20_000
SAMPLE_SHOWN = 20
_Z95 = 1.959964


class AudienceCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many a definition matches; unless ``exact``, between ``low`` and ``high`` (95 %)."""

    count: int
    exact: bool
    low: int
    high: int


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How many match the one definition, the other, and both."""

    first: int
    second: int
    both: int


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
    """Count whom a definition matches: exactly, or from a sample of more than ``exact_up_to``.

    A sample reads whole pages of the customers' table, each as likely as any other, so the
    estimate is the sample's count over the share that was read (Horvitz-Thompson), and its
    variance follows from the counts by page (Cochran, *Sampling Techniques*, 9A). Raises
    InvalidInput as preview_count does.
    """
    roughly = 0 if exact else await count_customers_roughly(tx)
    if roughly <= exact_up_to:
        count = await preview_count(tx, definition, now=now)
        return AudienceCount(count=count, exact=True, low=count, high=count)
    rule, compiler = await _open(tx, definition, now=now)
    condition = compiler.condition(rule)
    share = min(1.0, SAMPLED_CUSTOMERS / roughly)
    matches, squares = await count_sampled(
        tx,
        compiler.source(few=True, customers=SAMPLED),
        condition,
        parameters=compiler.parameters,
        percent=100 * share,
    )
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


async def measure_overlap(
    tx: Tx, first: Mapping[str, Any], second: Mapping[str, Any], *, now: datetime
) -> Overlap:
    """Count whom two definitions match, and whom both do. Raises InvalidInput."""
    one, _ = await _open(tx, first, now=now)
    other, _ = await _open(tx, second, now=now)
    segments = await list_segments(tx)

    async def count(rule: Rule) -> int:
        return await _count(tx, rule, await open_compiler(tx, [rule], segments, now=now))

    return Overlap(
        first=await count(one), second=await count(other), both=await count(AllOf((one, other)))
    )


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
