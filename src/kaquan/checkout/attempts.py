"""What was tried, why it was refused, and whether it would be decided the same again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kaquan.checkout.attempt_model import AttemptHead, AttemptKind, AttemptOutcome
from kaquan.checkout.decision import decide_inputs, gather_inputs
from kaquan.checkout.kept import list_offer_references, read_inputs
from kaquan.checkout.model import CheckoutRequest, Inputs, Redeemable
from kaquan.checkout.snapshot import take_snapshot
from kaquan.checkout.store.attempts import (
    MOST_COUNTED,
    AttemptFilter,
    StoredAttempt,
    count_attempt_rows,
    delete_attempts,
    delete_offers,
    find_kept_inputs,
    get_attempt_row,
    list_attempt_rows,
    list_kept_offers,
)
from kaquan.checkout.store.register import list_children
from kaquan.checkout.tried import find_outcome, list_reasons
from kaquan.engine import (
    Applied,
    Candidate,
    CandidateResult,
    CandidateTrace,
    Check,
    Context,
    Decision,
    Reason,
    Trace,
)
from kaquan.runtime import InvalidInput, KaquanError, Page, Tx

LARGEST_PAGE = 1_000
DEEPEST_OFFSET = 10_000
FORGET_AT_ONCE = 5_000


class InputsGone(KaquanError):
    """What an attempt was decided on is not kept any more, or never was."""

    key = "inputs_gone"


class KeptAttempt(AttemptHead, frozen=True, kw_only=True):
    """What was decided about one code.

    ``trace`` is None for redemptions whose decision was made elsewhere and brought in. A reason
    may lack its parameters then; ``failure_message`` has its sentence.
    """

    reasons: tuple[Reason, ...]
    failure_message: str | None
    trace: Trace | None


class AttemptPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of attempts; beyond 10,000 the total is not ``exact`` but at least that."""

    page: Page[KeptAttempt]
    exact: bool


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt decided again on the same inputs; nothing was written.

    ``kept`` says that the inputs were kept whole. Those of a redemption are put together from its
    stored order, the limits in its trace and the offer as it is today, so that ``differences``
    (outcome, discount, reasons, allocation) may also tell what was changed since.
    """

    attempt: KeptAttempt
    outcome: AttemptOutcome
    discount_minor: int
    reasons: tuple[Reason, ...]
    trace: Trace
    kept: bool
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it was decided as before."""
        return not self.differences


async def list_kept_attempts(
    tx: Tx,
    wanted: AttemptFilter,
    *,
    sort: str = "-created_at",
    limit: int = 50,
    page: int = 1,
    cursor: str | None = None,
) -> AttemptPage:
    """Return a page of validations, qualifications and redemptions by time.

    ``sort`` is created_at, with ``-`` in front for the newest first. A page starts at its number
    or, at any depth, after the ``next_cursor`` of the page before it. Raises InvalidInput.
    """
    if sort.removeprefix("-") != "created_at":
        raise InvalidInput("Attempts are sorted by created_at or -created_at.", field="sort")
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"A page has 1 to {LARGEST_PAGE} entries."
        raise InvalidInput(message, field="limit")
    offset = (page - 1) * limit
    if not 0 <= offset <= DEEPEST_OFFSET:
        raise InvalidInput("That page is out of reach; go on from a cursor instead.", field="page")
    after = None
    if cursor is not None:
        last = await get_attempt_row(tx, cursor)
        after, offset = (last.created_at, last.id), 0
    found = await list_attempt_rows(
        tx,
        wanted,
        descending=sort.startswith("-"),
        after=after,
        limit=limit + 1,
        offset=offset,
    )
    total = await count_attempt_rows(tx, wanted)
    items = [_read_row(row) for row in found[:limit]]
    following = items[-1].id if len(found) > limit else None
    return AttemptPage(page=Page(items, total, following), exact=total < MOST_COUNTED)


