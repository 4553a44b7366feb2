"""SQL of the checkout: what a decision reads in one go, and the register of redemptions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.campaigns import Campaign, Voucher
from kaquan.checkout.model import Coupon, Redemption, RedemptionKind, RedemptionResult
from kaquan.customers import COUNTED_STATUSES
from kaquan.runtime import InvalidInput, NotFound, Page, Project, Tx, struct_row

LARGEST_PAGE = 1000

_SETTING: LiteralString = """
    select to_jsonb(p), coalesce((
        select jsonb_agg(jsonb_build_array(
                   to_jsonb(v) || jsonb_build_object(
                       'campaign_name', c.name, 'metadata', coalesce(v.metadata, '{}')),
                   to_jsonb(c)))
          from voucher v left join campaign c on c.id = v.campaign_id
         where v.code = any(%s)), '[]')
      from project p where p.project_id = current_project()
"""
_COLUMNS: LiteralString = (
    "r.id, r.kind, r.result, r.parent_id, r.reverses_id, r.voucher_id, v.code as voucher_code,"
    " r.campaign_id, r.customer_id, r.order_id, r.location_id, r.channel, r.tracking_id,"
    " r.discount_minor, r.items_discount_minor, r.order_amount_minor, r.allocation,"
    " r.items_allocation, r.failure_code, r.failure_message, r.trace, r.metadata, r.by_user_id,"
    " r.created_at,"
    " exists (select from redemption b where b.reverses_id = r.id"
    "         and b.kind = 'rollback' and b.result = 'SUCCESS') as rolled_back"
)
_FROM: LiteralString = "redemption r left join voucher v on v.id = r.voucher_id"
_NET: LiteralString = (
    "r.kind = 'redemption' and r.result = 'SUCCESS' and not exists (select from redemption b"
    " where b.reverses_id = r.id and b.kind = 'rollback' and b.result = 'SUCCESS')"
)


async def read_setting(tx: Tx, codes: Sequence[str]) -> tuple[Project, dict[str, Coupon]]:
    """Return the project, and the vouchers of these codes with their campaigns, by code.

    Codes that nobody knows are left out. Raises NotFound without a project.
    """
    cursor = await tx.execute(_SETTING, (list(codes),))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("project", "of this request")
    pairs = msgspec.convert(row[1], list[tuple[Voucher, Campaign | None]])
    coupons = {v.code: Coupon(v, campaign) for v, campaign in pairs}
    return msgspec.convert(row[0], Project), coupons


async def lock_and_count_redemptions(
    tx: Tx, customer_id: str, *, campaign_ids: Sequence[str]
) -> dict[str, int]:
    """Let the customer's redemptions happen one after the other, and count those before this.

    Both statements go in one round trip; the second sees what was committed while the first
    waited.
    """
    async with tx.pipeline():
        await lock_customer(tx, customer_id)
        return await count_redemptions(tx, customer_id, campaign_ids=campaign_ids)


async def lock_customer(tx: Tx, customer_id: str) -> None:
    """Let the customer's redemptions and rollbacks happen one after the other."""
    await tx.execute("select from customer where id = %s for no key update", (customer_id,))


async def count_orders_before(
    tx: Tx, customer_id: str, *, moment: datetime, except_order_id: str
) -> int:
    """Return how many purchases the customer had made by ``moment``, the one at hand aside."""
    cursor = await tx.execute(
        "select count(*) from orders where customer_id = %s and placed_at <= %s and id <> %s"
        " and status = any(%s)",
        (customer_id, moment, except_order_id, list(COUNTED_STATUSES)),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def count_redemptions(
    tx: Tx, customer_id: str, *, campaign_ids: Sequence[str]
) -> dict[str, int]:
    """Return the customer's successful redemptions by campaign, those rolled back aside."""
    if not campaign_ids:
        return {}
    cursor = await tx.execute(
        "select r.campaign_id, count(*) from redemption r"
        f" where r.customer_id = %s and r.campaign_id = any(%s) and {_NET}"
        " group by 1",
        (customer_id, list(campaign_ids)),
    )
    return dict(await cursor.fetchall())


async def insert_redemptions(tx: Tx, redemptions: Sequence[Redemption]) -> None:
    """Store rows of the register in one statement; parents may come with their children."""
    await tx.execute(
        "insert into redemption (id, kind, result, parent_id, reverses_id, voucher_id,"
        " campaign_id, customer_id, order_id, location_id, channel, tracking_id,"
        " discount_minor, items_discount_minor, order_amount_minor, allocation,"
        " items_allocation, failure_code, failure_message, trace, metadata, by_user_id,"
        " created_at)"
        " select * from jsonb_to_recordset(%s) as r (id text, kind text, result text,"
        " parent_id text, reverses_id text, voucher_id text, campaign_id text,"
        " customer_id text, order_id text, location_id text, channel text, tracking_id text,"
        " discount_minor bigint, items_discount_minor bigint, order_amount_minor bigint,"
        " allocation bigint[], items_allocation bigint[], failure_code text,"
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
    query: LiteralString = f"select {_COLUMNS} from {_FROM} where r.parent_id = %s order by r.id"
    return await _redemptions(tx, query, (parent_id,))


async def list_redemptions(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
    customer_id: str | None = None,
    order_id: str | None = None,
    kind: RedemptionKind | None = None,
    result: RedemptionResult | None = None,
    limit: int = 50,
    cursor: str | None = None,
    page: int = 1,
) -> Page[Redemption]:
    """Return a page of the register, newest first, with the exact total.

    ``cursor`` is the ``next_cursor`` of the page before; without it ``page`` counts from 1.
    Raises InvalidInput for a limit outside 1 to 1000 or a page below 1.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"A page has 1 to {LARGEST_PAGE} entries."
        raise InvalidInput(message, field="limit")
    if page < 1:
        raise InvalidInput("Pages are counted from 1.", field="page")
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
    total = await _count(tx, conditions, wanted)
    if cursor is not None:
        conditions.append(
            sql.SQL(
                "(r.created_at, r.id) < (select c.created_at, c.id from redemption c"
                " where c.id = %(cursor)s)"
            )
        )
    query = sql.SQL(
        "select {} from {} {} order by r.created_at desc, r.id desc limit %(limit)s"
        " offset %(offset)s"
    ).format(sql.SQL(_COLUMNS), sql.SQL(_FROM), _where(conditions))
    offset = 0 if cursor is not None else (page - 1) * limit
    parameters = {**wanted, "cursor": cursor, "limit": limit + 1, "offset": offset}
    items = await _redemptions(tx, query, parameters)
    is_last = len(items) <= limit
    return Page(items[:limit], total, None if is_last else items[limit - 1].id)


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
