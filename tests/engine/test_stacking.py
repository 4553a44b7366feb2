"""What holds of every decision under every stacking rule."""

from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaquan.engine import (
    AmountBase,
    AmountOff,
    Application,
    Applied,
    Candidate,
    Cart,
    Category,
    Context,
    CustomerFacts,
    Decision,
    Effect,
    Grouping,
    LineInput,
    MinimumSpend,
    Node,
    NoEffect,
    Not,
    Offer,
    PercentOff,
    ProductUse,
    ReasonCode,
    Rejected,
    Scope,
    Skipped,
    Sorting,
    StackingRules,
    build_cart,
    decide,
)
from kaquan.engine.conditions import NO_CONDITION

CONTEXT = Context(
    now=datetime(2026, 6, 1, tzinfo=UTC), currency="CNY", customer=CustomerFacts(id="ann")
)
EXCLUSIVE, JOINT = ("vip", "gold"), ("gift",)
CATEGORIES = [
    Category(id=name, hierarchy=hierarchy)
    for hierarchy, name in enumerate(["news", "flash", *EXCLUSIVE, *JOINT])
]

products = st.sampled_from(["a", "b", "c"])
scopes = st.builds(Scope, product_ids=st.frozensets(products, max_size=2))
targets = st.sampled_from(["order", "items"])
effects: st.SearchStrategy[Effect] = st.one_of(
    st.builds(AmountOff, amount_minor=st.integers(1, 9_000), target=targets, scope=scopes),
    st.builds(PercentOff, rate_bps=st.integers(1, 10_000), target=targets, scope=scopes),
)
spends = st.builds(MinimumSpend, amount_minor=st.integers(1, 15_000))
conditions: st.SearchStrategy[Node] = st.one_of(st.just(NO_CONDITION), spends, spends.map(Not))
categories = st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True).map(tuple)
limits = st.integers(1, 3)
carts = st.lists(
    st.builds(
        LineInput,
        product_id=products,
        quantity=st.integers(1, 3),
        unit_price=st.integers(0, 5_000),
    ),
    min_size=1,
    max_size=5,
).map(build_cart)
rules_of = st.builds(
    StackingRules,
    max_applied=st.integers(1, 6),
    max_per_category=limits,
    category_limits=st.dictionaries(st.sampled_from(["news", "vip"]), limits),
    max_exclusive=limits,
    max_exclusive_per_category=limits,
    exclusive_categories=st.just(EXCLUSIVE),
    joint_categories=st.just(JOINT),
    application=st.sampled_from(Application),
    sorting=st.sampled_from(Sorting),
    grouping=st.sampled_from(Grouping),
    by_lane=st.booleans(),
    products=st.sampled_from(ProductUse),
    no_effect=st.sampled_from(NoEffect),
    base=st.sampled_from(AmountBase),
)


@st.composite
def candidate_lists(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(
            key=f"k{index}",
            offer=Offer(id=f"o{index}", effect=draw(effects), condition=draw(conditions)),
            categories=draw(categories),
            priority=draw(st.none() | st.integers(0, 3)),
            budget_left_minor=draw(st.none() | st.integers(0, 6_000)),
        )
        for index in range(draw(st.integers(1, 7)))
    ]


def make_partial(rules: StackingRules) -> StackingRules:
    return msgspec.structs.replace(rules, application=Application.PARTIAL)


def list_applied(decision: Decision) -> list[Applied]:
    return [result for result in decision.results if isinstance(result, Applied)]


def pick_applied(decision: Decision, candidates: list[Candidate]) -> list[Candidate]:
    keys = {step.key for step in list_applied(decision)}
    return [candidate for candidate in candidates if candidate.key in keys]


def is_in(candidate: Candidate, names: tuple[str, ...]) -> bool:
    return not set(names).isdisjoint(candidate.category_ids)


def is_common(candidate: Candidate) -> bool:
    return not is_in(candidate, EXCLUSIVE) and not is_in(candidate, JOINT)


