"""The decision: pure, the same answer for the same request every time."""

from collections.abc import Sequence

import msgspec

from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.conditions import Verdict, evaluate
from kaquan.engine.context import Context
from kaquan.engine.decision import (
    Applied,
    CandidateResult,
    Decision,
    Figures,
    Rejected,
    Skipped,
)
from kaquan.engine.facts import Facts
from kaquan.engine.limits import Limits
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.stacking import Application, StackingRules, check_request
from kaquan.engine.tally import Booking, Tally
from kaquan.engine.trace import CandidateTrace, Check, EffectStep, Trace

DEFAULT_RULES = StackingRules()


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that takes effect; `position` is that of its booking in the tally."""

    candidate: Candidate
    position: int
    booking: Booking
    cumulative: Figures
    checks: tuple[Check, ...]
    effect: EffectStep


class _Refused(msgspec.Struct, frozen=True):
    """A candidate that does not, as it will be answered."""

    result: Rejected | Skipped
    trace: CandidateTrace


def decide(
    cart: Cart,
    candidates: Sequence[Candidate],
    context: Context,
    *,
    rules: StackingRules = DEFAULT_RULES,
) -> Decision:
    """Work out what each candidate gives on this cart, in the order they were sent.

    No I/O, no clock, no randomness. Amounts in minor units. Never raises for a refusal: those are
    in the results with their reasons; results come in the order of the candidates.
    """
    refusals = check_request(candidates, rules)
    if refusals:
        return _refuse_request(cart, candidates, context, rules=rules, reasons=refusals)
    run = _Run(cart, context)
    steps: list[_Granted | _Refused] = []
    failed = False
    for candidate in candidates:
        if failed:
            step = _skip(candidate, Reason(ReasonCode.PRECEDING_FAILED))
        elif run.applied_count >= rules.max_applied:
            limit = Reason(ReasonCode.APPLIED_LIMIT, {"limit": rules.max_applied})
            step = _skip(candidate, limit)
        else:
            step = run.try_candidate(candidate)
            if isinstance(step, _Refused) and isinstance(step.result, Rejected):
                failed = rules.application is Application.ALL
        steps.append(step)
    closed = [_close(step, run.tally) for step in steps]
    return _conclude(
        cart,
        run.tally if run.applied_count and not failed else Tally(cart),
        approved=run.applied_count > 0 and not failed,
        results=tuple(result for result, _ in closed),
        trace=_build_trace(cart, context, rules, candidates=tuple(trace for _, trace in closed)),
    )


class _Run:
    """One pass over the candidates."""

    def __init__(self, cart: Cart, context: Context) -> None:
        self.tally = Tally(cart)
        self.applied_count = 0
        self._limits = Limits()
        self._cart = cart
        self._context = context

    def try_candidate(self, candidate: Candidate) -> _Granted | _Refused:
        facts = self._gather_facts(candidate)
        checks, reasons = self._admit(candidate, facts)
        if reasons:
            return _reject(candidate, checks, reasons)
        effect = candidate.offer.effect
        outcome = effect.apply(facts)
        if isinstance(outcome, Reason):
            step = EffectStep(code=effect.code, reason=outcome)
            return _reject(candidate, checks, (outcome,), effect=step)
        step = EffectStep(code=effect.code, inputs=outcome.inputs)
        booking = self.tally.measure(outcome)
        if booking.total_minor == 0:
            return _skip(candidate, Reason(ReasonCode.NO_EFFECT), checks=checks, effect=step)
        budget = self._limits.check_budget(candidate, booking.total_minor)
        if budget is not None:
            checks.append(budget)
            if budget.reason is not None:
                return _reject(candidate, checks, (budget.reason,), effect=step)
        self._limits.draw(candidate, booking.total_minor)
        self.tally.book(booking)
        self.applied_count += 1
        return _Granted(
            candidate=candidate,
            position=self.applied_count - 1,
            booking=booking,
            cumulative=self.tally.figures(),
            checks=tuple(checks),
            effect=step,
        )

    def _gather_facts(self, candidate: Candidate) -> Facts:
        redemptions = candidate.customer_redemptions
        if redemptions is None:
            redemptions = self._context.customer.redemptions_in_campaign
        return Facts(
            cart=self._cart,
            context=self._context,
            left=self.tally.remaining(),
            customer_redemptions=redemptions + self._limits.count_uses(candidate),
            face_value_minor=candidate.face_value_minor,
        )

    def _admit(self, candidate: Candidate, facts: Facts) -> tuple[list[Check], tuple[Reason, ...]]:
        """Everything that is checked before the effect, all of it, so that all reasons show."""
        inactive = None if candidate.active else Reason(ReasonCode.INACTIVE)
        outside = candidate.offer.window.check(self._context)
        checks = [
            Check.of("active", "active", inactive),
            Check.of("window", "window", outside),
            *self._limits.check_uses(candidate),
        ]
        reasons = [check.reason for check in checks if check.reason is not None]
        ruled = evaluate(candidate.offer.condition, facts, path="condition", checks=checks)
        if ruled.verdict is not Verdict.MET:
            reasons += ruled.reasons
        return checks, tuple(reasons)


def _reject(
    candidate: Candidate,
    checks: Sequence[Check],
    reasons: tuple[Reason, ...],
    *,
    effect: EffectStep | None = None,
) -> _Refused:
    return _Refused(
        Rejected(candidate.key, reasons),
        CandidateTrace(
            key=candidate.key,
            offer_id=candidate.offer.id,
            status="rejected",
            checks=tuple(checks),
            effect=effect,
        ),
    )


def _skip(
    candidate: Candidate,
    reason: Reason,
    *,
    checks: Sequence[Check] = (),
    effect: EffectStep | None = None,
) -> _Refused:
    return _Refused(
        Skipped(candidate.key, reason),
        CandidateTrace(
            key=candidate.key,
            offer_id=candidate.offer.id,
            status="skipped",
            checks=tuple(checks),
            effect=effect,
        ),
    )


def _close(step: _Granted | _Refused, tally: Tally) -> tuple[CandidateResult, CandidateTrace]:
    """Result and trace of a step, now that the shares of the order-level money are final."""
    if isinstance(step, _Refused):
        return step.result, step.trace
    booking = step.booking
    shares, beside = tally.shares(step.position)
    both = zip(booking.items_minor, shares, strict=True)
    applied = Applied(
        key=step.candidate.key,
        discount_minor=booking.order_minor,
        items_discount_minor=booking.items_total_minor,
        allocation=tuple(items + share for items, share in both),
        items_allocation=booking.items_minor,
        unallocated_minor=beside,
        cumulative=step.cumulative,
    )
    trace = CandidateTrace(
        key=applied.key,
        offer_id=step.candidate.offer.id,
        status="applied",
        checks=step.checks,
        effect=EffectStep(
            code=step.effect.code,
            inputs=step.effect.inputs,
            order_minor=booking.order_minor,
            items_minor=booking.items_minor,
            shares_minor=shares,
            unallocated_minor=beside,
        ),
    )
    return applied, trace


def _refuse_request(
    cart: Cart,
    candidates: Sequence[Candidate],
    context: Context,
    *,
    rules: StackingRules,
    reasons: tuple[Reason, ...],
) -> Decision:
    refused = [_skip(candidate, reasons[0]) for candidate in candidates]
    return _conclude(
        cart,
        Tally(cart),
        approved=False,
        results=tuple(step.result for step in refused),
        trace=_build_trace(cart, context, rules, candidates=tuple(step.trace for step in refused)),
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
        amount_minor=cart.amount,
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
    candidates: tuple[CandidateTrace, ...],
) -> Trace:
    return Trace(
        decided_at=context.now,
        currency=context.currency,
        amount_minor=cart.amount,
        line_keys=tuple(line.key for line in cart.lines),
        application=rules.application.value,
        max_sent=rules.max_sent,
        max_applied=rules.max_applied,
        candidates=candidates,
    )
