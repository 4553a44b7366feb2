"""SQL of trying a definition: counts with their parts, samples, regions, ordered pages."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from psycopg import sql

from kaquan.runtime import Tx
from kaquan.segments.columns import SHOWN
from kaquan.segments.store.members import matching_query, reading_all

_SHOWN = sql.SQL(SHOWN)
_ALL_OF_THEM = sql.SQL("true")

AUDIENCE_ORDERS: Mapping[str, LiteralString] = {
    "created_at": "c.created_at",
    "order_count": "coalesce(s.order_count, 0)",
    "spend": "coalesce(s.spend_minor, 0)",
    "last_order_at": "s.last_order_at",
}
"""What a list of whom a definition matches may be ordered by."""


async def count_parts(
    tx: Tx,
    source: sql.Composable,
    condition: sql.Composable,
    parts: Sequence[sql.Composable],
    *,
    parameters: Mapping[str, Any],
) -> list[int]:
    """Return how many customers meet a condition, and how many of them each of the parts."""
    query = sql.SQL("select {} from {} where {} and {}").format(
        _counts(parts), source, _SHOWN, condition
    )
    async with reading_all(tx):
        cursor = await tx.execute(query, parameters)
        row = await cursor.fetchone()
    assert row is not None
    return list(row)


async def count_sampled(
    tx: Tx,
    source: sql.Composable,
    conditions: Sequence[sql.Composable],
    *,
    parameters: Mapping[str, Any],
    percent: float,
) -> list[tuple[int, int]]:
    """Count in a sample of pages who meets the first condition, and each other one beside it.

    Returns for each the matches, and the sum over pages of their squares.
    """
    names = [sql.Identifier(f"n{place}") for place in range(len(conditions))]
    texts = [
        sql.SQL("coalesce(sum({n}), 0)::bigint, coalesce(sum({n} * {n}), 0)::bigint").format(n=name)
        for name in names
    ]
    query = sql.SQL(
        "select {} from (select {} from {} where {} and {} group by (c.ctid::text::point)[0])"
        " page ({})"
    ).format(
        sql.SQL(", ").join(texts),
        _counts(conditions[1:]),
        source,
        _SHOWN,
        conditions[0],
        sql.SQL(", ").join(names),
    )
    cursor = await tx.execute(query, dict(parameters) | {"percent": percent})
    row = await cursor.fetchone()
    assert row is not None
    return list(zip(row[::2], row[1::2], strict=True))


async def count_masks(
    tx: Tx,
    source: sql.Composable,
    conditions: Sequence[sql.Composable],
    *,
    parameters: Mapping[str, Any],
) -> dict[int, int]:
    """Count customers by the conditions they meet, as a number with a bit a condition."""
    bits = [
        sql.SQL("case when {} then {} else 0 end").format(condition, sql.Literal(1 << place))
        for place, condition in enumerate(conditions)
    ]
    query = sql.SQL(
        "select mask, count(*) from (select {} as mask from {} where {}) m"
        " where mask > 0 group by mask"
    ).format(sql.SQL(" + ").join(bits), source, _SHOWN)
    async with reading_all(tx):
        cursor = await tx.execute(query, parameters)
        return {row[0]: row[1] for row in await cursor.fetchall()}


def ordered_query(source: sql.Composable, condition: sql.Composable, *, order: str) -> sql.Composed:
    """Return the query of a page of ids; ``most`` and ``skipped`` are its parameters."""
    expression = sql.SQL(AUDIENCE_ORDERS[order.removeprefix("-")])
    direction = sql.SQL("desc" if order.startswith("-") else "asc")
    return sql.SQL(
        "{} order by {} {} nulls last, c.id {} limit %(most)s offset %(skipped)s"
    ).format(matching_query(source, condition), expression, direction, direction)


def _counts(parts: Sequence[sql.Composable]) -> sql.Composable:
    texts: list[sql.Composable] = [
        sql.SQL("count(*) filter (where {})").format(part) for part in (_ALL_OF_THEM, *parts)
    ]
    return sql.SQL(", ").join(texts)
