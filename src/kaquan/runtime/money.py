"""Currencies and how an amount in minor units is written for people."""

import re
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

_LETTER_THEN_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")
# A project has one currency, so the country in front of these signs says nothing new.
_PLAIN_SIGNS = {"US$": "$", "CN¥": "¥", "JP¥": "¥"}


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217, from CLDR): 0, 2 or 3."""
    return get_currency_precision(currency)


def format_money(amount_minor: int, *, currency: str, language: str) -> str:
    """Write an amount such as ``¥1,234.50`` or ``$1,234.50`` in the reader's language."""
    amount = Decimal(amount_minor).scaleb(-minor_digits(currency))
    text = format_currency(amount, currency, locale="zh_Hans_CN" if language == "zh" else "en_US")
    for long, plain in _PLAIN_SIGNS.items():
        text = text.replace(long, plain)
    return _LETTER_THEN_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def format_price(amount_minor: int, *, currency: str, language: str) -> str:
    """Write an amount as a price tag does, ``¥100`` and ``¥99.50``: decimals if there are any."""
    text = format_money(amount_minor, currency=currency, language=language)
    return text.removesuffix("." + "0" * minor_digits(currency))
