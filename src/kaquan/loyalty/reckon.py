"""How many points something earns, or a reward costs. Pure."""

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from msgspec import structs

from kaquan.customers import Order, OrderLine
from kaquan.engine import MAX_MINOR
from kaquan.loyalty.model import Basis, EarningTerms, LoyaltyTier, PointsMapping

_WHOLE = Decimal(1)
_FINEST = Decimal("0.000001")


def reckon_points(
    terms: EarningTerms,
    mapping: PointsMapping | None = None,
    *,
    order: Order | None = None,
    covers: Callable[[OrderLine], bool] = lambda _: True,
    customer: dict[str, Any] | None = None,
    event: dict[str, Any] | None = None,
) -> int:
    """Return the points that terms give: full steps of the basis times points, rounded down.

    ``mapping`` is what the member's tier makes of it; ``customer`` and ``event`` are metadata.
    Metadata that is no number, or is missing, gives nothing.
    """
    if mapping is not None and mapping.points is not None:
        terms = structs.replace(terms, points=mapping.points)
    measured = _measure(terms, order, covers=covers, customer=customer or {}, event=event or {})
    points = min(max(measured // terms.every, 0) * terms.points, MAX_MINOR)
    if mapping is not None and mapping.multiplier is not None:
        points = int((points * mapping.multiplier).quantize(_WHOLE, ROUND_FLOOR))
    return min(points, MAX_MINOR)


def reckon_price(points: int, mapping: PointsMapping | None) -> int:
    """Return what a reward of ``points`` costs in a tier, rounded up and at least 1."""
    if mapping is None:
        return points
    if mapping.points is not None:
        return max(mapping.points, 1)
    assert mapping.multiplier is not None
    return max(int((points * mapping.multiplier).quantize(_WHOLE, ROUND_CEILING)), 1)


def find_tier(tiers: Iterable[LoyaltyTier], points: int) -> LoyaltyTier | None:
    """Return the tier of a card with so many points."""
    return next((tier for tier in tiers if tier.holds(points)), None)


def is_exact(value: Decimal | None, *, most: int) -> bool:
    """Say whether a number is above 0, at most ``most``, and has at most six decimals."""
    if value is None or not value.is_finite() or not 0 < value <= most:
        return False
    return value >= _FINEST and value == round(value, 6)


def points_of_returned(points: int, returned_minor: int, whole_minor: int) -> int:
    """Return how many of the points go with returned goods: their share, rounded down."""
    if returned_minor >= whole_minor:
        return points
    return points * returned_minor // whole_minor


def _measure(
    terms: EarningTerms,
    order: Order | None,
    *,
    covers: Callable[[OrderLine], bool],
    customer: dict[str, Any],
    event: dict[str, Any],
) -> int:
    lines = [] if order is None else [line for line in order.lines if covers(line)]
    match terms.basis:
        case Basis.FIXED:
            return terms.every
        case Basis.ORDER_AMOUNT:
            return 0 if order is None else order.amount_minor
        case Basis.ORDER_TOTAL_AMOUNT:
            return 0 if order is None else order.total_minor
        case Basis.ORDER_ITEMS_QUANTITY:
            return sum(line.quantity for line in lines)
        case Basis.ORDER_ITEMS_AMOUNT:
            return sum(line.amount_minor for line in lines)
        case Basis.ORDER_ITEMS_SUBTOTAL_AMOUNT:
            return sum(line.amount_minor - line.discount_minor for line in lines)
        case Basis.ORDER_METADATA:
            return _number({} if order is None else order.metadata, terms.property)
        case Basis.CUSTOMER_METADATA:
            return _number(customer, terms.property)
        case Basis.CUSTOM_EVENT_METADATA:
            return _number(event, terms.property)


def _number(metadata: dict[str, Any], name: str | None) -> int:
    value = metadata.get(name or "")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    if abs(value) > MAX_MINOR:
        return 0
    return int(Decimal(str(value)).quantize(_WHOLE, ROUND_FLOOR))
