"""Amounts as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaquan.runtime import MAX_MINOR
from kaquan.storefront.amounts import AmountProblem, parse_amount

P = AmountProblem


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        pytest.param("12", "CNY", 1200, id="whole"),
        pytest.param("12.5", "CNY", 1250, id="one decimal"),
        pytest.param("12.50", "CNY", 1250, id="point"),
        pytest.param("12,50", "EUR", 1250, id="decimal comma"),
        pytest.param(".5", "CNY", 50, id="no whole part"),
        pytest.param("12.", "CNY", 1200, id="no decimals"),
        pytest.param("  88 \n", "CNY", 8800, id="blanks around"),
        pytest.param("¥88", "CNY", 8800, id="sign before"),
        pytest.param("￥88.80", "CNY", 8880, id="full-width sign"),
        pytest.param("88元", "CNY", 8800, id="unit after"),
        pytest.param("CHF 88.80", "CHF", 8880, id="letters before"),
        pytest.param("88,80 €", "EUR", 8880, id="sign after"),
        pytest.param("８８．５", "CNY", 8850, id="full-width digits"),
        pytest.param("88。5", "CNY", 8850, id="Chinese full stop"),
        pytest.param("1,234.50", "CNY", 123450, id="thousands and point"),
        pytest.param("1.234,50", "EUR", 123450, id="thousands and comma"),
        pytest.param("1 234,50", "EUR", 123450, id="thousands by blank"),
        pytest.param("1\u202f234,50", "EUR", 123450, id="thousands by narrow blank"),
        pytest.param("1’234.50", "CHF", 123450, id="thousands by apostrophe"),
        pytest.param("1,234", "CNY", 123400, id="a comma before three digits"),
        pytest.param("1,234,567", "CNY", 123456700, id="two commas"),
        pytest.param("1.234.567", "EUR", 123456700, id="two points"),
        pytest.param("0.01", "CNY", 1, id="the smallest"),
        pytest.param("1500", "JPY", 1500, id="yen"),
        pytest.param("1,500", "JPY", 1500, id="yen with thousands"),
        pytest.param("1.234", "KWD", 1234, id="fils by point"),
        pytest.param("0,234", "KWD", 234, id="fils by comma"),
        pytest.param("1,234.5", "KWD", 1234500, id="dinars with thousands"),
        pytest.param("", "CNY", P.MISSING, id="nothing"),
        pytest.param(" \t", "CNY", P.MISSING, id="blanks only"),
        pytest.param("abc", "CNY", P.NOT_A_NUMBER, id="letters"),
        pytest.param("12a", "CNY", P.NOT_A_NUMBER, id="digits and a letter"),
        pytest.param("1e5", "CNY", P.NOT_A_NUMBER, id="scientific"),
        pytest.param("¥", "CNY", P.NOT_A_NUMBER, id="sign only"),
        pytest.param(".", "CNY", P.NOT_A_NUMBER, id="point only"),
        pytest.param("1.2.3", "CNY", P.NOT_A_NUMBER, id="two decimal points"),
        pytest.param("12,34,567", "CNY", P.NOT_A_NUMBER, id="groups of two"),
        pytest.param("1,2.3,4", "CNY", P.NOT_A_NUMBER, id="mixed up"),
        pytest.param("٣", "CNY", P.NOT_A_NUMBER, id="other digits"),
        pytest.param("KQ7H3M9PQRSTUVW", "CNY", P.NOT_A_NUMBER, id="a code in the wrong field"),
        pytest.param("9" * 60, "CNY", P.NOT_A_NUMBER, id="endless"),
        pytest.param("12.345", "CNY", P.AMBIGUOUS, id="thousands or decimals by point"),
        pytest.param("1,234", "KWD", P.AMBIGUOUS, id="thousands or fils by comma"),
        pytest.param("12.3456", "CNY", P.TOO_PRECISE, id="too many decimals"),
        pytest.param("12.5", "JPY", P.TOO_PRECISE, id="yen with a decimal"),
        pytest.param("1.234", "JPY", P.TOO_PRECISE, id="yen with a point"),
        pytest.param("0", "CNY", P.NOT_POSITIVE, id="zero"),
        pytest.param("0.00", "CNY", P.NOT_POSITIVE, id="zero with decimals"),
        pytest.param("-5", "CNY", P.NOT_POSITIVE, id="negative"),
        pytest.param("90071992547409.92", "CNY", P.TOO_LARGE, id="one above the largest"),
        pytest.param("90071992547409.91", "CNY", MAX_MINOR, id="the largest"),
    ],
)
def test_amount_of_a_text(typed: str, currency: str, amount: int | AmountProblem) -> None:
    assert parse_amount(typed, currency=currency) == amount


@given(
    st.integers(1, MAX_MINOR), st.sampled_from([("JPY", 0), ("CNY", 2), ("KWD", 3)]), st.booleans()
)
def test_written_out_amounts_come_back(
    amount_minor: int, currency: tuple[str, int], grouped: bool
) -> None:
    code, digits = currency
    whole, rest = divmod(amount_minor, 10**digits)
    typed = f"{whole:,}" if grouped else str(whole)
    if digits:
        typed += f".{rest:0{digits}d}"
    assert parse_amount(typed, currency=code) == amount_minor


@given(st.text(max_size=60))
def test_any_text_has_an_answer(typed: str) -> None:
    answer = parse_amount(typed, currency="CNY")
    assert isinstance(answer, AmountProblem) or 0 < answer <= MAX_MINOR
