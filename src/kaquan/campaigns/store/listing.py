"""Parts of queries that list: what to sort by, where a page starts, what a search means."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import sql

from kaquan.runtime import InvalidInput

LARGEST_PAGE = 1000
DEEPEST_OFFSET = 100_000


def sort_clause(order: str, columns: dict[str, LiteralString]) -> tuple[LiteralString, bool]:
    """Return the column that ``order`` names and whether a leading minus reverses it.

    Raises InvalidInput for an unknown name.
    """
    column = columns.get(order.removeprefix("-"))
    if column is None:
        message = f"Sorting goes by {', '.join(columns)}; a minus in front reverses it."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    return column, order.startswith("-")


def page_offset(page: int, limit: int) -> int:
    """Return how many rows come before a page (the first is 1). Raises InvalidInput."""
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"A page holds 1 to {LARGEST_PAGE} items."
        raise InvalidInput(message, field="limit", key="invalid_query_params")
    offset = (page - 1) * limit
    if not 0 <= offset <= DEEPEST_OFFSET:
        message = "That page is out of reach; go on from a cursor instead."
        raise InvalidInput(message, field="page", key="invalid_query_params")
    return offset


def contains_pattern(search: str) -> str:
    """Return a LIKE pattern for texts that contain ``search`` as it is written."""
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def all_of(conditions: Sequence[sql.Composable]) -> sql.Composable:
    """Return what holds where all of the conditions do."""
    return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")


def where_clause(
    conditions: list[tuple[LiteralString, Any]],
) -> tuple[LiteralString, list[Any]]:
    """Join conditions whose value is not None to a WHERE clause and its parameters."""
    given: list[tuple[LiteralString, Any]] = [
        condition for condition in conditions if condition[1] is not None
    ]
    if not given:
        return "", []
    clause: LiteralString = " where " + given[0][0]
    for text, _ in given[1:]:
        clause += " and " + text
    return clause, [value for _, value in given]
