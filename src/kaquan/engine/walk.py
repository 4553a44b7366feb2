"""The way of a whole request: in order, with exclusive categories deciding who goes along."""

from collections.abc import Mapping, Sequence

import msgspec

from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.context import Context
from kaquan.engine.decision import Rejected
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.run import Run
from kaquan.engine.sequence import sort_candidates
from kaquan.engine.stacking import Application, StackingRules
from kaquan.engine.standing import Standing, find_standing
from kaquan.engine.steps import Granted, Refused, Step, skip
from kaquan.engine.tally import Tally


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a request in the order they were worked out, and the account of them.

    `failed` says that all were asked for and one was rejected.
    """

    steps: tuple[Step, ...]
    tally: Tally
    failed: bool

    @property
    def granted(self) -> tuple[Granted, ...]:
        """The steps that take effect."""
        return tuple(step for step in self.steps if isinstance(step, Granted))


def walk(
    cart: Cart, candidates: Sequence[Candidate], context: Context, *, rules: StackingRules
) -> Walk:
    """Work candidates out in the order of the rules.

    When an exclusive one applies beside joint ones only, the common ones are passed over. When
    none does, the exclusive ones keep their refusals and the others are worked out without them.
    """
    way = _Way(cart, context, rules)
    standings = {one.key: find_standing(one, rules) for one in candidates}
    has_exclusive = Standing.EXCLUSIVE in standings.values()
    ordered = sort_candidates(candidates, rules, grouped=has_exclusive)
    if not has_exclusive or Standing.COMMON not in standings.values():
        return way.go(ordered)
    probe = way.go(
        [one for one in ordered if standings[one.key] is not Standing.COMMON], to_the_end=True
    )
    winner = next((step.key for step in probe.granted if _is_exclusive(step, standings)), None)
    if winner is not None:
        reason = Reason(ReasonCode.EXCLUDED, {"by": winner})
        commons = (one for one in ordered if standings[one.key] is Standing.COMMON)
        return way.go(ordered, known={one.key: skip(one, reason) for one in commons})
    refused = {
        step.key: step
        for step in probe.steps
        if isinstance(step, Refused) and _is_exclusive(step, standings)
    }
    return way.go(sort_candidates(candidates, rules, grouped=False), known=refused)


def _is_exclusive(step: Step, standings: Mapping[str, Standing]) -> bool:
    return standings[step.key] is Standing.EXCLUSIVE


class _Way(msgspec.Struct, frozen=True):
    cart: Cart
    context: Context
    rules: StackingRules

    def go(
        self,
        ordered: Sequence[Candidate],
        *,
        known: Mapping[str, Refused] | None = None,
        to_the_end: bool = False,
    ) -> Walk:
        """Take the steps in order; `known` are decided already.

        With ALL what follows a rejection is passed over, unless it goes on `to_the_end`.
        """
        known = known or {}
        run = Run(self.cart, self.context, self.rules)
        steps: list[Step] = []
        failed = False
        for candidate in ordered:
            if failed:
                step = skip(candidate, Reason(ReasonCode.PRECEDING_FAILED))
            else:
                step = known.get(candidate.key) or run.try_candidate(candidate)
            steps.append(step)
            if isinstance(step, Refused) and isinstance(step.result, Rejected):
                failed = self.rules.application is Application.ALL and not to_the_end
        return Walk(steps=tuple(steps), tally=run.tally, failed=failed)
