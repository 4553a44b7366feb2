"""Reasons as sentences that a clerk can read out, in Chinese and in English."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from kaquan.engine.reasons import ParamValue, Reason, ReasonCode

Language: TypeAlias = Literal["zh", "en"]
MoneyFormatter: TypeAlias = Callable[[int], str]
"""Minor units to text with the currency's sign, as 2350 to ¥23.50."""

_C = ReasonCode

SENTENCES: Mapping[ReasonCode, Mapping[Language, str]] = {
    _C.TOO_MANY_SENT: {
        "zh": "一次最多提交 {limit} 张券，本次提交了 {sent} 张",
        "en": "Coupons allowed at once: {limit}, sent: {sent}",
    },
    _C.DUPLICATE_CANDIDATE: {
        "zh": "券 {key} 重复提交",
        "en": "Coupon {key} was sent twice",
    },
    _C.INVALID_QUANTITY: {
        "zh": "数量须为不小于 1 的整数（{field}）",
        "en": "The quantity must be a whole number of at least 1 ({field})",
    },
    _C.INVALID_PRICE: {
        "zh": "金额须为不小于 0 的整数（{field}）",
        "en": "The amount must be a whole number of at least 0 ({field})",
    },
    _C.MISSING_PRICE: {
        "zh": "缺少价格（{field}）",
        "en": "The price is missing ({field})",
    },
    _C.AMOUNT_OVERFLOW: {
        "zh": "数值过大（{field}）",
        "en": "The number is too large ({field})",
    },
    _C.DUPLICATE_LINE_KEY: {
        "zh": "订单明细重复（{field}）",
        "en": "The order line is a duplicate ({field})",
    },
    _C.PRECEDING_FAILED: {
        "zh": "前面的券不可用，此券未使用",
        "en": "Not used, because a coupon before it was refused",
    },
    _C.APPLIED_LIMIT: {
        "zh": "一单最多用 {limit} 张券",
        "en": "Coupons allowed on one order: {limit}",
    },
    _C.INACTIVE: {"zh": "此券已停用", "en": "This coupon is switched off"},
    _C.EXPIRED: {
        "zh": "此券有效期至 {expires_at}，已过期",
        "en": "This coupon was valid until {expires_at}",
    },
    _C.NOT_STARTED: {
        "zh": "此券 {starts_at} 起可用",
        "en": "This coupon can be used from {starts_at}",
    },
    _C.USES_EXHAUSTED: {"zh": "此券已用完", "en": "This coupon has been used up"},
    _C.CAMPAIGN_USES_EXHAUSTED: {
        "zh": "活动名额已用完",
        "en": "All coupons of this campaign have been used",
    },
    _C.CUSTOMER_USES_EXHAUSTED: {
        "zh": "您在本活动的可用次数已用完",
        "en": "You have used this campaign as often as you may",
    },
    _C.BUDGET_EXHAUSTED: {
        "zh": "活动预算不足，还差 {missing_minor}",
        "en": "The campaign's budget is {missing_minor} short",
    },
    _C.CUSTOMER_REQUIRED: {
        "zh": "请先登录或出示会员信息",
        "en": "Sign in or show a membership to use this coupon",
    },
    _C.NOT_IN_SEGMENT: {
        "zh": "此券仅限指定客群使用",
        "en": "This coupon is for selected customers",
    },
    _C.IN_EXCLUDED_SEGMENT: {
        "zh": "此券不适用于您所在的客群",
        "en": "This coupon is not for your customer group",
    },
    _C.NOT_FIRST_ORDER: {
        "zh": "仅限首单使用，已下过 {order_count} 单",
        "en": "First orders only, orders so far: {order_count}",
    },
    _C.CUSTOMER_COUNT_REACHED: {
        "zh": "每人限用 {at_most} 张，已用 {used} 张",
        "en": "Limit per person: {at_most}, used so far: {used}",
    },
    _C.ITEMS_MISSING: {
        "zh": "还差 {missing} 件指定商品可用",
        "en": "Qualifying items still needed: {missing}",
    },
    _C.EXCLUDED_ITEMS_PRESENT: {
        "zh": "购物车含有不参加的商品（{present} 件，最多 {limit} 件）",
        "en": "Items that do not take part are in the cart: {present}, allowed: {limit}",
    },
    _C.MINIMUM_SPEND_NOT_MET: {
        "zh": "还差 {missing_minor} 可用",
        "en": "{missing_minor} more to go",
    },
    _C.EXCLUDED_BY_RULE: {
        "zh": "本单属于此券不适用的情形",
        "en": "This coupon leaves out orders like this one",
    },
    _C.NO_ALTERNATIVE_MET: {
        "zh": "以下 {alternatives} 项满足任意一项即可",
        "en": "One of these {alternatives} is enough",
    },
    _C.NO_MATCHING_ITEMS: {
        "zh": "购物车中没有此券适用的商品",
        "en": "Nothing in the cart takes part in this offer",
    },
    _C.THRESHOLD_NOT_MET: {
        "zh": "还差 {missing_minor} 可享满减",
        "en": "{missing_minor} more to go for the discount",
    },
    _C.FACE_VALUE_MISSING: {
        "zh": "请输入券面金额",
        "en": "Enter the value printed on the coupon",
    },
    _C.FACE_VALUE_INVALID: {
        "zh": "券面金额须大于零",
        "en": "The value printed on the coupon must be above zero",
    },
    _C.NO_EFFECT: {
        "zh": "已无可优惠的金额，此券未使用",
        "en": "Not used, because nothing is left to discount",
    },
}

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def explain(reason: Reason, language: Language, money_formatter: MoneyFormatter) -> str:
    """One plain sentence, without a full stop, for a reason."""
    texts = {
        name: _format_param(name, value, language=language, money_formatter=money_formatter)
        for name, value in reason.params.items()
    }
    return SENTENCES[reason.code][language].format_map(texts)


def _format_param(
    name: str, value: ParamValue, *, language: Language, money_formatter: MoneyFormatter
) -> str:
    if name.endswith("_minor") and isinstance(value, int):
        return money_formatter(value)
    if name.endswith("_at") and isinstance(value, str):
        return _format_moment(
            datetime.fromisoformat(value), language=language, is_end=name == "expires_at"
        )
    return str(value)


def _format_moment(moment: datetime, *, language: Language, is_end: bool) -> str:
    """A day when the moment is its border, else day and time.

    The end of a window is the first moment outside it: midnight means the day before.
    """
    is_midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    day = moment - timedelta(days=1) if is_midnight and is_end else moment
    clock = "" if is_midnight else f" {moment:%H:%M}"
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日{clock}"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}{clock}"
