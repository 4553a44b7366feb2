"""The rows that a decision leaves in the register of redemptions."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from kaquan.checkout.limits import count_points
from kaquan.checkout.model import (
    Attempt,
    Given,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    Validation,
)
from kaquan.checkout.snapshot import Snapshot
from kaquan.engine import (
    Applied,
    Decision,
    Language,
    Reason,
    ReasonCode,
    ReasonFamily,
    explain,
)
from kaquan.engine import headline as find_headline
from kaquan.runtime import format_money, new_ids


def build_entries(
    snapshot: Snapshot,
    validation: Validation,
    *,
    ids: Sequence[str],
    order_id: str | None,
    by_user_id: str | None,
) -> tuple[Redemption | None, tuple[Redemption, ...]]:
    """Return the parent (None for a single redeemable) and a row for each that was applied.

    ``ids`` are the parent's, when there is one, and then the others' in order of application.
    """
    applied = [a for a in validation.attempts if isinstance(a.result, Applied)]
    is_stack = len(validation.attempts) > 1
    parent_id = ids[0] if is_stack else None
    own_ids = ids[1:] if is_stack else ids
    entries = tuple(
        _entry(snapshot, validation, attempt, by_user_id=by_user_id, id_=id_, order_id=order_id)
        for attempt, id_ in zip(applied, own_ids, strict=True)
    )
    if parent_id is None:
        return None, entries
    children = tuple(msgspec.structs.replace(e, parent_id=parent_id) for e in entries)
    return _parent(snapshot, validation, children, id_=parent_id), children


def build_failures(
    snapshot: Snapshot, validation: Validation, *, by_user_id: str | None
) -> tuple[Redemption, ...]:
    """Return a failed attempt for each voucher that was refused for a reason of its own.

    A code that nobody knows leaves no row, so that guessing cannot fill the register.
    """
    refused = [a for a in validation.attempts if a.coupon is not None and _is_own_fault(a)]
    ids = sorted(new_ids("r", len(refused)))
    stored = snapshot.stored_order
    return tuple(
        _entry(
            snapshot,
            validation,
            attempt,
            by_user_id=by_user_id,
            id_=id_,
            order_id=None if stored is None else stored.id,
        )
        for attempt, id_ in zip(refused, ids, strict=True)
    )


def _is_own_fault(attempt: Attempt) -> bool:
    """Whether something speaks against the redeemable itself, not only its company."""
    return any(
        reason.code is ReasonCode.NO_EFFECT or reason.code.family is not ReasonFamily.STACKING
        for reason in attempt.reasons
    )


def _given(attempt: Attempt) -> Given | None:
    applied = attempt.result
    assert isinstance(applied, Applied)
    # What the goods are like is the catalogue's to say; the order has the line itself.
    added = tuple(
        msgspec.structs.replace(one, goods=msgspec.structs.replace(one.goods, attributes={}))
        for one in applied.added
    )
    given = Given(
        balance_taken=applied.balance_taken,
        balance_kind=attempt.pays_from.kind
        if attempt.pays_from and applied.balance_taken
        else None,
        added=added,
        grants=applied.grants,
        points=count_points(attempt),
        shipping_minor=applied.shipping_minor,
    )
    return None if given == Given() else given


def _entry(
    snapshot: Snapshot,
    validation: Validation,
    attempt: Attempt,
    *,
    by_user_id: str | None,
    id_: str,
    order_id: str | None,
) -> Redemption:
    assert attempt.coupon is not None
    voucher, request = attempt.coupon.voucher, snapshot.request
    entry = Redemption(
        id=id_,
        kind=RedemptionKind.REDEMPTION,
        result=RedemptionResult.SUCCESS,
        voucher_id=voucher.id,
        voucher_code=voucher.code,
        campaign_id=voucher.campaign_id,
        customer_id=snapshot.customer_id,
        order_id=order_id,
        location_id=snapshot.location_id,
        channel=request.channel,
        tracking_id=request.tracking_id,
        order_amount_minor=None if snapshot.order is None else snapshot.order.amount_minor,
        trace=_trace(validation.decision, attempt.redeemable.id),
        metadata=request.metadata,
        by_user_id=by_user_id,
        created_at=snapshot.now,
    )
    match attempt.result:
        case Applied() as applied:
            return msgspec.structs.replace(
                entry,
                discount_minor=applied.discount_minor,
                items_discount_minor=applied.items_discount_minor,
                allocation=applied.allocation,
                items_allocation=applied.items_allocation,
                given=_given(attempt),
            )
        case _:
            reason = find_headline(attempt.reasons)
            return msgspec.structs.replace(
                entry,
                result=RedemptionResult.FAILURE,
                failure_code=reason.code.value,
                failure_message=_sentence(snapshot, reason),
            )


def _parent(
    snapshot: Snapshot, validation: Validation, children: Sequence[Redemption], *, id_: str
) -> Redemption:
    first, decision = children[0], validation.decision
    return msgspec.structs.replace(
        first,
        id=id_,
        parent_id=None,
        voucher_id=None,
        voucher_code=None,
        campaign_id=None,
        given=None,
        discount_minor=decision.discount_minor,
        items_discount_minor=decision.items_discount_minor,
        allocation=_sum_lines([child.allocation for child in children]),
        items_allocation=_sum_lines([child.items_allocation for child in children]),
        trace=_trace(decision, *(a.redeemable.id for a in validation.attempts)),
    )


def _sum_lines(allocations: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sum(shares) for shares in zip(*allocations, strict=True))


def _trace(decision: Decision, *keys: str) -> dict[str, Any]:
    """The engine's trace of these redeemables, as JSON data."""
    own = tuple(c for c in decision.trace.candidates if c.key in keys)
    written = msgspec.json.encode(msgspec.structs.replace(decision.trace, candidates=own))
    return msgspec.json.decode(written)


def _sentence(snapshot: Snapshot, reason: Reason) -> str:
    project = snapshot.project
    language: Language = "zh" if project.language == "zh" else "en"
    money = partial(format_money, currency=project.currency, language=language)
    return explain(reason, language, money)
