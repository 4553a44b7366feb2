"""The nouns of promotions: offers that need no code, and stacks of them."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class PromotionTier(msgspec.Struct, frozen=True, kw_only=True):
    """One offer of a promotion. The lower ``hierarchy`` is worked out first.

    In a checkout it is a voucher without a code of its own: its id is the code.
    """

    id: str
    campaign_id: str
    name: str
    banner: str | None
    hierarchy: int
    category_ids: tuple[str, ...]
    offer: dict[str, Any]
    active: bool
    starts_at: datetime | None
    expires_at: datetime | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None


class TierDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A tier to be created; without ``hierarchy`` it comes last."""

    name: str
    offer: dict[str, Any]
    banner: str | None = None
    hierarchy: int | None = None
    category_ids: tuple[str, ...] = ()
    active: bool = True
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = {}


class TierChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a tier; what is UNSET stays, None clears."""

    name: str | UnsetType = UNSET
    offer: dict[str, Any] | UnsetType = UNSET
    banner: str | UnsetType | None = UNSET
    hierarchy: int | UnsetType = UNSET
    category_ids: tuple[str, ...] | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class PromotionStack(msgspec.Struct, frozen=True, kw_only=True):
    """Tiers of a promotion that are used together, in this order."""

    id: str
    campaign_id: str
    name: str
    tier_ids: tuple[str, ...]
    category_id: str | None
    created_at: datetime
    updated_at: datetime | None


class StackDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A stack to be created."""

    name: str
    tier_ids: tuple[str, ...]
    category_id: str | None = None


class StackChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a stack; what is UNSET stays, None clears."""

    name: str | UnsetType = UNSET
    tier_ids: tuple[str, ...] | UnsetType = UNSET
    category_id: str | UnsetType | None = UNSET
