"""The nouns of loyalty: what earns points, tiers, rewards, and what points were given for."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns import BalanceTransaction
from kaquan.customers import OrderDraft

ORDER_PAID = frozenset({"order.paid", "customer.order.paid"})
"""The names of the event that an order was paid; any other name is a custom event's."""


class Basis(StrEnum):
    """What points are reckoned on."""

    FIXED = "FIXED"
    ORDER_AMOUNT = "ORDER_AMOUNT"
    ORDER_TOTAL_AMOUNT = "ORDER_TOTAL_AMOUNT"
    ORDER_METADATA = "ORDER_METADATA"
    ORDER_ITEMS_QUANTITY = "ORDER_ITEMS_QUANTITY"
    ORDER_ITEMS_AMOUNT = "ORDER_ITEMS_AMOUNT"
    ORDER_ITEMS_SUBTOTAL_AMOUNT = "ORDER_ITEMS_SUBTOTAL_AMOUNT"
    CUSTOMER_METADATA = "CUSTOMER_METADATA"
    CUSTOM_EVENT_METADATA = "CUSTOM_EVENT_METADATA"


class Goods(msgspec.Struct, frozen=True):
    """Which lines of an order count: a product, a variant, or a collection of them (our ids)."""

    object: Literal["products_collection", "product", "sku"]
    id: str


class EarningTerms(msgspec.Struct, frozen=True, kw_only=True):
    """``points`` for each full ``every`` of the basis (money in minor units); fixed, just once.

    ``property`` names a number in metadata; ``goods`` are the lines that count, none is all.
    """

    basis: Basis
    points: int
    every: int = 1
    property: str | None = None
    goods: tuple[Goods, ...] = ()


class PointsExpiry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Until when points can be spent: the end of a day in the project's zone.

    MONTH: so many months after they came (``period_value``), rounded up to the end of a month, a
    quarter, a half-year, a year, or of the month ``rounding_value`` (1 is January).
    FIXED_DAY_OF_YEAR: the next ``fixed_day`` of ``fixed_month``.
    """

    period_type: Literal["MONTH", "FIXED_DAY_OF_YEAR"]
    period_value: int | None = None
    rounding_type: (
        Literal[
            "END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR", "PARTICULAR_MONTH"
        ]
        | None
    ) = None
    rounding_value: int | None = None
    fixed_month: int | None = None
    fixed_day: int | None = None


class EarningRuleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to be created; ``schema_id`` is the custom event's.

    Its points wait for ``pending_days`` and expire by ``expiry``, else by the programme's rule.
    """

    event: str
    terms: EarningTerms
    pending_days: int | None = None
    expiry: PointsExpiry | None = None
    schema_id: str | None = None
    banner: str | None = None
    active: bool = True
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = {}


class EarningRuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a rule; what is UNSET stays, None clears."""

    terms: EarningTerms | UnsetType = UNSET
    pending_days: int | UnsetType | None = UNSET
    expiry: PointsExpiry | UnsetType | None = UNSET
    banner: str | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class EarningRule(msgspec.Struct, frozen=True, kw_only=True):
    """What gives a member of a programme points, from ``starts_at`` until before ``expires_at``."""

    id: str
    campaign_id: str
    event: str
    schema_id: str | None
    terms: EarningTerms
    pending_days: int | None
    expiry: PointsExpiry | None
    banner: str | None
    active: bool
    starts_at: datetime | None
    expires_at: datetime | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None


class PointsMapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tier makes of points: another number (CUSTOM), or so many times as many (MULTIPLY)."""

    type: Literal["CUSTOM", "MULTIPLY"]
    points: int | None = None
    multiplier: Decimal | None = None


class LoyaltyTierDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A tier to be created; mappings are by the id of an earning rule, or of a reward."""

    name: str
    from_points: int
    to_points: int | None = None
    earning_rules: dict[str, PointsMapping] = {}
    rewards: dict[str, PointsMapping] = {}
    metadata: dict[str, Any] = {}


class LoyaltyTier(msgspec.Struct, frozen=True, kw_only=True):
    """A tier: who has ``from_points`` to ``to_points`` (None: or more) on the card is in it."""

    id: str
    campaign_id: str
    name: str
    from_points: int
    to_points: int | None
    earning_rules: dict[str, PointsMapping]
    rewards: dict[str, PointsMapping]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None

    def holds(self, points: int) -> bool:
        """Say whether so many points on the card make its holder one of the tier."""
        return self.from_points <= points and (self.to_points is None or points <= self.to_points)


class RewardKind(StrEnum):
    """What a reward is: a voucher of a campaign, goods, or money off an order."""

    CAMPAIGN = "CAMPAIGN"
    MATERIAL = "MATERIAL"
    COIN = "COIN"


class RewardDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A reward to be created: of one kind, by which of its parameters is there.

    ``campaign_id`` with the ``balance`` that its card shall start with besides the campaign's;
    ``product_id``, perhaps with ``sku_id`` (ids are ours or the merchant's); or coin:
    ``points_ratio`` points are worth ``exchange_ratio`` in units of the project's currency.
    ``stock`` is how many are given in all, None without limit.
    """

    name: str
    campaign_id: str | None = None
    balance: int | None = None
    product_id: str | None = None
    sku_id: str | None = None
    exchange_ratio: Decimal | None = None
    points_ratio: int | None = None
    stock: int | None = None
    image_url: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}


class RewardChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a reward, which keeps its kind; what is UNSET stays, None clears."""

    name: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    balance: int | UnsetType | None = UNSET
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType | None = UNSET
    exchange_ratio: Decimal | UnsetType = UNSET
    points_ratio: int | UnsetType = UNSET
    stock: int | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward; ``redeemed`` of it were given so far. The other members are RewardDraft's."""

    id: str
    name: str
    kind: RewardKind
    campaign_id: str | None
    campaign_kind: str | None
    balance: int | None
    product_id: str | None
    sku_id: str | None
    exchange_ratio: Decimal | None
    points_ratio: int | None
    stock: int | None
    redeemed: int
    image_url: str | None
    description: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None

    @property
    def in_stock(self) -> bool:
        """Whether one more can be given."""
        return self.stock is None or self.redeemed < self.stock


class RewardAssignment(msgspec.Struct, frozen=True, kw_only=True):
    """That a programme offers a reward, for ``points`` (None: as many as are paid with)."""

    id: str
    reward_id: str
    campaign_id: str
    points: int | None
    created_at: datetime
    updated_at: datetime | None


class OfferedReward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as a member may have it; ``points`` is the price in the member's tier."""

    reward: Reward
    assignment: RewardAssignment
    points: int | None


class RewardRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which reward a member wants; to pay with points, an order, and how many of them.

    Without ``points`` as many are paid with as the order takes and the card has.
    """

    reward_id: str
    points: int | None = None
    order: OrderDraft | None = None
    metadata: dict[str, Any] = {}


class RewardRedemption(msgspec.Struct, frozen=True, kw_only=True):
    """Points that were given for a reward, and what was given for them."""

    id: str
    reward_id: str
    reward_name: str
    reward_kind: RewardKind
    assignment_id: str
    campaign_id: str
    voucher_id: str
    customer_id: str
    loyalty_tier_id: str | None
    points: int
    given_voucher_id: str | None
    order_id: str | None
    metadata: dict[str, Any]
    created_at: datetime


class PointEarning(msgspec.Struct, frozen=True, kw_only=True):
    """Points that a rule gave for an order or an event (``subject_id``), and what of them went."""

    id: str
    rule_id: str
    campaign_id: str
    voucher_id: str
    subject_id: str
    order_id: str | None
    loyalty_tier_id: str | None
    points: int
    returned_minor: int = 0
    taken_back: int = 0
    created_at: datetime


class EventSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a custom event said."""

    customer_id: str
    name: str
    metadata: dict[str, Any]
    at: datetime


class PointsDue(msgspec.Struct, frozen=True, kw_only=True):
    """That something happened which points may follow from: an order or an event."""

    id: int
    subject_id: str
    paid: bool
    returned_minor: int
    event: EventSeen | None


class PointSource(msgspec.Struct, frozen=True, kw_only=True):
    """A card to take points from, for another one."""

    code: str
    points: int
    reason: str | None = None
    source_id: str | None = None


class CardTransaction(BalanceTransaction, frozen=True, kw_only=True):
    """A movement on a card, with what it came from: a rule, another card, or a reward.

    ``waited`` points were pending before they came.
    """

    earning_rule_id: str | None = None
    loyalty_tier_id: str | None = None
    event_id: str | None = None
    counterpart_id: str | None = None
    counterpart_code: str | None = None
    reward_id: str | None = None
    reward_name: str | None = None
    waited: bool = False


class TransactionPage(msgspec.Struct, frozen=True):
    """A part of the movements, and after which the next part starts."""

    items: list[CardTransaction]
    next_cursor: str | None
