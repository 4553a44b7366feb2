"""Words for effects, conditions and their arguments; every word is a catalogue key.

What a plugin registers has no words here: it is told by its own summary, and its arguments by
their names.
"""

from __future__ import annotations

from collections.abc import Mapping

from kaquan.campaigns import CampaignKind
from kaquan.console.language import N_

KINDS: Mapping[CampaignKind, str] = {
    CampaignKind.DISCOUNT_COUPONS: N_("Coupons: a code takes something off"),
    CampaignKind.GIFT_VOUCHERS: N_("Gift cards: a code has a balance to pay with"),
    CampaignKind.LOYALTY_PROGRAM: N_("Points cards: points pay"),
    CampaignKind.PROMOTION: N_("Automatic: no code is needed"),
}

EFFECTS: Mapping[str, str] = {
    "amount_off": N_("Amount off"),
    "percent_off": N_("Percentage off"),
    "threshold_off": N_("Spend and save"),
    "fixed_price": N_("Fixed price"),
    "free_units": N_("Free gift"),
    "exchange": N_("Exchange for goods"),
    "buy_x_get_y": N_("Buy some, get some"),
    "nth_item_at_rate": N_("Every nth item reduced"),
    "cheapest_free": N_("Cheapest free"),
    "bundle_price": N_("Bundle price"),
    "shipping_off": N_("Free or reduced delivery"),
    "stored_value": N_("Pay from a balance"),
    "points_payment": N_("Pay with points"),
    "points_multiplier": N_("More points"),
    "printed_value": N_("Value printed on the coupon"),
    "service_entitlement": N_("Visits of a service"),
}

CONDITIONS: Mapping[str, str] = {
    "minimum_spend": N_("Minimum spend"),
    "spend_between": N_("Order amount between"),
    "has_items": N_("Certain goods in the cart"),
    "every_item": N_("Nothing but certain goods"),
    "item_quantity": N_("Number of units"),
    "line_count": N_("Number of different goods"),
    "line_quantity": N_("Units of one good"),
    "unit_price": N_("Unit price"),
    "extreme_item": N_("Cheapest or dearest good"),
    "in_segment": N_("Customer in a segment"),
    "first_order": N_("First order"),
    "order_count": N_("Orders so far"),
    "customer_spend": N_("Spent so far"),
    "in_tier": N_("Membership tier"),
    "birthday_window": N_("Around the birthday"),
    "customer_attribute": N_("Attribute of the customer"),
    "code_holder": N_("Only whom the code was given to"),
    "per_customer_count": N_("Times each customer"),
    "redemption_count": N_("Redemptions in a period"),
    "redeemed_by": N_("Who redeems"),
    "at_location": N_("Store"),
    "in_channel": N_("Channel"),
    "paid_by": N_("Way to pay"),
    "at_hours": N_("Weekdays and hours"),
    "order_attribute": N_("Attribute of the order"),
    "line_attribute": N_("Attribute of a line"),
    "redemption_attribute": N_("Attribute of the redemption"),
}

