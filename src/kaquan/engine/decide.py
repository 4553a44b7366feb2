"""The decision: pure, the same answer for the same request every time."""

from collections.abc import Sequence

from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.context import Context
from kaquan.engine.decision import CandidateResult, Decision
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.stacking import StackingRules
from kaquan.engine.steps import close, skip
from kaquan.engine.tally import Tally
from kaquan.engine.trace import CandidateTrace, Trace
from kaquan.engine.walk import walk

DEFAULT_RULES = StackingRules()


def decide(
    cart: Cart,
    candidates: Sequence[Candidate],
    context: Context,
    *,
    rules: StackingRules = DEFAULT_RULES,
) -> Decision:
    """Work out what each candidate gives on this cart, in the order of the rules.

    No I/O, no clock, no randomness. Amounts in minor units. Never raises for a refusal: those are
    in the results with their reasons; results come in the order of the candidates, the trace and
    `sequence` in the order in which they were worked out.
    """
    refusals = _check_request(candidates, rules)
    if refusals:
        return _refuse_request(cart, candidates, context, rules=rules, reasons=refusals)
    way = walk(cart, candidates, context, rules=rules)
    approved = bool(way.granted) and not way.failed
    closed = [close(step, way.tally) for step in way.steps]
    results = {result.key: result for result, _ in closed}
    return _conclude(
        cart,
        way.tally if approved else Tally(cart),
        approved=approved,
        results=tuple(results[candidate.key] for candidate in candidates),
        trace=_build_trace(
            cart,
            context,
            rules,
            worked_on=way.tally.cart,
            candidates=tuple(trace for _, trace in closed),
        ),
    )


def _check_request(candidates: Sequence[Candidate], rules: StackingRules) -> tuple[Reason, ...]:
    """Reasons that refuse the request as a whole, before any candidate is looked at."""
    reasons: list[Reason] = []
    if len(candidates) > rules.max_sent:
        params = {"sent": len(candidates), "limit": rules.max_sent}
        reasons.append(Reason(ReasonCode.TOO_MANY_SENT, params))
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for candidate in candidates:
        if candidate.key in seen:
            repeated[candidate.key] = None
        seen.add(candidate.key)
    reasons += (Reason(ReasonCode.DUPLICATE_CANDIDATE, {"key": key}) for key in repeated)
    return tuple(reasons)


def _refuse_request(
    cart: Cart,
    candidates: Sequence[Candidate],
    context: Context,
    *,
    rules: StackingRules,
    reasons: tuple[Reason, ...],
) -> Decision:
    refused = [skip(candidate, reasons[0]) for candidate in candidates]
    return _conclude(
        cart,
        Tally(cart),
        approved=False,
        results=tuple(step.result for step in refused),
        trace=_build_trace(
            cart,
            context,
            rules,
            worked_on=cart,
            candidates=tuple(step.trace for step in refused),
        ),
        reasons=reasons,
    )


def _conclude(
    cart: Cart,
    tally: Tally,
    *,
    approved: bool,
    results: tuple[CandidateResult, ...],
    trace: Trace,
    reasons: tuple[Reason, ...] = (),
) -> Decision:
    figures = tally.figures()
    lines = tally.line_figures()
    return Decision(
        approved=approved,
        amount_minor=figures.amount_minor,
        discount_minor=figures.discount_minor,
        items_discount_minor=figures.items_discount_minor,
        total_discount_minor=figures.total_discount_minor,
        total_minor=figures.total_minor,
        unallocated_minor=figures.discount_minor - sum(line.discount_minor for line in lines),
        lines=lines,
        results=results,
        trace=trace,
        reasons=reasons,
    )


def _build_trace(
    cart: Cart,
    context: Context,
    rules: StackingRules,
    *,
    worked_on: Cart,
    candidates: tuple[CandidateTrace, ...],
) -> Trace:
    return Trace(
        decided_at=context.now,
        currency=context.currency,
        amount_minor=cart.amount,
        line_keys=tuple(line.key for line in worked_on.lines),
        rules=rules,
        candidates=candidates,
    )
