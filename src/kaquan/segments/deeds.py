"""What a rule may ask of a customer's deeds: orders, their lines, redemptions, messages, events.

Each kind of deed has properties, named in a rule as ``where``'s conditions name them. Keys of the
merchant's own are ``metadata.<key>``, or ``attribute.<key>`` for a product's attributes.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from kaquan.segments.attributes import Attribute, ValueKind

ATTRIBUTE_PREFIX = "attribute."


class DeedKind(StrEnum):
    """What a customer did or what was done to them."""

    ORDER = "order"
    ORDER_LINE = "order_line"
    REDEMPTION = "redemption"
    PUBLICATION = "publication"
    MESSAGE = "message"
    EVENT = "event"


class Measure(StrEnum):
    """What many deeds are made into: one number or one moment."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"
    DAYS_SINCE = "days_since"


class DeedType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of deed with its properties by name.

    ``open_prefix`` begins the names of properties whose keys are the merchant's, which are looked
    up in ``open``. ``aliases`` are names of such keys of their own, such as ``brand``.
    """

    kind: DeedKind
    label_zh: str
    label_en: str
    properties: Mapping[str, Attribute]
    open: Attribute | None
    open_prefix: str = "metadata."
    aliases: Mapping[str, str] = {}


_TEXT, _NUMBER, _MONEY = ValueKind.TEXT, ValueKind.NUMBER, ValueKind.MONEY
_LOCATION = ("location", _TEXT, "门店编号", "Location")
_STATUS = ("status", _TEXT, "订单状态", "Order status")
_CAMPAIGN = ("campaign", _TEXT, "活动编号", "Campaign id")
_CAMPAIGN_NAME = ("campaign_name", _TEXT, "活动名称", "Campaign name")
_CHANNEL = ("channel", _TEXT, "渠道", "Channel")

_ROWS: Mapping[DeedKind, tuple[str, str, tuple[tuple[str, ValueKind, str, str], ...]]] = {
    DeedKind.ORDER: (
        "下单",
        "Order",
        (
            ("total_minor", _MONEY, "实付金额", "Total after discounts"),
            ("amount_minor", _MONEY, "优惠前金额", "Amount before discounts"),
            ("discount_minor", _MONEY, "优惠金额", "Discount"),
            ("line_count", _NUMBER, "明细数", "Number of lines"),
            ("source_id", _TEXT, "商家订单号", "Your order id"),
            _LOCATION,
            _STATUS,
        ),
    ),
    DeedKind.ORDER_LINE: (
        "购买商品",
        "Order line",
        (
            ("product", _TEXT, "商品编号", "Product"),
            ("quantity", _NUMBER, "数量", "Quantity"),
            ("amount_minor", _MONEY, "优惠前金额", "Amount before discounts"),
            ("discount_minor", _MONEY, "优惠金额", "Discount"),
            ("unit_price_minor", _MONEY, "单价", "Unit price"),
            _LOCATION,
            _STATUS,
        ),
    ),
    DeedKind.REDEMPTION: (
        "核销",
        "Redemption",
        (
            _CAMPAIGN,
            _CAMPAIGN_NAME,
            ("voucher", _TEXT, "券码", "Voucher code"),
            _CHANNEL,
            _LOCATION,
            ("discount_minor", _MONEY, "优惠金额", "Discount"),
            ("order_amount_minor", _MONEY, "订单金额", "Order amount"),
        ),
    ),
    DeedKind.PUBLICATION: ("领券", "Publication", (_CAMPAIGN, _CAMPAIGN_NAME, _CHANNEL)),
    DeedKind.MESSAGE: (
        "收到消息",
        "Message",
        (
            _CAMPAIGN,
            _CAMPAIGN_NAME,
            _CHANNEL,
            ("status", _TEXT, "消息状态", "Message status"),
        ),
    ),
    DeedKind.EVENT: ("事件", "Event", (("source_id", _TEXT, "商家事件号", "Your event id"),)),
}

STATUS_CHOICES = ("CREATED", "PAID", "FULFILLED", "CANCELED", "PARTIALLY_RETURNED", "RETURNED")


def _deed_type(kind: DeedKind) -> DeedType:
    zh, en, rows = _ROWS[kind]
    on_orders = kind in (DeedKind.ORDER, DeedKind.ORDER_LINE)
    properties = {
        name: Attribute(
            code=f"{kind}.{name}",
            kind=value,
            label_zh=label_zh,
            label_en=label_en,
            choices=STATUS_CHOICES if on_orders and name == "status" else (),
        )
        for name, value, label_zh, label_en in rows
    }
    of_product = kind is DeedKind.ORDER_LINE
    opened = Attribute(
        code=f"{kind}.attribute" if of_product else f"{kind}.metadata",
        kind=ValueKind.METADATA,
        label_zh="商品属性" if of_product else "自定义字段",
        label_en="Product attribute" if of_product else "Custom field",
    )
    return DeedType(
        kind=kind,
        label_zh=zh,
        label_en=en,
        properties=properties,
        open=None if kind is DeedKind.MESSAGE else opened,
        open_prefix=ATTRIBUTE_PREFIX if of_product else "metadata.",
        aliases={"brand": "brand", "category": "category"} if of_product else {},
    )


DEEDS: Mapping[DeedKind, DeedType] = {kind: _deed_type(kind) for kind in DeedKind}
"""Every kind of deed that a rule may name."""
