"""What a rule may ask about a customer: codes, types, names in both languages, operators."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Operator(StrEnum):
    """How an attribute is compared with a value."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    LESS_THAN = "less_than"
    AT_MOST = "at_most"
    MORE_THAN = "more_than"
    AT_LEAST = "at_least"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_DAYS = "within_days"
    NOT_WITHIN_DAYS = "not_within_days"
    WITHIN_NEXT_DAYS = "within_next_days"
    BETWEEN = "between"
    HAS_VALUE = "has_value"
    HAS_NO_VALUE = "has_no_value"


class ValueKind(StrEnum):
    """The type of an attribute's values. What METADATA holds, each value says by its type; of SEALED
    texts only digests are known (docs/explanation/personal-data.md).
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    SEGMENT = "segment"
    METADATA = "metadata"
    SEALED = "sealed"


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """Something a rule may ask about. ``choices``, where there are any, are all its values."""

    code: str
    kind: ValueKind
    label_zh: str
    label_en: str
    choices: tuple[str, ...] = ()


_PRESENCE = frozenset({Operator.HAS_VALUE, Operator.HAS_NO_VALUE})
_EQUALITY = frozenset({Operator.IS, Operator.IS_NOT})
_LISTS = frozenset({Operator.IN, Operator.NOT_IN})
_SIZE = frozenset({Operator.LESS_THAN, Operator.AT_MOST, Operator.MORE_THAN, Operator.AT_LEAST})
_TEXT = _EQUALITY | _LISTS | {Operator.CONTAINS, Operator.STARTS_WITH}
_NUMBER = _EQUALITY | _LISTS | _SIZE | {Operator.BETWEEN}
_ORDER = frozenset({Operator.BEFORE, Operator.AFTER, Operator.BETWEEN})
_WINDOW = frozenset({Operator.WITHIN_DAYS, Operator.NOT_WITHIN_DAYS, Operator.WITHIN_NEXT_DAYS})

OPERATORS: Mapping[ValueKind, frozenset[Operator]] = {
    ValueKind.TEXT: _TEXT | _PRESENCE,
    ValueKind.NUMBER: _NUMBER | _PRESENCE,
    ValueKind.MONEY: _NUMBER | _PRESENCE,
    ValueKind.BOOLEAN: _EQUALITY | _PRESENCE,
    ValueKind.DATE: _EQUALITY | _ORDER | _WINDOW | _PRESENCE,
    ValueKind.TIME: _ORDER | _WINDOW | _PRESENCE,
    ValueKind.SEGMENT: _EQUALITY | _LISTS,
    ValueKind.SEALED: _EQUALITY | _LISTS | _PRESENCE,
    ValueKind.METADATA: _TEXT | _NUMBER | _ORDER | _WINDOW | _PRESENCE,
}

METADATA_PREFIX = "metadata."
SCORE_PREFIX = "score."
BANDS = (
    "champions",
    "loyal",
    "potential_loyal",
    "new",
    "promising",
    "needs_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "lost",
)

LIFECYCLE_STAGES = ("prospect", "new", "active", "at_risk", "lapsed")
VALUE_TIERS = ("high", "mid", "low")

_TEXTS = (
    ("id", "客户编号", "Customer id"),
    ("source_id", "商家客户编号", "Your customer id"),
    ("city", "城市", "City"),
    ("state", "省/州", "State or province"),
    ("country", "国家/地区", "Country or region"),
)
_SEALED = (
    ("name", "姓名", "Name"),
    ("email", "邮箱", "E-mail"),
    ("phone", "电话", "Phone"),
    ("postal_code", "邮编", "Postal code"),
)
_TIMES = (
    ("created_at", "建档时间", "Customer since"),
    ("first_order_at", "首单时间", "First order"),
    ("last_order_at", "最近下单时间", "Latest order"),
)
_NUMBERS = (
    ("order_count", "订单数", "Number of orders"),
    ("days_since_last_order", "距上次下单天数", "Days since the latest order"),
    ("age", "年龄", "Age in years"),
    ("rfm.recency_score", "最近消费得分 (1–5)", "Recency score (1–5)"),
    ("rfm.frequency_score", "消费频次得分 (1–5)", "Frequency score (1–5)"),
    ("rfm.monetary_score", "消费金额得分 (1–5)", "Monetary score (1–5)"),
)
_AMOUNTS = (
    ("spend_minor", "累计消费", "Total spend"),
    ("average_order_minor", "客单价", "Average order value"),
)


def _all_attributes() -> dict[str, Attribute]:
    rows = [
        *((ValueKind.TEXT, row) for row in _TEXTS),
        *((ValueKind.SEALED, row) for row in _SEALED),
        *((ValueKind.TIME, row) for row in _TIMES),
        *((ValueKind.NUMBER, row) for row in _NUMBERS),
        *((ValueKind.MONEY, row) for row in _AMOUNTS),
        (ValueKind.DATE, ("birth_date", "出生日期", "Date of birth")),
        (ValueKind.SEGMENT, ("segment", "客群", "Segment")),
    ]
    chosen = (
        ("rfm.band", "RFM 分群", "RFM group", BANDS),
        ("lifecycle", "生命周期阶段", "Lifecycle stage", LIFECYCLE_STAGES),
        ("value_tier", "价值层级", "Value tier", VALUE_TIERS),
    )
    attributes = [
        *(
            Attribute(code=code, kind=kind, label_zh=zh, label_en=en)
            for kind, (code, zh, en) in rows
        ),
        *(
            Attribute(code=code, kind=ValueKind.TEXT, label_zh=zh, label_en=en, choices=choices)
            for code, zh, en, choices in chosen
        ),
    ]
    return {attribute.code: attribute for attribute in attributes}


ATTRIBUTES: Mapping[str, Attribute] = _all_attributes()
"""Every attribute by its code, except ``metadata.<key>``, which is any key of the merchant's, and
``score.<name>``, which is any prediction."""

METADATA = Attribute(
    code="metadata", kind=ValueKind.METADATA, label_zh="自定义字段", label_en="Custom field"
)
SCORE = Attribute(code="score", kind=ValueKind.NUMBER, label_zh="预测值", label_en="Prediction")
