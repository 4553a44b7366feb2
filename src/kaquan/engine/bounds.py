"""The most that a redeemable can save on a cart, whatever comes before it."""

from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.effects import (
    AmountOff,
    BundlePrice,
    BuyXGetY,
    CheapestFree,
    Effect,
    Exchange,
    FixedPrice,
    NthItemAtRate,
    PercentOff,
    PrintedValue,
    ShippingOff,
    ThresholdOff,
)
from kaquan.engine.lanes import Lane
from kaquan.engine.money import Rounding, take_rate
from kaquan.engine.scope import Scope
from kaquan.engine.sequence import find_lane

_ROUNDING = Rounding.HALF_UP
"""No project rounds a rate to more."""


def find_most(candidate: Candidate, cart: Cart) -> int | None:
    """An upper bound in minor units; None where nothing is known of the effect.

    It holds as long as no units are added to the cart: a base only shrinks while coupons are
    applied, so rates and amounts are bounded by what they give on the untouched cart. Effects
    that add units have no bound here, nor has a formula or an effect of a plugin.
    """
    if find_lane(candidate) is Lane.PAYMENT:
        return 0
    most = _find_most_of_effect(candidate.offer.effect, cart)
    budget = candidate.budget_left_minor
    if most is None or budget is None:
        return most
    return min(most, budget)


def _find_most_of_effect(effect: Effect, cart: Cart) -> int | None:
    match effect:
        case AmountOff():
            return _find_most_of_amount(effect, cart)
        case PercentOff():
            return _find_most_of_percentage(effect, cart)
        case ThresholdOff():
            return _find_most_of_tiers(effect, _spend(effect.scope, cart))
        case PrintedValue():
            return effect.max_minor
        case CheapestFree() | Exchange() | FixedPrice() | NthItemAtRate():
            return _spend(effect.scope, cart)
        case BuyXGetY():
            return _spend(effect.buy if effect.get is None else effect.get, cart)
        case BundlePrice():
            return cart.amount
        case ShippingOff():
            return cart.shipping_minor
        case _:
            return None


def _find_most_of_amount(effect: AmountOff, cart: Cart) -> int | None:
    if effect.amount_formula is not None:
        return None
    if effect.target == "order" or effect.giving in ("by_amount", "by_quantity"):
        return effect.amount_minor
    per_unit = effect.giving == "per_unit"
    return sum(
        min(line.amount, effect.amount_minor * (line.quantity if per_unit else 1))
        for line in cart.lines
        if effect.scope.covers(line)
    )


def _find_most_of_percentage(effect: PercentOff, cart: Cart) -> int | None:
    if effect.rate_formula is not None:
        return None
    if effect.target == "items":
        covered = (line.amount for line in cart.lines if effect.scope.covers(line))
        return sum(take_rate(amount, effect.rate_bps, _ROUNDING) for amount in covered)
    off = take_rate(_spend(effect.scope, cart), effect.rate_bps, _ROUNDING)
    return off if effect.cap_minor is None else min(off, effect.cap_minor)


def _find_most_of_tiers(effect: ThresholdOff, spent: int) -> int:
    if effect.repeat:
        tier = effect.tiers[0]
        off = spent // tier.spend_minor * tier.off_minor
    else:
        reached = (tier.off_minor for tier in effect.tiers if tier.spend_minor <= spent)
        off = max(reached, default=0)
    return off if effect.cap_minor is None else min(off, effect.cap_minor)


def _spend(scope: Scope, cart: Cart) -> int:
    if scope.is_everything():
        return cart.amount
    return sum(cart.lines[index].amount for index in scope.indexes(cart))