async def get_kept_attempt(tx: Tx, attempt_id: str) -> KeptAttempt:
    """Return an attempt by id. Raises NotFound."""
    return _read_row(await get_attempt_row(tx, attempt_id))


async def rerun_attempt(tx: Tx, attempt_id: str) -> Rerun:
    """Decide an attempt again on its inputs, writing nothing.

    Raises NotFound, and InputsGone when there is nothing left to decide on.
    """
    attempt = await get_kept_attempt(tx, attempt_id)
    if attempt.kind is AttemptKind.REDEMPTION:
        inputs = await _rebuild_inputs(tx, attempt)
        return _compare(attempt, decide_inputs(inputs), kept=False)
    inputs = await _load_inputs(tx, attempt)
    return _compare(attempt, decide_inputs(inputs), kept=True)


async def forget_attempts(tx: Tx, *, days: int, now: datetime) -> int:
    """Delete up to 5,000 attempts older than ``days`` and offers nobody needs; count the former."""
    before = now - timedelta(days=days)
    forgotten = await delete_attempts(tx, before=before, limit=FORGET_AT_ONCE)
    if forgotten < FORGET_AT_ONCE:
        # An attempt may have been decided just before midnight on an offer noted that day.
        await delete_offers(tx, before=before.date() - timedelta(days=1))
    return forgotten


def list_trace_reasons(candidate: CandidateTrace) -> tuple[Reason, ...]:
    """Why a traced candidate was not applied, as it was answered; empty when it was."""
    if candidate.status == "applied":
        return ()
    settled = [
        check.path
        for check in candidate.checks
        if (check.code == "any" and check.passed) or check.code == "not"
    ]
    reasons = [
        check.reason
        for check in candidate.checks
        if check.reason is not None and not _lies_below(check, settled)
    ]
    if candidate.effect is not None and candidate.effect.reason is not None:
        reasons.append(candidate.effect.reason)
    return tuple(_once(reasons))


def _once(reasons: list[Reason]) -> Iterator[Reason]:
    seen: list[Reason] = []
    for reason in reasons:
        if reason not in seen:
            seen.append(reason)
            yield reason


def _lies_below(check: Check, settled: list[str]) -> bool:
    return any(check.path.startswith(f"{path}.") for path in settled)


def _read_row(row: StoredAttempt) -> KeptAttempt:
    trace = None if row.trace is None else msgspec.convert(row.trace, Trace)
    reasons = row.reasons
    if reasons is None:
        own = [] if trace is None else [c for c in trace.candidates if c.key == row.code]
        reasons = list_trace_reasons(own[0]) if own else ()
    fields = {
        name: getattr(row, name)
        for name in row.__struct_fields__
        if name not in {"trace", "reasons"}
    }
    return KeptAttempt(trace=trace, reasons=reasons, **fields)


async def _load_inputs(tx: Tx, attempt: KeptAttempt) -> Inputs:
    kept = await find_kept_inputs(tx, attempt.run_id)
    if kept is None:
        raise InputsGone("What this attempt was decided on is not kept any more.")
    references = list_offer_references(kept)
    offers = await list_kept_offers(tx, sorted(references))
    if references - offers.keys():
        raise InputsGone("An offer that this attempt was decided on is not kept any more.")
    inputs = read_inputs(kept, offers)
    if not kept.alone:
        return inputs
    own = tuple(one for one in inputs.candidates if one.key == attempt.code)
    return msgspec.structs.replace(inputs, sent=(attempt.code,), candidates=own)


def _redeemable(voucher_id: str | None, code: str) -> Redeemable:
    """What was sent in: a tier needs no code, and has its id in its place."""
    return Redeemable(id=code, object="promotion_tier" if voucher_id == code else "voucher")


