"""The nouns: campaigns, vouchers, the shape of codes, publications."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns.funding_model import FundingShare
from kaquan.campaigns.referral_model import ReferralTerms
from kaquan.engine import Lane
from kaquan.ledger import AccountKind, Cause

READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Characters of which none looks like another: no 0 O, no 1 I L."""


class CampaignKind(StrEnum):
    """What a campaign hands out: it follows from the offer, but for codes that people hand on.

    A promotion hands out nothing and has no offer (``{}``): its tiers need no code.
    """

    DISCOUNT_COUPONS = "DISCOUNT_COUPONS"
    GIFT_VOUCHERS = "GIFT_VOUCHERS"
    LOYALTY_PROGRAM = "LOYALTY_PROGRAM"
    PROMOTION = "PROMOTION"
    REFERRAL_PROGRAM = "REFERRAL_PROGRAM"


class Activation(StrEnum):
    """Whether a campaign makes another voucher when its pool is empty, or keeps its number."""

    AUTO_UPDATE = "AUTO_UPDATE"
    STATIC = "STATIC"


class CodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How codes look: ``prefix``, then the ``pattern`` or ``length`` characters, then ``postfix``.

    Each ``#`` of the pattern is a random character of ``charset``. ``public`` says that the code
    may be guessed, because it is printed for everybody: then only its uniqueness is looked at.
    With ``check`` a character that finds typing errors follows the last random one.
    """

    length: int | None = None
    charset: str | None = None
    prefix: str = ""
    postfix: str = ""
    pattern: str | None = None
    public: bool = False
    check: bool = False


class VoucherTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the vouchers of a campaign are made from. ``quantity`` None is unlimited use.

    ``balance`` is what each gift card (in minor units) or points card starts with.
    """

    code: CodeConfig = CodeConfig()
    quantity: int | None = 1
    balance: int = 0
    category: str | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] = {}


class Window(msgspec.Struct, frozen=True):
    """Half-open: from ``starts_at`` on, until just before ``expires_at``; None leaves it open.

    An intersection of windows may be empty, and then holds no moment at all.
    """

    starts_at: datetime | None = None
    expires_at: datetime | None = None

    def has_started(self, now: datetime) -> bool:
        """Say whether ``now`` is at or after the start."""
        return self.starts_at is None or now >= self.starts_at

    def has_ended(self, now: datetime) -> bool:
        """Say whether ``now`` is at or after the end."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def is_empty(self) -> bool:
        """Whether no moment lies in it."""
        if self.starts_at is None or self.expires_at is None:
            return False
        return self.starts_at >= self.expires_at


class CampaignPhase(StrEnum):
    """Where a campaign stands at a moment; one that is over is over, switched on or not."""

    LIVE = "live"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    OFF = "off"


class CampaignDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign to be created. ``offer`` is the engine's JSON; its ``id`` may be left out.

    ``budget_minor`` limits the discount given in all, ``per_customer_cap`` the redemptions a
    person, ``redemption_cap`` those of everybody; ``holdout_bps`` of 10,000 customers get nothing,
    for measuring, but where it is ``open_to_holdout`` they may fetch it. ``category_ids``,
    ``priority`` (the lower goes first) and ``lane`` (None: its effect's) are for stacking rules.
    """

    name: str
    offer: dict[str, Any]
    description: str | None = None
    kind: CampaignKind | None = None
    activation: Activation = Activation.AUTO_UPDATE
    voucher_template: VoucherTemplate = VoucherTemplate()
    budget_minor: int | None = None
    per_customer_cap: int | None = None
    redemption_cap: int | None = None
    category_ids: tuple[str, ...] = ()
    priority: int | None = None
    lane: Lane | None = None
    holdout_bps: int = 1000
    open_to_holdout: bool = False
    join_once: bool = True
    active: bool = True
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = {}
    referral: ReferralTerms | None = None


class CampaignChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a campaign; what is UNSET stays, None clears."""

    name: str | UnsetType = UNSET
    offer: dict[str, Any] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    activation: Activation | UnsetType = UNSET
    voucher_template: VoucherTemplate | UnsetType = UNSET
    budget_minor: int | UnsetType | None = UNSET
    per_customer_cap: int | UnsetType | None = UNSET
    redemption_cap: int | UnsetType | None = UNSET
    category_ids: tuple[str, ...] | UnsetType = UNSET
    priority: int | UnsetType | None = UNSET
    lane: Lane | UnsetType | None = UNSET
    holdout_bps: int | UnsetType = UNSET
    open_to_holdout: bool | UnsetType = UNSET
    join_once: bool | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    referral: ReferralTerms | UnsetType = UNSET


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign: one offer with its budget, period, rules and vouchers. Changes count ``version``."""

    id: str
    name: str
    description: str | None
    kind: CampaignKind
    activation: Activation
    offer: dict[str, Any]
    voucher_template: VoucherTemplate
    budget_minor: int | None
    per_customer_cap: int | None
    redemption_cap: int | None = None
    category_ids: tuple[str, ...] = ()
    priority: int | None = None
    lane: Lane | None = None
    holdout_bps: int
    open_to_holdout: bool = False
    join_once: bool
    active: bool
    starts_at: datetime | None
    expires_at: datetime | None
    metadata: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime | None
    funding: tuple[FundingShare, ...] = ()
    referral: ReferralTerms | None = None

    @property
    def window(self) -> Window:
        """When the campaign's vouchers may be used."""
        return Window(self.starts_at, self.expires_at)

    def phase(self, now: datetime) -> CampaignPhase:
        """Where the campaign stands at ``now``."""
        if self.window.has_ended(now):
            return CampaignPhase.ENDED
        if not self.active:
            return CampaignPhase.OFF
        started = self.window.has_started(now)
        return CampaignPhase.LIVE if started else CampaignPhase.SCHEDULED


