"""What holds of every effect, alone and behind others."""

from collections.abc import Mapping
from datetime import UTC, datetime

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import json, structs

from kaquan.engine import (
    AmountBase,
    AmountOff,
    Application,
    Applied,
    BundlePart,
    BundlePrice,
    BuyXGetY,
    Candidate,
    Cart,
    CheapestFree,
    Context,
    CustomerFacts,
    Decision,
    Effect,
    Exchange,
    FixedPrice,
    FreeUnit,
    FreeUnits,
    Goods,
    LineInput,
    NoEffect,
    NthItemAtRate,
    Offer,
    PercentOff,
    PointsMultiplier,
    PointsPayment,
    ProductUse,
    Scope,
    Selection,
    ServiceEntitlement,
    ShippingOff,
    StackingRules,
    StoredValue,
    build_cart,
    decide,
)

PRICES: Mapping[str, int] = {"a": 350, "b": 999, "c": 0, "d": 12_345}
CONTEXT = Context(
    now=datetime(2026, 6, 1, tzinfo=UTC),
    currency="CNY",
    customer=CustomerFacts(id="ann"),
    catalogue={name: Goods(product_id=name, unit_price=price) for name, price in PRICES.items()},
)
RULES = StackingRules(max_applied=8, application=Application.PARTIAL)
KEY = "last"
ALL_RULES = (
    RULES,
    structs.replace(RULES, base=AmountBase.INITIAL_AMOUNT),
    structs.replace(RULES, products=ProductUse.ONCE),
    structs.replace(RULES, base=AmountBase.INITIAL_AMOUNT, products=ProductUse.ONCE),
    structs.replace(RULES, no_effect=NoEffect.REDEEM_ANYWAY, by_lane=True),
)

