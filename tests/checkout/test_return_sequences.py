"""Any sequence of returns gives back exactly what was given, and on the way never more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout.shop import NOW
from kaquan.checkout import (
    GoodsBack,
    OrderReturn,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    ReturnRefused,
    ReturnRequest,
)
from kaquan.checkout.return_plan import Returning, plan_return
from kaquan.customers import Order, OrderLine, OrderStatus
from kaquan.engine import allocate
from kaquan.runtime import Project

CURRENCIES = {"JPY": 0, "CNY": 2, "KWD": 3}


def order_of(lines: Sequence[tuple[int, int]], rest: int, discount: int) -> Order:
    """An order of lines of units and an amount each, more that no line accounts for, less off."""
    amount = sum(gross for _, gross in lines) + rest
    return Order(
        id="ord_1",
        source_id=None,
        customer_id=None,
        location_id=None,
        status=OrderStatus.PAID,
        amount_minor=amount,
        discount_minor=discount,
        items_discount_minor=0,
        total_minor=amount - discount,
        lines=tuple(
            OrderLine(
                product_id=None,
                source_id=f"sku_{index}",
                quantity=quantity,
                unit_price_minor=gross // quantity,
                amount_minor=gross,
                discount_minor=0,
            )
            for index, (quantity, gross) in enumerate(lines)
        ),
        metadata={},
        placed_at=NOW,
        created_at=NOW,
        updated_at=None,
    )


def redemption_of(number: int, allocation: Sequence[int], total: int) -> Redemption:
    """A redemption that took ``total`` off, of which the lines carry ``allocation``."""
    return Redemption(
        id=f"r_{number}",
        kind=RedemptionKind.REDEMPTION,
        result=RedemptionResult.SUCCESS,
        order_id="ord_1",
        channel="API",
        discount_minor=total,
        allocation=tuple(allocation),
        created_at=NOW,
    )


@st.composite
def sales(draw: st.DrawFn) -> Returning:
    """An order with one or two redemptions, in a currency of 0, 2 or 3 decimals."""
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    unit = 10 ** CURRENCIES[currency]
    price = st.integers(0, 50).map(lambda major: major * unit) | st.integers(0, 60 * unit)
    lines = draw(
        st.lists(
            st.tuples(st.integers(1, 7), price).map(lambda line: (line[0], line[0] * line[1])),
            max_size=4,
        )
    )
    # Stated amounts need not be a multiple of the units.
    lines = [(quantity, gross + draw(st.integers(0, 3))) for quantity, gross in lines]
    rest = draw(st.sampled_from((0, 0, 1, 7 * unit)))
    left = [*(gross for _, gross in lines), rest]
    redemptions: list[Redemption] = []
    for number in range(draw(st.integers(1, 2))):
        total = draw(st.integers(0, sum(left)))
        shares = allocate(total, left) if total else [0] * len(left)
        left = [have - share for have, share in zip(left, shares, strict=True)]
        redemptions.append(redemption_of(number, shares[:-1], total))
    order = order_of(lines, rest, sum(one.discount_minor for one in redemptions))
    project = msgspec.structs.replace(PROJECT, currency=currency)
    return Returning(
        project=project,
        order=order,
        named_id=None,
        redemptions=tuple(redemptions),
        standing=tuple(redemptions),
        history=(),
        coupons={},
        policies={},
        products={},
        now=NOW,
    )


PROJECT = Project(
    project_id=1,
    id="proj_1",
    name="Shop",
    currency="CNY",
    time_zone="UTC",
    language="en",
    sandbox=False,
    settings={},
    created_at=NOW,
)


@st.composite
def requests(draw: st.DrawFn, order: Order) -> ReturnRequest:
    """Some units of a line, or an amount; it may be more than is left."""
    if order.lines and draw(st.booleans()):
        line = draw(st.integers(0, len(order.lines) - 1))
        units = draw(st.integers(1, order.lines[line].quantity))
        return ReturnRequest(goods=(GoodsBack(line=line, quantity=units),))
    return ReturnRequest(amount_minor=draw(st.integers(1, max(order.amount_minor, 1))))


def take(state: Returning, request: ReturnRequest) -> tuple[Returning, OrderReturn | None]:
    """Return, and remember it."""
    done = plan_return(state, request)
    if isinstance(done, ReturnRefused):
        return state, None
    number = len(state.history)
    done = msgspec.structs.replace(
        done, id=f"ret_{number:03}", created_at=NOW + timedelta(minutes=number)
    )
    return msgspec.structs.replace(state, history=(*state.history, done)), done


def given_back(state: Returning) -> dict[str, int]:
    """What each redemption has given back so far."""
    sums = {one.id: 0 for one in state.redemptions}
    for done in state.history:
        for part in done.parts:
            assert min(part.given_back, default=0) >= 0
            sums[part.redemption_id] += part.returned_minor
    return sums


@settings(max_examples=300, deadline=None)
@given(st.data(), sales(), st.integers(0, 8))
def test_any_order_of_returns_gives_back_exactly_what_was_given(
    data: st.DataObject, state: Returning, steps: int
) -> None:
    order = state.order
    assert order is not None
    for _ in range(steps):
        state, _ = take(state, data.draw(requests(order)))
        for redemption in state.redemptions:
            assert given_back(state)[redemption.id] <= redemption.total_discount_minor
    state, _ = take(state, ReturnRequest())
    assert state.history[-1].completes
    assert given_back(state) == {one.id: one.total_discount_minor for one in state.redemptions}
    assert sum(one.gross_minor for one in state.history) == order.amount_minor
    refunded = sum(one.refund_minor or 0 for one in state.history)
    assert refunded == order.total_minor
    assert isinstance(plan_return(state, ReturnRequest()), ReturnRefused)


@settings(max_examples=150, deadline=None)
@given(st.data(), sales())
def test_what_units_give_back_does_not_depend_on_the_way(
    data: st.DataObject, state: Returning
) -> None:
    assert state.order is not None
    wanted = [
        data.draw(st.integers(0, line.quantity), label=f"units of line {index}")
        for index, line in enumerate(state.order.lines)
    ]
    singles = [index for index, units in enumerate(wanted) for _ in range(units)]
    at_once = [
        ReturnRequest(goods=(GoodsBack(line=index, quantity=units),))
        for index, units in enumerate(wanted)
        if units
    ]
    one_by_one = [
        ReturnRequest(goods=(GoodsBack(line=index, quantity=1),))
        for index in data.draw(st.permutations(singles))
    ]
    ends: list[Any] = []
    for requested in (at_once, one_by_one):
        after = state
        for request in requested:
            after, _ = take(after, request)
        ends.append(given_back(after))
    assert ends[0] == ends[1]
