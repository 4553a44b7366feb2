"""What each reason means, for the documents and for who reads the API; in order of precedence."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "too_many_sent": "The request carries more redeemables than the project allows at once.",
    "duplicate_candidate": "The same redeemable was sent twice in one request.",
    "voucher_not_found": "There is no voucher with this code.",
    "invalid_quantity": "A quantity is not a whole number of at least 1.",
    "invalid_price": "A price or amount is not a whole number of minor units of at least 0.",
    "missing_price": "A line has neither a unit price nor an amount.",
    "amount_overflow": "A quantity, price, amount or their total exceeds 2^53 - 1.",
    "duplicate_line_key": "Two lines of the order carry the same key.",
    "preceding_failed": "All were asked for together and an earlier one was refused.",
    "applied_limit": "As many as the project allows were applied before this one.",
    "exclusive_limit": (
        "As many of exclusive categories as the project allows were applied before this one."
    ),
    "exclusive_category_limit": (
        "As many of this exclusive category as the project allows were applied before this one."
    ),
    "category_limit": (
        "As many of this category as the project allows were applied before this one."
    ),
    "excluded": "One of an exclusive category applies, and this one may not go along with it.",
    "not_better": "The best combination takes off at least as much without this one.",
    "inactive": "The voucher or its campaign is switched off.",
    "expired": "The period of use is over.",
    "not_started": "The period of use has not begun.",
    "not_claimed": "The period counts from when the code was given, and that is not known.",
    "no_time_left": "Its windows leave no moment at which it could still be used.",
    "blacked_out": "It cannot be used on this day.",
    "outside_hours": "It cannot be used on this weekday or at this hour.",
    "uses_exhausted": "No uses of this voucher are left.",
    "campaign_uses_exhausted": "No uses of the campaign are left.",
    "customer_uses_exhausted": "The customer has no uses of the campaign left.",
    "budget_exhausted": (
        "The campaign's remaining budget does not cover this discount; it is never cut to fit."
    ),
    "balance_empty": "There is nothing left on the card.",
    "credits_invalid": "The credits or points to pay with are not a whole number of at least 1.",
    "gift_amount_exceeded": (
        "More was asked of the gift card than its balance; it never pays in part."
    ),
    "points_exceeded": "More points were asked for than the customer has.",
    "customer_required": "The rule is about the customer and the order has none.",
    "not_in_segment": "The customer is not in the segment the offer is for.",
    "in_excluded_segment": "The customer is in a segment the offer excludes.",
    "not_first_order": "The customer has ordered before.",
    "customer_in_holdout": (
        "The customer gets nothing of the campaign, so that its effect can be measured."
    ),
    "not_holder": "The code was given to someone else, or to nobody.",
    "self_referral": "The customer holds this referral code; it is for others to use.",
    "not_in_tier": "The customer is in none of the membership tiers the offer is for.",
    "birthday_unknown": "The rule is about the birthday, and it is not known.",
    "not_birthday": "It is not the time of the birthday.",
    "order_count_too_low": "The customer has ordered too few times.",
    "order_count_too_high": "The customer has ordered too many times.",
    "customer_spend_too_low": "The customer has spent too little so far.",
    "customer_spend_too_high": "The customer has spent too much so far.",
    "customer_attribute_differs": "What is noted of the customer is not what the rule asks for.",
    "customer_attribute_too_low": (
        "A number that is noted of the customer is below what the rule asks for."
    ),
    "customer_attribute_too_high": (
        "A number that is noted of the customer is above what the rule allows."
    ),
    "customer_count_reached": "The customer has used the campaign as often as its rule allows.",
    "redemption_count_reached": "As many redemptions as the rule allows were counted.",
    "redemption_attribute_differs": "What came with the redemption is not what the rule asks for.",
    "redemption_count_unknown": "The rule counts redemptions, and their number is not known.",
    "location_required": "The rule is about the location, and it is not known.",
    "wrong_location": "The offer cannot be used at this location.",
    "channel_required": "The rule is about the channel, and it is not known.",
    "wrong_channel": "The offer cannot be used through this channel.",
    "wrong_redeemer": "Others may redeem this offer, not who does now.",
    "items_missing": "Too few units of the goods the rule names are in the cart.",
    "excluded_items_present": "Goods that the rule excludes are in the cart.",
    "minimum_spend_not_met": "The amount is below the rule's minimum spend.",
    "maximum_spend_exceeded": "The amount is above the rule's maximum.",
    "too_many_items": "Too many units of the goods the rule names are in the cart.",
    "lines_missing": "Too few different goods that the rule names are in the cart.",
    "too_many_lines": "Too many different goods that the rule names are in the cart.",
    "other_items_present": "Goods that the rule does not name are in the cart.",
    "unit_price_outside": "The unit prices are not within the bounds of the rule.",
    "payment_method_required": "The rule is about the way to pay, and none is chosen yet.",
    "wrong_payment_method": "The offer cannot be used with this way to pay.",
    "order_attribute_differs": "What is noted of the order is not what the rule asks for.",
    "order_attribute_too_low": (
        "A number that is noted of the order is below what the rule asks for."
    ),
    "order_attribute_too_high": (
        "A number that is noted of the order is above what the rule allows."
    ),
    "excluded_by_rule": "A condition that must not hold does hold.",
    "no_alternative_met": "None of several alternative conditions holds; their reasons follow.",
    "no_matching_items": "None of the goods that the offer discounts is in the cart.",
    "no_shipping": "The order has no delivery charge.",
    "free_item_without_price": "Goods that the offer adds to the cart have no price.",
    "threshold_not_met": "The amount is below the first threshold of the offer.",
    "face_value_missing": "The value printed on the coupon was not given.",
    "face_value_invalid": "The value given as printed on the coupon is below zero.",
    "no_effect": "Nothing is left that it could discount.",
}
