"""SQL of returns and of the campaigns' policies about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.checkout.returns_model import OrderReturn, ReturnPolicy
from kaquan.runtime import NotFound, Page, Tx, struct_row

_COLUMNS: LiteralString = (
    "t.id, t.order_id, t.redemption_id, t.line_quantities, t.line_gross, t.gross_minor,"
    " t.given_back_minor, t.clawed_back_minor, t.refund_minor, t.completes, t.reason, t.metadata,"
    " t.by_user_id, t.created_at,"
    " coalesce((select jsonb_agg(to_jsonb(p) order by p.redemption_id) from return_part p"
    "            where p.return_id = t.id), '[]') as parts"
)
_SORTS: Mapping[str, LiteralString] = {
    "created_at": "t.created_at, t.id",
    "-created_at": "t.created_at desc, t.id desc",
}
RETURN_ORDERS = tuple(_SORTS)


async def insert_return(tx: Tx, done: OrderReturn) -> None:
    """Store a return with its parts, and mark the redemptions; the database refuses too much."""
    await tx.execute(
        "insert into order_return (id, order_id, redemption_id, line_quantities, line_gross,"
        " gross_minor, given_back_minor, clawed_back_minor, refund_minor, completes, reason,"
        " metadata, by_user_id, created_at)"
        " select * from jsonb_to_record(%s) as r (id text, order_id text, redemption_id text,"
        " line_quantities bigint[], line_gross bigint[], gross_minor bigint,"
        " given_back_minor bigint, clawed_back_minor bigint, refund_minor bigint,"
        " completes boolean, reason text, metadata jsonb, by_user_id text,"
        " created_at timestamptz)",
        (Jsonb(done),),
    )
    await tx.execute(
        "insert into return_part (return_id, redemption_id, given_back, clawed_back, use_returned)"
        " select %s, r.* from jsonb_to_recordset(%s) as r (redemption_id text,"
        " given_back bigint[], clawed_back bigint[], use_returned boolean)",
        (done.id, Jsonb(list(done.parts))),
    )
    await tx.execute(
        "with part as (select * from unnest(%(ids)s::text[], %(amounts)s::bigint[],"
        "      %(uses)s::boolean[]) as p (id, amount, use_returned)),"
        " own as (select r.id, r.parent_id, p.amount, p.use_returned"
        "           from part p join redemption r on r.id = p.id),"
        " moved as (select id, amount, use_returned from own union all"
        "   select parent_id, sum(amount), false from own"
        "    where parent_id is not null group by 1)"
        " update redemption r set returned_minor = r.returned_minor + m.amount,"
        "        use_returned = r.use_returned or m.use_returned"
        "   from moved m where r.id = m.id",
        {
            "ids": [part.redemption_id for part in done.parts],
            "amounts": [part.returned_minor for part in done.parts],
            "uses": [part.use_returned for part in done.parts],
        },
    )


async def get_return(tx: Tx, return_id: str) -> OrderReturn:
    """Return what came back, by id; raises NotFound."""
    query: LiteralString = f"select {_COLUMNS} from order_return t where t.id = %s"
    found = await _returns(tx, query, (return_id,))
    if not found:
        raise NotFound("return", return_id)
    return found[0]


async def list_history(
    tx: Tx, *, order_id: str | None, redemption_ids: Sequence[str]
) -> list[OrderReturn]:
    """Return the returns of an order and those of its redemptions, oldest first."""
    query: LiteralString = (
        f"select {_COLUMNS} from order_return t"
        " where t.order_id = %s or (t.order_id is null and t.redemption_id = any(%s))"
        " order by t.created_at, t.id"
    )
    return await _returns(tx, query, (order_id, list(redemption_ids)))


async def list_return_rows(
    tx: Tx, *, order_id: str | None, redemption_id: str | None, order: str, limit: int, page: int
) -> Page[OrderReturn]:
    """Return a page of the returns of an order or a redemption (None: any), with the total."""
    where: LiteralString = (
        " where (%(order_id)s::text is null or t.order_id = %(order_id)s)"
        " and (%(redemption_id)s::text is null or t.redemption_id = %(redemption_id)s"
        "   or exists (select from return_part p join redemption r on r.id = p.redemption_id"
        "               where p.return_id = t.id"
        "                 and %(redemption_id)s in (r.id, r.parent_id)))"
    )
    query: LiteralString = (
        f"select {_COLUMNS} from order_return t {where}"
        f" order by {_SORTS[order]} limit %(limit)s offset %(offset)s"
    )
    parameters = {
        "order_id": order_id,
        "redemption_id": redemption_id,
        "limit": limit,
        "offset": (page - 1) * limit,
    }
    items = await _returns(tx, query, parameters)
    counted = await tx.execute("select count(*) from order_return t" + where, parameters)
    return Page(items, (await counted.fetchall())[0][0])


async def lock_redemptions_of(tx: Tx, order_id: str) -> None:
    """Lock the redemptions of an order, which is locked already."""
    await tx.execute(
        "select from redemption where order_id = %s and kind = 'redemption' order by id for update",
        (order_id,),
    )


async def write_policy(tx: Tx, campaign_id: str, policy: ReturnPolicy, *, at: datetime) -> None:
    """Store what a campaign says about returns, in the place of what it said before."""
    await tx.execute(
        "insert into return_policy (campaign_id, policy, updated_at) values (%s, %s, %s)"
        " on conflict (project_id, campaign_id) do update"
        " set policy = excluded.policy, updated_at = excluded.updated_at",
        (campaign_id, Jsonb(msgspec.to_builtins(policy)), at),
    )


async def list_policies(tx: Tx, campaign_ids: Sequence[str]) -> dict[str, ReturnPolicy]:
    """Return the policies of those of these campaigns that have one."""
    cursor = await tx.execute(
        "select campaign_id, policy from return_policy where campaign_id = any(%s)",
        (list(campaign_ids),),
    )
    return {
        campaign_id: msgspec.convert(policy, ReturnPolicy)
        for campaign_id, policy in await cursor.fetchall()
    }


async def _returns(tx: Tx, query: LiteralString, parameters: Any) -> list[OrderReturn]:
    async with tx.cursor(row_factory=struct_row(OrderReturn)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
