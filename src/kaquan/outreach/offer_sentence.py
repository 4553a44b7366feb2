"""What a coupon is worth, as a sentence for shoppers, in Chinese and in English."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from kaquan.engine import (
    AmountOff,
    Effect,
    FirstOrder,
    MinimumSpend,
    MoneyFormatter,
    Offer,
    PercentOff,
    PrintedValue,
    ThresholdOff,
    Tier,
    list_needed,
)
from kaquan.outreach.model import Language
from kaquan.runtime import format_price

_Words: TypeAlias = Mapping[Language, str]
_Key: TypeAlias = Literal[
    "amount",
    "percent",
    "cap",
    "tier",
    "each",
    "printed",
    "other",
    "selected",
    "over",
    "first",
    "join",
]

_WORDS: Mapping[_Key, _Words] = {
    "amount": {"zh": "立减 {off}", "en": "{off} off"},
    "percent": {"zh": "{fold} 折", "en": "{percent}% off"},
    "cap": {"zh": "（最多减 {cap}）", "en": " (up to {cap})"},
    "tier": {"zh": "满 {spend} 减 {off}", "en": "{off} off when you spend {spend}"},
    "each": {"zh": "每满 {spend} 减 {off}", "en": "{off} off for every {spend} you spend"},
    "printed": {"zh": "按券面金额抵扣", "en": "the value printed on the coupon"},
    "other": {"zh": "专享优惠", "en": "a special offer"},
    "selected": {"zh": "，限指定商品", "en": ", on selected goods"},
    "over": {"zh": "，满 {spend} 可用", "en": ", from {spend}"},
    "first": {"zh": "，限首单", "en": ", on your first order"},
    "join": {"zh": "，", "en": ", "},
}
_DAYS: _Words = {
    "zh": "{day.year}年{day.month}月{day.day}日",
    "en": "{day.day} {day:%B} {day.year}",
}


def offer_sentence(offer: Offer, *, language: Language, currency: str) -> str:
    """Say what an offer takes off and from which spend on, such as '满 ¥100 减 ¥20'.

    Conditions that every shopper can act on (minimum spend, first order) are named when all
    have to be met; the coupon's own page has the rest.
    """

    def money(amount_minor: int) -> str:
        return format_price(amount_minor, currency=currency, language=language)

    text = _describe(offer.effect, language, money)
    if not offer.effect.is_for_everything:
        text += _WORDS["selected"][language]
    for condition in list_needed(offer.condition):
        match condition:
            case MinimumSpend():
                text += _WORDS["over"][language].format(spend=money(condition.amount_minor))
            case FirstOrder():
                text += _WORDS["first"][language]
            case _:
                pass
    return text


def last_day(expires_at: datetime | None, *, zone: ZoneInfo, language: Language) -> str:
    """Write the last day on which something can be used; empty when it does not expire.

    ``expires_at`` is the first moment at which it cannot: midnight means the day before.
    """
    if expires_at is None:
        return ""
    day = (expires_at - timedelta(microseconds=1)).astimezone(zone)
    return _DAYS[language].format(day=day)


def _describe(effect: Effect, language: Language, money: MoneyFormatter) -> str:
    match effect:
        case AmountOff():
            return _WORDS["amount"][language].format(off=money(effect.amount_minor))
        case PercentOff():
            text = _WORDS["percent"][language].format(
                fold=f"{(10_000 - effect.rate_bps) / 1000:g}", percent=f"{effect.rate_bps / 100:g}"
            )
            caps = [cap for cap in (effect.cap_minor, effect.total_cap_minor) if cap is not None]
            return text + (_cap(min(caps), language, money) if caps else "")
        case ThresholdOff():
            word: _Key = "each" if effect.repeat else "tier"
            tiers = [_tier(tier, word, language=language, money=money) for tier in effect.tiers]
            cap = effect.cap_minor
            return _WORDS["join"][language].join(tiers) + (
                "" if cap is None else _cap(cap, language, money)
            )
        case PrintedValue():
            return _WORDS["printed"][language] + _cap(effect.max_minor, language, money)
        case _:
            return _WORDS["other"][language]


def _tier(tier: Tier, word: _Key, *, language: Language, money: MoneyFormatter) -> str:
    return _WORDS[word][language].format(spend=money(tier.spend_minor), off=money(tier.off_minor))


def _cap(cap_minor: int, language: Language, money: MoneyFormatter) -> str:
    return _WORDS["cap"][language].format(cap=money(cap_minor))
