"""What a validation or a qualification leaves to be kept: light to make, written out later."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from kaquan.checkout.attempt_model import AttemptHead, AttemptKind, AttemptOutcome
from kaquan.checkout.kept import KeptInputs, OfferReferences, write_inputs
from kaquan.checkout.model import CheckoutRequest, Coupon, Inputs, Validation
from kaquan.customers import Customer, CustomerDraft, Order, OrderDraft
from kaquan.engine import Applied, CandidateResult, Reason, Rejected, Trace
from kaquan.experiments import Assignment
from kaquan.runtime import new_ids


class TriedCode(msgspec.Struct, frozen=True, kw_only=True):
    """One code of an attempt; ``trace`` may be that of a whole request."""

    object: str
    code: str
    coupon: Coupon | None
    result: CandidateResult
    trace: Trace


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it happened. With ``alone`` each code was decided by itself; ``met`` are arms
    of measured campaigns that are to be logged.
    """

    kind: AttemptKind
    at: datetime
    channel: str
    customer_id: str | None
    customer_source_id: str | None
    order_id: str | None
    order_source_id: str | None
    inputs: Inputs
    codes: tuple[TriedCode, ...]
    alone: bool = False
    met: tuple[tuple[tuple[str, str], Assignment], ...] = ()


class AttemptRow(AttemptHead, frozen=True, kw_only=True):
    """A row of the table of attempts, ready to be written as JSON."""

    reasons: tuple[Reason, ...]
    trace: Trace
    inputs: KeptInputs | None


def tried_validation(request: CheckoutRequest, validation: Validation, *, at: datetime) -> Tried:
    """What a validation leaves."""
    return Tried(
        kind=AttemptKind.VALIDATION,
        at=at,
        channel=request.channel,
        inputs=validation.inputs,
        codes=tuple(
            TriedCode(
                object=attempt.redeemable.object,
                code=attempt.redeemable.id,
                coupon=attempt.coupon,
                result=attempt.result,
                trace=validation.decision.trace,
            )
            for attempt in validation.attempts
        ),
        met=validation.met,
        **name_people(request, validation.customer, validation.order),
    )


def name_people(
    request: CheckoutRequest, customer: Customer | None, order: Order | None
) -> dict[str, Any]:
    """By what customer and order can be found again: our ids, and the merchant's while unknown."""
    draft = request.customer
    source_id = draft.source_id if isinstance(draft, CustomerDraft) else None
    given = request.order
    order_source_id = given.source_id if isinstance(given, OrderDraft) else None
    if order is not None:
        order_source_id = order.source_id
    return {
        "customer_id": None if customer is None else customer.id,
        "customer_source_id": source_id
        if customer is None and isinstance(source_id, str)
        else None,
        "order_id": order.id or None if order is not None else None,
        "order_source_id": order_source_id if isinstance(order_source_id, str) else None,
    }


def write_rows(
    tried: Tried, references: OfferReferences, into: dict[str, dict[str, Any]]
) -> Iterator[AttemptRow]:
    """Yield a row for each code; the offers that the inputs refer to go into ``into``."""
    ids = sorted(new_ids("att", len(tried.codes)))
    inputs = write_inputs(tried.inputs, references, into, alone=tried.alone)
    for id_, one in zip(ids, tried.codes, strict=True):
        voucher = None if one.coupon is None else one.coupon.voucher
        applied = one.result if isinstance(one.result, Applied) else None
        yield AttemptRow(
            id=id_,
            run_id=ids[0],
            kind=tried.kind,
            object=one.object,
            code=one.code,
            voucher_id=voucher.id if voucher is not None and one.object == "voucher" else None,
            campaign_id=None if voucher is None else voucher.campaign_id,
            customer_id=tried.customer_id,
            customer_source_id=tried.customer_source_id,
            order_id=tried.order_id,
            order_source_id=tried.order_source_id,
            channel=tried.channel,
            outcome=find_outcome(one.result),
            discount_minor=0 if applied is None else applied.total_discount_minor,
            reasons=list_reasons(one.result),
            trace=_own_trace(one),
            inputs=inputs if id_ == ids[0] else None,
            created_at=tried.at,
        )


def find_outcome(result: CandidateResult) -> AttemptOutcome:
    """In a word what was decided."""
    if isinstance(result, Applied):
        return AttemptOutcome.APPLIED
    refused = isinstance(result, Rejected)
    return AttemptOutcome.REFUSED if refused else AttemptOutcome.SKIPPED


def list_reasons(result: CandidateResult) -> tuple[Reason, ...]:
    """Why it does not apply; empty when it does."""
    match result:
        case Applied():
            return ()
        case Rejected():
            return result.reasons
        case _:
            return (result.reason,)


def _own_trace(one: TriedCode) -> Trace:
    if len(one.trace.candidates) == 1 and one.trace.candidates[0].key == one.code:
        return one.trace
    own = tuple(c for c in one.trace.candidates if c.key == one.code)
    return msgspec.structs.replace(one.trace, candidates=own)
