"""Formulas: what they come to, what has no value, and what is refused before it runs."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaquan.engine import (
    Context,
    CustomerFacts,
    Facts,
    Failure,
    InvalidFormula,
    InvalidOffer,
    LineInput,
    Remaining,
    build_cart,
    evaluate_formula,
    parse_effect,
    parse_formula,
)

CART = build_cart(
    [LineInput(unit_price=1000, quantity=2), LineInput(unit_price=500)],
    shipping_minor=300,
    metadata={"city": "上海", "weight": "12.5", "gift": True, "tags": ("vip", "new")},
)
FACTS = Facts(
    cart=CART,
    context=Context(
        now=datetime(2026, 6, 1, tzinfo=UTC),
        currency="CNY",
        customer=CustomerFacts(
            id="ann", order_count=4, spend_minor=99_900, tier_id="gold", attributes={"years": 3}
        ),
    ),
    left=Remaining(order_minor=2500, subtotals_minor=(2000, 500), lines_minor=(2000, 500)),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/3*3", 1),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 4 - 3", 3),
        ("-2 + 5", 3),
        ("7 / 2 / 2", Fraction(7, 4)),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("min(3, 1, 2)", 1),
        ("MAX(3; 1; 2)", 3),
        ("round(2.5)", 2),
        ("round(3.5)", 4),
        ("round(0.125, 2)", Fraction(12, 100)),
        ("floor(-1.5)", -2),
        ("floor(1.29, 1)", Fraction(129 // 10, 10)),
        ("ceil(1.21, 1)", Fraction(13, 10)),
        ("if(1 < 2, 5, 6)", 5),
        ("if(1 < 2 and not 2 < 1, 5, 6)", 5),
        ("if(2 < 1 or 1 >= 1, 5, 6)", 5),
        ("if(1 = 1.0, 5, 1 / 0)", 5),
        ("if(1 = 1 or 1 / 0 > 0, 5, 6)", 5),
        ('if("a" != "b", 5, 6)', 5),
        ("order_amount", 2500),
        ("order_initial_amount", 2800),
        ("order_items_quantity + order_lines", 4),
        ("order_units_quantity", 3),
        ("shipping_amount", 300),
        ("customer_order_count * 10", 40),
        ("customer_spend", 99_900),
        ('if(customer_tier = "gold", 2, 1)', 2),
        ('customer_metadata("years") * 100', 300),
        ('order_metadata("weight") * 2', 25),
        ('if(order_metadata("weight") = 12.5, 1, 0)', 1),
        ('if(order_metadata("city") = "上海", 1, 0)', 1),
        ('if(order_metadata("gift"), 1, 0)', 1),
        ('if(contains(order_metadata("tags"), "vip"), 1, 0)', 1),
        ('if(contains(order_metadata("city"), "海"), 1, 0)', 1),
        ('default_to(customer_metadata("level"), order_metadata("level"), 7)', 7),
    ],
)
def test_value(text: str, value: Fraction | int) -> None:
    assert evaluate_formula(text, FACTS) == value


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('customer_metadata("level")', "missing_value"),
        ('default_to(customer_metadata("level"), order_metadata("level"))', "missing_value"),
        ("1 / 0", "division_by_zero"),
        ("default_to(1 / 0, 7)", "division_by_zero"),
        ('"a" + 1', "wrong_kind"),
        ("1 = 1", "wrong_kind"),
        ("if(1, 2, 3)", "wrong_kind"),
        ('order_metadata("tags")', "wrong_kind"),
        ("round(1, 7)", "wrong_kind"),
        ("round(1, 0.5)", "wrong_kind"),
        ("contains(1, 2)", "wrong_kind"),
        ("*".join(["999999999999999"] * 6), "number_too_large"),
        ("/".join(["999999999999999"] * 8), "number_too_large"),
    ],
)
def test_no_value(text: str, key: str) -> None:
    outcome = evaluate_formula(text, FACTS)
    assert isinstance(outcome, Failure)
    assert outcome.key == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "formula_syntax"),
        ("1 +", "formula_syntax"),
        ("1 2", "formula_syntax"),
        ("(1", "formula_syntax"),
        ("1)", "formula_syntax"),
        ("--1", "formula_syntax"),
        ("1 < 2 < 3", "formula_syntax"),
        ("2 ** 9", "formula_syntax"),
        ("2 ^ 9", "formula_syntax"),
        ("1e9", "formula_syntax"),
        ("1.", "formula_syntax"),
        ("1..2", "formula_syntax"),
        ('"open', "formula_syntax"),
        ("order_amount.real", "formula_syntax"),
        ("[1 for x in y]", "formula_syntax"),
        ("lambda: 1", "formula_syntax"),
        ('__import__("os")', "formula_unknown_name"),
        ("order", "formula_unknown_name"),
        ("eval(2)", "formula_unknown_name"),
        ('metadata("a")', "formula_unsupported"),
        ("cheapest_order_item", "formula_unknown_name"),
        ("cheapest_order_item_metadata", "formula_syntax"),
        ("switch(1; 5)", "formula_arguments"),
        ("switch(1; switch_case(1))", "formula_syntax"),
        ("switch(1; switch_case(1; 2); 3; 4)", "formula_syntax"),
        ("switch(" * 30 + "1", "formula_too_deep"),
        ("today is_after", "formula_syntax"),
        ("customer_metadata(years)", "formula_arguments"),
        ("if(1 = 1, 2)", "formula_arguments"),
        ("round(1, 2, 3)", "formula_arguments"),
        ("default_to(1)", "formula_arguments"),
        ("9" * 16, "formula_number_too_long"),
        ("0." + "3" * 15, "formula_number_too_long"),
        ("(" * 20 + "1" + ")" * 20, "formula_too_deep"),
        ("min(" * 100 + "1" + ")" * 100, "formula_too_deep"),
        ("+".join(["1"] * 201), "formula_too_large"),
        ("1" + " " * 1000, "formula_too_long"),
        ("(" * 1_000_000, "formula_too_long"),
    ],
)
def test_refused(text: str, key: str) -> None:
    with pytest.raises(InvalidFormula) as caught:
        parse_formula(text)
    assert caught.value.key == key


def test_largest_formulas_are_worked_out() -> None:
    assert evaluate_formula("(" * 19 + "1" + ")" * 19, FACTS) == 1
    assert evaluate_formula("+".join(["1"] * 199), FACTS) == 199
    nested = "min(" * 19 + "-".join(["1"] * 150) + ")" * 19
    assert evaluate_formula(nested, FACTS) == -148


@pytest.mark.parametrize(
    ("effect", "path", "key"),
    [
        (
            {"code": "amount_off", "amount_minor": 1, "amount_formula": "1 +"},
            "effect",
            "formula_syntax",
        ),
        (
            {"code": "percent_off", "rate_bps": 1, "rate_formula": "(" * 30 + "1" + ")" * 30},
            "effect",
            "formula_too_deep",
        ),
        (
            {
                "code": "free_units",
                "units": [{"product_id": "a", "quantity_formula": "1" * 1001}],
            },
            "effect.units[0]",
            "formula_too_long",
        ),
    ],
)
def test_an_offer_with_a_bad_formula_is_refused_at_its_place(
    effect: object, path: str, key: str
) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_effect(effect)
    assert (caught.value.path, caught.value.key) == (path, key)


Sum = tuple[str, Fraction | None]
"""A formula and what it comes to; None divides by zero."""

SIGNS = ("+", "-", "*", "/")


def join(left: Sum, sign: str, right: Sum) -> Sum:
    text = f"({left[0]} {sign} {right[0]})"
    if left[1] is None or right[1] is None or (sign == "/" and right[1] == 0):
        return text, None
    match sign:
        case "+":
            return text, left[1] + right[1]
        case "-":
            return text, left[1] - right[1]
        case "*":
            return text, left[1] * right[1]
        case _:
            return text, left[1] / right[1]


numbers = st.integers(0, 999) | st.sampled_from([Fraction("0.5"), Fraction("1.25")])
leaves = numbers.map(lambda number: (str(float(number)), Fraction(number)))


@settings(deadline=None, max_examples=300)
@given(
    st.recursive(
        leaves,
        lambda inner: st.builds(join, inner, st.sampled_from(SIGNS), inner),
        max_leaves=8,
    )
)
def test_arithmetic_agrees_with_fractions(made: Sum) -> None:
    text, value = made
    expected = Failure("division_by_zero") if value is None else value
    assert evaluate_formula(text, FACTS) == expected


@settings(deadline=None, max_examples=500)
@given(st.text(alphabet='0123456789.+-*/()<>=!,; "abcimnorx_if\t\u00b2', max_size=60))
@example("min" + "(" * 50)
@example("²")
def test_any_text_is_a_formula_or_is_refused_by_key(text: str) -> None:
    outcome = try_formula(text)
    if isinstance(outcome, InvalidFormula):
        assert outcome.key.startswith("formula_")
        assert 0 <= outcome.position <= len(text)


def try_formula(text: str) -> Fraction | Failure | InvalidFormula:
    try:
        return evaluate_formula(text, FACTS)
    except InvalidFormula as error:
        return error
