"""One candidate's step through a decision, and what is answered of it."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from kaquan.engine.candidate import Candidate
from kaquan.engine.decision import Applied, CandidateResult, Figures, Rejected, Skipped
from kaquan.engine.reasons import Reason
from kaquan.engine.tally import Booking, Tally
from kaquan.engine.trace import CandidateTrace, Check, EffectStep


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that may take effect, and what it would take off."""

    candidate: Candidate
    booking: Booking
    checks: tuple[Check, ...]
    effect: EffectStep


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that was booked; `position` is that of its booking in the tally."""

    proposal: Proposal
    position: int
    cumulative: Figures

    @property
    def key(self) -> str:
        """The candidate's."""
        return self.proposal.candidate.key


class Refused(msgspec.Struct, frozen=True):
    """A candidate that does not take effect, as it will be answered."""

    result: Rejected | Skipped
    trace: CandidateTrace

    @property
    def key(self) -> str:
        """The candidate's."""
        return self.result.key

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it does not; at least one."""
        match self.result:
            case Rejected():
                return self.result.reasons
            case Skipped():
                return (self.result.reason,)


Step: TypeAlias = Granted | Refused


def reject(
    candidate: Candidate,
    checks: Sequence[Check],
    reasons: tuple[Reason, ...],
    *,
    effect: EffectStep | None = None,
) -> Refused:
    """Refuse a candidate for reasons of its own."""
    trace = CandidateTrace(
        key=candidate.key,
        offer_id=candidate.offer.id,
        status="rejected",
        checks=tuple(checks),
        effect=effect,
    )
    return Refused(Rejected(candidate.key, reasons), trace)


def skip(
    candidate: Candidate,
    reason: Reason,
    *,
    checks: Sequence[Check] = (),
    effect: EffectStep | None = None,
) -> Refused:
    """Pass a candidate over because of the rest of the request."""
    trace = CandidateTrace(
        key=candidate.key,
        offer_id=candidate.offer.id,
        status="skipped",
        checks=(*checks, Check.of("stacking", reason.code.value, reason)),
        effect=effect,
    )
    return Refused(Skipped(candidate.key, reason), trace)


def close(step: Step, tally: Tally) -> tuple[CandidateResult, CandidateTrace]:
    """Result and trace of a step, now that the shares of the order-level money are final."""
    if isinstance(step, Refused):
        return step.result, step.trace
    proposal = step.proposal
    booking = proposal.booking
    items = tally.items(step.position)
    shares, shipping, beside = tally.shares(step.position)
    both = zip(items, shares, strict=True)
    applied = Applied(
        key=step.key,
        discount_minor=booking.order_minor,
        items_discount_minor=booking.items_total_minor,
        allocation=tuple(item + share for item, share in both),
        items_allocation=items,
        unallocated_minor=shipping + beside,
        cumulative=step.cumulative,
        shipping_minor=shipping,
        added=booking.added,
        balance_taken=booking.balance_taken,
        grants=booking.grants,
    )
    trace = CandidateTrace(
        key=step.key,
        offer_id=proposal.candidate.offer.id,
        status="applied",
        checks=proposal.checks,
        effect=EffectStep(
            code=proposal.effect.code,
            inputs=proposal.effect.inputs,
            order_minor=booking.order_minor,
            items_minor=items,
            shares_minor=shares,
            unallocated_minor=shipping + beside,
        ),
    )
    return applied, trace
