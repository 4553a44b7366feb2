"""What offers would do that are not running: drafts, and campaigns switched off or not begun."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from kaquan.campaigns import Campaign
from kaquan.checkout.decision import decide_inputs, gather_inputs
from kaquan.checkout.demand import check_request, check_rules
from kaquan.checkout.limits import budget_key
from kaquan.checkout.model import CheckoutRequest, Coupon, Redeemable, Validation
from kaquan.checkout.qualify import sketch_voucher
from kaquan.checkout.snapshot import take_snapshot
from kaquan.checkout.validate import conclude
from kaquan.engine import Application
from kaquan.ledger import Account
from kaquan.runtime import Tx


class SimulatedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign of which the customer is taken to have a voucher, or a voucher that exists.

    What is switched off is taken as switched on. ``is_draft``: the campaign is not stored, so its
    budget is whole. With ``whenever`` no period binds it, the campaign's or the offer's own.
    """

    coupon: Coupon
    is_draft: bool = False
    whenever: bool = False


def simulate_campaign(
    campaign: Campaign, key: str, *, is_draft: bool, whenever: bool, now: datetime
) -> SimulatedOffer:
    """The campaign's offer, under a key of the caller's as its code."""
    voucher = structs.replace(sketch_voucher(campaign, None, now=now), code=key)
    return SimulatedOffer(coupon=Coupon(voucher, campaign), is_draft=is_draft, whenever=whenever)


async def simulate(
    tx: Tx,
    request: CheckoutRequest,
    offers: Mapping[str, SimulatedOffer],
    *,
    now: datetime,
    application: Application = Application.PARTIAL,
) -> Validation:
    """Decide on the request as if its customer had all of ``offers``; nothing is written.

    ``offers`` are by the key under which they are answered, in order; the request's redeemables
    come after them. They go together by the project's rules, but for ``application``. Limits of
    what is stored hold as they stand. Raises as ``validate`` does.
    """
    if request.redeemables:
        check_request(request)
    asked = {key: Redeemable(id=key) for key in offers}
    asked |= {one.id: one for one in request.redeemables if one.id not in asked}
    snapshot = await take_snapshot(
        tx,
        structs.replace(request, redeemables=tuple(asked.values())),
        now=now,
        locking=False,
        besides={key: _switch_on(offer) for key, offer in offers.items()},
    )
    budgets = {
        budget_key(campaign): _whole_budget(campaign)
        for one in offers.values()
        if one.is_draft and (campaign := one.coupon.campaign) is not None
    }
    snapshot = structs.replace(snapshot, accounts={**snapshot.accounts, **budgets})
    rules = structs.replace(snapshot.rules, application=application)
    check_rules(snapshot.request, rules)
    inputs = gather_inputs(snapshot, rules)
    return conclude(snapshot, inputs, decide_inputs(inputs), rules=rules)


def _switch_on(offer: SimulatedOffer) -> Coupon:
    voucher = structs.replace(offer.coupon.voucher, active=True)
    campaign = offer.coupon.campaign
    if campaign is not None:
        campaign = structs.replace(campaign, active=True)
    if offer.whenever:
        voucher = structs.replace(voucher, starts_at=None, expires_at=None)
        if voucher.offer is not None:
            voucher = structs.replace(voucher, offer={**voucher.offer, "window": {}})
        if campaign is not None:
            campaign = structs.replace(
                campaign,
                starts_at=None,
                expires_at=None,
                offer={**campaign.offer, "window": {}},
            )
    return Coupon(voucher, campaign)


def _whole_budget(campaign: Campaign) -> Account:
    key, budget = budget_key(campaign), campaign.budget_minor or 0
    return Account(owner=key.owner, kind=key.kind, balance=budget, held=0, granted=budget)
