"""From a snapshot to a decision, without looking at anything else."""

from collections.abc import Sequence
from itertools import takewhile

from msgspec import structs

from kaquan.checkout.limits import find_budget_left, find_customer_uses_left, find_uses_left
from kaquan.checkout.model import Attempt, Coupon, Redeemable
from kaquan.checkout.snapshot import Snapshot
from kaquan.engine import (
    AllOf,
    Application,
    Candidate,
    CandidateResult,
    Context,
    Decision,
    NoEffect,
    Offer,
    PerCustomerCount,
    Reason,
    ReasonCode,
    Rejected,
    Skipped,
    StackingRules,
    decide,
)


def decide_snapshot(
    snapshot: Snapshot, rules: StackingRules
) -> tuple[Decision, tuple[Attempt, ...]]:
    """Decide the request on what the snapshot holds; attempts follow the request.

    A code that nobody knows is refused in its place: with ALL, what came before it is decided as
    ever, and what comes after it is skipped.
    """
    sent = snapshot.request.redeemables
    known = [r for r in sent if r.id in snapshot.coupons]
    if len(known) == len(sent):
        decision = _decide(snapshot, known, rules)
        return decision, _attempts(snapshot, decision.results)
    if rules.application is Application.ALL:
        known = list(takewhile(lambda r: r.id in snapshot.coupons, sent))
    decision = _place_unknown(_decide(snapshot, known, rules), sent, rules)
    return decision, _attempts(snapshot, decision.results)


def _decide(snapshot: Snapshot, known: Sequence[Redeemable], rules: StackingRules) -> Decision:
    context = Context(
        now=snapshot.now,
        currency=snapshot.project.currency,
        customer=snapshot.customer_facts,
        location_id=snapshot.location_id,
        channel=snapshot.request.channel,
        time_zone=snapshot.project.time_zone,
    )
    candidates = [_candidate(snapshot, r, snapshot.coupons[r.id]) for r in known]
    if snapshot.order is None:
        # Nothing can be taken off nothing; what was asked for is that the coupons are used.
        rules = structs.replace(
            rules, no_effect=NoEffect.REDEEM_ANYWAY, no_effect_skip_categories=()
        )
    return decide(snapshot.cart, candidates, context, rules=rules)


def _candidate(snapshot: Snapshot, redeemable: Redeemable, coupon: Coupon) -> Candidate:
    campaign = coupon.campaign
    redeemed = 0 if campaign is None else snapshot.redemptions.get(campaign.id, 0)
    return Candidate(
        key=redeemable.id,
        offer=_offer(snapshot, redeemable, coupon),
        campaign_id=None if campaign is None else campaign.id,
        active=coupon.voucher.active and (campaign is None or campaign.active),
        uses_left=find_uses_left(coupon, snapshot.accounts),
        customer_uses_left=find_customer_uses_left(
            coupon, snapshot.customer_facts.id, accounts=snapshot.accounts, redeemed=redeemed
        ),
        budget_left_minor=find_budget_left(coupon, snapshot.accounts),
        customer_redemptions=redeemed,
        face_value_minor=redeemable.face_value_minor,
    )


def _offer(snapshot: Snapshot, redeemable: Redeemable, coupon: Coupon) -> Offer:
    """The coupon's offer; of a guest a cap per person asks who they are."""
    offer = snapshot.offers[redeemable.id]
    cap = None if coupon.campaign is None else coupon.campaign.per_customer_cap
    if cap is None or snapshot.customer_facts.id is not None:
        return offer
    return structs.replace(offer, condition=AllOf((offer.condition, PerCustomerCount(at_most=cap))))


def _place_unknown(
    decision: Decision, sent: Sequence[Redeemable], rules: StackingRules
) -> Decision:
    """Put a refusal in the place of each code that was not found."""
    decided = {result.key: result for result in decision.results}
    results: list[CandidateResult] = []
    failed = False
    for redeemable in sent:
        result = decided.get(redeemable.id)
        if result is None and failed:
            result = Skipped(redeemable.id, Reason(ReasonCode.PRECEDING_FAILED))
        elif result is None:
            params = {"key": redeemable.id}
            reason = Reason(ReasonCode.VOUCHER_NOT_FOUND, params)
            result = Rejected(redeemable.id, (reason,))
        failed = failed or (rules.application is Application.ALL and isinstance(result, Rejected))
        results.append(result)
    if not failed:
        return structs.replace(decision, results=tuple(results))
    return structs.replace(_undiscounted(decision), results=tuple(results))


def _undiscounted(decision: Decision) -> Decision:
    """The decision refused: the figures are those of the order as it came in."""
    return structs.replace(
        decision,
        approved=False,
        discount_minor=0,
        items_discount_minor=0,
        total_discount_minor=0,
        total_minor=decision.amount_minor,
        unallocated_minor=0,
        lines=tuple(
            structs.replace(
                line,
                discount_minor=0,
                items_discount_minor=0,
                subtotal_minor=line.amount_minor,
                total_minor=line.amount_minor,
            )
            for line in decision.lines
        ),
    )


def _attempts(snapshot: Snapshot, results: Sequence[CandidateResult]) -> tuple[Attempt, ...]:
    pairs = zip(snapshot.request.redeemables, results, strict=True)
    return tuple(
        Attempt(redeemable=r, coupon=snapshot.coupons.get(r.id), result=result)
        for r, result in pairs
    )
