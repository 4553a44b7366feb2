"""What a coupon is worth, in the words of the trade."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from kaquan.engine import parse_offer
from kaquan.outreach import last_day, offer_sentence


class Case(NamedTuple):
    name: str
    effect: dict[str, Any]
    zh: str
    en: str
    condition: dict[str, Any] | None = None


SOME = {"product_ids": ["p_1"]}
CASES = [
    Case("amount", {"code": "amount_off", "amount_minor": 2000}, "立减 ¥20", "¥20 off"),
    Case(
        "amount from a spend on",
        {"code": "amount_off", "amount_minor": 2000},
        "立减 ¥20，满 ¥99 可用",
        "¥20 off, from ¥99",
        {"code": "minimum_spend", "amount_minor": 9900},
    ),
    Case(
        "first order, among other conditions",
        {"code": "amount_off", "amount_minor": 2000},
        "立减 ¥20，满 ¥99 可用，限首单",
        "¥20 off, from ¥99, on your first order",
        {
            "all": [
                {"code": "minimum_spend", "amount_minor": 9900},
                {"all": [{"code": "first_order"}]},
                {"any": [{"code": "minimum_spend", "amount_minor": 1}]},
            ]
        },
    ),
    Case("percent", {"code": "percent_off", "rate_bps": 2000}, "8 折", "20% off"),
    Case("odd percent", {"code": "percent_off", "rate_bps": 1250}, "8.75 折", "12.5% off"),
    Case(
        "percent with caps",
        {"code": "percent_off", "rate_bps": 1500, "cap_minor": 5000, "total_cap_minor": 4000},
        "8.5 折（最多减 ¥40）",
        "15% off (up to ¥40)",
    ),
    Case(
        "threshold",
        {"code": "threshold_off", "tiers": [{"spend_minor": 10000, "off_minor": 1000}]},
        "满 ¥100 减 ¥10",
        "¥10 off when you spend ¥100",
    ),
    Case(
        "tiers",
        {
            "code": "threshold_off",
            "tiers": [
                {"spend_minor": 10000, "off_minor": 1000},
                {"spend_minor": 20000, "off_minor": 3000},
            ],
        },
        "满 ¥100 减 ¥10，满 ¥200 减 ¥30",
        "¥10 off when you spend ¥100, ¥30 off when you spend ¥200",
    ),
    Case(
        "repeated threshold with a cap",
        {
            "code": "threshold_off",
            "tiers": [{"spend_minor": 10000, "off_minor": 1000}],
            "repeat": True,
            "cap_minor": 5000,
        },
        "每满 ¥100 减 ¥10（最多减 ¥50）",
        "¥10 off for every ¥100 you spend (up to ¥50)",
    ),
    Case(
        "some goods",
        {"code": "amount_off", "amount_minor": 500, "target": "items", "scope": SOME},
        "立减 ¥5，限指定商品",
        "¥5 off, on selected goods",
    ),
    Case(
        "printed value",
        {"code": "printed_value", "max_minor": 800},
        "按券面金额抵扣（最多减 ¥8）",
        "the value printed on the coupon (up to ¥8)",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_offer_is_said_in_both_languages(case: Case) -> None:
    offer = parse_offer({"id": "o", "effect": case.effect, "condition": case.condition})
    assert offer_sentence(offer, language="zh", currency="CNY") == case.zh
    assert offer_sentence(offer, language="en", currency="CNY") == case.en


def test_the_last_day_is_the_one_before_midnight_in_the_shops_zone() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    midnight = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
    assert last_day(midnight, zone=zone, language="en") == "31 May 2026"
    assert last_day(midnight, zone=zone, language="zh") == "2026年5月31日"
    assert last_day(midnight.replace(minute=1), zone=zone, language="en") == "1 June 2026"
    assert last_day(None, zone=zone, language="en") == ""
