"""Where PostgreSQL finds each attribute and property: fixed SQL text, by code.

A customer is ``c``, with summary ``s`` and scores ``r``; a deed is ``d``, the product of a line
``p``. Named parameters such as ``now`` are those of Compiler.
"""

from collections.abc import Mapping
from typing import LiteralString

from kaquan.segments.attributes import ValueKind
from kaquan.segments.deeds import DeedKind

JOINS: LiteralString = (
    " left join customer_summary s on s.project_id = c.project_id and s.customer_id = c.id"
    " left join rfm_score r on r.project_id = c.project_id and r.customer_id = c.id"
)
SHOWN: LiteralString = "c.erased_at is null"

_LOCATION: LiteralString = (
    "(select coalesce(l.source_id, l.id) from location l"
    " where l.project_id = d.project_id and l.id = d.location_id)"
)
_CAMPAIGN_NAME: LiteralString = "(select k.name from campaign_ever k where k.project_id = d.project_id and k.id = d.campaign_id)"

EXPRESSIONS: Mapping[str, LiteralString] = {
    "id": "c.id",
    "source_id": "c.source_id",
    "name": "c.name_index",
    "email": "c.email_index",
    "phone": "c.phone_index",
    "birth_date": "c.birth_date",
    "created_at": "c.created_at",
    "city": "c.address ->> 'city'",
    "state": "c.address ->> 'state'",
    "country": "c.address ->> 'country'",
    "postal_code": "c.postal_index",
    "order_count": "coalesce(s.order_count, 0)",
    "spend_minor": "coalesce(s.spend_minor, 0)",
    "average_order_minor": "s.spend_minor / s.order_count",
    "first_order_at": "s.first_order_at",
    "last_order_at": "s.last_order_at",
    "days_since_last_order": "floor(extract(epoch from %(now)s - s.last_order_at) / 86400)",
    "age": "case when c.birth_date <= %(today)s then (%(today_number)s::integer"
    " - (extract(year from c.birth_date) * 10000 + extract(month from c.birth_date) * 100"
    " + extract(day from c.birth_date))::integer) / 10000 end",
    "rfm.recency_score": "r.recency_score",
    "rfm.frequency_score": "r.frequency_score",
    "rfm.monetary_score": "r.monetary_score",
    "rfm.band": "r.band",
    "lifecycle": "case when s.order_count is null then 'prospect'"
    " when s.first_order_at >= %(new_from)s then 'new'"
    " when s.last_order_at >= %(active_from)s then 'active'"
    " when s.last_order_at >= %(at_risk_from)s then 'at_risk' else 'lapsed' end",
    "value_tier": "case when r.monetary_score = 5 then 'high'"
    " when r.monetary_score >= 3 then 'mid' when r.monetary_score >= 1 then 'low' end",
    "order.total_minor": "d.total_minor",
    "order.amount_minor": "d.amount_minor",
    "order.discount_minor": "d.discount_minor + d.items_discount_minor",
    "order.line_count": "cardinality(d.line_quantities)",
    "order.source_id": "d.source_id",
    "order.location": _LOCATION,
    "order.status": "d.status",
    "order_line.product": "coalesce(p.source_id, d.source_id)",
    "order_line.quantity": "d.quantity",
    "order_line.amount_minor": "d.amount_minor",
    "order_line.discount_minor": "d.discount_minor",
    "order_line.unit_price_minor": "d.unit_price_minor",
    "order_line.location": _LOCATION,
    "order_line.status": "d.status",
    "redemption.campaign": "d.campaign_id",
    "redemption.campaign_name": _CAMPAIGN_NAME,
    "redemption.voucher": "(select v.code from voucher_ever v"
    " where v.project_id = d.project_id and v.id = d.voucher_id)",
    "redemption.channel": "d.channel",
    "redemption.location": _LOCATION,
    "redemption.discount_minor": "d.discount_minor + d.items_discount_minor",
    "redemption.order_amount_minor": "d.order_amount_minor",
    "publication.campaign": "d.campaign_id",
    "publication.campaign_name": _CAMPAIGN_NAME,
    "publication.channel": "d.channel",
    "message.campaign": "d.campaign_id",
    "message.campaign_name": _CAMPAIGN_NAME,
    "message.channel": "d.channel",
    "message.status": "d.status",
    "event.source_id": "d.source_id",
}

