"""The columns of exports of vouchers and what is done with them, as the dialect names them."""

from collections.abc import Mapping
from typing import LiteralString

from kaquan.insight.exports.model import ExportedObject, ExportSource
from kaquan.insight.exports.record_sources import CUSTOMERS, ORDERS, PRODUCTS, SKUS
from kaquan.runtime import FilterField, FilterFields, FilterKind

# An offer's effect is the voucher's own or its campaign's.
_EFFECT: LiteralString = "coalesce(v.offer, k.offer) -> 'effect'"
_CODE: LiteralString = "(coalesce(v.offer, k.offer) -> 'effect' ->> 'code')"
_TYPE: LiteralString = (
    f"case {_CODE} when 'stored_value' then 'GIFT_VOUCHER'"
    " when 'points_payment' then 'LOYALTY_CARD' else 'DISCOUNT_VOUCHER' end"
)
_DISCOUNT_TYPE: LiteralString = (
    f"case {_CODE} when 'stored_value' then null when 'points_payment' then null"
    " when 'percent_off' then 'PERCENT' when 'free_units' then 'UNIT'"
    " when 'fixed_price' then 'FIXED' else 'AMOUNT' end"
)
_VALUE: LiteralString = (
    f"case {_CODE} when 'percent_off' then trim_scale((({_EFFECT}) ->> 'rate_bps')::numeric / 100)"
    f" when 'free_units' then (({_EFFECT}) -> 'units' -> 0 ->> 'quantity')::numeric"
    f" when 'fixed_price' then (({_EFFECT}) ->> 'price_minor')::numeric"
    " when 'stored_value' then g.balance when 'points_payment' then p.balance"
    f" else (({_EFFECT}) ->> 'amount_minor')::numeric end"
)
_USED: LiteralString = "coalesce(t.balance, 0) + coalesce(u.granted - u.balance, 0)"


def _account(alias: LiteralString, kind: LiteralString) -> LiteralString:
    return (
        f" left join account {alias} on {alias}.project_id = v.project_id"
        f" and {alias}.owner = v.id and {alias}.kind = '{kind}'"
    )