@settings(deadline=None, max_examples=300)
@given(carts, candidate_lists(), rules_of)
def test_no_limit_is_exceeded(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    applied = pick_applied(decide(cart, candidates, CONTEXT, rules=rules), candidates)

    counts = Counter(name for candidate in applied for name in candidate.category_ids)
    assert len(applied) <= rules.max_applied
    assert sum(is_in(candidate, EXCLUSIVE) for candidate in applied) <= rules.max_exclusive
    for name, count in counts.items():
        general = rules.max_exclusive_per_category if name in EXCLUSIVE else rules.max_per_category
        assert count <= rules.category_limits.get(name, general)


@settings(deadline=None, max_examples=300)
@given(carts, candidate_lists(), rules_of)
def test_exclusive_and_common_are_never_applied_together(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=make_partial(rules))
    applied = pick_applied(decision, candidates)
    by_key = {candidate.key: candidate for candidate in candidates}
    winners = [candidate.key for candidate in applied if is_in(candidate, EXCLUSIVE)]
    excluded = {
        result.key: result.reason.params["by"]
        for result in decision.results
        if isinstance(result, Skipped) and result.reason.code is ReasonCode.EXCLUDED
    }
    commons = {key for key, candidate in by_key.items() if is_common(candidate)}
    assert not (winners and any(map(is_common, applied)))
    assert set(excluded) == (commons if winners else set())
    assert set(excluded.values()) <= set(winners)


@settings(deadline=None, max_examples=200)
@given(carts, candidate_lists().flatmap(st.permutations), rules_of)
def test_an_exclusive_one_that_applies_by_itself_wins_in_any_order(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    rules = make_partial(rules)
    sent = [candidate for candidate in candidates if not is_in(candidate, JOINT)]
    alone = [decide(cart, [one], CONTEXT, rules=rules).approved for one in sent]
    wins = any(applies and is_in(one, EXCLUSIVE) for applies, one in zip(alone, sent, strict=True))

    applied = pick_applied(decide(cart, sent, CONTEXT, rules=rules), sent)

    assert wins == any(is_in(candidate, EXCLUSIVE) for candidate in applied)
    assert not (wins and any(map(is_common, applied)))


@settings(deadline=None, max_examples=200)
@given(
    carts,
    candidate_lists().flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))),
    rules_of,
)
def test_the_order_of_the_request_is_nothing_to_distinct_priorities(
    cart: Cart, both: tuple[list[Candidate], list[Candidate]], rules: StackingRules
) -> None:
    priorities = {candidate.key: index for index, candidate in enumerate(both[0])}
    rules = msgspec.structs.replace(rules, sorting=Sorting.PRIORITY)
    one, other = (
        decide(
            cart,
            [msgspec.structs.replace(c, priority=priorities[c.key]) for c in some],
            CONTEXT,
            rules=rules,
        )
        for some in both
    )
    assert one.sequence == other.sequence
    assert {result.key: result for result in one.results} == {
        result.key: result for result in other.results
    }
    assert one.lines == other.lines


