"""SQL of a customer's timeline: what happened to them, whichever room recorded it."""

from datetime import datetime
from typing import Any, LiteralString

from kaquan.customers.model import TimelineEntry
from kaquan.customers.sealing import unseal_texts
from kaquan.customers.store.notes import NOTE_PLACES
from kaquan.runtime import Tx, struct_row

_SEALED = {"subject": "message.subject", **NOTE_PLACES}

# Each branch takes no more than a page from its own index, so a long life costs no more.


def _branch(
    select: LiteralString, table: LiteralString, at: LiteralString, *, only: LiteralString = ""
) -> LiteralString:
    return (
        f"(select {at} as at, {select} from {table} where customer_id = %(customer_id)s{only}"
        f" and ({at}, id) < (%(at)s, %(id)s) order by {at} desc, id desc limit %(limit)s)"
    )


# Points are kept on the customer's own account. Ids of transfers are numbers, written so that
# they sort as such.
_POINTS: LiteralString = (
    "(select at, 'points', id, jsonb_build_object('amount', amount, 'cause', cause,"
    "  'cause_id', cause_id) from ("
    "   select at, to_char(id, 'FM0000000000000000000') as id, amount, cause, cause_id"
    "     from transfer where to_owner = %(customer_id)s and kind = 'points'"
    "   union all select at, to_char(id, 'FM0000000000000000000'), -amount, cause, cause_id"
    "     from transfer where from_owner = %(customer_id)s and kind = 'points') moved"
    "  where (at, id) < (%(at)s, %(id)s) order by at desc, id desc limit %(limit)s)"
)
_ENTRIES: LiteralString = " union all ".join(
    [
        _branch(
            "'order' as kind, id, jsonb_build_object('source_id', source_id, 'status', status,"
            " 'total_minor', total_minor, 'line_count', cardinality(line_quantities),"
            " 'lines', (select jsonb_agg(coalesce(p.name, p.source_id, line.source_id) order by place)"
            "   from unnest(line_product_ids[:3], line_source_ids[:3]) with ordinality"
            "        as line (product_id, source_id, place)"
            "   left join product p on p.id = line.product_id),"
            " 'location', (select w.name from location w where w.id = location_id)) as facts",
            "orders",
            "placed_at",
        ),
        _branch(
            "'publication', id, jsonb_build_object('campaign_id', campaign_id,"
            " 'voucher_id', voucher_id, 'channel', channel)",
            "publication",
            "created_at",
        ),
        _branch(
            "kind, id, jsonb_build_object('result', result, 'campaign_id', campaign_id,"
            " 'voucher_id', voucher_id, 'order_id', order_id, 'failure_code', failure_code,"
            " 'discount_minor', discount_minor + items_discount_minor,"
            " 'location', (select w.name from location w where w.id = location_id))",
            "redemption",
            "created_at",
        ),
        _branch(
            "'message', id, jsonb_build_object('campaign_id', campaign_id, 'channel', channel,"
            " 'id', id, 'sealed_by', sealed_by, 'subject', subject, 'status', status)",
            "message",
            "created_at",
        ),
        _branch(
            "case name when 'Store Visited' then 'visit' when 'Survey Answered' then 'survey'"
            " else 'event' end, id, jsonb_build_object('name', name, 'metadata', metadata,"
            " 'location', case name when 'Store Visited' then (select w.name from location w"
            "   where event.metadata ->> 'location_id' in (w.source_id, w.id) limit 1) end)",
            "event",
            "at",
            only=" and not is_browsing(name)",
        ),
        _branch(
            "'session', id, jsonb_build_object('ended_at', ended_at, 'event_count', event_count,"
            " 'page_count', page_count, 'product_count', product_count, 'added_count', added_count)",
            "browsing_session",
            "started_at",
        ),
        _branch(
            "'note', id, jsonb_build_object('id', id, 'sealed_by', sealed_by,"
            " 'text', text, 'written_by', written_by)",
            "customer_note",
            "created_at",
        ),
        _POINTS,
    ]
)
_COUNT: LiteralString = (
    "select (select count(*) from orders where customer_id = %(customer_id)s)"
    " + (select count(*) from publication where customer_id = %(customer_id)s)"
    " + (select count(*) from redemption where customer_id = %(customer_id)s)"
    " + (select count(*) from message where customer_id = %(customer_id)s)"
    " + (select count(*) from event where customer_id = %(customer_id)s and not is_browsing(name))"
    " + (select count(*) from browsing_session where customer_id = %(customer_id)s)"
    " + (select count(*) from customer_note where customer_id = %(customer_id)s)"
    " + (select count(*) from transfer where kind = 'points' and to_owner = %(customer_id)s)"
    " + (select count(*) from transfer where kind = 'points' and from_owner = %(customer_id)s)"
)


async def list_entries(
    tx: Tx, customer_id: str, *, before: tuple[datetime, str], limit: int
) -> list[TimelineEntry]:
    """Return up to ``limit`` entries that lie before a moment and id, newest first."""
    parameters: dict[str, Any] = {
        "customer_id": customer_id,
        "at": before[0],
        "id": before[1],
        "limit": limit,
    }
    async with tx.cursor(row_factory=struct_row(TimelineEntry)) as cursor:
        await cursor.execute(
            f"select * from ({_ENTRIES}) entry order by at desc, id desc limit %(limit)s",
            parameters,
        )
        entries = await cursor.fetchall()
    sealed = [one.facts for one in entries if "sealed_by" in one.facts]
    await unseal_texts(tx, sealed, _SEALED)
    for facts in sealed:
        del facts["id"], facts["sealed_by"]
    return entries


async def count_entries(tx: Tx, customer_id: str) -> int:
    """Return how many entries a customer's timeline has in all."""
    cursor = await tx.execute(_COUNT, {"customer_id": customer_id})
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
