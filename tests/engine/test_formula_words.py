"""Words of the dialect in formulas: texts, times, switches, and a number for each line."""

from datetime import UTC, date, datetime
from fractions import Fraction

import msgspec
import pytest

from engine.test_formula import FACTS, try_formula
from kaquan.engine import (
    Failure,
    InvalidFormula,
    InvalidOffer,
    LineInput,
    Remaining,
    build_cart,
    evaluate_formula,
    parse_effect,
)
from kaquan.engine.effects.effect import Outcome
from kaquan.engine.formula_value import MAX_BITS

TOLD = msgspec.structs.replace(
    FACTS,
    cart=build_cart(
        [
            LineInput(unit_price=1000, quantity=2, attributes={"category": "tea"}),
            LineInput(unit_price=500, metadata={"weight": 7}),
        ],
        metadata=FACTS.cart.metadata,
    ),
    context=msgspec.structs.replace(
        FACTS.context,
        time_zone="Asia/Shanghai",
        redemption_metadata={"store": 42},
        customer=msgspec.structs.replace(
            FACTS.context.customer,
            attributes={"years": 3, "signup": "2026-01-15"},
            birthday=date(1990, 2, 28),
        ),
    ),
    attributes={"month": 6},
    publication={"year": 2025},
    redemption_counts={"code/ever": 4},
    claimed_at=datetime(2026, 5, 1, tzinfo=UTC),
    starts_at=datetime(2026, 4, 30, 16, 0, tzinfo=UTC),
    quantity=9,
    expires_at=datetime(2026, 6, 30, 16, 0, tzinfo=UTC),
)
"""The same facts in Shanghai, with what the merchant notes of voucher, redemption and line."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("POW(3; 4)", 81),
        ("POW(2; 0 - 3)", Fraction(1, 8)),
        ("17 % 5", 2),
        ("-17 % 5", -2),
        ("7.5 % 2", Fraction(3, 2)),
        ("2 * 7 % 4", 2),
        ('IF(CUSTOMER_METADATA("years") is "3"; 20; 5)', 20),
        ('IF(CUSTOMER_METADATA("years") isNot "3"; 20; 5)', 5),
        ('IF(ORDER_METADATA("city") contains "海"; 15; 0)', 15),
        ('IF(ORDER_METADATA("tags") contains "vip"; 15; 0)', 15),
        ('IF(ORDER_METADATA("city") startsWith "上"; 10; 5)', 10),
        ('IF(ORDER_UNITS_QUANTITY IN_ARRAY "3, 6,9"; 10; 5)', 10),
        ('IF(ORDER_UNITS_QUANTITY IN_ARRAY "30,6,9"; 10; 5)', 5),
        ('IF("vip" IN_ARRAY ORDER_METADATA("tags"); 10; 5)', 10),
        ('REDEEMABLE_METADATA("month") + 1', 7),
        ('REDEMPTION_METADATA("store") * 2', 84),
        # The facts' moment, midnight in UTC on 1 June 2026, is eight in Shanghai.
        ('IF(TODAY is "2026-06-01"; 1; 0)', 1),
        ('IF(NOW is "2026-06-01T08:00:00"; 1; 0)', 1),
        ('IF(TODAY IS_AFTER DATE("2024-01-01"); 10; 0)', 10),
        ('IF(TODAY IS_BEFORE DATE("2024-01-01"); 10; 0)', 0),
        ('IF(DATE("2026-06-01T00:00:00+00:00") = NOW; 1; 0)', 1),
        ("DAYS_UNTIL(VOUCHER_EXPIRATION_DATE)", 30),
        ('DAYS_SINCE("2026-05-30")', 2),
        ('DAYS_SINCE("2026-06-03T23:59:59")', -2),
        ('MONTHS_SINCE(CUSTOMER_METADATA("signup"))', 4),
        ('MONTHS_UNTIL("2027-06-01")', 12),
        ('SWITCH(ORDER_METADATA("city"); SWITCH_CASE("北京"; 10) SWITCH_CASE("上海"; 15); 5)', 15),
        ('SWITCH(ORDER_METADATA("city"); SWITCH_CASE("北京"; 10); SWITCH_CASE("天津"; 15); 5)', 5),
        ("SWITCH(3; SWITCH_CASE(1; 1 / 0) SWITCH_CASE(3; 7))", 7),
        ("ORDER_ITEMS_QUANTITY", 2),
        ('IF(ORDER_UNITS_QUANTITY NOT_IN_ARRAY "3,4"; 10; 5)', 5),
        ('IF("pay_sms" endsWith "_sms"; 1; 0)', 1),
        ("3 x 4 × 5 ÷ 6", 10),
        ("ROUND(75.55; -1)", 80),
        ("FLOOR(75.55; -1)", 70),
        ("CEIL(74.44; -1)", 80),
        ("CHEAPEST_ORDER_ITEM_PRICE", 500),
        ("CHEAPEST_ORDER_ITEM_UNITS_QUANTITY", 1),
        ("MOST_EXPENSIVE_ORDER_ITEM_AMOUNT", 2000),
        ("MOST_EXPENSIVE_ORDER_ITEM_SUBTOTAL", 2000),
        ('CHEAPEST_ORDER_ITEM_METADATA("weight")', 7),
        ('IF(MOST_EXPENSIVE_ORDER_ITEM_PRODUCT_METADATA("category") is "tea"; 1; 0)', 1),
        ('PUBLICATION_METADATA("year") + 1', 2026),
        ("VOUCHER_REDEMPTION_QUANTITY - VOUCHER_REDEEMED_QUANTITY", 5),
        ("VOUCHER_PUBLISH_COUNT", 1),
        ("DAYS_SINCE(VOUCHER_START_DATE)", 31),
        ("DAYS_UNTIL(PROMOTION_TIER_EXPIRATION_DATE)", 30),
        ("YEARS_SINCE(CUSTOMER_BIRTHDATE)", 36),
        ('YEARS_SINCE(DATE("2030-06-01"))', -4),
        ("YEAR(CUSTOMER_BIRTHDATE) * 10000 + MONTH(TODAY) * 100 + DAY_OF_MONTH(NOW)", 19900601),
        ('IF(DATE_TIME("2026-06-01T01:30:00.000Z") DATE_IS TODAY; 1; 0)', 1),
        ('IF(TODAY DATE_IS_NOT "2026-06-02"; 1; 0)', 1),
        ("IF(ORDER_UNITS_QUANTITY > 4; IF(ORDER_AMOUNT > 200; 25; 15); 10)", 10),
    ],
)
def test_words_of_the_dialect(text: str, value: Fraction | int) -> None:
    assert evaluate_formula(text, TOLD) == value


@pytest.mark.parametrize(
    ("subtotals", "cheapest", "dearest"),
    [((300, 400, 90, 80), 300, 80), ((400, 400, 90, 90), 400, 90), ((400, 300, 80, 90), 300, 80)],
    ids=["the one with less left", "the first of equals", "the other one"],
)
def test_of_items_of_one_price(subtotals: tuple[int, ...], cheapest: int, dearest: int) -> None:
    lines = [LineInput(unit_price=price) for price in (500, 500, 900, 900)]
    left = Remaining(order_minor=sum(subtotals), subtotals_minor=subtotals, lines_minor=subtotals)
    facts = msgspec.structs.replace(TOLD, cart=build_cart(lines), left=left)
    assert evaluate_formula("CHEAPEST_ORDER_ITEM_SUBTOTAL", facts) == cheapest
    assert evaluate_formula("MOST_EXPENSIVE_ORDER_ITEM_SUBTOTAL", facts) == dearest
    none = msgspec.structs.replace(TOLD, cart=build_cart(amount=100))
    assert evaluate_formula("CHEAPEST_ORDER_ITEM_PRICE", none) == Failure("missing_value")


@pytest.mark.parametrize(
    ("line", "text", "value"),
    [
        (0, "ORDER_ITEM_PRICE", 1000),
        (0, "ORDER_ITEM_AMOUNT", 2000),
        (1, "ORDER_ITEM_SUBTOTAL", 500),
        (1, 'ORDER_ITEM_METADATA("weight")', 7),
        (0, "ORDER_ITEM_UNITS_QUANTITY", 2),
        (0, 'IF(ORDER_ITEM_PRODUCT_METADATA("category") is "tea"; 1; 0)', 1),
        (0, 'ORDER_ITEM_METADATA("weight")', Failure("missing_value")),
        (None, "ORDER_ITEM_PRICE", Failure("missing_value")),
    ],
)
def test_a_line(line: int | None, text: str, value: int | Failure) -> None:
    assert evaluate_formula(text, msgspec.structs.replace(TOLD, line=line)) == value


@pytest.mark.parametrize(
    ("effect", "path"),
    [
        ({"code": "amount_off", "amount_minor": 1, "amount_formula": "1 + order_item_price"}, ""),
        (
            {
                "code": "amount_off",
                "amount_minor": 1,
                "amount_formula": "order_item_price",
                "target": "items",
                "giving": "by_amount",
            },
            "",
        ),
        ({"code": "percent_off", "rate_bps": 1, "rate_formula": "order_item_amount"}, ""),
        ({"code": "fixed_price", "price_minor": 1, "price_formula": "order_item_amount"}, ""),
        (
            {
                "code": "free_units",
                "units": [{"product_id": "a", "quantity_formula": 'order_item_metadata("n")'}],
            },
            ".units[0]",
        ),
    ],
)
def test_lines_are_not_asked_for_where_there_are_none(effect: object, path: str) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_effect(effect)
    assert (caught.value.path, caught.value.key) == (f"effect{path}", "formula_scope")


@pytest.mark.parametrize(
    ("effect", "per_line"),
    [
        # Of 10.00 twice and 5.00: 10 % of each line; 1.00 and 0.50 a unit; half of each price.
        (
            {
                "code": "amount_off",
                "amount_minor": 1,
                "amount_formula": "order_item_amount / 10",
                "target": "items",
            },
            (200, 50),
        ),
        (
            {
                "code": "amount_off",
                "amount_minor": 1,
                "amount_formula": "order_item_price / 10",
                "target": "items",
                "giving": "per_unit",
            },
            (200, 50),
        ),
        (
            {
                "code": "percent_off",
                "rate_bps": 100,
                "rate_formula": 'order_item_metadata("weight") * 100',
                "target": "items",
            },
            (20, 35),
        ),
        (
            {
                "code": "fixed_price",
                "price_minor": 1,
                "price_formula": "order_item_price / 2",
                "target": "items",
            },
            (1000, 250),
        ),
    ],
)
def test_a_number_for_each_line(effect: object, per_line: tuple[int, int]) -> None:
    outcome = parse_effect(effect).apply(TOLD)
    assert isinstance(outcome, Outcome)
    assert tuple(outcome.items_minor) == per_line


@pytest.mark.parametrize(
    "bomb",
    [
        "pow(" * 19 + "9" + "; 9)" * 19,
        "pow(999999999999999; 64)",
        "*".join(["pow(999999; 12)"] * 6),
        "1 % " * 150 + "1",
    ],
    ids=["tower", "one power", "product of powers", "chain"],
)
def test_a_bomb_ends_at_once(bomb: str) -> None:
    outcome = try_formula(bomb)
    number = outcome if isinstance(outcome, Fraction) else Fraction(0)
    assert isinstance(outcome, Failure | InvalidFormula | Fraction)
    assert number.numerator.bit_length() <= MAX_BITS
