"""What shop systems post, in short: the members that their documents describe, values of ours."""

import base64
import hashlib
import hmac
from typing import Any

import msgspec

SECRET = "a-secret-of-the-shop"

SHOPIFY_ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "name": "#9999",
    "email": "jon@example.com",
    "created_at": "2026-01-05T11:36:03+08:00",
    "processed_at": "2026-01-05T11:36:03+08:00",
    "updated_at": "2026-01-05T11:36:05+08:00",
    "cancelled_at": None,
    "currency": "CNY",
    "financial_status": "paid",
    "fulfillment_status": None,
    "total_price": "388.00",
    "subtotal_price": "378.00",
    "total_discounts": "20.00",
    "total_shipping_price_set": {
        "shop_money": {"amount": "10.00", "currency_code": "CNY"},
        "presentment_money": {"amount": "10.00", "currency_code": "CNY"},
    },
    "discount_codes": [{"code": "SPRING", "amount": "20.00", "type": "fixed_amount"}],
    "customer": {
        "id": 115310627314723954,
        "email": "john@example.com",
        "first_name": "John",
        "last_name": "Smith",
        "phone": None,
        "default_address": {"city": "Ottawa", "country_code": "CA"},
    },
    "line_items": [
        {
            "id": 866550311766439020,
            "product_id": 788032119674292922,
            "variant_id": 788032119674292922,
            "sku": "SKU2006-001",
            "name": "Gong - 55cm",
            "quantity": 1,
            "price": "199.00",
        },
        {
            "id": 141249953214522974,
            "product_id": 632910392,
            "variant_id": 808950810,
            "sku": "SKU2006-020",
            "name": "Cups",
            "quantity": 2,
            "price": "99.50",
        },
    ],
}
SHOPIFY_REFUND: dict[str, Any] = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": "2026-01-07T20:00:02+08:00",
    "note": "Broken in the mail",
    "refund_line_items": [
        {
            "id": 487817672276298627,
            "quantity": 1,
            "line_item_id": 141249953214522974,
            "subtotal": 99.5,
            "line_item": {"id": 141249953214522974, "product_id": 632910392},
        }
    ],
    "transactions": [{"id": 245135271310201194, "amount": "94.50", "kind": "refund"}],
}
SHOPIFY_CUSTOMER: dict[str, Any] = {
    "id": 706405506930370084,
    "email": "bob@example.com",
    "first_name": "Bob",
    "last_name": "Biller",
    "phone": None,
    "created_at": "2026-01-01T00:00:00+08:00",
    "updated_at": "2026-01-02T00:00:00+08:00",
    "tags": "tag1",
    "default_address": {
        "address1": "151 O'Connor Street",
        "city": "Ottawa",
        "province": "Ontario",
        "zip": "K2P0V6",
        "country_code": "CA",
    },
}
WOOCOMMERCE_ORDER: dict[str, Any] = {
    "id": 727,
    "number": "727",
    "status": "processing",
    "currency": "CNY",
    "date_created": "2026-01-05T16:28:02",
    "date_created_gmt": "2026-01-05T08:28:02",
    "date_modified_gmt": "2026-01-05T08:28:08",
    "discount_total": "5.00",
    "shipping_total": "10.00",
    "total": "29.35",
    "total_tax": "1.35",
    "customer_id": 0,
    "billing": {
        "first_name": "John",
        "last_name": "Doe",
        "email": "john.doe@example.com",
        "phone": "",
    },
    "line_items": [
        {
            "id": 315,
            "name": "Woo Single #1",
            "product_id": 93,
            "variation_id": 0,
            "quantity": 2,
            "subtotal": "16.00",
            "total": "13.00",
            "price": 6.5,
            "sku": "",
        },
        {
            "id": 316,
            "name": "Ship Your Idea",
            "product_id": 22,
            "quantity": 1,
            "subtotal": "7.00",
            "total": "5.00",
            "price": 5,
            "sku": "Bar3",
        },
    ],
    "coupon_lines": [{"id": 10, "code": "five", "discount": "5.00"}],
    "refunds": [],
}
MEDUSA_ORDER: dict[str, Any] = {
    "name": "order.placed",
    "data": {
        "id": "order_01JG8",
        "display_id": 12,
        "status": "pending",
        "payment_status": "captured",
        "fulfillment_status": "not_fulfilled",
        "currency_code": "cny",
        "email": "ada@example.com",
        "customer_id": "cus_01JG8",
        "customer": {"id": "cus_01JG8", "first_name": "Ada", "last_name": "L", "phone": None},
        "created_at": "2026-01-05T08:00:00.000Z",
        "updated_at": "2026-01-05T08:00:01.000Z",
        "items": [
            {
                "id": "ordli_1",
                "title": "S / Black",
                "product_title": "Shirt",
                "product_id": "prod_shirt",
                "variant_id": "variant_1",
                "variant_sku": "SHIRT-S-BLACK",
                "quantity": 2,
                "unit_price": 15,
            }
        ],
        "total": 38.5,
        "discount_total": 1.5,
        "shipping_total": 10,
    },
}
SALEOR_ORDER: dict[str, Any] = {
    "order": {
        "id": "T3JkZXI6MTIz",
        "number": "123",
        "status": "UNFULFILLED",
        "paymentStatus": "FULLY_CHARGED",
        "created": "2026-01-05T08:00:00.000000+00:00",
        "updatedAt": "2026-01-05T08:00:02.000000+00:00",
        "userEmail": "ada@example.com",
        "user": {
            "id": "VXNlcjox",
            "email": "ada@example.com",
            "firstName": "Ada",
            "lastName": "L",
        },
        "total": {"gross": {"amount": 45.0, "currency": "CNY"}},
        "undiscountedTotal": {"gross": {"amount": 50.0, "currency": "CNY"}},
        "shippingPrice": {"gross": {"amount": 10.0, "currency": "CNY"}},
        "voucherCode": "FIVE",
        "lines": [
            {
                "id": "T3JkZXJMaW5lOjE=",
                "productName": "Juice",
                "productSku": "J-1",
                "quantity": 4,
                "undiscountedUnitPrice": {"gross": {"amount": 10.0, "currency": "CNY"}},
                "variant": {"id": "UHJvZHVjdFZhcmlhbnQ6MQ==", "product": {"id": "UHJvZHVjdDox"}},
            }
        ],
    }
}


def encode(body: Any) -> bytes:
    """The bytes of a body."""
    return msgspec.json.encode(body)


def signed(raw: bytes, *, secret: str = SECRET, hexadecimal: bool = False) -> str:
    """The HMAC-SHA256 of a body, as the shop systems write it."""
    made = hmac.digest(secret.encode(), raw, hashlib.sha256)
    return made.hex() if hexadecimal else base64.b64encode(made).decode()


def shopify(topic: str, body: Any, *, delivery: str = "d-1", **more: Any) -> dict[str, Any]:
    """A post of Shopify's, as arguments of a request."""
    raw = body if isinstance(body, bytes) else encode(body)
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signed(raw, **more),
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Shop-Domain": "shop.myshopify.com",
        "Content-Type": "application/json",
    }
    return {"content": raw, "headers": headers}


def woocommerce(topic: str, body: Any, *, delivery: str = "w-1") -> dict[str, Any]:
    """A post of WooCommerce's, as arguments of a request."""
    raw = encode(body)
    headers = {
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": signed(raw),
        "X-WC-Webhook-Delivery-ID": delivery,
        "X-WC-Webhook-Source": "https://shop.example/",
        "Content-Type": "application/json",
    }
    return {"content": raw, "headers": headers}
