"""The offer of a coupon, when it may be used, and what deciding on it takes to know."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from kaquan.campaigns import effective_offer, effective_window, keeps_back
from kaquan.checkout.model import Coupon
from kaquan.checkout.store.facts import CountWanted, FactsWanted
from kaquan.engine import (
    AllOf,
    Counted,
    FirstOrder,
    Needs,
    Offer,
    PerCustomerCount,
    Period,
    PointsMultiplier,
    RedemptionCount,
    ShippingOff,
    count_key,
    find_needs,
    list_leaves,
    start_of_period,
)

OWN_COUNT = count_key("customer", "ever")
"""The customer's redemptions of a voucher that stands alone: it is its own campaign."""

_OF_VOUCHER = frozenset({"code", "customer_code"})


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about itself: who, where, when, and on which order.

    ``guests`` are the names under which a guest is counted, in place of a customer's id.

    ``orders_before`` is a moment and the order's id: purchases up to then, that one aside, are
    the customer's earlier ones. ``stored_order_id`` is None while the order is new.
    """

    now: datetime
    zone: str
    customer_id: str | None
    guests: tuple[str, ...]
    location_id: str | None
    orders_before: tuple[datetime, str]
    stored_order_id: str | None


def read_offer(coupon: Coupon, now: datetime) -> Offer:
    """Return the coupon's offer within the windows of voucher, campaign and offer together."""
    offer = effective_offer(coupon.voucher, coupon.campaign)
    window = effective_window(coupon.voucher, coupon.campaign)
    within = offer.window.within(window.starts_at, window.expires_at, now=now)
    terms = None if coupon.campaign is None else coupon.campaign.referral
    if terms is not None and terms.new_customers_only:
        offer = structs.replace(offer, condition=AllOf((FirstOrder(), offer.condition)))
    return structs.replace(offer, window=within)


def want_facts(
    coupons: Mapping[str, Coupon], offers: Mapping[str, Offer], needs: Needs, setting: Setting
) -> FactsWanted:
    """Return what has to be looked up for these offers besides what every request reads."""
    effects = [offer.effect for offer in offers.values()]
    ships = any(isinstance(effect, ShippingOff) for effect in effects)
    return FactsWanted(
        customer_id=setting.customer_id,
        guests=setting.guests,
        location_id=setting.location_id,
        counts=tuple(
            want
            for code, coupon in coupons.items()
            for want in _list_counts(coupon, offers[code], setting)
        ),
        spend_before=setting.orders_before if needs.spend and setting.customer_id else None,
        category_ids=sorted({one for c in coupons.values() for one in list_category_ids(c)}),
        catalogue=sorted(needs.catalogue_ids),
        publications=[c.voucher.id for c in coupons.values()] if needs.publication else (),
        delivery_of=setting.stored_order_id if ships else None,
        card=setting.customer_id is not None and any(map(gives_points, offers.values())),
        measured={} if setting.customer_id is None else _list_measured(coupons),
    )


def _list_measured(coupons: Mapping[str, Coupon]) -> dict[str, int]:
    """Campaigns that keep back what nobody holds yet: tiers, and what they could give."""
    return {
        one.campaign.id: one.campaign.holdout_bps
        for one in coupons.values()
        if one.campaign is not None
        and one.campaign.holdout_bps
        and keeps_back(one.campaign)
        and is_on_offer(one)
    }


def is_on_offer(coupon: Coupon) -> bool:
    """Whether it is offered to everybody, and not in somebody's hands."""
    campaign = coupon.campaign
    return coupon.voucher.tier or (campaign is not None and coupon.voucher.code == campaign.id)


def list_category_ids(coupon: Coupon) -> tuple[str, ...]:
    """The categories that the stacking rules see: the voucher's own, else its campaign's."""
    inherited = () if coupon.campaign is None else coupon.campaign.category_ids
    return coupon.voucher.category_ids or inherited


def gives_points(offer: Offer) -> bool:
    """Whether a redemption puts points on the customer's account at once."""
    effect = offer.effect
    return isinstance(effect, PointsMultiplier) and effect.extra_points > 0


def _list_counts(coupon: Coupon, offer: Offer, setting: Setting) -> Iterator[CountWanted]:
    for of, period in dict.fromkeys(_asked_counts(coupon, offer)):
        of_voucher = of in _OF_VOUCHER or coupon.campaign is None
        yield CountWanted(
            voucher_id=coupon.voucher.id,
            key=count_key(of, period),
            campaign_id=None if of_voucher or coupon.campaign is None else coupon.campaign.id,
            by_customer=of.startswith("customer"),
            by_location=of.endswith("location"),
            since=start_of_period(period, setting.now, setting.zone),
        )


def _asked_counts(coupon: Coupon, offer: Offer) -> Iterable[tuple[Counted, Period]]:
    if find_needs([offer]).code_uses:
        yield "code", "ever"
    for leaf in list_leaves(offer.condition):
        match leaf:
            case RedemptionCount():
                yield leaf.of, leaf.period
            case PerCustomerCount() if coupon.campaign is None:
                yield "customer", "ever"
            case _:
                pass
