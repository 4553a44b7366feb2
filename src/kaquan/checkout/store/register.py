"""SQL of the register of redemptions."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.checkout.model import (
    CustomerRedemptions,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    RedemptionStatus,
)
from kaquan.runtime import InvalidInput, NotFound, Page, Tx, struct_row

LARGEST_PAGE = 1000

_SORTS: dict[str, LiteralString] = {"created_at": "r.created_at, r.id", "id": "r.id"}
_SORTS_OF_CURSOR: dict[str, LiteralString] = {"created_at": "c.created_at, c.id", "id": "c.id"}

_COLUMNS: LiteralString = (
    "r.id, r.kind, r.result, r.parent_id, r.reverses_id, r.voucher_id, v.code as voucher_code,"
    " r.campaign_id, r.customer_id, r.order_id, r.location_id, r.channel, r.tracking_id,"
    " r.discount_minor, r.items_discount_minor, r.order_amount_minor, r.allocation,"
    " r.items_allocation, r.given, r.failure_code, r.failure_message, r.trace, r.metadata, r.by_user_id,"
    " r.created_at, r.returned_minor, r.use_returned, r.rolled_back"
)
_FROM: LiteralString = "redemption r left join voucher_ever v on v.id = r.voucher_id"
NET: LiteralString = (
    "r.kind = 'redemption' and r.result = 'SUCCESS' and not r.use_returned and not r.rolled_back"
)

# As Redemption.status has it.
_UNDONE: LiteralString = (
    "(r.kind = 'redemption' and (r.rolled_back"
    " or case when r.discount_minor + r.items_discount_minor > 0"
    " then r.returned_minor >= r.discount_minor + r.items_discount_minor else r.use_returned end))"
)
_STATUSES: dict[RedemptionStatus, LiteralString] = {
    RedemptionStatus.SUCCEEDED: f"r.result = 'SUCCESS' and not {_UNDONE}",
    RedemptionStatus.FAILED: "r.result = 'FAILURE'",
    RedemptionStatus.ROLLED_BACK: f"r.result = 'SUCCESS' and {_UNDONE}",
}


async def insert_redemptions(tx: Tx, redemptions: Sequence[Redemption]) -> None:
    """Store rows of the register in one statement; parents may come with their children."""
    await tx.execute(
        "insert into redemption (id, kind, result, parent_id, reverses_id, voucher_id,"
        " campaign_id, customer_id, order_id, location_id, channel, tracking_id,"
        " discount_minor, items_discount_minor, order_amount_minor, allocation,"
        " items_allocation, given, failure_code, failure_message, trace, metadata, by_user_id,"
        " created_at)"
        " select * from jsonb_to_recordset(%s) as r (id text, kind text, result text,"
        " parent_id text, reverses_id text, voucher_id text, campaign_id text,"
        " customer_id text, order_id text, location_id text, channel text, tracking_id text,"
        " discount_minor bigint, items_discount_minor bigint, order_amount_minor bigint,"
        " allocation bigint[], items_allocation bigint[], given jsonb, failure_code text,"
        " failure_message text, trace jsonb, metadata jsonb, by_user_id text,"
        " created_at timestamptz)",
        (Jsonb(list(redemptions)),),
    )


async def get_redemption(tx: Tx, redemption_id: str) -> Redemption:
    """Return a row of the register by id; raises NotFound."""
    query: LiteralString = f"select {_COLUMNS} from {_FROM} where r.id = %s"
    found = await _redemptions(tx, query, (redemption_id,))
    if not found:
        raise NotFound("redemption", redemption_id)
    return found[0]


async def list_children(tx: Tx, parent_id: str) -> list[Redemption]:
    """Return the rows under a parent, in the order in which they were applied."""
    return (await list_children_of(tx, [parent_id]))[parent_id]


async def list_children_of(tx: Tx, parent_ids: Sequence[str]) -> dict[str, list[Redemption]]:
    """Return the rows under each of several parents, in the order in which they were applied."""
    query: LiteralString = (
        f"select {_COLUMNS} from {_FROM} where r.parent_id = any(%s) order by r.id"
    )
    children: dict[str, list[Redemption]] = {parent_id: [] for parent_id in parent_ids}
    for child in await _redemptions(tx, query, (list(parent_ids),)):
        assert child.parent_id is not None
        children[child.parent_id].append(child)
    return children


async def count_redemptions_of(
    tx: Tx, customer_ids: Sequence[str]
) -> dict[str, CustomerRedemptions]:
    """Return by customer how their attempts ended; a stack counts once for each voucher."""
    async with tx.cursor(row_factory=struct_row(CustomerRedemptions)) as cursor:
        await cursor.execute(
            "select r.customer_id,"
            " count(*) filter (where r.kind = 'redemption' and r.result = 'SUCCESS') as succeeded,"
            " count(*) filter (where r.kind = 'redemption' and r.result = 'FAILURE') as failed,"
            " count(*) filter (where r.kind = 'rollback' and r.result = 'SUCCESS') as rolled_back"
            "  from redemption r where r.customer_id = any(%s) and r.voucher_id is not null"
            " group by 1",
            (list(customer_ids),),
        )
        found = {row.customer_id: row for row in await cursor.fetchall()}
    return {key: found.get(key) or CustomerRedemptions(customer_id=key) for key in customer_ids}


async def list_redemptions(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
    customer_id: str | None = None,
    order_id: str | None = None,
    kind: RedemptionKind | None = None,
    result: RedemptionResult | None = None,
    status: RedemptionStatus | None = None,
    limit: int = 50,
    order: str = "-created_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Redemption]:
    """Return a page of the register with the exact total.

    ``order`` is created_at or id, with ``-`` in front for descending. ``cursor`` is the
    ``next_cursor`` of the page before; without it ``page`` counts from 1. Raises InvalidInput
    for another order, a limit outside 1 to 1000 or a page below 1.
    """
    sort, descending = _read_order(order)
    _check_page(limit, page)
    wanted: dict[LiteralString, str | None] = {
        "campaign_id": campaign_id,
        "voucher_id": voucher_id,
        "customer_id": customer_id,
        "order_id": order_id,
        "kind": kind,
        "result": result,
    }
    conditions: list[sql.Composable] = [
        sql.SQL("r.{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name, value in wanted.items()
        if value is not None
    ]
    if status is not None:
        conditions.append(sql.SQL(_STATUSES[status]))
    total = await _count(tx, conditions, wanted)
    if cursor is not None:
        conditions.append(
            sql.SQL("({}) {} (select {} from redemption c where c.id = %(cursor)s)").format(
                sql.SQL(_SORTS[sort]),
                sql.SQL("<" if descending else ">"),
                sql.SQL(_SORTS_OF_CURSOR[sort]),
            )
        )
    query = sql.SQL(
        "select {} from {} {} order by ({}) {} limit %(limit)s offset %(offset)s"
    ).format(
        sql.SQL(_COLUMNS),
        sql.SQL(_FROM),
        _where(conditions),
        sql.SQL(_SORTS[sort]),
        sql.SQL("desc" if descending else "asc"),
    )
    offset = 0 if cursor is not None else (page - 1) * limit
    parameters = {**wanted, "cursor": cursor, "limit": limit + 1, "offset": offset}
    items = await _redemptions(tx, query, parameters)
    is_last = len(items) <= limit
    return Page(items[:limit], total, None if is_last else items[limit - 1].id)


def _read_order(order: str) -> tuple[str, bool]:
    """Return what to sort by, and whether downwards."""
    sort, descending = order.removeprefix("-"), order.startswith("-")
    if sort not in _SORTS:
        message = f"The list can be ordered by {', '.join(_SORTS)}, not by '{sort[:40]}'."
        raise InvalidInput(message, field="order")
    return sort, descending


def _check_page(limit: int, page: int) -> None:
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"A page has 1 to {LARGEST_PAGE} entries."
        raise InvalidInput(message, field="limit")
    if page < 1:
        raise InvalidInput("Pages are counted from 1.", field="page")


class RegisterEntry(msgspec.Struct, frozen=True):
    """A row of the register, or with ``reward`` points that were given for a reward."""

    id: str
    reward: bool


async def list_register(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
    customer_id: str | None = None,
    order_id: str | None = None,
    result: RedemptionResult | None = None,
    status: RedemptionStatus | None = None,
    limit: int,
    order: str = "-created_at",
    page: int,
) -> Page[RegisterEntry]:
    """Return a page of the register among what points were given for, and the exact total.

    ``order`` is created_at or id, with ``-`` in front for descending. Raises InvalidInput.
    """
    sort, descending = _read_order(order)
    wanted: dict[LiteralString, str | None] = {
        "campaign_id": campaign_id,
        "voucher_id": voucher_id,
        "customer_id": customer_id,
        "order_id": order_id,
    }
    conditions: list[sql.Composable] = [
        sql.SQL("r.{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name, value in wanted.items()
        if value is not None
    ]
    sources = {"reward_redemption": list(conditions)}
    # A reward is always given in full, and never taken back.
    if result is RedemptionResult.FAILURE or status not in (None, RedemptionStatus.SUCCEEDED):
        del sources["reward_redemption"]
    if result is not None:
        conditions.append(sql.SQL("r.result = %(result)s"))
    if status is not None:
        conditions.append(sql.SQL(_STATUSES[status]))
    sources["redemption"] = conditions
    return await _page_of(
        tx,
        sources,
        {**wanted, "result": result, "limit": limit, "offset": (page - 1) * limit},
        sort=sql.SQL(_SORTS[sort]),
        direction=sql.SQL("desc" if descending else "asc"),
    )


async def _page_of(
    tx: Tx,
    sources: Mapping[str, Sequence[sql.Composable]],
    parameters: Mapping[str, Any],
    *,
    sort: sql.SQL,
    direction: sql.SQL,
) -> Page[RegisterEntry]:
    # Each table stops early by its own index; the outer sort merges two short lists.
    branch = sql.SQL(
        "(select r.id, r.created_at, {reward} as reward from {table} r {where}"
        " order by ({sort}) {direction} limit %(limit)s + %(offset)s)"
    )
    branches = [
        branch.format(
            reward=sql.Literal(table != "redemption"),
            table=sql.Identifier(table),
            where=_where(conditions),
            sort=sort,
            direction=direction,
        )
        for table, conditions in sources.items()
    ]
    query = sql.SQL(
        "select id, reward from ({}) r order by ({}) {} limit %(limit)s offset %(offset)s"
    ).format(sql.SQL(" union all ").join(branches), sort, direction)
    counts = [
        sql.SQL("(select count(*) from {} r {})").format(sql.Identifier(table), _where(conditions))
        for table, conditions in sources.items()
    ]
    counted = await tx.execute(
        sql.SQL("select {}").format(sql.SQL(" + ").join(counts)), dict(parameters)
    )
    total = await counted.fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(RegisterEntry)) as cursor:
        await cursor.execute(query, dict(parameters))
        return Page(await cursor.fetchall(), total[0])


async def list_redemptions_by_id(tx: Tx, ids: Sequence[str]) -> list[Redemption]:
    """Return these rows of the register, by id."""
    query: LiteralString = f"select {_COLUMNS} from {_FROM} where r.id = any(%s)"
    return await _redemptions(tx, query, (list(ids),))


async def lock_redemptions(tx: Tx, redemption_id: str) -> None:
    """Lock a redemption and its children, so that it is rolled back by one at a time."""
    await tx.execute(
        "select from redemption where id = %(id)s or parent_id = %(id)s order by id for update",
        {"id": redemption_id},
    )


async def _count(tx: Tx, conditions: Sequence[sql.Composable], parameters: Any) -> int:
    query = sql.SQL("select count(*) from redemption r {}").format(_where(conditions))
    row = await (await tx.execute(query, parameters)).fetchone()
    assert row is not None
    return row[0]


def _where(conditions: Sequence[sql.Composable]) -> sql.Composable:
    if not conditions:
        return sql.SQL("")
    return sql.SQL("where ") + sql.SQL(" and ").join(conditions)


async def _redemptions(
    tx: Tx, query: LiteralString | sql.Composed, parameters: Any
) -> list[Redemption]:
    async with tx.cursor(row_factory=struct_row(Redemption)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
