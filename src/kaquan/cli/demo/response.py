"""How the households of the demo answer its measured campaign: the declared rule, and its truth.

Nobody knows what these households would have done with a coupon that they never got, so it is
simulated: docs/explanation/demo-data.md states the rule. It says for every household what it would
do with each coupon, whichever arm it is drawn into, so the true effect is known exactly. Everything
in this file is pure; amounts are in minor units.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from random import Random

import msgspec

SEED = "kaquan autumn 2017"
MARGIN_RATE_BPS = 3_000
"""Assumed share of the price before discounts that is left after the cost of goods."""


class CouponTried(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon of the campaign and what it does to people.

    ``lured`` is the chance that a household which has bought for ``spend_minor`` at once before
    comes once more because of it; ``carried`` that another one uses it on a basket of that size
    which it buys anyway.
    """

    name: str
    spend_minor: int
    off_minor: int
    lured: float
    carried: float


SMALL = CouponTried(name="$5 off $50", spend_minor=5_000, off_minor=500, lured=0.35, carried=0.30)
LARGE = CouponTried(name="$8 off $50", spend_minor=5_000, off_minor=800, lured=0.38, carried=0.50)
TRIED = (SMALL, LARGE)


class OwnBasket(msgspec.Struct, frozen=True, kw_only=True):
    """A basket that a household really bought, what it paid, and whether the campaign ran then
    (``is_new``).
    """

    household_id: int
    basket_id: int
    placed_at: datetime
    paid_minor: int
    is_new: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a household does with a coupon: an extra basket like ``basket_id``, bought ``day`` days
    after the start, or the coupon used on that basket, which it bought anyway.
    """

    household_id: int
    coupon: CouponTried
    basket: OwnBasket
    extra: bool
    day: int

    @property
    def revenue_minor(self) -> int:
        """What the answer adds to the household's revenue."""
        return (self.basket.paid_minor if self.extra else 0) - self.coupon.off_minor

    @property
    def margin_minor(self) -> float:
        """What the answer adds to the household's margin."""
        goods = self.basket.paid_minor if self.extra else 0
        return goods * MARGIN_RATE_BPS / 10_000 - self.coupon.off_minor


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What a coupon truly does to a household of the audience, on average, in minor units."""

    coupon: str
    revenue_minor: float
    margin_minor: float


def group_baskets(baskets: Iterable[OwnBasket]) -> dict[int, list[OwnBasket]]:
    """Return each household's baskets, in the order in which they are given."""
    grouped: defaultdict[int, list[OwnBasket]] = defaultdict(list)
    for basket in baskets:
        grouped[basket.household_id].append(basket)
    return dict(grouped)


def answer(
    household_id: int, coupon: CouponTried, own: Sequence[OwnBasket], *, days: int
) -> Answer | None:
    """Say what a household with these baskets (oldest first) does with a coupon, if anything.

    The chances are drawn by household alone, so that a better coupon never moves fewer of them.
    """
    chance = Random(f"{SEED}/{household_id}")  # noqa: S311 - made to be repeated
    comes, uses, which, day = (chance.random() for _ in range(4))
    earlier = [basket for basket in own if not basket.is_new]
    later = [basket for basket in own if basket.is_new]
    if earlier and comes < coupon.lured:
        basket, extra = earlier[int(which * len(earlier))], True
    elif later and uses < coupon.carried:
        basket, extra = later[0], False
    else:
        return None
    return Answer(
        household_id=household_id, coupon=coupon, basket=basket, extra=extra, day=int(day * days)
    )


def reckon_truth(
    coupon: CouponTried,
    audience: Sequence[int],
    baskets: Mapping[int, Sequence[OwnBasket]],
    *,
    days: int,
) -> Truth:
    """Return what a coupon would do to a household of the audience if all of it got it."""
    answers = [answer(one, coupon, baskets.get(one, ()), days=days) for one in audience]
    given = [one for one in answers if one is not None]
    count = max(len(audience), 1)
    return Truth(
        coupon=coupon.name,
        revenue_minor=sum(one.revenue_minor for one in given) / count,
        margin_minor=sum(one.margin_minor for one in given) / count,
    )