@settings(deadline=None, max_examples=300)
@given(carts, candidate_lists(), rules_of)
def test_all_is_partial_when_nothing_is_rejected_and_nothing_otherwise(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    partial = decide(cart, candidates, CONTEXT, rules=make_partial(rules))
    everything = decide(
        cart,
        candidates,
        CONTEXT,
        rules=msgspec.structs.replace(rules, application=Application.ALL),
    )

    part = {result.key: result for result in partial.results}
    whole = {result.key: result for result in everything.results}
    rejected = [key for key in partial.sequence if isinstance(part[key], Rejected)]
    assert everything.sequence == partial.sequence
    if not rejected:
        assert whole == part
        assert everything.lines == partial.lines
        return
    at = partial.sequence.index(rejected[0])
    assert not everything.approved
    assert (everything.total_discount_minor, everything.total_minor) == (0, cart.amount)
    assert whole[rejected[0]] == part[rejected[0]]
    for key in partial.sequence[at + 1 :]:
        later = whole[key]
        assert isinstance(later, Skipped)
        assert later.reason.code.value == "preceding_failed"


@settings(deadline=None, max_examples=200)
@given(carts, candidate_lists(), rules_of)
def test_what_is_not_applied_leaves_no_mark(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    rules = make_partial(rules)
    decision = decide(cart, candidates, CONTEXT, rules=rules)

    alone = decide(cart, pick_applied(decision, candidates), CONTEXT, rules=rules)

    assert list(alone.results) == list_applied(decision)
    assert alone.lines == decision.lines


@settings(deadline=None, max_examples=300)
@given(carts, candidate_lists(), rules_of)
def test_sums_are_exact_and_nothing_is_negative(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    decision = decide(cart, candidates, CONTEXT, rules=make_partial(rules))
    applied = list_applied(decision)

    assert decision.total_minor == cart.amount - decision.total_discount_minor >= 0
    assert decision.total_discount_minor == sum(step.total_discount_minor for step in applied)
    for step in applied:
        assert sum(step.allocation) + step.unallocated_minor == step.total_discount_minor >= 0
        assert step.total_discount_minor or rules.no_effect is NoEffect.REDEEM_ANYWAY
    for index, figures in enumerate(decision.lines):
        assert figures.total_minor == figures.amount_minor - sum(
            step.allocation[index] for step in applied
        )
        assert figures.total_minor >= 0


@settings(deadline=None, max_examples=200)
@given(carts, candidate_lists(), rules_of)
def test_once_gives_a_product_item_level_money_from_one_coupon_only(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    rules = msgspec.structs.replace(make_partial(rules), products=ProductUse.ONCE)
    givers: dict[str | None, set[str]] = {}
    for step in list_applied(decide(cart, candidates, CONTEXT, rules=rules)):
        for line, off in zip(cart.lines, step.items_allocation, strict=True):
            if off:
                givers.setdefault(line.product_id, set()).add(step.key)
    assert all(len(keys) == 1 for keys in givers.values())


@settings(deadline=None, max_examples=200)
@given(carts, st.permutations([500, 1_000, 2_500, 6_000]), st.integers(1, 4))
def test_initial_percentages_of_the_order_add_up_whatever_their_order(
    cart: Cart, rates: list[int], count: int
) -> None:
    rules = StackingRules(base=AmountBase.INITIAL_AMOUNT, no_effect=NoEffect.REDEEM_ANYWAY)
    sent = [
        Candidate(key=str(rate), offer=Offer(id="o", effect=PercentOff(rate_bps=rate)))
        for rate in rates[:count]
    ]
    by_themselves = [decide(cart, [one], CONTEXT, rules=rules) for one in sent]

    together = decide(cart, sent, CONTEXT, rules=rules)

    whole = sum(decision.total_discount_minor for decision in by_themselves)
    assert together.total_discount_minor == min(cart.amount, whole)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("max_sent", 31, "max_sent must be from 1 to 30"),
        ("max_applied", 0, "max_applied must be from 1 to 30"),
        ("category_limits", {"vip": 0}, "category_limits.vip must be from 1 to 30"),
        (
            "joint_categories",
            ("vip", "gift"),
            "vip cannot be in both exclusive_categories and joint_categories",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(field: str, value: object, message: str) -> None:
    data = {"exclusive_categories": ["vip"], field: value}
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(data, StackingRules)


def test_rules_survive_json() -> None:
    rules = StackingRules(
        sorting=Sorting.CATEGORY_HIERARCHY, category_limits={"vip": 2}, joint_categories=("gift",)
    )
    assert msgspec.json.decode(msgspec.json.encode(rules), type=StackingRules) == rules
    assert msgspec.json.encode(StackingRules()) == b"{}"
