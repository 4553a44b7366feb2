"""``/v1/kaquan``: our own additions, carts tried against drafts, and the best combination."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.attempts import AttemptReason, view_reason
from kaquan.api.baskets import view_closing, view_steps
from kaquan.api.call import CurrentCall
from kaquan.api.discounts import DiscountBody, read_offer
from kaquan.api.dry_run import CurrentDryRun, tell_time
from kaquan.api.orders import OrderView
from kaquan.api.routes import Dry, writes
from kaquan.api.validations import CheckoutBody, read_checkout
from kaquan.api.values import Count, Identifier, Minor, MomentText, read_moment
from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignKind,
    VoucherTemplate,
    find_campaign,
    get_campaign,
    get_voucher,
    list_promotion_tiers,
    list_vouchers_by_id,
)
from kaquan.checkout import (
    Attempt,
    Coupon,
    SimulatedOffer,
    Validation,
    find_best,
    simulate,
    simulate_campaign,
)
from kaquan.engine import Application, Applied, Rejected
from kaquan.runtime import InvalidInput, Project, Tx, get_project

MOST_OFFERS, MOST_CARTS = 30, 50


class DraftBody(msgspec.Struct, frozen=True, kw_only=True):
    """An offer to be tried: a campaign, a voucher's code, or a draft told here.

    A draft has a ``discount`` of the dialect's or our own ``offer``; both stand as they would in
    a campaign. ``key`` names it in the answer; without one its campaign's or code's name does. Of
    a promotion all tiers are tried, each named by its id.
    """

    key: Identifier | None = None
    campaign: Identifier | None = None
    voucher: Identifier | None = None
    discount: DiscountBody | None = None
    offer: dict[str, Any] | UnsetType = UNSET
    start_date: MomentText | None = None
    expiration_date: MomentText | None = None
    budget_amount: Minor | None = None
    per_customer_cap: Count | None = None


class SimulationBody(msgspec.Struct, frozen=True, kw_only=True):
    """Carts, and the offers that each of them is tried against.

    A cart is what a validation takes; codes among its redeemables come after the offers.
    ``now`` is the time it is taken to be. With ``ignore_period`` no period binds the offers.
    """

    offers: Annotated[list[DraftBody], Meta(min_length=1, max_length=MOST_OFFERS)]
    carts: Annotated[list[CheckoutBody], Meta(min_length=1, max_length=MOST_CARTS)]
    now: MomentText | None = None
    application: Literal["ALL", "PARTIAL"] = "PARTIAL"
    ignore_period: bool = False


class SimulatedView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one offer on a cart: its figures or its reasons, and the whole trace."""

    id: str
    object: Literal["voucher", "promotion_tier"]
    status: Literal["APPLICABLE", "INAPPLICABLE", "SKIPPED"]
    discount_amount: int
    order: OrderView | UnsetType = UNSET
    reasons: list[AttemptReason]
    trace: dict[str, Any] | UnsetType = UNSET


class SimulatedCart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart with all that applies to it."""

    valid: bool
    total_discount_amount: int
    order: OrderView | UnsetType = UNSET
    offers: list[SimulatedView]


class SimulationView(msgspec.Struct, frozen=True, kw_only=True):
    """The carts, in the order given; money in minor units of ``currency``."""

    now: datetime
    currency: str
    carts: list[SimulatedCart]
    object: Literal["simulation"] = "simulation"


class BestBody(CheckoutBody, frozen=True, kw_only=True):
    """An order, its customer, and codes besides those that the customer holds.

    ``wallet`` false leaves the customer's own codes aside, ``promotions`` false what needs no code.
    """

    wallet: bool = True
    promotions: bool = True


class LeftOutView(msgspec.Struct, frozen=True, kw_only=True):
    """A code that is not part of the best combination, and why."""

    id: str
    reasons: list[AttemptReason]
    campaign_id: str | None


class BestView(msgspec.Struct, frozen=True, kw_only=True):
    """The codes that together take most off, in the order of application.

    Up to 12 usable codes the answer is ``exact``; above, a bounded search may miss a better one.
    """

    redeemables: list[SimulatedView]
    order: OrderView | UnsetType = UNSET
    total_discount_amount: int
    exact: bool
    considered: int
    left_out: list[LeftOutView]
    object: Literal["best_combination"] = "best_combination"


async def _read_offers(
    tx: Tx, body: SimulationBody, *, project: Project, now: datetime
) -> dict[str, SimulatedOffer]:
    """Look up or draft the offers, by key. Raises InvalidInput, NotFound."""
    offers: dict[str, SimulatedOffer] = {}
    for index, draft in enumerate(body.offers):
        field = f"offers[{index}]"
        sources = (draft.campaign, draft.voucher, draft.discount, draft.offer)
        if sum(one is not None and one is not UNSET for one in sources) != 1:
            message = f"'{field}' must have one of campaign, voucher, discount, offer."
            raise InvalidInput(message, field=field)
        key = draft.key or draft.campaign or draft.voucher or f"draft-{index + 1}"
        if key in offers:
            message = f"'{key}' names two offers; give them keys of their own."
            raise InvalidInput(message, field=f"{field}.key")
        whenever = body.ignore_period
        if draft.voucher is not None:
            voucher = await get_voucher(tx, draft.voucher)
            campaign = None
            if voucher.campaign_id is not None:
                campaign = await find_campaign(tx, voucher.campaign_id)
            offers[key] = SimulatedOffer(coupon=Coupon(voucher, campaign), whenever=whenever)
            continue
        if draft.campaign is not None:
            campaign = await get_campaign(tx, draft.campaign)
            if campaign.kind is CampaignKind.PROMOTION:
                offers |= await _read_tiers(tx, campaign, whenever=whenever)
                continue
        else:
            campaign = _draft_campaign(draft, key, project=project, field=field, now=now)
        offers[key] = simulate_campaign(
            campaign, key, is_draft=draft.campaign is None, whenever=whenever, now=now
        )
    return offers


async def _read_tiers(tx: Tx, campaign: Campaign, *, whenever: bool) -> dict[str, SimulatedOffer]:
    """A promotion's tiers by their ids, in their order."""
    tiers = await list_promotion_tiers(
        tx, campaign_id=campaign.id, order="hierarchy", limit=MOST_OFFERS
    )
    vouchers = await list_vouchers_by_id(tx, [tier.id for tier in tiers.items])
    found = {voucher.id: voucher for voucher in vouchers}
    return {
        tier.id: SimulatedOffer(coupon=Coupon(found[tier.id], campaign), whenever=whenever)
        for tier in tiers.items
    }


