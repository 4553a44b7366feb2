"""What every account of an attempt has, from the moment it is made to when it is read."""

from datetime import datetime
from enum import StrEnum

import msgspec


class AttemptKind(StrEnum):
    """What was attempted."""

    VALIDATION = "validation"
    QUALIFICATION = "qualification"
    REDEMPTION = "redemption"


class AttemptOutcome(StrEnum):
    """What was decided about one code: skipped ones were passed over because of others."""

    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    SKIPPED = "SKIPPED"


class AttemptHead(msgspec.Struct, frozen=True, kw_only=True):
    """Who tried which code on what, and how it ended; amounts in minor units.

    ``run_id`` is shared by the codes of one request. ``customer_source_id`` and
    ``order_source_id`` are the merchant's, of somebody or something not entered at that time.
    """

    id: str
    run_id: str
    kind: AttemptKind
    object: str
    code: str
    voucher_id: str | None
    campaign_id: str | None
    customer_id: str | None
    customer_source_id: str | None
    order_id: str | None
    order_source_id: str | None
    channel: str
    outcome: AttemptOutcome
    discount_minor: int
    created_at: datetime