products = st.sampled_from(list(PRICES))
amounts = st.integers(1, 30_000)
rates = st.integers(1, 10_000)
counts = st.integers(1, 5)
scopes = st.builds(
    Scope,
    product_ids=st.frozensets(products, max_size=3),
    excluded_product_ids=st.frozensets(products, max_size=1),
)
named = st.frozensets(products, min_size=1, max_size=2).map(lambda some: Scope(product_ids=some))
selections = st.builds(
    Selection,
    sort=st.sampled_from(["cart", "cheapest_first", "dearest_first"]),
    count=st.sampled_from(["line", "unit"]),
    skip=st.integers(0, 3),
    repeat=st.integers(1, 3),
    at_most=st.none() | counts,
    max_units=st.none() | counts,
    max_units_per_line=st.none() | counts,
)
free_units = st.builds(
    FreeUnits,
    units=st.lists(
        st.builds(
            FreeUnit,
            product_id=products,
            quantity=counts,
            adding=st.sampled_from(["new", "missing"]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(
        AmountOff,
        amount_minor=amounts,
        target=st.just("items"),
        giving=st.sampled_from(["per_line", "per_unit", "by_amount", "by_quantity"]),
        cap_minor=st.none() | amounts,
        total_cap_minor=st.none() | amounts,
        scope=scopes,
        selection=selections,
    ),
    st.builds(
        PercentOff,
        rate_bps=rates,
        target=st.just("items"),
        scope=scopes,
        selection=selections,
        basis=st.sampled_from(["remaining", "initial"]),
    ),
    st.builds(PercentOff, rate_bps=rates, basis=st.sampled_from(["remaining", "initial"])),
    st.builds(FixedPrice, price_minor=amounts, scope=scopes),
    st.builds(
        FixedPrice,
        price_minor=st.integers(0, 2_000),
        target=st.just("items"),
        scope=scopes,
        selection=selections,
    ),
    st.builds(NthItemAtRate, nth=st.integers(2, 4), rate_bps=rates, scope=scopes),
    st.builds(CheapestFree, of=st.integers(2, 4), scope=scopes, max_times=st.none() | counts),
    st.builds(
        BuyXGetY,
        buy_quantity=counts,
        get_quantity=counts,
        rate_bps=rates,
        buy=scopes,
        get=st.none() | scopes,
        max_times=st.none() | counts,
    ),
    st.builds(Exchange, scope=named, quantity=counts, top_up_minor=st.integers(0, 500)),
    st.builds(
        BundlePrice,
        parts=st.lists(
            st.builds(BundlePart, scope=scopes, quantity=counts), min_size=1, max_size=3
        ).map(tuple),
        price_minor=amounts,
    ),
    free_units,
    st.builds(ShippingOff, rate_bps=rates, cap_minor=st.none() | amounts),
    st.builds(StoredValue, scope=scopes),
    st.builds(PointsPayment, points=counts, worth_minor=counts, max_share_bps=rates),
    st.builds(PointsMultiplier, multiplier_bps=st.integers(10_001, 30_000), scope=scopes),
    st.builds(ServiceEntitlement, service_id=st.just("spa"), visits=counts),
)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    lines = draw(
        st.lists(
            st.builds(
                LineInput,
                product_id=products,
                quantity=st.integers(1, 6),
                unit_price=st.integers(0, 4_000),
            ),
            min_size=1,
            max_size=6,
        )
    )
    shipping = draw(st.integers(0, 2_000))
    amount = draw(st.none() | st.integers(shipping, 60_000))
    return build_cart(lines, amount=amount, shipping_minor=shipping)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(
            key=f"k{index}",
            offer=Offer(id=f"o{index}", effect=effect),
            balance=draw(st.integers(0, 9_000)),
            credits=draw(st.none() | st.integers(0, 9_000)),
        )
        for index, effect in enumerate(draw(st.lists(effects, min_size=1, max_size=6)))
    ]


def list_applied(decision: Decision) -> list[Applied]:
    return [result for result in decision.results if isinstance(result, Applied)]


def run_alone(
    cart: Cart, effect: Effect, *, balance: int | None = None, wanted: int | None = None
) -> Applied | None:
    candidate = Candidate(
        key=KEY, offer=Offer(id=KEY, effect=effect), balance=balance, credits=wanted
    )
    result = decide(cart, [candidate], CONTEXT).results[0]
    return result if isinstance(result, Applied) else None


@settings(deadline=None, max_examples=400)
@given(carts(), candidates(), st.sampled_from(ALL_RULES))
def test_sums_are_exact_and_nothing_is_negative(
    cart: Cart, sent: list[Candidate], rules: StackingRules
) -> None:
    decision = decide(cart, sent, CONTEXT, rules=rules)
    applied = list_applied(decision)
    size = len(decision.lines)

    for step in applied:
        assert len(step.allocation) == len(step.items_allocation) == size
        assert sum(step.allocation) + step.unallocated_minor == step.total_discount_minor
        assert sum(step.items_allocation) == step.items_discount_minor
        assert min((*step.allocation, *step.items_allocation, step.shipping_minor)) >= 0
        assert step.shipping_minor <= step.unallocated_minor
    added = sum(units.amount_minor for step in applied for units in step.added)
    assert decision.amount_minor == cart.amount + added
    assert decision.total_discount_minor == sum(step.total_discount_minor for step in applied)
    assert decision.total_minor == decision.amount_minor - decision.total_discount_minor >= 0
    assert sum(step.shipping_minor for step in applied) <= cart.shipping_minor
    kinds = {one.key: one.offer.effect for one in sent}
    delivery = [step for step in applied if isinstance(kinds[step.key], ShippingOff)]
    assert sum(step.discount_minor for step in delivery) <= cart.shipping_minor
    for index, line in enumerate(decision.lines):
        taken = sum(step.allocation[index] for step in applied)
        assert line.total_minor == line.amount_minor - taken >= 0
        assert line.subtotal_minor == line.amount_minor - line.items_discount_minor >= 0


@settings(deadline=None)
@given(carts(), candidates())
def test_decision_survives_json(cart: Cart, sent: list[Candidate]) -> None:
    decision = decide(cart, sent, CONTEXT, rules=RULES)
    assert json.decode(json.encode(decision), type=Decision) == decision


@settings(deadline=None, max_examples=300)
@given(carts(), candidates())
def test_added_units_are_in_the_lines(cart: Cart, sent: list[Candidate]) -> None:
    decision = decide(cart, sent, CONTEXT, rules=RULES)
    grown = {index: line.quantity for index, line in enumerate(cart.lines)}
    for step in list_applied(decision):
        for units in step.added:
            grown[units.position] = grown.get(units.position, 0) + units.units
    assert {index: line.quantity for index, line in enumerate(decision.lines)} == grown
    assert len({line.key for line in decision.lines}) == len(decision.lines)
    before = [line.quantity for line in cart.lines]
    assert [line.initial_quantity for line in decision.lines[: len(before)]] == before
    assert not any(line.initial_quantity for line in decision.lines[len(before) :])


@settings(deadline=None)
@given(carts(), st.lists(st.builds(FreeUnit, product_id=products, quantity=counts), min_size=1))
def test_goods_that_are_always_added_change_nothing_of_what_is_paid(
    cart: Cart, units: list[FreeUnit]
) -> None:
    decision = decide(
        cart,
        [Candidate(key=KEY, offer=Offer(id=KEY, effect=FreeUnits(units=tuple(units[:20]))))],
        CONTEXT,
    )
    assert decision.total_minor == cart.amount
    applied = list_applied(decision)[0]
    assert sum(one.units for one in applied.added) == sum(one.quantity for one in units[:20])


@settings(deadline=None)
@given(
    carts(),
    st.integers(1, 6),
    st.integers(1, 6),
    scopes,
    st.none() | scopes,
    st.none() | counts,
)
def test_buy_x_get_y_gives_as_many_units_as_any_grouping_would(
    cart: Cart, buy: int, get: int, buys: Scope, gets: Scope | None, max_times: int | None
) -> None:
    effect = BuyXGetY(buy_quantity=buy, get_quantity=get, buy=buys, get=gets, max_times=max_times)
    bought, given_ = set(buys.indexes(cart)), set((gets or buys).indexes(cart))

    def count(indexes: set[int]) -> int:
        return sum(cart.lines[index].quantity for index in indexes)

    only_bought, both = count(bought - given_), count(bought & given_)
    only_given = count(given_ - bought)
    times = (only_bought + both) // buy
    most = max(
        min(n * get, only_given + both - max(0, n * buy - only_bought))
        for n in range((times if max_times is None else min(times, max_times)) + 1)
    )

    candidate = Candidate(key=KEY, offer=Offer(id=KEY, effect=effect))
    way = decide(cart, [candidate], CONTEXT).trace.candidates[0].effect

    assert way is not None
    assert way.inputs.get("units", 0) == most


@settings(deadline=None)
@given(carts(), selections, scopes)
def test_selection_counts_units_as_walking_through_them_does(
    cart: Cart, selection: Selection, scope: Scope
) -> None:
    lines = cart.lines
    sign = {"cart": 0, "cheapest_first": 1, "dearest_first": -1}[selection.sort]
    order = sorted(scope.indexes(cart), key=lambda index: sign * lines[index].unit_price)
    entries = [
        index
        for index in order
        for _ in range(lines[index].quantity if selection.count == "unit" else 1)
    ]
    assume(len(entries) > selection.skip)
    hit = entries[selection.skip :: selection.repeat][: selection.at_most]
    if selection.count == "line":
        hit = [index for index in hit for _ in range(lines[index].quantity)]
    walked: list[int] = []
    for index in hit:
        on_line = walked.count(index)
        if selection.max_units_per_line is None or on_line < selection.max_units_per_line:
            walked.append(index)
    walked = walked[: selection.max_units]

    effect = AmountOff(
        amount_minor=1, target="items", giving="per_unit", scope=scope, selection=selection
    )
    candidate = Candidate(key=KEY, offer=Offer(id=KEY, effect=effect))
    way = decide(cart, [candidate], CONTEXT).trace.candidates[0].effect

    assert way is not None
    assert way.inputs["units"] == len(walked)


@settings(deadline=None)
@given(carts(), st.integers(0, 90_000), st.none() | st.integers(0, 90_000))
def test_a_gift_card_pays_all_that_was_asked_or_what_was_left_and_nothing_else(
    cart: Cart, balance: int, wanted: int | None
) -> None:
    applied = run_alone(cart, StoredValue(), balance=balance, wanted=wanted)
    asked = balance if wanted is None else wanted
    if not 1 <= asked <= balance or cart.amount == 0:
        assert applied is None
        return
    assert applied is not None
    assert applied.discount_minor == applied.balance_taken == min(asked, cart.amount)


@settings(deadline=None)
@given(carts(), st.integers(1, 90_000), st.integers(1, 200), st.integers(1, 200))
def test_points_taken_are_the_fewest_that_are_worth_what_they_pay(
    cart: Cart, wanted: int, points: int, worth_minor: int
) -> None:
    effect = PointsPayment(points=points, worth_minor=worth_minor)
    applied = run_alone(cart, effect, balance=90_000, wanted=wanted)
    if applied is None:
        assert wanted * worth_minor // points == 0 or cart.amount == 0
        return
    taken = applied.balance_taken
    assert taken <= wanted
    assert taken * worth_minor // points >= applied.discount_minor
    assert (taken - 1) * worth_minor // points < applied.discount_minor


@settings(deadline=None)
@given(carts(), named, named, st.tuples(counts, counts), amounts)
def test_bundles_are_as_many_as_the_goods_make(
    cart: Cart, one: Scope, other: Scope, quantities: tuple[int, int], price: int
) -> None:
    assume(one.product_ids.isdisjoint(other.product_ids))
    first, second = quantities
    effect = BundlePrice(
        parts=(BundlePart(scope=one, quantity=first), BundlePart(scope=other, quantity=second)),
        price_minor=price,
    )
    bundles = min(
        sum(cart.lines[index].quantity for index in part.scope.indexes(cart)) // part.quantity
        for part in effect.parts
    )
    candidate = Candidate(key=KEY, offer=Offer(id=KEY, effect=effect))
    way = decide(cart, [candidate], CONTEXT).trace.candidates[0].effect
    assert way is not None
    assert way.inputs.get("bundles", 0) == bundles
