"""Which offers a checkout can carry out today: the engine decides on more than it is told yet."""

import msgspec

from kaquan.engine import (
    FreeUnits,
    Needs,
    Offer,
    OrderAttribute,
    PaidBy,
    PointsMultiplier,
    PointsPayment,
    RedeemedBy,
    ServiceEntitlement,
    ShippingOff,
    StoredValue,
    find_needs,
    list_leaves,
)
from kaquan.runtime import InvalidInput

# They put goods into the cart, move a balance, grant something or concern the delivery: an order
# as it is stored has no place for these.
_EFFECTS_TO_COME = (
    FreeUnits,
    PointsMultiplier,
    PointsPayment,
    ServiceEntitlement,
    ShippingOff,
    StoredValue,
)
_CONDITIONS_TO_COME = (OrderAttribute, PaidBy, RedeemedBy)
_LOOKED_UP = frozenset({"segment_ids", "goods_attributes", "order_count"})


def refuse_infeasible(offer: Offer) -> None:
    """Raise InvalidInput (offer_not_supported) for an offer that a checkout could not carry out."""
    if isinstance(offer.effect, _EFFECTS_TO_COME):
        message = f"The effect '{offer.effect.code}' cannot be redeemed yet."
        raise InvalidInput(message, field="offer.effect", key="offer_not_supported")
    for leaf in list_leaves(offer.condition):
        if isinstance(leaf, _CONDITIONS_TO_COME):
            message = f"The condition '{leaf.code}' cannot be checked yet."
            raise InvalidInput(message, field="offer.condition", key="offer_not_supported")
    unknown = sorted(_wanted(find_needs([offer])) - _LOOKED_UP)
    if unknown:
        message = f"What this offer asks about is not known at the checkout yet: {unknown[0]}."
        raise InvalidInput(message, field="offer", key="offer_not_supported")


def _wanted(needs: Needs) -> set[str]:
    return {name for name, value in msgspec.structs.asdict(needs).items() if value}
