"""What a message says of the objects that an event is about: the dialect's names, amounts in minor
units of the project's currency, times in UTC. A member is added at will; one that changes its
meaning or goes makes a new version of the events that have it."""

from datetime import datetime
from typing import Any, Literal

import msgspec


class CustomerData(msgspec.Struct, frozen=True, kw_only=True):
    """A customer; of one who was deleted only ``id`` and ``object`` are left."""

    id: str
    source_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["customer"] = "customer"


class CampaignData(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign; of a deleted one only ``id``, ``name`` and ``object`` are left."""

    id: str
    name: str
    campaign_type: str
    description: str | None
    active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["campaign"] = "campaign"


class UsesData(msgspec.Struct, frozen=True, kw_only=True):
    """How often a voucher may be used; null is without limit."""

    quantity: int | None


class VoucherData(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher; of a deleted one only ``id``, ``code``, ``campaign_id`` and ``object`` are left."""

    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category: str | None
    type: str
    active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    holder_id: str | None
    redemption: UsesData
    additional_info: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["voucher"] = "voucher"


class TierData(msgspec.Struct, frozen=True, kw_only=True):
    """A tier of a promotion; of a deleted one only ``id``, ``campaign_id`` and ``object`` are left."""

    id: str
    name: str | None
    banner: str | None
    hierarchy: int | None
    campaign_id: str | None
    active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["promotion_tier"] = "promotion_tier"


class PublicationData(msgspec.Struct, frozen=True, kw_only=True):
    """That a voucher was given to a customer."""

    id: str
    source_id: str | None
    customer_id: str
    campaign_id: str | None
    voucher_id: str
    channel: str
    metadata: dict[str, Any]
    created_at: datetime
    result: Literal["SUCCESS"] = "SUCCESS"
    object: Literal["publication"] = "publication"


class RedemptionData(msgspec.Struct, frozen=True, kw_only=True):
    """One coupon of an attempt to redeem or to roll back; ``redemption`` is what is rolled back.

    ``parent_id`` is shared by the coupons of one request that stacked several.
    """

    id: str
    date: datetime
    result: str
    customer_id: str | None
    tracking_id: str | None
    order_id: str | None
    voucher_id: str | None
    campaign_id: str | None
    location_id: str | None
    parent_id: str | None
    redemption: str | None
    channel: str
    discount_amount: int
    items_discount_amount: int
    total_discount_amount: int
    failure_code: str | None
    failure_message: str | None
    metadata: dict[str, Any]
    object: str


class OrderItemData(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order."""

    product_id: str | None
    source_id: str | None
    quantity: int
    price: int
    amount: int
    discount_amount: int
    object: Literal["order_item"] = "order_item"


class OrderData(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its lines."""

    id: str
    source_id: str | None
    status: str
    customer_id: str | None
    amount: int
    discount_amount: int
    items_discount_amount: int
    total_discount_amount: int
    total_amount: int
    items: tuple[OrderItemData, ...]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["order"] = "order"


class SegmentData(msgspec.Struct, frozen=True, kw_only=True):
    """A segment."""

    id: str
    name: str
    object: Literal["segment"] = "segment"


class PlanData(msgspec.Struct, frozen=True, kw_only=True):
    """A plan of who gets which voucher of a campaign."""

    id: str
    name: str
    status: str
    campaign_id: str
    approved_at: datetime | None
    withdrawn_at: datetime | None
    object: Literal["plan"] = "plan"


class CustomEventData(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer did elsewhere."""

    id: str
    type: str
    source_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    object: Literal["event"] = "event"


class RuleData(msgspec.Struct, frozen=True, kw_only=True):
    """A validation rule; of a deleted one only ``id``, ``name`` and ``object`` are left."""

    id: str
    name: str
    type: str
    context_type: str
    created_at: datetime
    updated_at: datetime | None
    object: Literal["validation_rule"] = "validation_rule"


class AssignmentData(msgspec.Struct, frozen=True, kw_only=True):
    """To what a validation rule applies."""

    id: str
    rule_id: str
    related_object_type: str
    related_object_id: str
    object: Literal["validation_rule_assignment"] = "validation_rule_assignment"


class StackData(msgspec.Struct, frozen=True, kw_only=True):
    """A stack of a promotion's tiers."""

    id: str
    name: str
    campaign_id: str
    tiers: tuple[str, ...]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["promotion_stack"] = "promotion_stack"


class LoyaltyTierData(msgspec.Struct, frozen=True, kw_only=True):
    """A tier of a loyalty programme, from ``from_points`` to ``to_points`` (null: or more)."""

    id: str
    name: str
    campaign_id: str
    from_points: int
    to_points: int | None
    object: Literal["loyalty_tier"] = "loyalty_tier"


class RewardRedemptionData(msgspec.Struct, frozen=True, kw_only=True):
    """Points that were given for a reward: a voucher, goods or money off an order."""

    id: str
    reward_id: str
    reward_name: str
    reward_type: str
    reward_assignment_id: str
    voucher_id: str
    campaign_id: str
    customer_id: str
    order_id: str | None
    given_voucher_id: str | None
    points: int
    metadata: dict[str, Any]
    created_at: datetime
    object: Literal["reward_redemption"] = "reward_redemption"


class ConsentData(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer allowed or forbade."""

    channel: str
    purpose: str
    granted: bool
    source: str
    object: Literal["consent"] = "consent"
