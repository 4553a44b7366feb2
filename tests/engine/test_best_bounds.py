"""The bounds on which the exact search relies, and the search without a good start."""

from itertools import chain, combinations

import msgspec
from hypothesis import assume, given, settings

from engine.drawn import CONTEXT, candidate_lists, carts, rules_of
from kaquan.engine import (
    Application,
    Applied,
    Candidate,
    Cart,
    FreeUnits,
    Lane,
    Sorting,
    StackingRules,
    decide,
)
from kaquan.engine.bounds import find_most
from kaquan.engine.champion import Champion
from kaquan.engine.run import Run
from kaquan.engine.search import search_exactly


@settings(deadline=None, max_examples=500)
@given(carts, candidate_lists(), rules_of)
def test_nothing_ever_takes_off_more_than_its_bound(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    sent = [one for one in candidates if not isinstance(one.offer.effect, FreeUnits)]
    rules = msgspec.structs.replace(rules, application=Application.PARTIAL, max_applied=30)
    by_key = {one.key: one for one in sent}
    for result in decide(cart, sent, CONTEXT, rules=rules).results:
        if isinstance(result, Applied) and by_key[result.key].lane is not Lane.PAYMENT:
            most = find_most(by_key[result.key], cart)
            assert most is not None
            assert result.total_discount_minor <= most


@settings(deadline=None, max_examples=300)
@given(carts, candidate_lists(), rules_of)
def test_the_exact_search_needs_no_good_start(
    cart: Cart, candidates: list[Candidate], rules: StackingRules
) -> None:
    """Common coupons in the order sent: benefit and size as of the best of all subsets."""
    sent = [msgspec.structs.replace(one, categories=(), lane=None) for one in candidates]
    rules = msgspec.structs.replace(rules, sorting=Sorting.REQUESTED_ORDER, by_lane=False)
    champion = Champion(sent, "UTC")

    search_exactly(
        Run(cart, CONTEXT, rules),
        sent,
        cart=cart,
        places=rules.max_applied,
        champion=champion,
    )

    subsets = chain.from_iterable(combinations(sent, size) for size in range(len(sent) + 1))
    decisions = ((subset, decide(cart, subset, CONTEXT, rules=rules)) for subset in subsets)
    legal = [
        (-decision.total_discount_minor, len(subset))
        for subset, decision in decisions
        if all(isinstance(result, Applied) for result in decision.results)
    ]
    assert (-champion.benefit_minor, len(champion.chosen)) == min(legal)


@settings(deadline=None, max_examples=100)
@given(carts, candidate_lists())
def test_a_payment_saves_nothing(cart: Cart, candidates: list[Candidate]) -> None:
    assume(candidates)
    for one in candidates:
        paying = msgspec.structs.replace(one, lane=Lane.PAYMENT)
        assert find_most(paying, cart) == 0
