"""The offer of a coupon, when it may be used, and what its rules want to know."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import structs

from kaquan.campaigns import effective_offer, effective_window
from kaquan.checkout.model import Coupon
from kaquan.engine import (
    AllOf,
    AnyOf,
    Condition,
    FirstOrder,
    InSegment,
    Node,
    Not,
    Offer,
    Scope,
)


def read_offer(coupon: Coupon, now: datetime) -> Offer:
    """Return the coupon's offer within the windows of voucher, campaign and offer together."""
    offer = effective_offer(coupon.voucher, coupon.campaign)
    window = effective_window(coupon.voucher, coupon.campaign)
    within = offer.window.within(window.starts_at, window.expires_at, now=now)
    return structs.replace(offer, window=within)


def needs_order_count(offer: Offer) -> bool:
    """Whether a rule asks how often the customer has ordered."""
    return any(isinstance(condition, FirstOrder) for condition in _conditions(offer.condition))


def list_segment_ids(offer: Offer) -> set[str]:
    """The segments that rules ask about."""
    conditions = _conditions(offer.condition)
    return {c.segment_id for c in conditions if isinstance(c, InSegment)}


def names_attributes(offer: Offer) -> bool:
    """Whether the effect or a rule speaks of goods by their attributes."""
    parts = (offer.effect, *_conditions(offer.condition))
    scopes = (getattr(part, "scope", None) for part in parts)
    return any(
        isinstance(scope, Scope) and bool(scope.attributes or scope.excluded_attributes)
        for scope in scopes
    )


def _conditions(node: Node) -> Iterator[Condition]:
    match node:
        case AllOf() | AnyOf():
            for member in node.members:
                yield from _conditions(member)
        case Not():
            yield from _conditions(node.member)
        case Condition():
            yield node
