"""How figures and times are written, in both languages; money is runtime's `format_money`.

Times come in aware (UTC inside the system) and are shown in the project's time zone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal

from kaquan.console.language import N_, Language, translations
from kaquan.runtime import format_money, minor_digits

_DATE = {Language.ZH: "y年M月d日", Language.EN: "d MMM y"}
_JUST_NOW = timedelta(minutes=1)
_LONG = timedelta(days=300)
_BETWEEN = {Language.ZH: " ", Language.EN: ", "}


def money_whole(amount_minor: int, *, currency: str, language: Language) -> str:
    """Money without its cents, for headlines and cards; rounded half-even: `¥1,235`."""
    digits = minor_digits(currency)
    whole = int(_rounded(Decimal(amount_minor).scaleb(-digits), 0))
    text = format_money(whole * 10**digits, currency=currency, language=language)
    return text.removesuffix("." + "0" * digits)


def currency_sign(currency: str, *, language: Language) -> str:
    """What stands before an amount: `¥`, `$`, `CHF ` …"""
    return format_money(0, currency=currency, language=language).rstrip("0.")


def number(value: Decimal | float, *, digits: int = 0) -> str:
    """A figure with thousands separators and a fixed number of decimals, rounded half-even."""
    return f"{_rounded(value, digits):,.{digits}f}"


def percent(share: Decimal | float, *, digits: int = 1) -> str:
    """A share of 1 as a percentage: 0.186 → `18.6%`; rounded half-even."""
    return f"{_rounded(Decimal(str(share)) * 100, digits):,.{digits}f}%"


def percent_bps(rate_bps: int, *, digits: int = 1) -> str:
    """A rate in basis points as a percentage: 1860 → `18.6%`."""
    return percent(Decimal(rate_bps) / 10_000, digits=digits)


def compact(value: int, *, language: Language) -> str:
    """A big count for a card: `12.3万` in Chinese, `123k` in English; exact below 10,000."""
    if abs(value) < 10_000:
        return number(value)
    steps = (
        ((100_000_000, "亿"), (10_000, "万"))
        if language is Language.ZH
        else ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k"))
    )
    size, unit = next(step for step in steps if abs(value) >= step[0])
    return format_decimal(Decimal(value) / size, format="#,##0.#", locale="en") + unit


def day(value: date | datetime, *, language: Language, zone: ZoneInfo) -> str:
    """`2026年5月31日` / `31 May 2026`; a moment is first put into `zone`."""
    local = value.astimezone(zone).date() if isinstance(value, datetime) else value
    return format_date(local, _DATE[language], locale=language.value)


def moment(value: datetime, *, language: Language, zone: ZoneInfo) -> str:
    """`2026年5月31日 14:05` / `31 May 2026, 14:05` in `zone`."""
    local = value.astimezone(zone)
    return day(local, language=language, zone=zone) + _BETWEEN[language] + f"{local:%H:%M}"


def last_moment(value: datetime, *, language: Language, zone: ZoneInfo) -> str:
    """The end of a period as its last day, or with the time when it does not end at midnight.

    `value` is the first moment outside: midnight in `zone` means the day before.
    """
    local = value.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return day(local - timedelta(microseconds=1), language=language, zone=zone)
    return moment(value, language=language, zone=zone)


def is_long_ago(value: datetime, *, now: datetime) -> bool:
    """Whether a moment is so far from `now` that its day says more than the distance."""
    return abs(value - now) > _LONG


def relative(value: datetime, *, now: datetime, language: Language) -> str:
    """How long ago or how soon: `3 hours ago` / `3小时前`, `in 2 days` / `2天后`."""
    if abs(value - now) < _JUST_NOW:
        return translations(language).gettext(N_("just now"))
    return format_timedelta(value - now, add_direction=True, locale=language.value)


def _rounded(value: Decimal | float, digits: int) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def inert(text: str) -> str:
    """A cell that a spreadsheet will not run as a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
