"""SQL of a customer's activity: what happened, in the dialect's words, whichever room recorded it."""

from typing import Any, LiteralString

from kaquan.customers.model import Activity, ActivityQuery
from kaquan.runtime import Page, Tx, struct_row

# Each branch: id, type, moment, campaign, and ids of what it is about.
_ALL: LiteralString = """
select 'ce_' || id as id, 'customer.created' as type, created_at as at, null as campaign_id,
       '{}'::jsonb as related, 'ACTION' as category
  from customer where id = %(customer_id)s
union all
select 'oe_' || id, 'customer.order.created', placed_at, null,
       jsonb_build_object('order_id', id), 'ACTION'
  from orders where customer_id = %(customer_id)s
union all
select 'os_' || id, case status when 'PAID' then 'customer.order.paid'
         when 'FULFILLED' then 'customer.order.fulfilled'
         when 'CANCELED' then 'customer.order.canceled' else 'customer.order.updated' end,
       coalesce(updated_at, placed_at), null, jsonb_build_object('order_id', id), 'ACTION'
  from orders where customer_id = %(customer_id)s and status <> 'CREATED'
union all
select 'pe_' || id, 'customer.publication.succeeded', created_at, campaign_id,
       jsonb_build_object('publication_id', id, 'voucher_id', voucher_id,
                          'channel', channel), 'EFFECT'
  from publication where customer_id = %(customer_id)s
union all
select 're_' || id,
       case when kind = 'rollback' and result = 'SUCCESS'
            then 'customer.redemption.rollback.succeeded'
            when kind = 'rollback' then 'customer.redemption.rollback.failed'
            when result = 'SUCCESS' then 'customer.redemption.succeeded'
            else 'customer.redemption.failed' end,
       created_at, campaign_id,
       jsonb_build_object('redemption_id', id, 'voucher_id', voucher_id, 'order_id', order_id,
                          'result', result, 'failure_code', failure_code), 'ACTION'
  from redemption where customer_id = %(customer_id)s and voucher_id is not null
union all
select 'me_' || id,
       case when status = 'failed' then 'customer.email.failed' else 'customer.email.sent' end,
       coalesce(sent_at, created_at), campaign_id,
       jsonb_build_object('message_id', id, 'voucher_id', voucher_id), 'EFFECT'
  from message where customer_id = %(customer_id)s and status in ('sent', 'failed')
union all
select id, 'customer.custom_event', at, null,
       jsonb_build_object('event_id', id, 'name', name, 'metadata', metadata), 'ACTION'
  from event where customer_id = %(customer_id)s
"""
_LIST: LiteralString = """
with activity as ({all}), place as (select at, id from activity where id = %(after)s)
select a.id, a.type, a.at, a.campaign_id, a.related
  from activity a left join campaign_ever c on c.id = a.campaign_id
 where (%(type)s::text is null or a.type = %(type)s)
   and (%(category)s::text is null or a.category = %(category)s)
   and (%(campaign_id)s::text is null or a.campaign_id = %(campaign_id)s)
   and (%(campaign_type)s::text is null or c.kind = %(campaign_type)s)
   and (%(start)s::timestamptz is null or a.at >= %(start)s)
   and (%(end)s::timestamptz is null or a.at <= %(end)s)
   and (%(after)s::text is null or (a.at, a.id) {beyond} (select at, id from place))
 order by a.at {direction}, a.id {direction} limit %(limit)s
"""


async def list_activities(
    tx: Tx, customer_id: str, query: ActivityQuery, *, limit: int
) -> Page[Activity]:
    """Return what happened to a customer (our id), newest first unless the query is ascending.

    The total is of those returned; ``next_cursor`` is the last one's id when more follow.
    """
    statement: LiteralString = (
        _LIST.replace("{beyond}", ">").replace("{direction}", "asc")
        if query.ascending
        else _LIST.replace("{beyond}", "<").replace("{direction}", "desc")
    )
    parameters: dict[str, Any] = {
        "customer_id": customer_id,
        "after": query.after,
        "type": query.type,
        "category": query.category,
        "campaign_id": query.campaign_id,
        "campaign_type": query.campaign_type,
        "start": query.start,
        "end": query.end,
        "limit": limit + 1,
    }
    async with tx.cursor(row_factory=struct_row(Activity)) as cursor:
        await cursor.execute(statement.replace("{all}", _ALL), parameters)
        found = await cursor.fetchall()
    more = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], total=min(len(found), limit), next_cursor=more)
