"""Currencies and how an amount in minor units is written for people."""

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217, from CLDR): 0, 2 or 3."""
    return get_currency_precision(currency)


def format_money(amount_minor: int, *, currency: str, language: str) -> str:
    """Write an amount such as ``¥1,234.50`` or ``$1,234.50`` in the reader's language."""
    amount = Decimal(amount_minor).scaleb(-minor_digits(currency))
    locale = "zh_Hans_CN" if language == "zh" else "en_US"
    text = format_currency(amount, currency, locale=locale)
    return text.replace("US$", "$").replace("CN¥", "¥")
