"""What the names and attributes of a formula stand for in a request."""

from datetime import date, datetime

from kaquan.engine.cart import AttributeValue
from kaquan.engine.conditions.redemption_count import count_key
from kaquan.engine.facts import Facts
from kaquan.engine.formula_time import to_local
from kaquan.engine.formula_words import CHEAPEST, DEAREST, ITEM
from kaquan.engine.scope import EVERYTHING

USES_OF_CODE = count_key("code", "ever")
"""Where a candidate carries how often its own code was redeemed."""

_ITEMS = (CHEAPEST, DEAREST, ITEM)


def look_up(name: str, facts: Facts) -> AttributeValue | datetime | None:
    """What a name stands for; None where the request does not tell."""
    item = next((one for one in _ITEMS if name.startswith(f"{one}_")), None)
    if item is not None:
        line = _find_line(item, facts)
        return None if line is None else _tell_line(name.removeprefix(f"{item}_"), line, facts)
    if name.startswith("customer_"):
        return _tell_customer(name, facts)
    if name.startswith(("voucher_", "promotion_tier_")):
        return _tell_redeemable(name, facts)
    match name:
        case "today":
            return to_local(facts.context.now, facts.context.time_zone).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
        case "now":
            return to_local(facts.context.now, facts.context.time_zone).replace(microsecond=0)
        case "order_amount":
            return facts.spend(EVERYTHING, "remaining")
        case "order_initial_amount":
            return facts.cart.amount
        case "order_units_quantity":
            return sum(line.quantity for line in facts.cart.lines)
        case "order_items_quantity" | "order_lines":
            return len(facts.cart.lines)
        case "shipping_amount":
            return facts.cart.shipping_minor
        case _:
            raise AssertionError(name)


def look_up_attribute(of: str, name: str, facts: Facts) -> AttributeValue | None:
    """What is noted under ``name`` of the customer, the order, a line and so on."""
    for item in _ITEMS:
        if of in (item, f"{item}_product"):
            line = _find_line(item, facts)
            if line is None:
                return None
            told = facts.cart.lines[line]
            return (told.metadata if of == item else told.attributes).get(name)
    match of:
        case "customer":
            noted = facts.context.customer.attributes
        case "redeemable":
            noted = facts.attributes
        case "redemption":
            noted = facts.context.redemption_metadata
        case "publication":
            noted = facts.publication
        case _:
            noted = facts.cart.metadata
    return noted.get(name)


def _find_line(item: str, facts: Facts) -> int | None:
    """The line at hand, or that of the lowest or highest price.

    Of several with one price it is the one of which least is left, and of those the first.
    """
    if item == ITEM:
        return facts.line
    sign = 1 if item == CHEAPEST else -1
    lines, left = facts.cart.lines, facts.left.subtotals_minor
    return min(
        range(len(lines)),
        key=lambda index: (sign * lines[index].unit_price, left[index]),
        default=None,
    )


def _tell_line(word: str, line: int, facts: Facts) -> int:
    match word:
        case "price":
            return facts.cart.lines[line].unit_price
        case "amount":
            return facts.initial_line(line)
        case "subtotal":
            return facts.left.subtotals_minor[line]
        case _:
            return facts.cart.lines[line].quantity


def _tell_customer(name: str, facts: Facts) -> AttributeValue | datetime | None:
    customer = facts.context.customer
    if customer.id is None:
        return None
    match name:
        case "customer_order_count":
            return customer.order_count
        case "customer_spend":
            return customer.spend_minor
        case "customer_birthdate":
            return _first_moment(customer.birthday)
        case _:
            return customer.tier_id


def _tell_redeemable(name: str, facts: Facts) -> int | datetime | None:
    zone = facts.context.time_zone
    match name:
        case "voucher_redemption_quantity":
            return facts.quantity
        case "voucher_redeemed_quantity":
            return facts.redemption_counts.get(USES_OF_CODE)
        case "voucher_publish_count":
            return 0 if facts.claimed_at is None else 1
        case "voucher_start_date" | "promotion_tier_start_date":
            return None if facts.starts_at is None else to_local(facts.starts_at, zone)
        case _:
            return None if facts.expires_at is None else to_local(facts.expires_at, zone)


def _first_moment(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day)  # noqa: DTZ001