ARGUMENTS: Mapping[str, str] = {
    "amount_minor": N_("Amount"),
    "amount_formula": N_("Formula for the amount"),
    "target": N_("Comes off"),
    "giving": N_("Counts"),
    "cap_minor": N_("At most"),
    "total_cap_minor": N_("At most in all"),
    "scope": N_("Which goods"),
    "product_ids": N_("Products"),
    "sku_ids": N_("Variants"),
    "attributes": N_("Goods with these attributes"),
    "excluded_product_ids": N_("Except products"),
    "excluded_sku_ids": N_("Except variants"),
    "excluded_attributes": N_("Except goods with these attributes"),
    "selection": N_("Which of them"),
    "sort": N_("Sorted"),
    "count": N_("Counted by"),
    "skip": N_("Leave out the first"),
    "repeat": N_("Then take every …th"),
    "threshold_off.repeat": N_("Every time the amount is reached"),
    "at_most": N_("At most"),
    "at_least": N_("At least"),
    "at_least_minor": N_("At least"),
    "at_most_minor": N_("At most"),
    "max_units": N_("Units at most"),
    "max_units_per_line": N_("Units of one good at most"),
    "parts": N_("What belongs to a bundle"),
    "quantity": N_("Quantity"),
    "quantity_formula": N_("Formula for the quantity"),
    "price_minor": N_("Price"),
    "shipping_off.price_minor": N_("The buyer pays at least"),
    "price_formula": N_("Formula for the price"),
    "max_bundles": N_("Bundles at most"),
    "buy_quantity": N_("Buy"),
    "get_quantity": N_("Get"),
    "rate_bps": N_("Percentage off"),
    "rate_formula": N_("Formula for the rate"),
    "buy": N_("Goods to buy"),
    "get": N_("Goods to get"),
    "max_times": N_("Times at most"),
    "of": N_("Of every"),
    "redemption_count.of": N_("Counted for"),
    "free": N_("Free of these"),
    "top_up_minor": N_("Top-up for each"),
    "units": N_("Gifts"),
    "product_id": N_("Product"),
    "sku_id": N_("Variant"),
    "adding": N_("Into the cart"),
    "nth": N_("Every …th item"),
    "basis": N_("Counted from"),
    "multiplier_bps": N_("Times the points"),
    "extra_points": N_("Extra points"),
    "points": N_("Points"),
    "worth_minor": N_("Pay"),
    "max_share_bps": N_("Of the order at most"),
    "max_minor": N_("At most"),
    "service_id": N_("Service"),
    "visits": N_("Visits"),
    "valid_days": N_("Days valid"),
    "tiers": N_("Steps"),
    "spend_minor": N_("Spend at least"),
    "off_minor": N_("Takes off"),
    "hours": N_("Hours"),
    "window.hours": N_("Hours of the week"),
    "weekdays": N_("Weekdays"),
    "opens": N_("From"),
    "closes": N_("Until"),
    "message": N_("What to say when it is not met"),
    "location_ids": N_("Stores"),
    "days_before": N_("Days before"),
    "days_after": N_("Days after"),
    "whole_month": N_("The whole month"),
    "name": N_("Name of the attribute"),
    "operator": N_("Compares"),
    "values": N_("Values"),
    "which": N_("Which one"),
    "among": N_("Among"),
    "channels": N_("Channels"),
    "segment_id": N_("Segment"),
    "tier_ids": N_("Tiers"),
    "lines": N_("Holds for"),
    "payment_methods": N_("Ways to pay"),
    "redeemer_ids": N_("People or keys"),
    "period": N_("In a"),
    "starts_at": N_("Not before"),
    "expires_at": N_("Only until"),
    "starts_on": N_("First day"),
    "expires_on": N_("Last day"),
    "after_claim": N_("After it was given out"),
    "wait_days": N_("Days to wait"),
    "wait_hours": N_("Hours to wait"),
    "days": N_("Days usable"),
    "after_claim.hours": N_("Hours usable"),
    "blackouts": N_("Days on which it cannot be used"),
    "first": N_("First day"),
    "last": N_("Last day"),
    "recurring": N_("Opens again and again"),
    "since": N_("First opening"),
    "every_s": N_("Every … seconds"),
    "open_s": N_("Open for … seconds"),
}

HELPS: Mapping[str, str] = {
    "product_ids": N_("Your own product ids, one a line. Nothing named: all goods."),
    "sku_ids": N_("Your own ids of variants, one a line."),
    "attributes": N_("One a line, as color: red, blue"),
    "excluded_attributes": N_("One a line, as color: red, blue"),
    "amount_formula": N_("In cents. Takes the place of the amount where it has a value."),
    "rate_formula": N_("In hundredths of a percent."),
    "price_formula": N_("In cents."),
    "closes": N_("Earlier than the start means the next day."),
    "values": N_("One a line."),
    "channels": N_("One a line, as API, web, pos"),
    "payment_methods": N_("One a line, as your checkout sends them."),
    "redeemer_ids": N_("One a line."),
    "tier_ids": N_("One a line."),
}

