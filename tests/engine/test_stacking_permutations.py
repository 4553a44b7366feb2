"""The order in which coupons are sent: what it may change, and what it may not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.drawn import CONTEXT, candidate_lists, carts
from kaquan.engine import (
    AmountOff,
    Application,
    Applied,
    Candidate,
    Cart,
    Decision,
    Offer,
    PercentOff,
    Sorting,
    StackingRules,
    decide,
)

ALL_THAT_APPLY = StackingRules(application=Application.PARTIAL, max_applied=30)
shuffled = candidate_lists().flatmap(
    lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
)
amounts_off = st.lists(st.integers(1, 5_000), min_size=1, max_size=6).flatmap(
    lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
)
rates_off = st.lists(st.integers(1, 10_000), min_size=1, max_size=4).flatmap(
    lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
)


def check_sums(cart: Cart, decision: Decision) -> None:
    """What is off is what the parts say, to the minor unit, and nothing goes below zero."""
    applied = [one for one in decision.results if isinstance(one, Applied)]
    off = decision.discount_minor + decision.items_discount_minor
    assert off == sum(one.total_discount_minor for one in applied)
    assert all(
        sum(one.allocation) + one.unallocated_minor == one.total_discount_minor for one in applied
    )
    assert decision.total_minor >= 0
    assert all(line.total_minor >= 0 for line in decision.lines)


@settings(deadline=None, max_examples=60)
@given(carts, shuffled)
def test_any_order_sums_up(cart: Cart, both: tuple[list[Candidate], list[Candidate]]) -> None:
    rules = StackingRules(application=Application.PARTIAL)
    for sent in both:
        check_sums(cart, decide(cart, sent, CONTEXT, rules=rules))


@settings(deadline=None, max_examples=60)
@given(carts, shuffled)
def test_by_hierarchy_the_order_of_sending_breaks_ties_only(
    cart: Cart, both: tuple[list[Candidate], list[Candidate]]
) -> None:
    rules = StackingRules(application=Application.PARTIAL, sorting=Sorting.PRIORITY)
    ranked = [
        [
            Candidate(key=one.key, offer=one.offer, priority=int(one.key.strip("k") or 0))
            for one in sent
        ]
        for sent in both
    ]
    one, other = (decide(cart, sent, CONTEXT, rules=rules) for sent in ranked)
    assert one.total_minor == other.total_minor
    assert one.lines == other.lines


@settings(deadline=None, max_examples=100)
@given(carts, amounts_off)
def test_amounts_off_the_order_come_to_the_same(
    cart: Cart, both: tuple[list[int], list[int]]
) -> None:
    totals = {
        decide(
            cart,
            [
                Candidate(key=f"k{at}", offer=Offer(id="o", effect=AmountOff(amount_minor=amount)))
                for at, amount in enumerate(sent)
            ],
            CONTEXT,
            rules=ALL_THAT_APPLY,
        ).total_minor
        for sent in both
    }
    assert totals == {max(0, cart.amount - sum(both[0]))}


@settings(deadline=None, max_examples=100)
@given(carts, rates_off)
def test_percentages_one_after_the_other_differ_by_their_roundings(
    cart: Cart, both: tuple[list[int], list[int]]
) -> None:
    totals = [
        decide(
            cart,
            [
                Candidate(key=f"k{at}", offer=Offer(id="o", effect=PercentOff(rate_bps=rate)))
                for at, rate in enumerate(sent)
            ],
            CONTEXT,
            rules=ALL_THAT_APPLY,
        ).total_minor
        for sent in both
    ]
    # Each step rounds by half a minor unit at most.
    assert abs(totals[0] - totals[1]) <= len(both[0])