VOUCHERS = ExportSource(
    source=(
        "voucher v left join campaign k on k.project_id = v.project_id and k.id = v.campaign_id"
        " left join customer h on h.project_id = v.project_id and h.id = v.holder_id"
        + _account("u", "uses")
        + _account("t", "used")
        + _account("g", "value")
        + _account("p", "points")
    ),
    key="v.id",
    fields={
        "id": "v.id",
        "code": "v.code",
        "voucher_type": _TYPE,
        "value": _VALUE,
        "discount_type": _DISCOUNT_TYPE,
        "campaign": "k.name",
        "campaign_id": "v.campaign_id",
        "category": "v.category",
        "start_date": "v.starts_at",
        "expiration_date": "v.expires_at",
        "gift_balance": "g.balance",
        "loyalty_balance": "p.balance",
        "redemption_quantity": "v.quantity",
        "redemption_count": _USED,
        "active": "v.active",
        "qr_code": "null::text",
        "bar_code": "null::text",
        "is_referral_code": "coalesce(k.kind = 'REFERRAL_PROGRAM', false)",
        "created_at": "v.created_at",
        "updated_at": "v.updated_at",
        "validity_timeframe_interval": "null::text",
        "validity_timeframe_duration": "null::text",
        "validity_day_of_week": "null::text",
        "discount_amount_limit": f"({_EFFECT}) ->> 'cap_minor'",
        "additional_info": "v.additional_info",
        "customer_id": "v.holder_id",
        "customer_source_id": "h.source_id",
        "discount_unit_type": f"({_EFFECT}) -> 'units' -> 0 ->> 'product_id'",
        "discount_unit_effect": f"({_EFFECT}) -> 'units' -> 0 ->> 'mode'",
    },
    usual=("code", "voucher_type", "value", "discount_type"),
    orders={
        "created_at": "v.created_at",
        "updated_at": "coalesce(v.updated_at, v.created_at)",
        "code": "v.code",
    },
    filters=FilterFields(
        named={
            "id": FilterField("v.id"),
            "code": FilterField("v.code"),
            "campaign": FilterField("k.name"),
            "campaign_id": FilterField("v.campaign_id"),
            "campaign_ids": FilterField("v.campaign_id"),
            "category": FilterField("v.category"),
            "voucher_type": FilterField(_TYPE),
            "type": FilterField(_TYPE),
            "active": FilterField("v.active", FilterKind.BOOLEAN),
            "holder_id": FilterField("v.holder_id"),
            "customer_id": FilterField("v.holder_id"),
            "start_date": FilterField("v.starts_at", FilterKind.TIME),
            "expiration_date": FilterField("v.expires_at", FilterKind.TIME),
            "created_at": FilterField("v.created_at", FilterKind.TIME),
            "updated_at": FilterField("v.updated_at", FilterKind.TIME),
            "redemption.quantity": FilterField("v.quantity", FilterKind.NUMBER),
            "redemption.redeemed_quantity": FilterField(_USED, FilterKind.NUMBER),
        },
        objects={"metadata": "coalesce(v.metadata, '{}')"},
    ),
    metadata="coalesce(v.metadata, '{}')",
    subject="voucher",
    campaign="v.campaign_id",
)
PUBLICATIONS = ExportSource(
    source=(
        "publication p join voucher_ever v on v.project_id = p.project_id and v.id = p.voucher_id"
        " join customer c on c.project_id = p.project_id and c.id = p.customer_id"
        " left join campaign_ever k on k.project_id = p.project_id and k.id = p.campaign_id"
    ),
    key="p.id",
    fields={
        "id": "p.id",
        "code": "v.code",
        "voucher_code": "v.code",
        "customer_id": "p.customer_id",
        "customer_source_id": "c.source_id",
        "date": "p.created_at",
        "channel": "p.channel",
        "campaign": "k.name",
        "is_winner": "null::text",
    },
    usual=("code", "customer_id", "date", "channel"),
    orders={
        "created_at": "p.created_at",
        "voucher_code": "v.code",
        "channel": "p.channel",
    },
    filters=FilterFields(
        named={
            "id": FilterField("p.id"),
            "voucher_code": FilterField("v.code"),
            "customer_id": FilterField("p.customer_id"),
            "campaign": FilterField("k.name"),
            "campaign_name": FilterField("k.name"),
            "campaign_id": FilterField("p.campaign_id"),
            "channel": FilterField("p.channel"),
            "created_at": FilterField("p.created_at", FilterKind.TIME),
            "date": FilterField("p.created_at", FilterKind.TIME),
        },
        objects={"metadata": "p.metadata"},
    ),
    metadata="p.metadata",
    subject="publication",
    campaign="p.campaign_id",
)
REDEMPTIONS = ExportSource(
    source=(
        "redemption r left join voucher_ever v on v.project_id = r.project_id and v.id = r.voucher_id"
        " left join customer c on c.project_id = r.project_id and c.id = r.customer_id"
        " left join campaign_ever k on k.project_id = r.project_id and k.id = r.campaign_id"
    ),
    key="r.id",
    fields={
        "id": "r.id",
        "object": "case r.kind when 'rollback' then 'redemption_rollback' else 'redemption' end",
        "date": "r.created_at",
        "voucher_code": "v.code",
        "campaign": "k.name",
        "promotion_tier_id": "null::text",
        "customer_id": "r.customer_id",
        "customer_source_id": "c.source_id",
        "customer_name": "c.name",
        "tracking_id": "r.tracking_id",
        "order_id": "r.order_id",
        "order_amount": "r.order_amount_minor",
        "gift_amount": "null::bigint",
        "loyalty_points": "null::bigint",
        "result": "r.result",
        "failure_code": "r.failure_code",
        "failure_message": "r.failure_message",
    },
    usual=("id", "object", "voucher_code", "customer_id", "date", "result"),
    orders={
        "id": "r.id",
        "created_at": "r.created_at",
        "voucher_code": "coalesce(v.code, '')",
        "tracking_id": "coalesce(r.tracking_id, '')",
        "customer_id": "coalesce(r.customer_id, '')",
    },
    filters=FilterFields(
        named={
            "id": FilterField("r.id"),
            "object": FilterField("r.kind"),
            "voucher_code": FilterField("v.code"),
            "customer_id": FilterField("r.customer_id"),
            "campaign": FilterField("k.name"),
            "campaign_name": FilterField("k.name"),
            "campaign_id": FilterField("r.campaign_id"),
            "result": FilterField("r.result"),
            "failure_code": FilterField("r.failure_code"),
            "created_at": FilterField("r.created_at", FilterKind.TIME),
            "date": FilterField("r.created_at", FilterKind.TIME),
        },
        objects={"metadata": "r.metadata"},
    ),
    metadata="r.metadata",
    sealed={"customer_name": "name"},
    subject="redemption",
    campaign="r.campaign_id",
)


