"""Lanes: what is worked out first when a project sorts by them."""

from enum import StrEnum


class Lane(StrEnum):
    """What an offer works on; written in the order in which lanes are worked out."""

    ITEM = "item"
    ORDER = "order"
    SHIPPING = "shipping"
    PAYMENT = "payment"


LANES = tuple(Lane)