async def _rebuild_inputs(tx: Tx, attempt: KeptAttempt) -> Inputs:
    """Put together what a redemption was decided on, from what is stored of it."""
    if attempt.trace is None:
        raise InputsGone("This redemption was decided elsewhere and brought in.")
    if attempt.order_id is None and attempt.trace.amount_minor:
        raise InputsGone("The order of this refused redemption was never stored.")
    redeemed = [_redeemable(attempt.voucher_id, attempt.code)]
    traces = list(attempt.trace.candidates)
    if attempt.run_id != attempt.id:
        children = await list_children(tx, attempt.run_id)
        redeemed = [
            _redeemable(child.voucher_id, child.voucher_code)
            for child in children
            if child.voucher_code is not None
        ]
        traces = [c for child in children for c in msgspec.convert(child.trace, Trace).candidates]
    request = CheckoutRequest(
        redeemables=tuple(redeemed),
        order=attempt.order_id,
        customer=attempt.customer_id,
        channel=attempt.channel,
        order_already_discounted=attempt.order_id is not None,
    )
    snapshot = await take_snapshot(tx, request, now=attempt.trace.decided_at, locking=False)
    inputs = gather_inputs(snapshot, attempt.trace.rules)
    by_key = {trace.key: trace for trace in traces}
    return msgspec.structs.replace(
        inputs,
        context=_with_guest(inputs.context, traces),
        candidates=tuple(
            _with_limits(one, by_key[one.key]) if one.key in by_key else one
            for one in inputs.candidates
        ),
    )


_LIMITS = {
    "uses_left": "left",
    "campaign_uses_left": "left",
    "customer_uses_left": "left",
    "budget_left_minor": "left_minor",
}


def _with_guest(context: Context, traces: Sequence[CandidateTrace]) -> Context:
    """The context with a guest known by facts, of which a redemption keeps that it was counted."""
    checks = [check for trace in traces for check in trace.checks]
    counted = any(one.code == "customer_uses_left" or "used" in one.inputs for one in checks)
    if context.customer.id is not None or not counted:
        return context
    guest = msgspec.structs.replace(context.customer, is_known_guest=True)
    return msgspec.structs.replace(context, customer=guest)


def _with_limits(candidate: Candidate, trace: CandidateTrace) -> Candidate:
    """The candidate with what was left of its limits when it was decided on."""
    found: dict[str, Any] = dict.fromkeys(_LIMITS)
    for check in trace.checks:
        if check.path == "limits" and check.code in _LIMITS:
            found[check.code] = check.inputs[_LIMITS[check.code]]
        if check.code == "per_customer_count" and "used" in check.inputs:
            found["customer_redemptions"] = check.inputs["used"]
    return msgspec.structs.replace(candidate, **found)


def _compare(attempt: KeptAttempt, decision: Decision, *, kept: bool) -> Rerun:
    results = {result.key: result for result in decision.results}
    result = results[attempt.code]
    own = tuple(c for c in decision.trace.candidates if c.key == attempt.code)
    trace = msgspec.structs.replace(decision.trace, candidates=own)
    return Rerun(
        attempt=attempt,
        outcome=find_outcome(result),
        discount_minor=result.total_discount_minor if isinstance(result, Applied) else 0,
        reasons=list_reasons(result),
        trace=trace,
        kept=kept,
        differences=tuple(_list_differences(attempt, result, trace)),
    )


def _list_differences(attempt: KeptAttempt, result: CandidateResult, trace: Trace) -> Iterator[str]:
    if find_outcome(result) is not attempt.outcome:
        yield "outcome"
    off = result.total_discount_minor if isinstance(result, Applied) else 0
    if off != attempt.discount_minor:
        yield "discount"
    if {r.code for r in list_reasons(result)} != {r.code for r in attempt.reasons}:
        yield "reasons"
    before = None if attempt.trace is None else _find_allocation(attempt.trace, attempt.code)
    if before != _find_allocation(trace, attempt.code):
        yield "allocation"


def _find_allocation(trace: Trace, code: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    for candidate in trace.candidates:
        if candidate.key == code and candidate.effect is not None:
            return candidate.effect.items_minor, candidate.effect.shares_minor
    return None
