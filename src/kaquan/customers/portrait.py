"""A customer's portrait: what a shop assistant would say of them, each word traced to figures.

Value tier: the share of buying customers who spent less (docs/algorithms/portrait.md).
Lifecycle stage: the days since the last order against the customer's own rhythm.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.customers.store.portrait import (
    Favourite,
    Habits,
    SurveyAnswer,
    VisitedPlace,
    list_answers,
    list_favourite_goods,
    list_favourite_locations,
    list_reach,
    list_scores,
    list_visited,
    rank_spend,
    read_habits,
)
from kaquan.runtime import Tx, get_project

HIGH_SHARE_BPS = 8000
MID_SHARE_BPS = 5000
NEWCOMER_DAYS = 30
SLOW_FACTOR, LOST_FACTOR = 2, 4
USUAL_GAP_DAYS = 90
"""The rhythm assumed of those who bought once."""


class ValueTier(StrEnum):
    """How much a customer spent, among those who bought."""

    HIGH = "high"
    MID = "mid"
    LOW = "low"
    NONE = "none"


class Stage(StrEnum):
    """Where a customer is between the first order and the last."""

    PROSPECT = "prospect"
    NEW = "new"
    ACTIVE = "active"
    SLOWING = "slowing"
    LOST = "lost"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a customer may be written to on a channel for marketing: address and consent."""

    channel: str
    has_address: bool
    consented: bool

    @property
    def reachable(self) -> bool:
        """Whether both are there."""
        return self.has_address and self.consented


class Portrait(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a customer's ways.

    ``spend_rank_bps`` is the share of buying customers who spent less, in basis points; ``gap_days``
    the median of days between orders (None for fewer than two days of orders); ``days_since`` the
    days since the last one. ``discount_share_bps`` is the share of orders bought on discount,
    ``discount_rate_bps`` that of what they would have paid without; None without orders.
    ``predictions`` are the latest scores of models, by name, as exact decimals; ``predicted_at``
    says as of when each is. ``visits`` are the stores the customer was seen in (told visits and
    redemptions), ``surveys`` the last answers to surveys.
    """

    tier: ValueTier
    spend_rank_bps: int | None
    stage: Stage
    days_since: int | None
    gap_days: int | None
    categories: list[Favourite]
    brands: list[Favourite]
    products: list[Favourite]
    locations: list[Favourite]
    hours: list[int]
    weekdays: list[int]
    discount_share_bps: int | None
    discount_rate_bps: int | None
    reach: list[Reach]
    predictions: dict[str, str]
    predicted_at: dict[str, datetime]
    visits: list[VisitedPlace]
    surveys: list[SurveyAnswer]


async def read_portrait(tx: Tx, customer_id: str, *, now: datetime) -> Portrait:
    """Return a customer's (our id) portrait as of ``now``, hours and weekdays in the project's zone.

    ``hours`` are the 24 counts of orders by hour of the day, ``weekdays`` the seven from Monday.
    """
    zone = (await get_project(tx)).time_zone
    habits = await read_habits(tx, customer_id, zone=zone)
    rank = await rank_spend(tx, customer_id)
    scores = await list_scores(tx, customer_id)
    days_since = None if habits.last_at is None else max(0, (now - habits.last_at).days)
    return Portrait(
        tier=tier_of(rank),
        spend_rank_bps=rank,
        stage=stage_of(habits, now=now),
        days_since=days_since,
        gap_days=habits.gap_days,
        categories=await list_favourite_goods(tx, customer_id, attribute="category"),
        brands=await list_favourite_goods(tx, customer_id, attribute="brand"),
        products=await list_favourite_goods(tx, customer_id, attribute=None),
        locations=await list_favourite_locations(tx, customer_id),
        hours=habits.hours,
        weekdays=habits.weekdays,
        discount_share_bps=share_bps(habits.discounted_count, habits.order_count),
        discount_rate_bps=share_bps(habits.discount_minor, habits.amount_minor),
        reach=[
            Reach(channel=channel, has_address=has, consented=agreed)
            for channel, has, agreed in await list_reach(tx, customer_id)
        ],
        predictions={name: value for name, value, _ in scores},
        predicted_at={name: as_of for name, _, as_of in scores},
        visits=await list_visited(tx, customer_id, zone=zone),
        surveys=await list_answers(tx, customer_id),
    )


def tier_of(rank_bps: int | None) -> ValueTier:
    """Return the tier of a rank: the upper fifth is high, the rest of the upper half is mid."""
    if rank_bps is None:
        return ValueTier.NONE
    if rank_bps >= HIGH_SHARE_BPS:
        return ValueTier.HIGH
    return ValueTier.MID if rank_bps >= MID_SHARE_BPS else ValueTier.LOW


def stage_of(habits: Habits, *, now: datetime) -> Stage:
    """Return a stage: slowing after twice the usual gap without an order, lost after four times.

    Who bought within their first 30 days is new.
    """
    if habits.first_at is None or habits.last_at is None:
        return Stage.PROSPECT
    if (now - habits.first_at).days < NEWCOMER_DAYS:
        return Stage.NEW
    gap = max(1, USUAL_GAP_DAYS if habits.gap_days is None else habits.gap_days)
    days = (now - habits.last_at).days
    if days > LOST_FACTOR * gap:
        return Stage.LOST
    return Stage.SLOWING if days > SLOW_FACTOR * gap else Stage.ACTIVE


def share_bps(part: int, whole: int) -> int | None:
    """Return a share in basis points, half-even; None of nothing."""
    return round(part * 10_000 / whole) if whole else None
