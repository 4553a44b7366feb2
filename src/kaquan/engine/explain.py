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
    _C.VOUCHER_NOT_FOUND: {
        "zh": "没有券码为 {key} 的券",
        "en": "There is no coupon {key}",
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
    _C.EXCLUSIVE_LIMIT: {
        "zh": "一单最多用 {limit} 张独享券",
        "en": "Exclusive coupons allowed on one order: {limit}",
    },
    _C.EXCLUSIVE_CATEGORY_LIMIT: {
        "zh": "此类独享券一单最多用 {limit} 张",
        "en": "Exclusive coupons of this kind allowed on one order: {limit}",
    },
    _C.CATEGORY_LIMIT: {
        "zh": "此类券一单最多用 {limit} 张",
        "en": "Coupons of this kind allowed on one order: {limit}",
    },
    _C.EXCLUDED: {
        "zh": "不能与独享券 {by} 同时使用",
        "en": "Cannot be combined with the exclusive coupon {by}",
    },
    _C.NOT_BETTER: {
        "zh": "用上此券共优惠 {with_minor}，不用则优惠 {without_minor}",
        "en": "No gain: {with_minor} off with this coupon, {without_minor} off without it",
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
        "zh": "券面金额不能为负",
        "en": "The value printed on the coupon cannot be below zero",
    },
    _C.NOT_CLAIMED: {
        "zh": "此券领取后方可使用",
        "en": "This coupon can be used once it has been claimed",
    },
    _C.NO_TIME_LEFT: {
        "zh": "此券已没有可用时间",
        "en": "No time is left in which this coupon could be used",
    },
    _C.BLACKED_OUT: {
        "zh": "今天不可用，{opens_at} 起可用",
        "en": "Not usable today, but from {opens_at}",
    },
    _C.OUTSIDE_HOURS: {
        "zh": "现在不在可用时段，{opens_at} 起可用",
        "en": "Not usable at this hour, but from {opens_at}",
    },
    _C.BALANCE_EMPTY: {
        "zh": "余额为零",
        "en": "Nothing is left on this card",
    },
    _C.CREDITS_INVALID: {
        "zh": "请输入大于零的使用金额或积分",
        "en": "Enter an amount or a number of points above zero",
    },
    _C.GIFT_AMOUNT_EXCEEDED: {
        "zh": "余额 {balance_minor}，还差 {missing_minor}",
        "en": "The balance is {balance_minor}, {missing_minor} short",
    },
    _C.POINTS_EXCEEDED: {
        "zh": "积分 {balance}，还差 {missing}",
        "en": "Points: {balance}, short of what was asked for by {missing}",
    },
    _C.CUSTOMER_IN_HOLDOUT: {
        "zh": "此优惠本次不对该顾客开放",
        "en": "This offer is not open to this customer",
    },
    _C.NOT_HOLDER: {
        "zh": "此券仅限领取人本人使用",
        "en": "Only the person who was given this coupon can use it",
    },
    _C.SELF_REFERRAL: {
        "zh": "自己的推荐码不能自己使用，请分享给好友",
        "en": "This is the customer's own referral code; it is for their friends",
    },
    _C.NOT_IN_TIER: {
        "zh": "此券仅限指定会员等级使用",
        "en": "This coupon is for other membership tiers",
    },
    _C.BIRTHDAY_UNKNOWN: {
        "zh": "请先登记生日",
        "en": "Tell us your birthday to use this coupon",
    },
    _C.NOT_BIRTHDAY: {
        "zh": "生日券 {starts_at} 起可用",
        "en": "This birthday coupon can be used from {starts_at}",
    },
    _C.ORDER_COUNT_TOO_LOW: {
        "zh": "再下 {missing} 单可用",
        "en": "Orders still needed: {missing}",
    },
    _C.ORDER_COUNT_TOO_HIGH: {
        "zh": "历史订单最多 {limit} 单，已有 {present} 单",
        "en": "For customers with at most {limit} orders, orders so far: {present}",
    },
    _C.CUSTOMER_SPEND_TOO_LOW: {
        "zh": "累计消费还差 {missing_minor} 可用",
        "en": "{missing_minor} more in past orders to go",
    },
    _C.CUSTOMER_SPEND_TOO_HIGH: {
        "zh": "累计消费须不超过 {limit_minor}，已有 {spent_minor}",
        "en": "For past spending of at most {limit_minor}, so far: {spent_minor}",
    },
    _C.CUSTOMER_ATTRIBUTE_DIFFERS: {
        "zh": "会员信息“{name}”不符合此券要求",
        "en": "Your customer details do not fit this coupon ({name})",
    },
    _C.CUSTOMER_ATTRIBUTE_TOO_LOW: {
        "zh": "会员信息“{name}”须至少为 {required}，还差 {missing}",
        "en": "{name} must be at least {required}, still missing: {missing}",
    },
    _C.CUSTOMER_ATTRIBUTE_TOO_HIGH: {
        "zh": "会员信息“{name}”须不超过 {limit}，超出 {excess}",
        "en": "{name} can be at most {limit}, over by: {excess}",
    },
    _C.REDEMPTION_COUNT_REACHED: {
        "zh": "限用 {at_most} 次，已用 {used} 次",
        "en": "Limit: {at_most}, used so far: {used}",
    },
    _C.REDEMPTION_ATTRIBUTE_DIFFERS: {
        "zh": "核销信息“{name}”不符合此券要求",
        "en": "The details of the redemption do not fit this coupon ({name})",
    },
    _C.REDEMPTION_COUNT_UNKNOWN: {
        "zh": "暂时无法确认已用次数",
        "en": "How often it was used is not known",
    },
    _C.LOCATION_REQUIRED: {
        "zh": "请先选择门店",
        "en": "Choose a store to use this coupon",
    },
    _C.WRONG_LOCATION: {
        "zh": "此券不适用于本门店",
        "en": "This coupon cannot be used at this store",
    },
    _C.CHANNEL_REQUIRED: {
        "zh": "无法确认下单渠道",
        "en": "The sales channel is not known",
    },
    _C.WRONG_CHANNEL: {
        "zh": "此券不适用于当前渠道",
        "en": "This coupon cannot be used through this channel",
    },
    _C.WRONG_REDEEMER: {
        "zh": "您没有核销此券的权限",
        "en": "You may not redeem this coupon",
    },
    _C.MAXIMUM_SPEND_EXCEEDED: {
        "zh": "金额须不超过 {limit_minor}，超出 {excess_minor}",
        "en": "At most {limit_minor}, over by {excess_minor}",
    },
    _C.TOO_MANY_ITEMS: {
        "zh": "指定商品最多 {limit} 件，超出 {excess} 件",
        "en": "Qualifying items allowed: {limit}, over by: {excess}",
    },
    _C.LINES_MISSING: {
        "zh": "还差 {missing} 种指定商品可用",
        "en": "Different qualifying items still needed: {missing}",
    },
    _C.TOO_MANY_LINES: {
        "zh": "指定商品最多 {limit} 种，超出 {excess} 种",
        "en": "Different qualifying items allowed: {limit}, over by: {excess}",
    },
    _C.OTHER_ITEMS_PRESENT: {
        "zh": "购物车含有 {present} 种其他商品，仅限指定商品",
        "en": "Only certain items may be in the cart, others: {present}",
    },
    _C.UNIT_PRICE_OUTSIDE: {
        "zh": "商品单价不符合此券要求",
        "en": "The prices of the items do not fit this coupon",
    },
    _C.PAYMENT_METHOD_REQUIRED: {
        "zh": "请先选择支付方式",
        "en": "Choose how to pay to use this coupon",
    },
    _C.WRONG_PAYMENT_METHOD: {
        "zh": "此券不适用于当前支付方式",
        "en": "This coupon cannot be used with this way to pay",
    },
    _C.ORDER_ATTRIBUTE_DIFFERS: {
        "zh": "订单信息“{name}”不符合此券要求",
        "en": "The details of the order do not fit this coupon ({name})",
    },
    _C.ORDER_ATTRIBUTE_TOO_LOW: {
        "zh": "订单信息“{name}”须至少为 {required}，还差 {missing}",
        "en": "{name} must be at least {required}, still missing: {missing}",
    },
    _C.ORDER_ATTRIBUTE_TOO_HIGH: {
        "zh": "订单信息“{name}”须不超过 {limit}，超出 {excess}",
        "en": "{name} can be at most {limit}, over by: {excess}",
    },
    _C.NO_SHIPPING: {
        "zh": "本单没有运费",
        "en": "There is no delivery charge on this order",
    },
    _C.FREE_ITEM_WITHOUT_PRICE: {
        "zh": "赠品 {item_id} 没有价格",
        "en": "The free item {item_id} has no price",
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