# A transfer seen from its voucher: what came is positive, what went is negative.
_TRANSACTION: LiteralString = (
    "(select x.*, sum(x.amount) over (partition by x.voucher_id, x.kind order by x.id"
    " rows unbounded preceding) as balance from (select t.project_id, t.id, t.kind, t.cause,"
    " t.cause_id, t.at, t.reverses,"
    " case when left(t.from_owner, 1) = '@' then t.to_owner else t.from_owner end as voucher_id,"
    " case when left(t.from_owner, 1) = '@' then t.amount else -t.amount end as amount"
    " from transfer t where t.kind in ('value', 'points')) x) t"
)
_TRANSACTION_TYPE: LiteralString = (
    "case when q.id is not null and t.amount > 0 then 'PENDING_POINTS_ACTIVATION'"
    " when e.id is not null and t.amount > 0 then 'POINTS_ACCRUAL'"
    " when m.adjustment_id is not null and t.amount > 0 then 'POINTS_TRANSFER_IN'"
    " when m.adjustment_id is not null then 'POINTS_TRANSFER_OUT'"
    " else case t.kind when 'points' then 'POINTS_' else 'CREDITS_' end"
    " || case t.cause when 'issue' then 'ADDITION' when 'redeem' then 'REDEMPTION'"
    " when 'return' then 'REFUND' when 'expire' then 'EXPIRATION' else 'REMOVAL' end end"
)
TRANSACTIONS = ExportSource(
    source=(
        _TRANSACTION + " join voucher_ever v on v.project_id = t.project_id and v.id = t.voucher_id"
        " left join balance_adjustment a on a.project_id = t.project_id and a.id = t.cause_id"
        " left join point_earning e on e.project_id = t.project_id and e.id = t.cause_id"
        " left join pending_points q on q.project_id = t.project_id and q.id = t.cause_id"
        " left join point_transfer m on m.project_id = t.project_id and m.adjustment_id = a.id"
    ),
    key="t.id",
    fields={
        "id": "'vtx_' || t.id",
        "type": _TRANSACTION_TYPE,
        "source_id": "a.source_id",
        "status": "'DONE'",
        "reason": "a.reason",
        "source": "case when a.by_user_id is null then 'API' else 'voucherify-web-ui' end",
        "balance": "t.balance",
        "amount": "t.amount",
        "created_at": "t.at",
        "voucher_id": "t.voucher_id",
        "campaign_id": "v.campaign_id",
        "related_transaction_id": "'vtx_' || t.reverses",
        "details": "jsonb_build_object('cause', t.cause, 'cause_id', t.cause_id)",
    },
    usual=(
        "id",
        "type",
        "source_id",
        "status",
        "reason",
        "source",
        "balance",
        "amount",
        "created_at",
    ),
    orders={"created_at": "t.at"},
    filters=FilterFields(
        named={
            "voucher_id": FilterField("t.voucher_id"),
            "campaign_id": FilterField("v.campaign_id"),
            "created_at": FilterField("t.at", FilterKind.TIME),
        }
    ),
    campaign="v.campaign_id",
)
POINTS = ExportSource(
    source="(select * from points_lot where remaining + expired > 0) l",
    key="l.id",
    fields={
        "id": "l.id",
        "campaign_id": "l.campaign_id",
        "voucher_id": "l.voucher_id",
        "points": "case when l.remaining > 0 then l.remaining else l.expired end",
        "status": "case when l.remaining > 0 then 'ACTIVE' else 'EXPIRED' end",
        "expires_at": "l.expires_on",
    },
    usual=("id", "campaign_id", "voucher_id", "points", "status", "expires_at"),
    orders={"expires_at": "l.expires_on"},
    filters=FilterFields(
        named={
            "voucher_id": FilterField("l.voucher_id"),
            "campaign_id": FilterField("l.campaign_id"),
        }
    ),
    campaign="l.campaign_id",
)
SOURCES: Mapping[ExportedObject, ExportSource] = {
    ExportedObject.VOUCHER: VOUCHERS,
    ExportedObject.REDEMPTION: REDEMPTIONS,
    ExportedObject.CUSTOMER: CUSTOMERS,
    ExportedObject.PUBLICATION: PUBLICATIONS,
    ExportedObject.ORDER: ORDERS,
    ExportedObject.POINTS_EXPIRATION: POINTS,
    ExportedObject.VOUCHER_TRANSACTIONS: TRANSACTIONS,
    ExportedObject.PRODUCT: PRODUCTS,
    ExportedObject.SKU: SKUS,
}