CHOICES: Mapping[str, Mapping[str, str]] = {
    "target": {"order": N_("the whole order"), "items": N_("the goods")},
    "giving": {
        "per_line": N_("once for each product"),
        "per_unit": N_("for each unit"),
        "by_amount": N_("once, shared out by amounts"),
        "by_quantity": N_("once, shared out by units"),
    },
    "sort": {
        "cart": N_("as in the cart"),
        "cheapest_first": N_("cheapest first"),
        "dearest_first": N_("dearest first"),
    },
    "count": {"line": N_("goods"), "unit": N_("units")},
    "adding": {
        "new": N_("always added"),
        "missing": N_("only what is missing"),
    },
    "basis": {
        "remaining": N_("what other offers left"),
        "initial": N_("the full price"),
    },
    "redemption_count.of": {
        "customer": N_("each customer"),
        "campaign": N_("the campaign"),
        "code": N_("each code"),
        "customer_code": N_("each customer and code"),
        "location": N_("each store"),
        "customer_location": N_("each customer and store"),
    },
    "operator": {
        "one_of": N_("is one of"),
        "none_of": N_("is none of"),
        "contains": N_("contains"),
        "starts_with": N_("begins with"),
        "ends_with": N_("ends with"),
        "at_least": N_("is at least"),
        "at_most": N_("is at most"),
        "present": N_("is known"),
        "absent": N_("is not known"),
    },
    "which": {"cheapest": N_("the cheapest"), "dearest": N_("the dearest")},
    "lines": {"any": N_("any of them"), "every": N_("every one of them")},
    "period": {
        "ever": N_("whole time"),
        "day": N_("day"),
        "week": N_("week"),
        "month": N_("month"),
        "year": N_("year"),
    },
}

WEEKDAYS = (
    N_("Mon"),
    N_("Tue"),
    N_("Wed"),
    N_("Thu"),
    N_("Fri"),
    N_("Sat"),
    N_("Sun"),
)

FAULTS: Mapping[str, str] = {
    "an exchange names its goods": N_("Name the goods that the code is exchanged for."),
    "at_least and at_most take one number": N_("Comparing a size takes exactly one number."),
    "at_least cannot exceed at_most": N_("The lower bound is above the upper one."),
    "first cannot come after last": N_("The first day comes after the last one."),
    "free must be less than of": N_("Fewer must be free than are counted."),
    "free units need a product_id or a sku_id": N_("Name a product or a variant for each gift."),
    "give either days or hours": N_("Give either days or hours, not both."),
    "give either days or the whole month": N_("Give either days or the whole month, not both."),
    "giving, selection and caps are for the target items": N_(
        "How it counts, which goods and limits go with an amount off the goods, not the order."
    ),
    "needs a multiplier above the ordinary rate, or extra points": N_(
        "Give more than one times the points, or extra points."
    ),
    "needs at_least, at_most or both": N_("Give a lower bound, an upper one, or both."),
    "off_minor cannot exceed spend_minor": N_("A step cannot save more than is spent."),
    "open_s cannot exceed every_s": N_("It cannot be open for longer than until it opens again."),
    "present and absent take no values": N_("Being known or not takes no values."),
    "repeat needs exactly one tier": N_("“Every time” goes with exactly one step."),
    "selection is for the target items": N_("Which of the goods goes with what comes off goods."),
    "starts_at must come before expires_at": N_("The start must come before the end."),
    "starts_on cannot come after expires_on": N_("The first day comes after the last one."),
    "tiers must rise in both spend_minor and off_minor": N_(
        "Each step must ask for more and save more than the one before."
    ),
    "values are missing": N_("Give at least one value."),
}


def argument_word(code: str, key: str) -> str:
    """The catalogue key for an argument of an effect, a condition or a group, or its own name."""
    found = ARGUMENTS.get(f"{code}.{key}") or ARGUMENTS.get(key)
    return found or key.removesuffix("_minor").removesuffix("_bps").replace("_", " ")


def choice_word(code: str, key: str, value: str) -> str:
    """The catalogue key for one of an argument's choices, or the choice itself."""
    some = CHOICES.get(f"{code}.{key}") or CHOICES.get(key) or {}
    return some.get(value, value)
