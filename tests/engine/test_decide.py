"""What holds of every decision."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kaquan.engine import (
    AllOf,
    AmountOff,
    AnyOf,
    Application,
    Applied,
    Candidate,
    Cart,
    Context,
    CustomerFacts,
    Decision,
    Effect,
    FirstOrder,
    HasItems,
    LineInput,
    MinimumSpend,
    Not,
    Offer,
    PercentOff,
    PrintedValue,
    Rejected,
    Scope,
    Skipped,
    StackingRules,
    ThresholdOff,
    Tier,
    build_cart,
    decide,
)

CONTEXT = Context(
    now=datetime(2026, 6, 1, tzinfo=UTC), currency="CNY", customer=CustomerFacts(id="ann")
)
PARTIAL = StackingRules(max_applied=8, application=Application.PARTIAL)
EVERYTHING_OFF = 10_000

products = st.sampled_from(["a", "b", "c", "d"])
amounts = st.integers(1, 30_000)
scopes = st.builds(
    Scope,
    product_ids=st.frozensets(products, max_size=3),
    excluded_product_ids=st.frozensets(products, max_size=1),
)
lines = st.lists(
    st.builds(
        LineInput,
        product_id=products,
        quantity=st.integers(1, 4),
        unit_price=st.integers(0, 9_999),
    ),
    max_size=6,
)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    drawn = draw(lines)
    stated = draw(st.integers(0, 80_000) if not drawn else st.none() | st.integers(0, 80_000))
    return build_cart(drawn, amount=stated)


@st.composite
def thresholds(draw: st.DrawFn) -> ThresholdOff:
    spends = sorted(draw(st.sets(st.integers(100, 20_000), min_size=1, max_size=3)))
    tiers = tuple(Tier(spend_minor=spend, off_minor=spend // 7) for spend in spends)
    rising = all(low.off_minor < high.off_minor for low, high in pairwise(tiers))
    return ThresholdOff(
        tiers=tiers if rising else tiers[:1],
        repeat=len(tiers) == 1 and draw(st.booleans()),
        basis=draw(st.sampled_from(["remaining", "initial"])),
        scope=draw(scopes),
    )


targets = st.sampled_from(["order", "items"])
effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(AmountOff, amount_minor=amounts, target=targets, scope=scopes),
    st.builds(
        PercentOff,
        rate_bps=st.integers(1, EVERYTHING_OFF),
        cap_minor=st.none() | amounts,
        total_cap_minor=st.none() | amounts,
        target=targets,
        scope=scopes,
    ),
    thresholds(),
    st.builds(PrintedValue, max_minor=amounts, scope=scopes),
)
leaves = st.one_of(
    st.builds(MinimumSpend, amount_minor=amounts, scope=scopes),
    st.builds(HasItems, scope=scopes, quantity=st.integers(1, 3)),
    st.just(FirstOrder()),
)
conditions = st.one_of(
    st.just(AllOf()),
    leaves,
    leaves.map(Not),
    st.lists(leaves, min_size=1, max_size=3).map(lambda some: AnyOf(tuple(some))),
)


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[Candidate]:
    budgets = {name: draw(st.none() | st.integers(0, 20_000)) for name in ("summer", "winter")}
    uses = {name: draw(st.none() | st.integers(0, 3)) for name in budgets}
    found: list[Candidate] = []
    for index in range(draw(st.integers(1, 6))):
        campaign = draw(st.sampled_from(["summer", "winter"]))
        found.append(
            Candidate(
                key=f"k{index}",
                campaign_id=campaign,
                budget_left_minor=budgets[campaign],
                customer_uses_left=uses[campaign],
                face_value_minor=draw(st.none() | st.integers(0, 5_000)),
                offer=Offer(id=f"o{index}", effect=draw(effects), condition=draw(conditions)),
            )
        )
    return found


def with_permutation(
    drawn: list[LineInput],
) -> st.SearchStrategy[tuple[list[LineInput], list[LineInput]]]:
    keyed = [msgspec.structs.replace(line, key=str(index)) for index, line in enumerate(drawn)]
    return st.tuples(st.just(keyed), st.permutations(keyed))


def list_applied(decision: Decision) -> list[Applied]:
    return [result for result in decision.results if isinstance(result, Applied)]


@settings(deadline=None, max_examples=300)
@given(carts(), candidate_lists())
def test_sums_are_exact_and_nothing_is_negative(cart: Cart, candidates: list[Candidate]) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=PARTIAL)
    applied = list_applied(decision)

    for step in applied:
        assert sum(step.allocation) + step.unallocated_minor == step.total_discount_minor > 0
        assert sum(step.items_allocation) == step.items_discount_minor
        assert len(step.allocation) == len(step.items_allocation) == len(cart.lines)
        assert min((*step.allocation, *step.items_allocation, step.unallocated_minor)) >= 0
    assert decision.discount_minor == sum(step.discount_minor for step in applied)
    assert decision.items_discount_minor == sum(step.items_discount_minor for step in applied)
    assert decision.total_discount_minor == decision.discount_minor + decision.items_discount_minor
    assert decision.total_minor == cart.amount - decision.total_discount_minor >= 0
    for index, figures in enumerate(decision.lines):
        items = sum(step.items_allocation[index] for step in applied)
        taken = sum(step.allocation[index] for step in applied)
        assert figures.items_discount_minor == items
        assert figures.subtotal_minor == figures.amount_minor - items >= 0
        assert figures.total_minor == figures.amount_minor - taken >= 0
    assert decision.unallocated_minor == sum(step.unallocated_minor for step in applied)
    if sum(line.amount for line in cart.lines) >= cart.amount:
        assert decision.unallocated_minor == 0


@settings(deadline=None, max_examples=200)
@given(carts(), candidate_lists())
def test_cumulative_figures_are_the_running_sums(cart: Cart, candidates: list[Candidate]) -> None:
    order = items = 0
    for step in list_applied(decide(cart, candidates, CONTEXT, rules=PARTIAL)):
        order += step.discount_minor
        items += step.items_discount_minor
        assert step.cumulative.discount_minor == order
        assert step.cumulative.items_discount_minor == items
        assert step.cumulative.total_discount_minor == order + items
        assert step.cumulative.total_minor == cart.amount - order - items


@settings(deadline=None, max_examples=200)
@given(carts(), candidate_lists())
def test_campaigns_never_give_more_than_they_have(cart: Cart, candidates: list[Candidate]) -> None:
    by_key = {candidate.key: candidate for candidate in candidates}
    given_minor: dict[str | None, int] = defaultdict(int)
    used: dict[str | None, int] = defaultdict(int)
    for step in list_applied(decide(cart, candidates, CONTEXT, rules=PARTIAL)):
        given_minor[by_key[step.key].campaign_id] += step.total_discount_minor
        used[by_key[step.key].campaign_id] += step.uses
    for candidate in candidates:
        if candidate.budget_left_minor is not None:
            assert given_minor[candidate.campaign_id] <= candidate.budget_left_minor
        if candidate.customer_uses_left is not None:
            assert used[candidate.campaign_id] <= candidate.customer_uses_left


@settings(deadline=None, max_examples=200)
@given(carts(), candidate_lists())
def test_what_is_not_applied_leaves_no_mark(cart: Cart, candidates: list[Candidate]) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=PARTIAL)
    applied = list_applied(decision)
    keys = {step.key for step in applied}

    alone = decide(
        cart,
        [candidate for candidate in candidates if candidate.key in keys],
        CONTEXT,
        rules=PARTIAL,
    )

    assert list(alone.results) == applied
    assert alone.lines == decision.lines
    assert alone.total_minor == decision.total_minor


@settings(deadline=None, max_examples=200)
@given(carts(), candidate_lists())
def test_all_is_partial_when_nothing_is_rejected_and_nothing_otherwise(
    cart: Cart, candidates: list[Candidate]
) -> None:
    partial = decide(cart, candidates, CONTEXT, rules=PARTIAL)
    everything = decide(cart, candidates, CONTEXT, rules=StackingRules(max_applied=8))

    rejected = [index for index, one in enumerate(partial.results) if isinstance(one, Rejected)]
    if not rejected:
        assert everything.results == partial.results
        assert everything.lines == partial.lines
        assert everything.approved == partial.approved
        return
    first = rejected[0]
    assert not everything.approved
    assert (everything.total_discount_minor, everything.total_minor) == (0, cart.amount)
    assert everything.results[first] == partial.results[first]
    assert all(
        isinstance(one, Skipped) and one.reason.code.value == "preceding_failed"
        for one in everything.results[first + 1 :]
    )


@settings(deadline=None, max_examples=200)
@given(lines.filter(bool).flatmap(with_permutation), effects, st.integers(1, 9_000))
def test_line_order_does_not_change_what_one_coupon_gives(
    both: tuple[list[LineInput], list[LineInput]], effect: Effect, face_value_minor: int
) -> None:
    keyed, shuffled = both
    candidate = Candidate(
        key="k", offer=Offer(id="o", effect=effect), face_value_minor=face_value_minor
    )

    one = decide(build_cart(keyed), [candidate], CONTEXT)
    other = decide(build_cart(shuffled), [candidate], CONTEXT)

    assert one.discount_minor == other.discount_minor
    assert one.items_discount_minor == other.items_discount_minor
    assert one.approved == other.approved
    before = {line.key: line.total_minor for line in one.lines}
    after = {line.key: line.total_minor for line in other.lines}
    # A tie may go to another line, and moves one unit at most.
    assert all(abs(before[key] - after[key]) <= 1 for key in before)


@settings(deadline=None, max_examples=200)
@given(carts(), candidate_lists(), targets)
def test_everything_off_leaves_exactly_nothing(
    cart: Cart, candidates: list[Candidate], target: str
) -> None:
    free = PercentOff(rate_bps=EVERYTHING_OFF, target="items" if target == "items" else "order")
    last = Candidate(key="last", offer=Offer(id="free", effect=free))

    decision = decide(cart, [*candidates, last], CONTEXT, rules=PARTIAL)

    if target == "order":
        assert decision.total_minor == 0
        assert all(line.total_minor == 0 for line in decision.lines[: _lined(cart)])
    elif cart.amount <= sum(line.amount for line in cart.lines):
        assert decision.total_minor == 0
    else:
        assert all(line.subtotal_minor == 0 for line in decision.lines if decision.total_minor > 0)


def _lined(cart: Cart) -> int:
    """All lines, unless the order amount is below them and cannot empty them."""
    return len(cart.lines) if sum(line.amount for line in cart.lines) <= cart.amount else 0


@settings(deadline=None, max_examples=100)
@given(carts(), candidate_lists())
def test_decision_survives_json_with_its_trace(cart: Cart, candidates: list[Candidate]) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=PARTIAL)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


@settings(deadline=None, max_examples=100)
@given(carts(), candidate_lists())
def test_trace_tells_what_the_results_say(cart: Cart, candidates: list[Candidate]) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=PARTIAL)
    for result, way in zip(decision.results, decision.trace.candidates, strict=True):
        refusals = [check.reason for check in way.checks if check.path in {"active", "limits"}]
        match result:
            case Applied():
                assert way.status == "applied"
                assert way.effect is not None
                assert all(
                    items + share == both
                    for items, share, both in zip(
                        way.effect.items_minor,
                        way.effect.shares_minor,
                        result.allocation,
                        strict=True,
                    )
                )
                assert not any(refusals)
            case Rejected():
                assert way.status == "rejected"
                assert all(reason in result.reasons for reason in refusals if reason)
            case Skipped():
                assert way.status == "skipped"
                assert result.reason.code.value == "no_effect"
