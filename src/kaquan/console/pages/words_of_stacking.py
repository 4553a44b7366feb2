"""What is said about several offers on one order; every text is a catalogue key."""

from __future__ import annotations

from collections.abc import Mapping

from kaquan.console.language import N_
from kaquan.engine import Rounding

LIMITS: Mapping[str, str] = {
    "max_sent": N_("Codes in one request"),
    "max_applied": N_("Offers applied to one order"),
    "max_per_category": N_("Of one category"),
    "max_exclusive": N_("Exclusive offers together"),
    "max_exclusive_per_category": N_("Of one exclusive category"),
}
CHOICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "application": (
        N_("When one of several codes cannot be used"),
        {
            "all": N_("apply none of them"),
            "partial": N_("apply the others, and say why not this one"),
        },
    ),
    "sorting": (
        N_("What is worked out first"),
        {
            "requested_order": N_("the code that was sent first"),
            "category_hierarchy": N_("the category with the lower rank"),
            "priority": N_("the campaign with the lower priority number"),
        },
    ),
    "grouping": (
        N_("Joint offers beside exclusive ones"),
        {"joint_last": N_("come after them"), "together": N_("are sorted among them")},
    ),
    "products": (
        N_("Several item discounts on one product"),
        {"stack": N_("all apply"), "once": N_("only the first applies")},
    ),
    "no_effect": (
        N_("A code that would take nothing off"),
        {
            "skip": N_("is kept for another time"),
            "redeem_anyway": N_("is used up all the same"),
        },
    ),
    "base": (
        N_("Percentages are of"),
        {
            "remaining": N_("what earlier offers left"),
            "initial_amount": N_("the amounts that came in"),
        },
    ),
    "rounding": (
        N_("Fractions of the smallest coin"),
        {
            "half_even": N_("to the nearest, halves to even: 4.5 → 4, 5.5 → 6"),
            "half_up": N_("to the nearest, halves up: 4.5 → 5"),
            "down": N_("down: 4.9 → 4"),
        },
    ),
    "rollback": (
        N_("The order of a redemption that is rolled back"),
        {
            "with_order": N_("loses the discount, and is canceled"),
            "without_order": N_("stays as it is, discount included"),
        },
    ),
}
"""The form's selects: their label, and what each value means."""

ROUNDINGS: Mapping[Rounding, str] = {
    Rounding.HALF_EVEN: N_("half a cent rounds to even"),
    Rounding.HALF_UP: N_("half a cent rounds up"),
    Rounding.DOWN: N_("fractions of a cent are dropped"),
}
ROLES: Mapping[str, str] = {
    "": N_("goes with other common ones"),
    "exclusive": N_("shuts out common ones"),
    "joint": N_("goes with everything"),
}
SKIPS: Mapping[str, str] = {
    "": N_("as above"),
    "skip": N_("is kept for another time"),
    "redeem": N_("is used up all the same"),
}
BASES: Mapping[str, str] = {
    "": N_("as above"),
    "remaining": N_("what earlier offers left"),
    "initial": N_("the amounts that came in"),
}
