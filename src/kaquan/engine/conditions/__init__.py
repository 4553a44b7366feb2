"""When an offer may be used: one condition a file, and the tree over them."""

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, Verdict
from kaquan.engine.conditions.first_order import FirstOrder
from kaquan.engine.conditions.has_items import HasItems
from kaquan.engine.conditions.in_segment import InSegment
from kaquan.engine.conditions.minimum_spend import MinimumSpend
from kaquan.engine.conditions.per_customer_count import PerCustomerCount
from kaquan.engine.conditions.tree import NO_CONDITION, AllOf, AnyOf, Node, Not, evaluate

__all__ = [
    "CONDITIONS",
    "NO_CONDITION",
    "AllOf",
    "AnyOf",
    "Condition",
    "Finding",
    "FirstOrder",
    "HasItems",
    "InSegment",
    "MinimumSpend",
    "Node",
    "Not",
    "PerCustomerCount",
    "Verdict",
    "evaluate",
]