OBJECTS: Mapping[str, LiteralString] = {
    "metadata": "c.metadata",
    "order.metadata": "d.metadata",
    "order_line.attribute": "p.attributes",
    "redemption.metadata": "d.metadata",
    "publication.metadata": "d.metadata",
    "event.metadata": "d.metadata",
}
"""The JSON objects whose keys are the merchant's own."""

PRODUCT = ("order_line.product", "order_line.attribute")
"""Properties of a line that need its product."""

# Nine decimal places, and nothing that would not fit 38 digits when added up: the same for every
# engine. A date is told by its first ten characters, which sort as dates do.
KEYED: Mapping[ValueKind, LiteralString] = {
    ValueKind.METADATA: "nullif({object} -> {key}, 'null')",
    ValueKind.TEXT: "case jsonb_typeof({object} -> {key})"
    " when 'string' then {object} ->> {key} end",
    ValueKind.NUMBER: "case jsonb_typeof({object} -> {key}) when 'number'"
    " then case when abs(({object} ->> {key})::numeric) < 1e18"
    " then round(({object} ->> {key})::numeric, 9) end end",
    ValueKind.BOOLEAN: "case jsonb_typeof({object} -> {key})"
    " when 'boolean' then ({object} ->> {key})::boolean end",
    ValueKind.DATE: "case when jsonb_typeof({object} -> {key}) = 'string' and"
    " ({object} ->> {key}) ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}($|[T ])'"
    ' then left({object} ->> {key}, 10) end collate "C"',
}

SCORE: LiteralString = (
    "(select k.value from customer_score k where k.project_id = c.project_id"
    " and k.customer_id = c.id and k.name = {key})"
)

CASTS: Mapping[ValueKind, LiteralString] = {
    ValueKind.TEXT: "text",
    ValueKind.SEALED: "text",
    ValueKind.NUMBER: "numeric",
    ValueKind.MONEY: "bigint",
    ValueKind.BOOLEAN: "boolean",
    ValueKind.DATE: "date",
}

SOURCES: Mapping[DeedKind, LiteralString] = {
    DeedKind.ORDER: "orders d",
    DeedKind.ORDER_LINE: "order_line d",
    DeedKind.REDEMPTION: "redemption d",
    DeedKind.PUBLICATION: "publication d",
    DeedKind.MESSAGE: "message d",
    DeedKind.EVENT: "event d",
}
PRODUCT_JOIN: LiteralString = (
    " left join product p on p.project_id = d.project_id and p.id = d.product_id"
)
# A limit keeps the planner from reading all products in order to find those of a few lines.
PRODUCT_LOOKUP: LiteralString = (
    " left join lateral (select q.source_id, q.attributes from product q"
    " where q.project_id = d.project_id and q.id = d.product_id limit 1) p on true"
)
MOMENTS: Mapping[DeedKind, LiteralString] = {
    DeedKind.ORDER: "d.placed_at",
    DeedKind.ORDER_LINE: "d.placed_at",
    DeedKind.REDEMPTION: "d.created_at",
    DeedKind.PUBLICATION: "d.created_at",
    DeedKind.MESSAGE: "d.created_at",
    DeedKind.EVENT: "d.at",
}
_PURCHASE: LiteralString = "d.status = any(%(counted)s)"
COUNTED: Mapping[DeedKind, LiteralString] = {
    DeedKind.ORDER: _PURCHASE,
    DeedKind.ORDER_LINE: _PURCHASE,
    DeedKind.REDEMPTION: "true",
    DeedKind.PUBLICATION: "true",
    DeedKind.MESSAGE: "d.status <> 'failed'",
    DeedKind.EVENT: "true",
}
"""Which deeds count when the rule does not speak of their status."""
# A parent stands for its children; what was rolled back did not happen.
ALWAYS: Mapping[DeedKind, LiteralString] = {
    DeedKind.REDEMPTION: "d.kind = 'redemption' and d.result = 'SUCCESS'"
    " and not exists (select from redemption k where k.project_id = d.project_id"
    " and k.parent_id = d.id)"
    " and not exists (select from redemption k where k.project_id = d.project_id"
    " and k.reverses_id = d.id and k.kind = 'rollback' and k.result = 'SUCCESS')",
}
