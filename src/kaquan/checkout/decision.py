"""From a snapshot to a decision, without looking at anything else."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import structs

from kaquan.campaigns import CampaignKind
from kaquan.checkout.attributes import read_attributes
from kaquan.checkout.limits import (
    Redemptions,
    balance_key,
    count_redeemed,
    find_balance,
    find_budget_left,
    find_campaign_uses_left,
    find_customer_uses_left,
    find_uses_left,
)
from kaquan.checkout.model import Attempt, Coupon, Inputs, Redeemable
from kaquan.checkout.offers import OWN_COUNT, is_on_offer, list_category_ids
from kaquan.checkout.snapshot import Snapshot
from kaquan.customers import Product
from kaquan.engine import (
    AllOf,
    AmountOff,
    Candidate,
    CandidateKind,
    CandidateResult,
    Category,
    Condition,
    Context,
    Decision,
    Facts,
    Finding,
    Goods,
    NoEffect,
    Offer,
    PerCustomerCount,
    Reason,
    ReasonCode,
    StackingRules,
    Verdict,
    decide,
)


class _Known(Condition, frozen=True, kw_only=True):
    """What a code that nobody knows never meets."""

    code: ClassVar[str] = "known"

    key: str

    def check(self, facts: Facts) -> Finding:
        return Finding(Verdict.UNMET, {}, Reason(ReasonCode.VOUCHER_NOT_FOUND, {"key": self.key}))


def gather_inputs(snapshot: Snapshot, rules: StackingRules) -> Inputs:
    """Return all that the engine is given for the request."""
    sent = snapshot.request.redeemables
    known = [r for r in sent if r.id in snapshot.coupons]
    if snapshot.order is None:
        # Nothing can be taken off nothing; what was asked for is that the coupons are used.
        rules = structs.replace(
            rules, no_effect=NoEffect.REDEEM_ANYWAY, no_effect_skip_categories=()
        )
    return Inputs(
        sent=tuple(r.id for r in sent),
        cart=snapshot.cart,
        candidates=tuple(_candidate(snapshot, r, snapshot.coupons[r.id]) for r in known),
        context=Context(
            now=snapshot.now,
            currency=snapshot.project.currency,
            customer=snapshot.customer_facts,
            location_id=snapshot.location_id,
            channel=snapshot.request.channel,
            time_zone=snapshot.project.time_zone,
            payment_method=snapshot.request.payment_method,
            redeemer_id=snapshot.redeemer_id,
            redemption_metadata=read_attributes(snapshot.request.metadata),
            catalogue=_catalogue(snapshot.facts.catalogue),
        ),
        rules=rules,
    )


def decide_inputs(inputs: Inputs) -> Decision:
    """Decide; a code that nobody knows is refused where the rules put it.

    It has no category and no priority, and comes after what has one where the rules sort by it.
    """
    known = {candidate.key: candidate for candidate in inputs.candidates}
    candidates = [known.get(code) or _unknown(code) for code in inputs.sent]
    return decide(inputs.cart, candidates, inputs.context, rules=inputs.rules)


def _unknown(code: str) -> Candidate:
    offer = Offer(id="", effect=AmountOff(amount_minor=1), condition=_Known(key=code))
    return Candidate(key=code, offer=offer)


def _catalogue(products: Sequence[Product]) -> dict[str, Goods]:
    """Goods with a price, by our id and the merchant's; of one name ours goes before."""
    priced = [
        (
            product,
            Goods(
                product_id=product.id,
                sku_id=product.source_id,
                unit_price=product.price_minor,
                attributes=read_attributes(product.attributes),
            ),
        )
        for product in products
        if product.price_minor is not None
    ]
    own = {product.id: goods for product, goods in priced}
    return {p.source_id: goods for p, goods in priced if p.source_id is not None} | own


