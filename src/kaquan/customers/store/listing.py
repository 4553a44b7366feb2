"""Lists: a page by keyset or by number, in one of a few fixed orders, with the exact total."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg import AsyncCursor, sql
from psycopg.rows import AsyncRowFactory, RowMaker

from kaquan.runtime import InvalidInput, Page, Tx

LARGEST_PAGE = 1000
DEEPEST_PAGE = 1000

Item = TypeVar("Item")
Value = TypeVar("Value", bound=str | int | datetime)


class Sort(msgspec.Struct, frozen=True):
    """An order a list offers: a NOT NULL expression and the Python type of its values."""

    expression: LiteralString
    kind: type[Any]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed: columns and source in SQL, the unique tie-breaker, and the orders offered."""

    columns: LiteralString
    source: LiteralString
    key: LiteralString
    sorts: Mapping[str, Sort]


class ListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted.

    ``order`` is one of the list's orders, with ``-`` in front for descending. ``cursor`` is the
    ``next_cursor`` of the page before; without it ``page`` counts from 1.
    """

    limit: int
    order: str
    cursor: str | None = None
    page: int = 1


async def list_page(
    tx: Tx,
    listing: Listing,
    request: ListRequest,
    *,
    conditions: Sequence[sql.Composable],
    parameters: Mapping[str, Any],
    row: AsyncRowFactory[Item],
) -> Page[Item]:
    """Return the part of ``listing`` that ``request`` asks for, among rows that meet conditions.

    Raises InvalidInput for an order the list does not offer, a cursor that is not this list's, or
    a limit or page out of range.
    """
    name = request.order.removeprefix("-")
    if name not in listing.sorts:
        message = f"The list can be ordered by {', '.join(listing.sorts)}, not by '{name[:40]}'."
        raise InvalidInput(message, field="order")
    check_range(request.limit, "limit", LARGEST_PAGE)
    check_range(request.page, "page", DEEPEST_PAGE)
    sort = listing.sorts[name]
    descending = request.order.startswith("-")
    wanted = dict(parameters)
    where = list(conditions)
    total = await _count(tx, listing, where=where, parameters=wanted)
    if request.cursor:
        value, key = read_cursor(request.cursor, request.order, sort.kind)
        wanted |= {"after_value": value, "after_key": key}
        where.append(
            sql.SQL("({}, {}) {} (%(after_value)s, %(after_key)s)").format(
                sql.SQL(sort.expression),
                sql.SQL(listing.key),
                sql.SQL("<" if descending else ">"),
            )
        )
    wanted |= {
        "limit": request.limit + 1,
        "offset": 0 if request.cursor else (request.page - 1) * request.limit,
    }
    direction = sql.SQL("desc" if descending else "asc")
    query = sql.SQL(
        "select {columns}, {sort} as sort_value, {key} as sort_key from {source} where {where}"
        " order by {sort} {direction}, {key} {direction} limit %(limit)s offset %(offset)s"
    ).format(
        columns=sql.SQL(listing.columns),
        sort=sql.SQL(sort.expression),
        key=sql.SQL(listing.key),
        source=sql.SQL(listing.source),
        where=_all_of(where),
        direction=direction,
    )
    async with tx.cursor(row_factory=_keyed(row)) as cursor:
        await cursor.execute(query, wanted)
        rows = await cursor.fetchall()
    following = None
    if len(rows) > request.limit:
        rows = rows[: request.limit]
        following = write_cursor(request.order, rows[-1][1])
    return Page([item for item, _ in rows], total=total, next_cursor=following)


async def _count(
    tx: Tx,
    listing: Listing,
    *,
    where: Sequence[sql.Composable],
    parameters: Mapping[str, Any],
) -> int:
    query = sql.SQL("select count(*) from {} where {}").format(
        sql.SQL(listing.source), _all_of(where)
    )
    cursor = await tx.execute(query, parameters)
    found = await cursor.fetchone()
    assert found is not None
    return found[0]


def _all_of(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")


def _keyed(row: AsyncRowFactory[Item]) -> AsyncRowFactory[tuple[Item, tuple[Any, str]]]:
    """Make a row factory that returns each item with its place in the list: value and key."""

    def make(cursor: AsyncCursor[Any]) -> RowMaker[tuple[Item, tuple[Any, str]]]:
        build = row(cursor)

        def keyed(values: Sequence[Any]) -> tuple[Item, tuple[Any, str]]:
            return build(values), (values[-2], values[-1])

        return keyed

    return make


def write_cursor(order: str, place: tuple[Any, str]) -> str:
    """Return a cursor that stands for a place (value, key) in a list of this order."""
    return base64.urlsafe_b64encode(msgspec.json.encode((order, *place))).decode().rstrip("=")


def read_cursor(cursor: str, order: str, kind: type[Value]) -> tuple[Value, str]:
    """Return the place a cursor stands for; raises InvalidInput for any but this order's."""
    refused = InvalidInput("This cursor does not belong to this list and order.", field="cursor")
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        stated, value, key = msgspec.json.decode(raw, type=tuple[str, kind, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise refused from error
    too_large = isinstance(value, int) and not -(2**63) <= value < 2**63
    if stated != order or too_large or "\0" in key or (isinstance(value, str) and "\0" in value):
        raise refused
    return value, key


def check_range(value: int, field: str, most: int) -> None:
    """Raise InvalidInput unless the value is from 1 to ``most``."""
    if not 1 <= value <= most:
        message = f"This must be from 1 to {most}."
        raise InvalidInput(message, field=field)
