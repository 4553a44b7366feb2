"""The words of formulas: names, attributes, functions and comparisons, and what they ask for."""

from collections.abc import Mapping

MAX_ARGUMENTS = 20

ITEM = "order_item"
CHEAPEST = "cheapest_order_item"
DEAREST = "most_expensive_order_item"
_OF_AN_ITEM = ("price", "amount", "subtotal", "units_quantity")
_NOTED_OF_AN_ITEM = ("metadata", "product_metadata")

NAMES = frozenset(
    {
        "order_amount",
        "order_initial_amount",
        "order_items_quantity",
        "order_units_quantity",
        "order_lines",
        "shipping_amount",
        "customer_order_count",
        "customer_spend",
        "customer_tier",
        "customer_birthdate",
        "today",
        "now",
        "voucher_redemption_quantity",
        "voucher_redeemed_quantity",
        "voucher_publish_count",
        "voucher_start_date",
        "voucher_expiration_date",
        "promotion_tier_start_date",
        "promotion_tier_expiration_date",
        *(f"{item}_{word}" for item in (ITEM, CHEAPEST, DEAREST) for word in _OF_AN_ITEM),
    }
)
ATTRIBUTES = frozenset(
    {
        "customer_metadata",
        "order_metadata",
        "redeemable_metadata",
        "redemption_metadata",
        "publication_metadata",
        *(f"{item}_{word}" for item in (ITEM, CHEAPEST, DEAREST) for word in _NOTED_OF_AN_ITEM),
    }
)
OF_ITEMS = frozenset(f"{ITEM}_{word}" for word in _OF_AN_ITEM + _NOTED_OF_AN_ITEM)
"""What is worked out for each line of the order, where an effect takes something off lines."""

UNSUPPORTED = frozenset({"metadata"})
"""Words of the dialect that are refused by a key of their own: events have no discounts."""

SAME_AS: Mapping[str, str] = {"×": "*", "÷": "/", "x": "*"}
"""Signs that the dialect writes in another way as well."""

COMPARING_WORDS = (
    "is",
    "isnot",
    "contains",
    "startswith",
    "endswith",
    "in_array",
    "not_in_array",
    "is_after",
    "is_before",
    "date_is",
    "date_is_not",
)
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "if": (3, 3),
    "min": (1, MAX_ARGUMENTS),
    "max": (1, MAX_ARGUMENTS),
    "round": (1, 2),
    "floor": (1, 2),
    "ceil": (1, 2),
    "default_to": (2, MAX_ARGUMENTS),
    "contains": (2, 2),
    "pow": (2, 2),
    "date": (1, 1),
    "date_time": (1, 1),
    "day_of_month": (1, 1),
    "month": (1, 1),
    "year": (1, 1),
    "days_since": (1, 1),
    "days_until": (1, 1),
    "months_since": (1, 1),
    "months_until": (1, 1),
    "years_since": (1, 1),
}
"""The least and the most arguments of each function."""
