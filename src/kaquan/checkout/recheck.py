"""Whether the goods that stay still earn what a coupon took off them."""

from msgspec import structs

from kaquan.campaigns import effective_offer
from kaquan.checkout.basket import build_goods
from kaquan.checkout.model import Coupon
from kaquan.customers import Order, Product
from kaquan.engine import (
    AllOf,
    AnyOf,
    Applied,
    Candidate,
    Condition,
    Context,
    EveryItem,
    HasItems,
    ItemQuantity,
    LineCount,
    MinimumSpend,
    Node,
    NoEffect,
    Not,
    Reason,
    ReasonFamily,
    Rejected,
    SpendBetween,
    StackingRules,
    ThresholdOff,
    UnitPrice,
    Validity,
    decide,
)

_ABOUT_GOODS = (
    EveryItem,
    HasItems,
    ItemQuantity,
    LineCount,
    MinimumSpend,
    SpendBetween,
    UnitPrice,
)
_ABOUT = {ReasonFamily.ORDER, ReasonFamily.EFFECT}
_RULES = StackingRules(no_effect=NoEffect.REDEEM_ANYWAY)


def find_still_earned(
    coupon: Coupon,
    kept: Order | None,
    products: dict[str, Product],
    *,
    left_minor: int,
    context: Context,
) -> int:
    """Return how much of ``left_minor``, its discount of the goods that stay, they still earn.

    ``kept`` is the order with only those goods, less what earlier coupons take off them; None
    when nothing stays. Looked at again are conditions about goods and amounts, and the thresholds
    of the effect; what else a rule asked for was met when the coupon was used.
    """
    if kept is None:
        return 0
    offer = effective_offer(coupon.voucher, coupon.campaign)
    goods_only = structs.replace(offer, condition=_keep_goods(offer.condition), window=Validity())
    cart = build_goods(kept, products, already_discounted=False)
    decision = decide(cart, [Candidate(key="kept", offer=goods_only)], context, rules=_RULES)
    match decision.results[0]:
        case Rejected(reasons=reasons) if any(_is_about_goods(reason) for reason in reasons):
            return 0
        case Applied(total_discount_minor=earned) if isinstance(offer.effect, ThresholdOff):
            return min(earned, left_minor)
        case _:
            return left_minor


def _is_about_goods(reason: Reason) -> bool:
    return reason.code.family in _ABOUT


def _keep_goods(node: Node) -> Node:
    """The part of a rule that speaks of goods alone; the rest counts as met."""
    if _is_pure(node):
        return node
    if isinstance(node, AllOf):
        return AllOf(tuple(_keep_goods(member) for member in node.members))
    return AllOf(())


def _is_pure(node: Node) -> bool:
    match node:
        case AllOf() | AnyOf():
            return all(map(_is_pure, node.members))
        case Not():
            return _is_pure(node.member)
        case Condition():
            return isinstance(node, _ABOUT_GOODS)