class CampaignCounts(msgspec.Struct, frozen=True):
    """How many vouchers a campaign has, and how often one was given to somebody."""

    vouchers: int
    publications: int


class VoucherDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher to be added: to a campaign, or standing alone with an ``offer`` of its own.

    Without ``code`` one is generated, by ``code_config`` or the campaign's. ``quantity`` None is
    unlimited use; UNSET is the campaign's, and for a voucher that stands alone 1, or unlimited
    when it has a balance to be used up. ``balance`` (None: the campaign's) is what a gift card
    starts with in minor units, or a points card in points.
    """

    campaign_id: str | None = None
    offer: dict[str, Any] | None = None
    code: str | None = None
    code_config: CodeConfig | None = None
    quantity: int | UnsetType | None = UNSET
    balance: int | None = None
    active: bool = True
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    category: str | None = None
    category_ids: tuple[str, ...] = ()
    additional_info: str | None = None
    metadata: dict[str, Any] = {}


class VoucherLike(msgspec.Struct, frozen=True, kw_only=True):
    """What many vouchers shall have instead of what their campaign's template says."""

    code_config: CodeConfig | None = None
    quantity: int | UnsetType | None = UNSET
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    category: str | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] = {}


class VoucherChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a voucher; what is UNSET stays, None clears."""

    offer: dict[str, Any] | UnsetType | None = UNSET
    quantity: int | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    category: str | UnsetType | None = UNSET
    category_ids: tuple[str, ...] | UnsetType = UNSET
    additional_info: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """A code and what it stands for. ``offer`` None means that the campaign's applies.

    A ``tier`` of a promotion is a voucher that needs no code; its code is its id.

    ``quantity`` is how many uses were granted (None: unlimited); how many are left is the
    ledger's to say (``voucher_usage``). ``starts_at`` and ``expires_at`` are the voucher's own:
    ``effective_window`` has what counts.
    """

    id: str
    code: str
    campaign_id: str | None
    campaign_name: str | None
    holder_id: str | None
    offer: dict[str, Any] | None
    quantity: int | None
    active: bool
    tier: bool = False
    starts_at: datetime | None
    expires_at: datetime | None
    published_at: datetime | None
    category: str | None
    category_ids: tuple[str, ...] = ()
    additional_info: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None

    @property
    def window(self) -> Window:
        """When the voucher itself may be used, whatever its campaign says."""
        return Window(self.starts_at, self.expires_at)


class VoucherUsage(msgspec.Struct, frozen=True):
    """Uses of a voucher: granted and left (both None: unlimited), and taken.

    What a checkout holds at the moment is neither left nor taken.
    """

    granted: int | None
    left: int | None
    used: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is on a gift card (``kind`` value, minor units) or a points card (``kind`` points).

    ``left`` = ``added`` - ``removed`` - ``expired`` - ``redeemed``; ``held`` of it is reserved by
    checkouts.
    """

    voucher_id: str
    kind: AccountKind
    added: int
    removed: int
    left: int
    held: int
    expired: int = 0

    @property
    def redeemed(self) -> int:
        """What was paid with, less what was given back of it."""
        return self.added - self.removed - self.expired - self.left


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A movement on a voucher's balance, signed; ``left`` and ``added`` are as it left them.

    ``cause`` is the ledger's, ``cause_id`` what moved it: an adjustment (then with its
    ``source_id`` and ``reason``), a redemption or a rollback (then with its order), or what
    issued the voucher.
    """

    id: str
    voucher_id: str
    campaign_id: str | None
    kind: AccountKind
    cause: Cause
    cause_id: str
    amount: int
    left: int
    added: int
    source_id: str | None
    reason: str | None
    order_id: str | None
    order_source_id: str | None
    at: datetime


class BalanceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an adjustment did; asked for again under the same ``source_id`` it is told again.

    ``id`` is the adjustment's. ``left`` and ``added`` are as it left them.
    """

    id: str
    voucher_id: str
    kind: AccountKind
    amount: int
    left: int
    added: int


class CategoryDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A category to be created; the lower ``hierarchy`` is worked out first."""

    name: str
    hierarchy: int


class CategoryChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a category; what is UNSET stays."""

    name: str | UnsetType = UNSET
    hierarchy: int | UnsetType = UNSET


class CampaignCategory(msgspec.Struct, frozen=True, kw_only=True):
    """A group of campaigns that the stacking rules speak about."""

    id: str
    name: str
    hierarchy: int
    created_at: datetime
    updated_at: datetime | None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """That a voucher was given to a customer. ``source_id`` is the caller's own name for it."""

    id: str
    campaign_id: str | None
    voucher_id: str
    code: str
    customer_id: str
    source_id: str | None
    channel: str
    metadata: dict[str, Any]
    created_at: datetime
