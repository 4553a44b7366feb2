"""When an offer may be used: one condition a file, and the tree over them."""

from kaquan.engine.conditions.at_hours import AtHours
from kaquan.engine.conditions.at_location import AtLocation
from kaquan.engine.conditions.birthday_window import BirthdayWindow
from kaquan.engine.conditions.code_holder import CodeHolder
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, Verdict
from kaquan.engine.conditions.customer_attribute import CustomerAttribute
from kaquan.engine.conditions.customer_spend import CustomerSpend
from kaquan.engine.conditions.every_item import EveryItem
from kaquan.engine.conditions.extreme_item import ExtremeItem
from kaquan.engine.conditions.first_order import FirstOrder
from kaquan.engine.conditions.has_items import HasItems
from kaquan.engine.conditions.in_channel import InChannel
from kaquan.engine.conditions.in_segment import InSegment
from kaquan.engine.conditions.in_tier import InTier
from kaquan.engine.conditions.item_quantity import ItemQuantity
from kaquan.engine.conditions.line_attribute import LineAttribute
from kaquan.engine.conditions.line_count import LineCount
from kaquan.engine.conditions.line_quantity import LineQuantity
from kaquan.engine.conditions.minimum_spend import MinimumSpend
from kaquan.engine.conditions.order_attribute import OrderAttribute
from kaquan.engine.conditions.order_count import OrderCount
from kaquan.engine.conditions.paid_by import PaidBy
from kaquan.engine.conditions.per_customer_count import PerCustomerCount
from kaquan.engine.conditions.redeemed_by import RedeemedBy
from kaquan.engine.conditions.redemption_attribute import RedemptionAttribute
from kaquan.engine.conditions.redemption_count import Counted, RedemptionCount, count_key
from kaquan.engine.conditions.spend_between import SpendBetween
from kaquan.engine.conditions.tree import (
    NO_CONDITION,
    AllOf,
    AnyOf,
    Node,
    Not,
    evaluate,
    list_leaves,
    list_needed,
)
from kaquan.engine.conditions.unit_price import UnitPrice

__all__ = [
    "CONDITIONS",
    "NO_CONDITION",
    "AllOf",
    "AnyOf",
    "AtHours",
    "AtLocation",
    "BirthdayWindow",
    "CodeHolder",
    "Condition",
    "Counted",
    "CustomerAttribute",
    "CustomerSpend",
    "EveryItem",
    "ExtremeItem",
    "Finding",
    "FirstOrder",
    "HasItems",
    "InChannel",
    "InSegment",
    "InTier",
    "ItemQuantity",
    "LineAttribute",
    "LineCount",
    "LineQuantity",
    "MinimumSpend",
    "Node",
    "Not",
    "OrderAttribute",
    "OrderCount",
    "PaidBy",
    "PerCustomerCount",
    "RedeemedBy",
    "RedemptionAttribute",
    "RedemptionCount",
    "SpendBetween",
    "UnitPrice",
    "Verdict",
    "count_key",
    "evaluate",
    "list_leaves",
    "list_needed",
]
