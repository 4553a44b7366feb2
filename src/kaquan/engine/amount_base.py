"""Percentages of the initial amounts, where a project wants them."""

import msgspec

from kaquan.engine.effects import Effect, Outcome
from kaquan.engine.facts import Facts, Remaining
from kaquan.engine.reasons import Reason


def is_percentage(effect: Effect) -> bool:
    """Whether the base matters to the effect: whether it takes a rate of something."""
    return "rate_bps" in effect.__struct_fields__


def apply_to_initial(effect: Effect, facts: Facts, *, initial: Remaining) -> Outcome | Reason:
    """The outcome on the initial amounts, held to what `facts` says is left of them."""
    outcome = effect.apply(msgspec.structs.replace(facts, left=initial))
    if isinstance(outcome, Reason):
        return outcome
    items, subtotals = outcome.items_minor, facts.left.subtotals_minor
    return msgspec.structs.replace(
        outcome,
        order_minor=min(outcome.order_minor, _find_room(outcome, facts.left)),
        # Behind the subtotals stand lines that the outcome itself would add.
        items_minor=(*map(min, items, subtotals), *items[len(subtotals) :]),
    )


def _find_room(outcome: Outcome, left: Remaining) -> int:
    if outcome.off_shipping:
        return left.shipping_minor
    if outcome.carriers is None:
        return left.order_minor
    return sum(left.lines_minor[index] for index in outcome.carriers)
