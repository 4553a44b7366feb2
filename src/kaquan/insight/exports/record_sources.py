"""The columns of exports of customers, orders, products and variants, as the dialect names them."""

from collections.abc import Mapping
from typing import LiteralString

from kaquan.customers import CUSTOMER_FILTERS, ORDER_FILTERS, PRODUCT_FILTERS, SKU_FILTERS
from kaquan.insight.exports.model import ExportSource


def _redemptions(condition: LiteralString) -> LiteralString:
    return (
        "(select count(*) from redemption r where r.project_id = c.project_id"
        f" and r.customer_id = c.id and r.voucher_id is not null and {condition})"
    )


_ADDRESS: Mapping[str, LiteralString] = {
    "address_city": "c.address ->> 'city'",
    "address_state": "c.address ->> 'state'",
    "address_line_1": "c.address ->> 'line_1'",
    "address_line_2": "c.address ->> 'line_2'",
    "address_country": "c.address ->> 'country'",
    "address_postal_code": "c.address ->> 'postal_code'",
}
CUSTOMERS = ExportSource(
    source=(
        "(select * from customer where erased_at is null) c left join customer_summary s"
        " on s.project_id = c.project_id and s.customer_id = c.id"
    ),
    key="c.id",
    fields={
        "name": "c.name",
        "id": "c.id",
        "description": "c.description",
        "email": "c.email",
        "source_id": "c.source_id",
        "phone": "c.phone",
        "birthday": "c.birth_date",
        "birthdate": "c.birth_date",
        "created_at": "c.created_at",
        "updated_at": "c.updated_at",
        **_ADDRESS,
        "redemptions_total_redeemed": _redemptions("r.kind = 'redemption'"),
        "redemptions_total_failed": _redemptions("r.kind = 'redemption' and r.result = 'FAILURE'"),
        "redemptions_total_succeeded": _redemptions(
            "r.kind = 'redemption' and r.result = 'SUCCESS'"
        ),
        "redemptions_total_rolled_back": _redemptions("r.kind = 'rollback'"),
        "redemptions_total_rollback_failed": _redemptions(
            "r.kind = 'rollback' and r.result = 'FAILURE'"
        ),
        "redemptions_total_rollback_succeeded": _redemptions(
            "r.kind = 'rollback' and r.result = 'SUCCESS'"
        ),
        "orders_total_amount": "coalesce(s.spend_minor, 0)",
        "orders_total_count": "coalesce(s.order_count, 0)",
        "orders_average_amount": "coalesce(s.spend_minor / nullif(s.order_count, 0), 0)",
        "orders_last_order_amount": (
            "coalesce((select net_total(o) from orders o where o.project_id = c.project_id"
            " and o.customer_id = c.id and o.placed_at = s.last_order_at"
            " order by o.id desc limit 1), 0)"
        ),
        "orders_last_order_date": "s.last_order_at",
        "loyalty_points": "0",
        "loyalty_referred_customers": "0",
    },
    usual=("name", "source_id"),
    orders={
        "created_at": "c.created_at",
        "updated_at": "coalesce(c.updated_at, c.created_at)",
        "source_id": "coalesce(c.source_id, '')",
    },
    filters=CUSTOMER_FILTERS,
    metadata="c.metadata",
    sealed={
        "name": "name",
        "email": "email",
        "phone": "phone",
        "address_line_1": "address.line_1",
        "address_line_2": "address.line_2",
        "address_postal_code": "address.postal_code",
    },
    subject="customer",
)
ORDERS = ExportSource(
    source="orders",
    key="id",
    fields={
        "id": "id",
        "source_id": "source_id",
        "created_at": "placed_at",
        "updated_at": "updated_at",
        "status": "status",
        "amount": "amount_minor",
        "discount_amount": "discount_minor",
        "items_discount_amount": "items_discount_minor",
        "total_discount_amount": "amount_minor - total_minor",
        "total_amount": "total_minor",
        "customer_id": "customer_id",
        "referrer_id": "null::text",
    },
    usual=("id", "source_id", "status"),
    orders={
        "created_at": "placed_at",
        "updated_at": "coalesce(updated_at, created_at)",
        "status": "status",
    },
    filters=ORDER_FILTERS,
    metadata="metadata",
    subject="order",
)
_GOODS_ORDERS: Mapping[str, LiteralString] = {
    "created_at": "created_at",
    "updated_at": "coalesce(updated_at, created_at)",
    "id": "id",
    "source_id": "coalesce(source_id, '')",
}
PRODUCTS = ExportSource(
    source="product",
    key="id",
    fields={
        "id": "id",
        "name": "name",
        "price": "price_minor",
        "image_url": "image_url",
        "source_id": "source_id",
        "attributes": "array_to_string(array(select jsonb_object_keys(attributes)), ',')",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
    usual=("id", "name", "price", "image_url", "source_id", "attributes", "created_at"),
    orders={**_GOODS_ORDERS, "name": "coalesce(name, '')"},
    filters=PRODUCT_FILTERS,
    metadata="metadata",
    subject="product",
)
SKUS = ExportSource(
    source="sku",
    key="id",
    fields={
        "id": "id",
        "sku": "name",
        "product_id": "product_id",
        "currency": "currency",
        "price": "price_minor",
        "image_url": "image_url",
        "source_id": "source_id",
        "attributes": "attributes",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
    usual=(
        "id",
        "sku",
        "product_id",
        "currency",
        "price",
        "image_url",
        "source_id",
        "attributes",
        "created_at",
    ),
    orders={**_GOODS_ORDERS, "product_id": "product_id", "sku": "coalesce(name, '')"},
    filters=SKU_FILTERS,
    metadata="metadata",
    subject="product",
)
