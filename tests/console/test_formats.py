"""How figures and times are written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kaquan.console import formats
from kaquan.console.language import Language

ZH, EN = Language.ZH, Language.EN
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 5, 31, 16, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "language", "written"),
    [
        (123_450, "CNY", ZH, "¥1,234"),
        (123_550, "CNY", EN, "¥1,236"),
        (123_450_678, "USD", EN, "$1,234,507"),
        (-34_200, "USD", ZH, "-$342"),
        (40, "USD", EN, "$0"),
        (500, "JPY", EN, "¥500"),
    ],
)
def test_money_without_cents(
    amount_minor: int, currency: str, language: Language, written: str
) -> None:
    assert formats.money_whole(amount_minor, currency=currency, language=language) == written


@pytest.mark.parametrize(
    ("currency", "language", "sign"),
    [("CNY", ZH, "¥"), ("CNY", EN, "¥"), ("USD", ZH, "$"), ("EUR", EN, "€")],
)
def test_currency_sign(currency: str, language: Language, sign: str) -> None:
    assert formats.currency_sign(currency, language=language) == sign


@pytest.mark.parametrize(
    ("share", "digits", "written"),
    [
        (0.186, 1, "18.6%"),
        (Decimal("0.18650"), 1, "18.6%"),
        (Decimal("0.18750"), 1, "18.8%"),
        (1, 0, "100%"),
        (-0.012, 1, "-1.2%"),
        (12.5, 1, "1,250.0%"),
    ],
)
def test_percent(share: Decimal | float, digits: int, written: str) -> None:
    assert formats.percent(share, digits=digits) == written


def test_percent_of_basis_points() -> None:
    assert formats.percent_bps(1_860) == "18.6%"


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (9_999, "9,999", "9,999"),
        (12_345, "1.2万", "12.3k"),
        (1_234_567, "123.5万", "1.2m"),
        (-50_000, "-5万", "-50k"),
        (3_000_000_000, "30亿", "3bn"),
    ],
)
def test_compact_counts(value: int, chinese: str, english: str) -> None:
    written = [formats.compact(value, language=language) for language in (ZH, EN)]
    assert written == [chinese, english]


@pytest.mark.parametrize(
    ("value", "zone", "chinese", "english"),
    [
        (date(2026, 5, 31), SHANGHAI, "2026年5月31日", "31 May 2026"),
        (NOW, SHANGHAI, "2026年6月1日", "1 Jun 2026"),
        (NOW, NEW_YORK, "2026年5月31日", "31 May 2026"),
    ],
)
def test_days_in_the_projects_zone(
    value: date | datetime, zone: ZoneInfo, chinese: str, english: str
) -> None:
    written = [formats.day(value, language=language, zone=zone) for language in (ZH, EN)]
    assert written == [chinese, english]


def test_moments() -> None:
    written = [formats.moment(NOW, language=language, zone=SHANGHAI) for language in (ZH, EN)]
    assert written == ["2026年6月1日 00:05", "1 Jun 2026, 00:05"]


@pytest.mark.parametrize(
    ("distance", "chinese", "english"),
    [
        (timedelta(hours=-3), "3小时前", "3 hours ago"),
        (timedelta(days=2), "2天后", "in 2 days"),
        (timedelta(seconds=-20), "刚刚", "just now"),
    ],
)
def test_relative_times(distance: timedelta, chinese: str, english: str) -> None:
    written = [formats.relative(NOW + distance, now=NOW, language=each) for each in (ZH, EN)]
    assert written == [chinese, english]
