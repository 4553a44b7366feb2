"""The nouns of outreach: templates, distributions, messages, and what a message speaks about."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec

Language: TypeAlias = Literal["zh", "en"]

EMAIL = "email"
MARKETING = "marketing"


class EmailTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Subject (Jinja2) and body (MJML with Jinja2) of an e-mail.

    ``language`` is that of the sentences and dates that are filled in.
    """

    subject: str
    mjml: str
    language: Language = "en"


class CustomerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may say of the reader; ``name`` is empty when it is not known."""

    name: str = ""
    source_id: str = ""
    metadata: dict[str, Any] = {}


class CouponFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may say of the coupon; ``expires_on`` is empty when it does not expire."""

    value: str
    code: str
    expires_on: str = ""
    wallet_url: str


class CampaignFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may say of the campaign."""

    name: str
    description: str = ""


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template may say of the sender."""

    name: str


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a template can name: ``{{ customer.name }}``, ``{{ coupon.code }}`` …"""

    customer: CustomerFacts
    coupon: CouponFacts
    campaign: CampaignFacts
    shop: ShopFacts
    unsubscribe_url: str


class RenderedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the reader gets it: subject line, HTML, and the same as plain text."""

    subject: str
    html: str
    plain: str


class DistributionStatus(StrEnum):
    """Where a sending stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class MessageStatus(StrEnum):
    """Where a message stands; ``kept`` stays in the outbox because no mail server is set."""

    KEPT = "kept"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class MessageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a distribution are in each state."""

    kept: int = 0
    queued: int = 0
    sending: int = 0
    sent: int = 0
    failed: int = 0


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """One sending of a campaign to a segment, and how far it has got.

    Of the ``audience`` handled so far, ``held_out`` got nothing on purpose and ``published`` hold
    a voucher; ``unreachable`` of these got no message, for want of consent or of an address.
    """

    id: str
    campaign_id: str
    segment_id: str
    channel: str
    template: EmailTemplate
    status: DistributionStatus
    audience: int
    held_out: int
    published: int
    unreachable: int
    done_up_to: str
    error: str | None
    created_at: datetime
    updated_at: datetime | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message to one customer, as it is or was sent; ``error`` is the last thing that failed."""

    id: str
    distribution_id: str | None
    campaign_id: str | None
    customer_id: str
    voucher_id: str | None
    channel: str
    address: str
    subject: str
    html: str
    plain: str
    headers: dict[str, str]
    status: MessageStatus
    attempts: int
    due_at: datetime | None
    error: str | None
    created_at: datetime
    sent_at: datetime | None


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    """How messages leave: sender, where links lead, and whether there is a mail server at all."""

    sender: str
    base_url: str
    deliver: bool
