"""What codes give on an order: the reference's own arithmetic, code after code."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from simulation.reference.state import Campaign, Order, Shop, View, Voucher, is_over, window_of
from simulation.steps import Offer

COUNTED = ("PAID", "FULFILLED", "PARTIALLY_RETURNED")
MOST_APPLIED = 5


@dataclass
class Buyer:
    """Who buys: a customer, somebody not yet entered (``id`` None), or a guest (``guest``)."""

    id: str | None
    guest: bool


@dataclass
class Verdict:
    """What was decided about one code: applied, rejected or skipped, with amount or reasons."""

    code: str
    status: str
    amount: int = 0
    reasons: list[str] = field(default_factory=list[str])

    def as_figures(self) -> list[object]:
        """For comparison."""
        return [self.code, self.status, self.amount, self.reasons]


def decide(
    shop: Shop, codes: list[str], order: Order, *, buyer: Buyer, view: View
) -> list[Verdict]:
    """All or nothing: after the first refusal the rest is skipped."""
    left, verdicts, failed = order.total, list[Verdict](), False
    drawn: dict[str, tuple[int, int]] = {}
    for code in codes:
        voucher = shop.vouchers.get(code)
        if failed:
            verdict = Verdict(code, "skipped", reasons=["preceding_failed"])
        elif sum(v.status == "applied" for v in verdicts) == MOST_APPLIED:
            verdict = Verdict(code, "skipped", reasons=["applied_limit"])
        elif voucher is None:
            verdict = Verdict(code, "rejected", reasons=["voucher_not_found"])
        else:
            verdict = _try(shop, voucher, order, left=left, drawn=drawn, buyer=buyer, view=view)
        failed = failed or verdict.status == "rejected"
        left -= verdict.amount
        if verdict.status == "applied" and voucher is not None and voucher.campaign is not None:
            uses, money = drawn.get(voucher.campaign.id, (0, 0))
            drawn[voucher.campaign.id] = (uses + 1, money + verdict.amount)
        verdicts.append(verdict)
    return verdicts


def approves(verdicts: list[Verdict]) -> bool:
    """Whether the request as a whole goes through."""
    statuses = [verdict.status for verdict in verdicts]
    return "rejected" not in statuses and "applied" in statuses


def _try(
    shop: Shop,
    voucher: Voucher,
    order: Order,
    *,
    left: int,
    drawn: dict[str, tuple[int, int]],
    buyer: Buyer,
    view: View,
) -> Verdict:
    campaign, now = voucher.campaign, view.now
    uses, money = drawn.get("" if campaign is None else campaign.id, (0, 0))
    redeemed = uses
    if campaign is not None and buyer.id is not None:
        redeemed += campaign.redeemed_by.get(buyer.id, 0)
    reasons = {
        *_out_of_use(voucher, now),
        *_out_of_uses(shop, voucher, redeemed=redeemed, buyer=buyer, view=view),
        *_against_counts(voucher.offer, redeemed=redeemed, left=left, buyer=buyer),
        *_against_history(shop, voucher.offer, order, buyer=buyer, now=now),
    }
    if reasons:
        return Verdict(voucher.code, "rejected", reasons=sorted(reasons))
    amount = off(voucher.offer, left, order.lines)
    if amount == 0:
        return Verdict(voucher.code, "skipped", reasons=["no_effect"])
    budget = None if campaign is None else shop.budget_left(campaign, view)
    if budget is not None and money + amount > budget:
        return Verdict(voucher.code, "rejected", reasons=["budget_exhausted"])
    return Verdict(voucher.code, "applied", amount)


def off(offer: Offer, left: int, lines: list[tuple[int, int]]) -> int:
    """What an offer takes off an order of which ``left`` is still to be paid."""
    if offer.effect == "items":
        return sum(min(offer.value, quantity * price) for quantity, price in lines)
    if offer.effect == "amount":
        return min(offer.value, left)
    # round() of a Fraction rounds half to even.
    share = round(Fraction(left * offer.value, 10_000))
    return share if offer.cap_minor is None else min(share, offer.cap_minor)


def _out_of_use(voucher: Voucher, now: datetime) -> list[str]:
    campaign = voucher.campaign
    reasons = [] if voucher.active and (campaign is None or campaign.active) else ["inactive"]
    starts_at, expires_at = window_of(voucher)
    if is_over(expires_at, now):
        reasons.append("expired")
    elif starts_at is not None and now < starts_at:
        reasons.append("not_started")
    return reasons


def _out_of_uses(
    shop: Shop, voucher: Voucher, *, redeemed: int, buyer: Buyer, view: View
) -> list[str]:
    reasons: list[str] = []
    left = shop.uses_left(voucher, view)
    if left is not None and left < 1:
        reasons.append("uses_exhausted")
    campaign = voucher.campaign
    if campaign is None or campaign.per_customer_cap is None:
        return reasons
    reserved = shop.held(f"{campaign.id}/{buyer.id}", "customer_uses", view)
    if buyer.guest:
        reasons.append("customer_required")
    elif redeemed + reserved >= campaign.per_customer_cap:
        reasons.append("customer_uses_exhausted")
    return reasons


def _against_counts(offer: Offer, *, redeemed: int, left: int, buyer: Buyer) -> list[str]:
    reasons: list[str] = []
    if offer.minimum_minor is not None and left < offer.minimum_minor:
        reasons.append("minimum_spend_not_met")
    if offer.at_most is not None and buyer.guest:
        reasons.append("customer_required")
    elif offer.at_most is not None and redeemed >= offer.at_most:
        reasons.append("customer_count_reached")
    return reasons


def _against_history(
    shop: Shop, offer: Offer, order: Order, *, buyer: Buyer, now: datetime
) -> list[str]:
    if not offer.first_order:
        return []
    if buyer.guest:
        return ["customer_required"]
    moment = min(now, order.placed_at)
    has_ordered = buyer.id is not None and any(
        earlier.customer == buyer.id
        and earlier.id != order.id
        and earlier.status in COUNTED
        and earlier.placed_at <= moment
        for earlier in shop.orders.values()
    )
    return ["not_first_order"] if has_ordered else []


def may_give_away(campaign: Campaign, now: datetime) -> bool:
    """Whether vouchers of a campaign may be given to anybody at present."""
    return campaign.active and not is_over(campaign.expires_at, now)
