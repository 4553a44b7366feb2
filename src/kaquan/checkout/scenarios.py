"""Which rules a qualification looks at, by its scenario, and how a rule is left out of a tree."""

from collections.abc import Iterator
from enum import StrEnum
from typing import cast

import msgspec

from kaquan.engine import (
    AllOf,
    AnyOf,
    BirthdayWindow,
    Cart,
    CodeHolder,
    Condition,
    CustomerAttribute,
    CustomerSpend,
    EveryItem,
    FirstOrder,
    HasItems,
    InSegment,
    InTier,
    ItemQuantity,
    LineCount,
    MinimumSpend,
    Node,
    Not,
    Offer,
    OrderAttribute,
    OrderCount,
    PaidBy,
    PerCustomerCount,
    RedemptionCount,
    Scope,
    SpendBetween,
    UnitPrice,
    list_leaves,
)


class Scenario(StrEnum):
    """What is asked of a qualification."""

    ALL = "ALL"
    CUSTOMER_WALLET = "CUSTOMER_WALLET"
    AUDIENCE_ONLY = "AUDIENCE_ONLY"
    PRODUCTS = "PRODUCTS"
    PRODUCTS_DISCOUNT = "PRODUCTS_DISCOUNT"
    PROMOTION_STACKS = "PROMOTION_STACKS"
    PRODUCTS_BY_CUSTOMER = "PRODUCTS_BY_CUSTOMER"
    PRODUCTS_DISCOUNT_BY_CUSTOMER = "PRODUCTS_DISCOUNT_BY_CUSTOMER"


_CUSTOMER = (
    BirthdayWindow,
    CodeHolder,
    CustomerAttribute,
    CustomerSpend,
    FirstOrder,
    InSegment,
    InTier,
    OrderCount,
)
_ORDER = (
    EveryItem,
    HasItems,
    ItemQuantity,
    LineCount,
    MinimumSpend,
    OrderAttribute,
    PaidBy,
    SpendBetween,
    UnitPrice,
)
_IGNORED_COUNTS = {"customer", "campaign", "customer_code"}
_ALL_GOODS = {Scenario.PRODUCTS, Scenario.PRODUCTS_BY_CUSTOMER}
_DISCOUNTED_GOODS = {Scenario.PRODUCTS_DISCOUNT, Scenario.PRODUCTS_DISCOUNT_BY_CUSTOMER}
_WHATEVER_CUSTOMER = {Scenario.PRODUCTS, Scenario.PRODUCTS_DISCOUNT}

_NOTHING = AllOf()


def is_about_goods(scenario: Scenario) -> bool:
    """Whether the scenario asks about products rather than about an order."""
    return scenario in _ALL_GOODS | _DISCOUNTED_GOODS


def tolerates_no_effect(scenario: Scenario) -> bool:
    """Whether an offer is listed although it would take nothing off the cart as it is."""
    return scenario is Scenario.AUDIENCE_ONLY or is_about_goods(scenario)


def leave_out(node: Node, scenario: Scenario, *, holding: bool = True) -> Node:
    """The tree without the rules that the scenario does not look at.

    A rule that is left out takes the value that lets its tree hold: true, or false below a not.
    """
    match node:
        case AllOf():
            return AllOf(tuple(leave_out(one, scenario, holding=holding) for one in node.members))
        case AnyOf():
            return AnyOf(tuple(leave_out(one, scenario, holding=holding) for one in node.members))
        case Not():
            return Not(leave_out(node.member, scenario, holding=not holding))
        case Condition():
            if not _is_ignored(node, scenario):
                return node
            return _NOTHING if holding else Not(_NOTHING)


def concerns_goods(offer: Offer, cart: Cart, scenario: Scenario) -> bool:
    """Whether the offer is about goods of the cart, in the sense of the scenario.

    Its discount goes to items of the cart; or, where the discount alone does not decide, one of
    its rules names such goods.
    """
    effect = offer.effect
    scopes = list(_list_scopes(effect))
    named = [scope for scope in scopes if not scope.is_everything()]
    if getattr(effect, "target", None) == "items" and not named:
        return bool(cart.lines)
    if scenario in _ALL_GOODS:
        for leaf in list_leaves(offer.condition):
            named += [scope for scope in _list_scopes(leaf) if not scope.is_everything()]
    return any(scope.indexes(cart) for scope in named)


def _is_ignored(rule: Condition, scenario: Scenario) -> bool:
    match rule:
        case PerCustomerCount():
            return True
        case RedemptionCount() if rule.of in _IGNORED_COUNTS:
            return True
        case MinimumSpend() | SpendBetween() if rule.basis == "initial":
            return True
        case _:
            pass
    if scenario is Scenario.AUDIENCE_ONLY:
        return not isinstance(rule, _CUSTOMER)
    if scenario in _WHATEVER_CUSTOMER and isinstance(rule, _CUSTOMER):
        return True
    return is_about_goods(scenario) and isinstance(rule, _ORDER)


def _list_scopes(part: msgspec.Struct) -> Iterator[Scope]:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        members = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
        for member in members:
            if isinstance(member, Scope):
                yield member
            elif isinstance(member, msgspec.Struct):
                yield from _list_scopes(member)
