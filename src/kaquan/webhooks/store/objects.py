"""SQL that reads what events are about, as messages show it."""

from collections.abc import Collection, Mapping
from typing import Any, LiteralString

import msgspec
from psycopg.rows import dict_row

from kaquan.customers import unseal_rows
from kaquan.runtime import Tx
from kaquan.webhooks.catalogue import MEMBERS

_VOUCHER_TYPE: LiteralString = (
    "case coalesce(v.offer, c.offer) -> 'effect' ->> 'code'"
    " when 'stored_value' then 'GIFT_VOUCHER' when 'points_payment' then 'LOYALTY_CARD'"
    " else 'DISCOUNT_VOUCHER' end"
)
_ITEMS: LiteralString = (
    "(select coalesce(jsonb_agg(jsonb_build_object('product_id', l.product_id,"
    " 'source_id', l.source_id, 'quantity', l.quantity, 'price', l.price, 'amount', l.amount,"
    " 'discount_amount', l.discount) order by l.line_no), '[]')"
    " from unnest(o.line_product_ids, o.line_source_ids, o.line_quantities, o.line_unit_prices,"
    " o.line_amounts, o.line_discounts) with ordinality"
    " as l (product_id, source_id, quantity, price, amount, discount, line_no))"
)
_QUERIES: Mapping[str, LiteralString] = {
    "customer": "select id, data_key, source_id, name, email, phone, metadata, created_at,"
    " updated_at"
    " from customer where id = any(%s) and erased_at is null",
    "campaign": "select id, name, kind as campaign_type, description, active,"
    " starts_at as start_date, expires_at as expiration_date, metadata, created_at, updated_at"
    " from campaign_ever where id = any(%s)",
    "voucher": f"select v.id, v.code, c.name as campaign, v.campaign_id, v.category,"
    f" {_VOUCHER_TYPE} as type, v.active, v.starts_at as start_date,"
    " v.expires_at as expiration_date, v.holder_id,"
    " jsonb_build_object('quantity', v.quantity) as redemption, v.additional_info,"
    " coalesce(v.metadata, '{}') as metadata, v.created_at, v.updated_at"
    " from voucher_ever v left join campaign_ever c on c.id = v.campaign_id where v.id = any(%s)",
    "promotion_tier": "select v.id, t.name, t.banner, t.hierarchy, v.campaign_id, v.active,"
    " v.starts_at as start_date, v.expires_at as expiration_date,"
    " coalesce(v.metadata, '{}') as metadata, v.created_at, v.updated_at"
    " from voucher_ever v left join promotion_tier t on t.voucher_id = v.id"
    " where v.id = any(%s) and v.tier",
    "promotion_stack": "select id, name, campaign_id, tier_ids as tiers, created_at, updated_at"
    " from promotion_stack where id = any(%s)",
    "publication": "select id, source_id, customer_id, campaign_id, voucher_id, channel, metadata,"
    " created_at from publication where id = any(%s)",
    "redemption": "select id, created_at as date, result, customer_id, tracking_id, order_id,"
    " voucher_id, campaign_id, location_id, parent_id, reverses_id as redemption, channel,"
    " discount_minor as discount_amount, items_discount_minor as items_discount_amount,"
    " discount_minor + items_discount_minor as total_discount_amount, failure_code,"
    " failure_message, metadata,"
    " case kind when 'rollback' then 'redemption_rollback' else 'redemption' end as object"
    " from redemption where id = any(%s)",
    "order": "select o.id, o.source_id, o.status, o.customer_id, o.amount_minor as amount,"
    " o.discount_minor as discount_amount, o.items_discount_minor as items_discount_amount,"
    " o.discount_minor + o.items_discount_minor as total_discount_amount,"
    f" o.total_minor as total_amount, {_ITEMS} as items, o.metadata, o.created_at, o.updated_at"
    " from orders o where o.id = any(%s)",
    "loyalty_tier": "select id, name, campaign_id, from_points, to_points from loyalty_tier"
    " where id = any(%s)",
    "reward_redemption": "select id, reward_id, reward_name, reward_kind as reward_type,"
    " assignment_id as reward_assignment_id, voucher_id, campaign_id, customer_id, order_id,"
    " given_voucher_id, points, metadata, created_at from reward_redemption where id = any(%s)",
    "segment": "select id, name from segment where id = any(%s)",
    "plan": "select id, name, status, request ->> 'campaign_id' as campaign_id, approved_at,"
    " withdrawn_at from allocation_plan where id = any(%s)",
    "custom_event": "select id, name as type, source_id, metadata, at as created_at"
    " from event where id = any(%s)",
    "validation_rule": "select id, name, kind as type, context as context_type, created_at,"
    " updated_at from validation_rule where id = any(%s)",
    "validation_rule_assignment": "select id, rule_id, owner_kind as related_object_type,"
    " owner_id as related_object_id from rule_assignment where id = any(%s)",
}


async def load_objects(tx: Tx, kind: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return those objects of a kind that (still) exist by id, as JSON-able members."""
    query = _QUERIES.get(kind)
    if query is None or not ids:
        return {}
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (sorted(ids),))
        rows = await cursor.fetchall()
    if kind == "customer":
        rows = await unseal_rows(tx, rows)
    found = [msgspec.to_builtins(msgspec.convert(row, MEMBERS[kind])) for row in rows]
    return {row["id"]: row for row in found}
