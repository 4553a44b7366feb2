"""Amounts as people read them."""

import pytest

from kaquan.runtime import format_money, format_price, minor_digits


@pytest.mark.parametrize(
    ("amount_minor", "currency", "language", "text"),
    [
        (123450, "CNY", "zh", "¥1,234.50"),
        (123450, "CNY", "en", "¥1,234.50"),
        (123450, "USD", "zh", "$1,234.50"),
        (123450, "USD", "en", "$1,234.50"),
        (-5, "USD", "en", "-$0.05"),
        (0, "CNY", "zh", "¥0.00"),
        (1234, "JPY", "en", "¥1,234"),
        (1234, "JPY", "zh", "¥1,234"),
        (1234, "KWD", "en", "KWD\N{NO-BREAK SPACE}1.234"),
        (1500, "CHF", "en", "CHF\N{NO-BREAK SPACE}15.00"),
        (2**53 - 1, "USD", "en", "$90,071,992,547,409.91"),
    ],
)
def test_money_is_written_as_people_read_it(
    amount_minor: int, currency: str, language: str, text: str
) -> None:
    assert format_money(amount_minor, currency=currency, language=language) == text


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("CNY", 2), ("USD", 2), ("KWD", 3)])
def test_a_currency_knows_its_decimals(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (10000, "CNY", "¥100"),
        (9950, "CNY", "¥99.50"),
        (100000, "JPY", "¥100,000"),
        (1000, "KWD", "KWD\N{NO-BREAK SPACE}1"),
        (0, "USD", "$0"),
    ],
)
def test_a_price_has_decimals_only_where_there_are_any(
    amount_minor: int, currency: str, text: str
) -> None:
    assert format_price(amount_minor, currency=currency, language="en") == text
