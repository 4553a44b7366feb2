"""The nouns of funding: who bears a part of what campaigns take off."""

from datetime import datetime

import msgspec

WHOLE_DISCOUNT_BPS = 10_000


class FundingShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner bears of a campaign's discounts, in basis points."""

    partner_id: str
    share_bps: int


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who bears a part of discounts: a brand, a supplier, a bank."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime | None