def _draft_campaign(
    draft: DraftBody, key: str, *, project: Project, field: str, now: datetime
) -> Campaign:
    offer = read_offer(draft.discount or UNSET, draft.offer, field=f"{field}.discount")
    assert offer is not None, "a draft has a discount or an offer"
    start, end = draft.start_date, draft.expiration_date
    starts_at = None
    if start is not None:
        starts_at = read_moment(start, project.zone, field=f"{field}.start_date")
    expires_at = None
    if end is not None:
        path = f"{field}.expiration_date"
        expires_at = read_moment(end, project.zone, field=path, ends=True)
        if starts_at is not None and expires_at <= starts_at:
            raise InvalidInput("A period ends after it begins.", field=path)
    return Campaign(
        id=f"draft/{key}",
        name=key,
        description=None,
        kind=CampaignKind.DISCOUNT_COUPONS,
        activation=Activation.AUTO_UPDATE,
        offer={"id": key, **offer},
        voucher_template=VoucherTemplate(),
        budget_minor=draft.budget_amount,
        per_customer_cap=draft.per_customer_cap,
        holdout_bps=0,
        join_once=False,
        active=True,
        starts_at=starts_at,
        expires_at=expires_at,
        metadata={},
        version=1,
        created_at=now,
        updated_at=None,
    )


def _view_cart(validation: Validation) -> SimulatedCart:
    applied = [a.result for a in validation.attempts if isinstance(a.result, Applied)]
    off = sum(result.total_discount_minor for result in applied) if validation.valid else 0
    return SimulatedCart(
        valid=validation.valid,
        total_discount_amount=off,
        order=view_closing(validation),
        offers=_view_attempts(validation, with_trace=True),
    )


def _view_attempts(validation: Validation, *, with_trace: bool) -> list[SimulatedView]:
    steps = view_steps(validation)
    traces = {one.key: one for one in validation.decision.trace.candidates}
    return [
        SimulatedView(
            id=attempt.redeemable.id,
            object=attempt.redeemable.object,
            status=_status(attempt),
            discount_amount=attempt.result.total_discount_minor
            if isinstance(attempt.result, Applied)
            else 0,
            order=steps.get(attempt.redeemable.id, UNSET),
            reasons=[view_reason(reason, validation.project) for reason in attempt.reasons],
            trace=msgspec.to_builtins(traces[attempt.redeemable.id])
            if with_trace and attempt.redeemable.id in traces
            else UNSET,
        )
        for attempt in validation.attempts
    ]


def _status(attempt: Attempt) -> Literal["APPLICABLE", "INAPPLICABLE", "SKIPPED"]:
    match attempt.result:
        case Applied():
            return "APPLICABLE"
        case Rejected():
            return "INAPPLICABLE"
        case _:
            return "SKIPPED"


@writes("POST", "/simulations", "Try carts against offers that may not be running", dry=Dry.ALWAYS)
async def simulate_carts(data: JSONBody[SimulationBody], call: CurrentCall) -> SimulationView:
    """Say what each cart would come to if its customer had all of the offers at that time.

    What is switched off is taken as switched on; limits of what is stored hold as they stand.
    Nothing is written.
    """
    async with call.transaction() as tx:
        project = await get_project(tx)
        now = await tell_time(tx, data.now, now=call.now)
        offers = await _read_offers(tx, data, project=project, now=now)
        carts: list[SimulatedCart] = []
        for cart in data.carts:
            request = await read_checkout(tx, cart)
            validation = await simulate(
                tx, request, offers, now=now, application=Application[data.application]
            )
            carts.append(_view_cart(validation))
    return SimulationView(now=now, currency=project.currency, carts=carts)


@writes("POST", "/best-combinations", "Find the best combination", dry=Dry.ALWAYS)
async def combine_best(data: JSONBody[BestBody], call: CurrentCall, dry: CurrentDryRun) -> BestView:
    """Find which codes and promotions together take most off the order; nothing is written."""
    async with call.transaction() as tx:
        now = await tell_time(tx, dry.moment, now=call.now)
        request = await read_checkout(tx, data)
        best = await find_best(
            tx, request, now=now, from_wallet=data.wallet, automatic=data.promotions
        )
    validation = best.validation
    project = validation.project
    return BestView(
        redeemables=_view_attempts(validation, with_trace=False),
        order=view_closing(validation),
        total_discount_amount=validation.decision.total_discount_minor,
        exact=best.exact,
        considered=best.considered,
        left_out=[
            LeftOutView(
                id=key,
                reasons=[view_reason(reason, project) for reason in reasons],
                campaign_id=best.coupons[key].voucher.campaign_id if key in best.coupons else None,
            )
            for key, reasons in best.left_out.items()
        ],
    )


def simulations_router() -> Router:
    """Routes of what is worked out and never stored."""
    return Router(
        path="/kaquan", route_handlers=[simulate_carts, combine_best], tags=["Simulations"]
    )
