"""The offer of a coupon, when it may be used, and what deciding on it takes to know."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from kaquan.campaigns import effective_offer, effective_window
from kaquan.checkout.model import Coupon
from kaquan.checkout.store.facts import CountWanted, FactsWanted
from kaquan.engine import (
    Counted,
    Needs,
    Offer,
    PerCustomerCount,
    Period,
    PointsMultiplier,
    RedemptionCount,
    ShippingOff,
    count_key,
    list_leaves,
    start_of_period,
)

OWN_COUNT = count_key("customer", "ever")
"""The customer's redemptions of a voucher that stands alone: it is its own campaign."""

_OF_VOUCHER = frozenset({"code", "customer_code"})


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about itself: who, where, when, and on which order.

    ``orders_before`` is a moment and the order's id: purchases up to then, that one aside, are
    the customer's earlier ones. ``stored_order_id`` is None while the order is new.
    """

    now: datetime
    zone: str
    customer_id: str | None
    location_id: str | None
    orders_before: tuple[datetime, str]
    stored_order_id: str | None


def read_offer(coupon: Coupon, now: datetime) -> Offer:
    """Return the coupon's offer within the windows of voucher, campaign and offer together."""
    offer = effective_offer(coupon.voucher, coupon.campaign)
    window = effective_window(coupon.voucher, coupon.campaign)
    within = offer.window.within(window.starts_at, window.expires_at, now=now)
    return structs.replace(offer, window=within)


def want_facts(
    coupons: Mapping[str, Coupon], offers: Mapping[str, Offer], needs: Needs, setting: Setting
) -> FactsWanted:
    """Return what has to be looked up for these offers besides what every request reads."""
    effects = [offer.effect for offer in offers.values()]
    ships = any(isinstance(effect, ShippingOff) for effect in effects)
    return FactsWanted(
        customer_id=setting.customer_id,
        location_id=setting.location_id,
        counts=tuple(
            want
            for code, coupon in coupons.items()
            for want in _list_counts(coupon, offers[code], setting)
        ),
        spend_before=setting.orders_before if needs.spend and setting.customer_id else None,
        category_ids=sorted({one for c in coupons.values() for one in list_category_ids(c)}),
        catalogue=sorted(needs.catalogue_ids),
        delivery_of=setting.stored_order_id if ships else None,
        card=setting.customer_id is not None and any(map(gives_points, offers.values())),
    )


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
    for leaf in list_leaves(offer.condition):
        match leaf:
            case RedemptionCount():
                yield leaf.of, leaf.period
            case PerCustomerCount() if coupon.campaign is None:
                yield "customer", "ever"
            case _:
                pass