def _candidate(snapshot: Snapshot, redeemable: Redeemable, coupon: Coupon) -> Candidate:
    voucher, campaign, accounts = coupon.voucher, coupon.campaign, snapshot.accounts
    offer, facts = _offer(snapshot, redeemable, coupon), snapshot.facts
    counts = facts.counts.get(voucher.id, {})
    if campaign is None:
        redeemed = counts.get(OWN_COUNT, 0)
    else:
        redeemed = count_redeemed(campaign, snapshot.redemptions)
    return Candidate(
        key=redeemable.id,
        offer=offer,
        kind=CandidateKind.PROMOTION_TIER if voucher.tier else CandidateKind.VOUCHER,
        campaign_id=None if campaign is None else campaign.id,
        active=voucher.active and (campaign is None or campaign.active),
        held_out=campaign is not None and campaign.id in facts.kept_out and is_on_offer(coupon),
        referral=campaign is not None and campaign.kind is CampaignKind.REFERRAL_PROGRAM,
        uses_left=find_uses_left(coupon, accounts),
        campaign_uses_left=find_campaign_uses_left(coupon, accounts),
        customer_uses_left=find_customer_uses_left(
            coupon, _name_buyer(snapshot), accounts=accounts
        ),
        budget_left_minor=find_budget_left(coupon, accounts),
        customer_redemptions=redeemed,
        face_value_minor=redeemable.face_value_minor,
        redemption_counts=counts,
        holder_id=voucher.holder_id,
        claimed_at=voucher.published_at,
        balance=find_balance(coupon, offer, accounts),
        credits=redeemable.credits,
        categories=_categories(coupon, facts.categories),
        priority=None if campaign is None else campaign.priority,
        lane=None if campaign is None else campaign.lane,
        attributes=read_attributes(voucher.metadata),
        publication=read_attributes(facts.publications.get(voucher.id, {})),
        starts_at=voucher.starts_at or (None if campaign is None else campaign.starts_at),
        expires_at=voucher.expires_at or (None if campaign is None else campaign.expires_at),
        quantity=voucher.quantity,
    )


def _name_buyer(snapshot: Snapshot) -> Redemptions:
    """The buyer's names; one who would only now be entered has redeemed nothing by any."""
    if not snapshot.redemptions and snapshot.customer_facts.id is not None:
        return {snapshot.customer_facts.id: {}}
    return snapshot.redemptions


def _categories(coupon: Coupon, known: Mapping[str, Category]) -> tuple[Category, ...]:
    ids = list_category_ids(coupon)
    return tuple(known[one] for one in ids if one in known)


def _offer(snapshot: Snapshot, redeemable: Redeemable, coupon: Coupon) -> Offer:
    """The coupon's offer; of a guest a cap per person asks who they are."""
    offer = snapshot.offers[redeemable.id]
    cap = None if coupon.campaign is None else coupon.campaign.per_customer_cap
    if cap is None or snapshot.customer_facts.can_be_counted:
        return offer
    return structs.replace(offer, condition=AllOf((offer.condition, PerCustomerCount(at_most=cap))))


def list_attempts(snapshot: Snapshot, decision: Decision) -> tuple[Attempt, ...]:
    """Pair what was sent with what was decided about it."""
    pairs = zip(snapshot.request.redeemables, decision.results, strict=True)
    return tuple(_attempt(snapshot, redeemable, result) for redeemable, result in pairs)


def _attempt(snapshot: Snapshot, redeemable: Redeemable, result: CandidateResult) -> Attempt:
    coupon = snapshot.coupons.get(redeemable.id)
    if coupon is None:
        return Attempt(redeemable=redeemable, coupon=None, result=result)
    return Attempt(
        redeemable=redeemable,
        coupon=coupon,
        result=result,
        pays_from=balance_key(coupon, snapshot.offers[redeemable.id]),
        balance=find_balance(coupon, snapshot.offers[redeemable.id], snapshot.accounts),
        earns_to=snapshot.earns_to,
    )
