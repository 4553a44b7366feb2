"""Which money of which basket belongs to which redeemed coupon.

The data says that a household used a coupon on a day, and what came off each line that day; it
does not join the two. The rules by which they are joined here are written down in
docs/explanation/demo-data.md. Everything in this file is pure; amounts are in minor units.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.cli.demo.value_codes import is_manufacturers, printed_value_minor


class Evidence(StrEnum):
    """Where the value of a redeemed coupon was found."""

    TILL = "till"
    PRINTED = "printed"
    CARD = "card"
    NONE = "none"


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon that a household used on a day, with the basket it is taken to belong to.

    ``breadth`` is how many products the coupon is good for; ``is_empty`` that no goods are in the
    basket, only notes of the till.
    """

    number: int
    household_id: int
    campaign_id: int
    coupon_upc: int
    breadth: int
    basket_id: int
    is_empty: bool = False
    placed_at: datetime


class CoveredLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the basket that the coupon ``number`` covers.

    ``coupon_minor`` came off it by manufacturers' coupons, ``card_minor`` by the store's card.
    """

    number: int
    line_id: int
    coupon_minor: int
    card_minor: int


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption to be made again: at its time, on its basket, for the value that was found."""

    presented: Presented
    evidence: Evidence
    face_value_minor: int | None


def attribute_discounts(
    presented: Sequence[Presented], covered: Iterable[CoveredLine]
) -> list[Replay]:
    """Find the value of each presented coupon, in the order in which they are given.

    Manufacturers' coupons have the coupon money of the lines that they cover, else the value
    printed on them; the store's own have a part of the card discount. No money of a line is
    counted for two coupons: narrow coupons come before broad ones, so that one for half the shop
    does not claim the money of one for a single product.
    """
    lines: defaultdict[int, list[CoveredLine]] = defaultdict(list)
    for line in covered:
        lines[line.number].append(line)
    usual = _usual_card_discount(presented, lines)
    claims = _Claims()
    found: dict[int, tuple[Evidence, int | None]] = {}
    for coupon in sorted(presented, key=lambda coupon: (coupon.breadth, coupon.number)):
        mine = lines[coupon.number]
        if is_manufacturers(coupon.coupon_upc):
            found[coupon.number] = _value_manufacturers(coupon, mine, claims)
        else:
            value = claims.claim_card(mine, usual.get(coupon.coupon_upc, 0))
            found[coupon.number] = (Evidence.CARD, value) if value else (Evidence.NONE, None)
    return [
        Replay(presented=coupon, evidence=evidence, face_value_minor=value)
        for coupon in presented
        for evidence, value in [found[coupon.number]]
    ]


def _value_manufacturers(
    coupon: Presented, lines: Sequence[CoveredLine], claims: "_Claims"
) -> tuple[Evidence, int | None]:
    at_till = claims.claim_coupon_money(lines)
    if at_till:
        return Evidence.TILL, at_till
    printed = printed_value_minor(coupon.coupon_upc)
    if lines and printed is not None:
        return Evidence.PRINTED, printed
    return Evidence.NONE, None


class _Claims:
    """What has been claimed of each line."""

    def __init__(self) -> None:
        self._coupon_taken: set[int] = set()
        self._card_taken: defaultdict[int, int] = defaultdict(int)

    def claim_coupon_money(self, lines: Sequence[CoveredLine]) -> int:
        """Take the coupon money of the lines whose nobody has taken yet, and return its sum."""
        mine = [line for line in lines if line.line_id not in self._coupon_taken]
        self._coupon_taken |= {line.line_id for line in mine if line.coupon_minor}
        return sum(line.coupon_minor for line in mine)

    def claim_card(self, lines: Sequence[CoveredLine], wanted_minor: int) -> int:
        """Take at most so much of what is left of the lines' card discounts; return how much."""
        left = wanted_minor
        # A line whose discount is just this value is the likeliest to be the coupon's.
        for line in sorted(lines, key=lambda line: (line.card_minor != wanted_minor, line.line_id)):
            part = min(left, line.card_minor - self._card_taken[line.line_id])
            self._card_taken[line.line_id] += part
            left -= part
        return wanted_minor - left


def _usual_card_discount(
    presented: Iterable[Presented], lines: dict[int, list[CoveredLine]]
) -> dict[int, int]:
    """By store coupon: the card discount that most of the baskets presenting it have a line of.

    The store's own coupons are booked within the card discount; the amount that recurs with a
    coupon is the best estimate of its value. Of two that recur equally often, the smaller; an
    amount seen in one basket only is no evidence.
    """
    seen: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for coupon in presented:
        if not is_manufacturers(coupon.coupon_upc):
            amounts = {line.card_minor for line in lines.get(coupon.number, ())} - {0}
            seen[coupon.coupon_upc].update(amounts)
    return {
        upc: min(counts, key=lambda amount: (-counts[amount], amount))
        for upc, counts in seen.items()
        if counts and max(counts.values()) > 1
    }
