"""The best combination of what a customer could use on a cart."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.champion import Champion, find_benefit
from kaquan.engine.context import Context
from kaquan.engine.decide import decide
from kaquan.engine.decision import Decision
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.run import Run
from kaquan.engine.search import search_exactly, search_widely
from kaquan.engine.sequence import sort_candidates
from kaquan.engine.stacking import Application, StackingRules
from kaquan.engine.standing import Standing, find_standing
from kaquan.engine.steps import Refused
from kaquan.engine.walk import Walk, walk

DEFAULT_RULES = StackingRules()
BEAM_WIDTH = 24
SEED_WIDTH = 4
MOST_SWAPS = 600
"""Exchanges of one redeemable for another that a search which is not exact may try."""

_LASTING = ("active", "window", "limits")
"""Checks whose refusal no company can lift, the budget aside: a smaller discount may fit it."""


class BestCombination(msgspec.Struct, frozen=True, kw_only=True):
    """The legal set that saves most, as decided, and why each other candidate is not in it.

    `chosen` are keys in the order of application. `exact` says that every legal set was looked
    at or proven to be no better. `left_out` has the others, in the order they were given, with at
    least one reason each: their own, those that the chosen ones cause, or NOT_BETTER.
    """

    decision: Decision
    chosen: tuple[str, ...]
    exact: bool
    left_out: Mapping[str, tuple[Reason, ...]]


def best_combination(
    cart: Cart,
    candidates: Sequence[Candidate],
    context: Context,
    *,
    rules: StackingRules = DEFAULT_RULES,
    exact_up_to: int = 12,
) -> BestCombination:
    """Find the set that takes most off, all of it applied, in the order of the rules.

    Payment means save nothing. Of equal sets the smaller wins, then the one that expires sooner,
    then the one given first. Up to `exact_up_to` candidates that could apply at all the answer is
    exact; beyond, a bounded search finds a set that no added redeemable improves. Any number of
    candidates may be given; those chosen fit `max_sent` and `max_applied`.
    Raises ValueError when two candidates carry one key.
    """
    if len({candidate.key for candidate in candidates}) < len(candidates):
        raise ValueError("two candidates carry one key")
    choice = _Choice(cart, candidates, context, rules=rules)
    exact = choice.search(exact_up_to)
    decision = decide(cart, choice.champion.chosen, context, rules=rules)
    return BestCombination(
        decision=decision,
        chosen=decision.sequence,
        exact=exact,
        left_out=choice.explain_left_out(),
    )


class _Choice:
    def __init__(
        self,
        cart: Cart,
        candidates: Sequence[Candidate],
        context: Context,
        *,
        rules: StackingRules,
    ) -> None:
        self.champion = Champion(candidates, context.time_zone)
        self._cart = cart
        self._candidates = candidates
        self._context = context
        # PARTIAL tells what becomes of each candidate; what was chosen applies under ALL too.
        self._rules = msgspec.structs.replace(
            rules,
            application=Application.PARTIAL,
            max_applied=min(rules.max_applied, rules.max_sent),
        )
        self._start = Run(cart, context, self._rules)
        self._usable = [one for one in candidates if not self._is_hopeless(one)]

    def search(self, exact_up_to: int) -> bool:
        """Find the champion; whether it is proven to be the best."""
        places = self._rules.max_applied
        exact = len(self._usable) <= exact_up_to
        for ordered in self._list_parties():
            # A good set found early lets the exact search give up more paths.
            width = SEED_WIDTH if exact else BEAM_WIDTH
            search_widely(self._start, ordered, places=places, width=width, champion=self.champion)
        if not exact:
            self._improve()
            return False
        for ordered in self._list_parties():
            search_exactly(
                self._start, ordered, cart=self._cart, places=places, champion=self.champion
            )
        return True

    def explain_left_out(self) -> dict[str, tuple[Reason, ...]]:
        """Why each candidate is not in the chosen set."""
        chosen = {candidate.key for candidate in self.champion.chosen}
        return {
            candidate.key: self._explain(candidate)
            for candidate in self._candidates
            if candidate.key not in chosen
        }

    def _explain(self, candidate: Candidate) -> tuple[Reason, ...]:
        alone = self._start.weigh(candidate)
        if isinstance(alone, Refused):
            return alone.reasons
        along = self._walk(self._join(candidate))
        for step in along.steps:
            if isinstance(step, Refused) and step.key == candidate.key:
                return step.reasons
        params = {
            "with_minor": _sum_benefits(along),
            "without_minor": self.champion.benefit_minor,
        }
        return (Reason(ReasonCode.NOT_BETTER, params),)

    def _list_parties(self) -> list[list[Candidate]]:
        """Those that may go together, in order: with exclusive ones, and without."""
        standings = {one.key: find_standing(one, self._rules) for one in self._usable}

        def select(unwanted: Standing) -> list[Candidate]:
            return [one for one in self._usable if standings[one.key] is not unwanted]

        without = sort_candidates(select(Standing.EXCLUSIVE), self._rules, grouped=False)
        if Standing.EXCLUSIVE not in standings.values():
            return [without]
        return [sort_candidates(select(Standing.COMMON), self._rules, grouped=True), without]

    def _is_hopeless(self, candidate: Candidate) -> bool:
        alone = self._start.weigh(candidate)
        return isinstance(alone, Refused) and any(
            check.path in _LASTING and check.code != "budget_left_minor" and not check.passed
            for check in alone.trace.checks
        )

    def _improve(self) -> None:
        """Add and exchange redeemables as long as that helps and the number of tries allows."""
        swaps_left = MOST_SWAPS
        self._add()
        improves = True
        while improves:
            improves = False
            for dropped in self.champion.chosen:
                swaps_left -= len(self._usable)
                if swaps_left < 0:
                    return
                if self._try_each(lambda one, dropped=dropped: self._join(one, instead_of=dropped)):
                    self._add()
                    improves = True

    def _add(self) -> None:
        while self._try_each(self._join):
            pass

    def _try_each(self, form: Callable[[Candidate], list[Candidate]]) -> bool:
        tries = [self._challenge(form(candidate)) for candidate in self._usable]
        return any(tries)

    def _challenge(self, sent: Sequence[Candidate]) -> bool:
        """Offer what is applied of these to the champion."""
        way = self._walk(sent)
        applied = [step.proposal.candidate for step in way.granted]
        return self.champion.challenge(applied, _sum_benefits(way))

    def _join(
        self, candidate: Candidate, *, instead_of: Candidate | None = None
    ) -> list[Candidate]:
        """The champion's set with one more, in the order they were given."""
        keys = {one.key for one in self.champion.chosen if one is not instead_of}
        return [one for one in self._candidates if one.key in keys or one is candidate]

    def _walk(self, sent: Sequence[Candidate]) -> Walk:
        return walk(self._cart, sent, self._context, rules=self._rules)


def _sum_benefits(way: Walk) -> int:
    return sum(find_benefit(step.proposal) for step in way.granted)
