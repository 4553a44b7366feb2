"""What is an order and what is not."""

from typing import Any

import pytest

from kaquan.engine import MAX_MINOR, InvalidCart, LineInput, ReasonCode, build_cart


@pytest.mark.parametrize(
    ("line", "unit_price", "amount"),
    [
        pytest.param(LineInput(quantity=3, unit_price=250), 250, 750, id="price decides"),
        pytest.param(LineInput(quantity=3, amount=1000), 333, 1000, id="amount decides"),
        pytest.param(
            LineInput(quantity=3, unit_price=250, amount=700), 250, 700, id="stated amount wins"
        ),
        pytest.param(LineInput(quantity=1, unit_price=0), 0, 0, id="free goods"),
        pytest.param(LineInput(unit_price=MAX_MINOR), MAX_MINOR, MAX_MINOR, id="largest"),
    ],
)
def test_line_amounts(line: LineInput, unit_price: int, amount: int) -> None:
    built = build_cart([line]).lines[0]
    assert (built.unit_price, built.amount) == (unit_price, amount)


@pytest.mark.parametrize(
    ("lines", "stated", "amount"),
    [
        pytest.param([LineInput(unit_price=5), LineInput(unit_price=7)], None, 12, id="lines"),
        pytest.param([LineInput(unit_price=5)], 9, 9, id="stated above the lines"),
        pytest.param([LineInput(unit_price=5)], 3, 3, id="stated below the lines"),
        pytest.param([], 120, 120, id="only an amount"),
        pytest.param([], 0, 0, id="an amount of nothing"),
    ],
)
def test_order_amounts(lines: list[LineInput], stated: int | None, amount: int) -> None:
    assert build_cart(lines, amount=stated).amount == amount


def test_keys_default_to_positions() -> None:
    cart = build_cart([LineInput(unit_price=1), LineInput(unit_price=1, key="b")])
    assert [line.key for line in cart.lines] == ["0", "b"]


UNPRICED: dict[str, Any] = {}
HALF = MAX_MINOR // 2 + 1


@pytest.mark.parametrize(
    ("lines", "stated", "code", "field"),
    [
        ([{"quantity": 0, "unit_price": 1}], None, "invalid_quantity", "lines[0].quantity"),
        ([{"quantity": -1, "unit_price": 1}], None, "invalid_quantity", "lines[0].quantity"),
        ([{"quantity": 1.5, "unit_price": 1}], None, "invalid_quantity", "lines[0].quantity"),
        ([{"quantity": True, "unit_price": 1}], None, "invalid_quantity", "lines[0].quantity"),
        ([{"quantity": 2**53, "unit_price": 0}], None, "amount_overflow", "lines[0].quantity"),
        ([{"unit_price": -1}], None, "invalid_price", "lines[0].unit_price"),
        ([{"unit_price": 9.99}], None, "invalid_price", "lines[0].unit_price"),
        ([{"unit_price": 2**53}], None, "amount_overflow", "lines[0].unit_price"),
        ([{"amount": -1}], None, "invalid_price", "lines[0].amount"),
        ([{"quantity": 2, "unit_price": HALF}], None, "amount_overflow", "lines[0].amount"),
        ([UNPRICED], None, "missing_price", "lines[0].unit_price"),
        ([{"unit_price": HALF}] * 2, None, "amount_overflow", "lines"),
        ([{"unit_price": 1}, {"unit_price": -1}], None, "invalid_price", "lines[1].unit_price"),
        ([{"unit_price": 1, "key": "a"}] * 2, None, "duplicate_line_key", "lines[1].key"),
        ([], None, "missing_price", "amount"),
        ([], -1, "invalid_price", "amount"),
        ([], 2**53, "amount_overflow", "amount"),
    ],
)
def test_refused(lines: list[dict[str, Any]], stated: int | None, code: str, field: str) -> None:
    with pytest.raises(InvalidCart) as caught:
        build_cart([LineInput(**line) for line in lines], amount=stated)
    assert caught.value.reason.code is ReasonCode(code)
    assert caught.value.reason.params == {"field": field}
