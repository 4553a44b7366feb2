"""The best combination is the best: proven against trying every subset."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, combinations

import msgspec
import pytest
from hypothesis import given, settings

from engine.drawn import CONTEXT, candidate_lists, carts, rules_of
from kaquan.engine import (
    AmountOff,
    Applied,
    BestCombination,
    Candidate,
    Cart,
    Effect,
    Lane,
    LineInput,
    MinimumSpend,
    Node,
    Offer,
    PercentOff,
    Reason,
    ReasonCode,
    StackingRules,
    best_combination,
    build_cart,
    decide,
)
from kaquan.engine.conditions import NO_CONDITION

NEVER = datetime.max.replace(tzinfo=UTC)


def rank_if_legal(
    cart: Cart, subset: Sequence[Candidate], *, rules: StackingRules, sent: Sequence[Candidate]
) -> tuple[object, ...] | None:
    """How good a set is, the lowest being the best; None when not all of it applies."""
    decision = decide(cart, subset, CONTEXT, rules=rules)
    applied = [result for result in decision.results if isinstance(result, Applied)]
    if len(applied) < len(subset):
        return None
    saves = {one.key: one.lane is not Lane.PAYMENT for one in subset}
    saved = sum(step.total_discount_minor for step in applied if saves[step.key])
    expiries = sorted(one.offer.window.find_bounds("UTC")[1] or NEVER for one in subset)
    return -saved, len(subset), expiries, [sent.index(one) for one in subset]


def find_by_trying_all(
    cart: Cart, candidates: Sequence[Candidate], rules: StackingRules
) -> set[str]:
    subsets = chain.from_iterable(
        combinations(candidates, size) for size in range(len(candidates) + 1)
    )
    ranked = (
        (rank, {one.key for one in subset})
        for subset in subsets
        if (rank := rank_if_legal(cart, subset, rules=rules, sent=candidates)) is not None
    )
    return min(ranked, key=lambda pair: pair[0])[1]


@settings(deadline=None, max_examples=400)
@given(carts, candidate_lists(), rules_of)
def test_exact_is_what_trying_every_subset_finds(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    best = best_combination(cart, candidates, CONTEXT, rules=rules)

    assert best.exact
    assert set(best.chosen) == find_by_trying_all(cart, candidates, rules)


@settings(deadline=None, max_examples=150)
@given(carts, candidate_lists(most=10), rules_of)
def test_bounded_is_legal_and_never_better_than_exact(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    exact = best_combination(cart, candidates, CONTEXT, rules=rules)
    bounded = best_combination(cart, candidates, CONTEXT, rules=rules, exact_up_to=0)

    assert_explained(bounded, candidates)
    sizes = [len(best.chosen) for best in (exact, bounded)]
    saved = [find_saved(best, candidates) for best in (exact, bounded)]
    assert (-saved[0], sizes[0]) <= (-saved[1], sizes[1])
    alone = [
        find_saved(best_combination(cart, [one], CONTEXT, rules=rules), [one]) for one in candidates
    ]
    assert saved[1] >= max(alone, default=0)


@settings(deadline=None, max_examples=150)
@given(carts, candidate_lists(), rules_of)
def test_every_candidate_is_chosen_or_its_absence_explained(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    assert_explained(best_combination(cart, candidates, CONTEXT, rules=rules), candidates)


def assert_explained(best: BestCombination, candidates: Sequence[Candidate]) -> None:
    assert all(isinstance(result, Applied) for result in best.decision.results)
    assert best.decision.approved == bool(best.chosen)
    assert set(best.chosen) | set(best.left_out) == {one.key for one in candidates}
    assert set(best.chosen).isdisjoint(best.left_out)
    assert all(best.left_out.values())
    for reason in chain.from_iterable(best.left_out.values()):
        if reason.code is ReasonCode.NOT_BETTER:
            with_it, without = (reason.params[n] for n in ("with_minor", "without_minor"))
            assert isinstance(with_it, int)
            assert isinstance(without, int)
            assert with_it <= without == find_saved(best, candidates)


def find_saved(best: BestCombination, candidates: Sequence[Candidate]) -> int:
    paying = {one.key for one in candidates if one.lane is Lane.PAYMENT}
    return sum(
        result.total_discount_minor
        for result in best.decision.results
        if isinstance(result, Applied) and result.key not in paying
    )


def make_coupon(key: str, effect: Effect, *, condition: Node = NO_CONDITION) -> Candidate:
    return Candidate(key=key, offer=Offer(id=key, effect=effect, condition=condition))


def make_percents(count: int) -> list[Candidate]:
    return [
        make_coupon(f"k{index}", PercentOff(rate_bps=100 + 37 * (index * 7 % count)))
        for index in range(count)
    ]


@pytest.mark.parametrize(("count", "exact"), [(12, True), (13, False), (60, False)])
def test_exactness_ends_at_twelve_and_is_said(count: int, exact: bool) -> None:
    cart = build_cart([LineInput(product_id="a", unit_price=100_000)])

    best = best_combination(cart, make_percents(count), CONTEXT)

    dearest = {f"{100 + 37 * rank}" for rank in range(count - 5, count)}
    rates = {
        str(one.offer.effect.rate_bps)
        for one in make_percents(count)
        if one.key in best.chosen and isinstance(one.offer.effect, PercentOff)
    }
    assert best.exact is exact
    assert rates == dearest


def test_candidates_that_cannot_apply_at_all_do_not_count_towards_twelve() -> None:
    cart = build_cart([LineInput(product_id="a", unit_price=100_000)])
    usable = make_percents(12)
    spent = [
        msgspec.structs.replace(one, key=f"spent {one.key}", uses_left=0)
        for one in make_percents(30)
    ]

    best = best_combination(cart, [*spent, *usable], CONTEXT)

    assert best.exact
    assert best.left_out["spent k0"] == (Reason(ReasonCode.USES_EXHAUSTED),)


def test_bounded_search_is_not_taken_in_by_the_coupon_that_saves_most() -> None:
    """The one that saves most rules out five that save more together."""
    cart = build_cart([LineInput(product_id="a", unit_price=10_000)])
    large = make_coupon("large", AmountOff(amount_minor=4_500))
    small = [
        make_coupon(
            f"s{index}",
            AmountOff(amount_minor=1_000),
            condition=MinimumSpend(amount_minor=10_000 - 1_000 * index),
        )
        for index in range(5)
    ]
    idle = make_percents(10)

    best = best_combination(
        cart,
        [large, *small, *(msgspec.structs.replace(one, budget_left_minor=0) for one in idle)],
        CONTEXT,
    )

    assert not best.exact
    assert best.chosen == tuple(f"s{index}" for index in range(5))
    assert best.decision.total_discount_minor == 5_000
    assert best.left_out["large"] == (
        Reason(ReasonCode.NOT_BETTER, {"with_minor": 4_500, "without_minor": 5_000}),
    )


def test_paying_saves_nothing() -> None:
    cart = build_cart([LineInput(product_id="a", unit_price=10_000)])
    card = msgspec.structs.replace(
        make_coupon("card", AmountOff(amount_minor=9_000)), lane=Lane.PAYMENT
    )

    best = best_combination(cart, [card, make_coupon("c", AmountOff(amount_minor=500))], CONTEXT)

    assert best.chosen == ("c",)
    assert best.left_out["card"] == (
        Reason(ReasonCode.NOT_BETTER, {"with_minor": 500, "without_minor": 500}),
    )


def test_nothing_to_choose_from() -> None:
    cart = build_cart([LineInput(product_id="a", unit_price=10_000)])
    best = best_combination(cart, [], CONTEXT)
    assert (best.chosen, best.exact, best.left_out) == ((), True, {})
    assert best.decision.total_minor == 10_000


def test_one_key_twice_is_refused() -> None:
    cart = build_cart([LineInput(product_id="a", unit_price=10_000)])
    with pytest.raises(ValueError, match="one key"):
        best_combination(cart, make_percents(1) * 2, CONTEXT)
