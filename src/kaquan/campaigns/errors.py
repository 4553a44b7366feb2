"""What a campaign's verbs may refuse, besides input that makes no sense."""

from kaquan.runtime import Duplicate, KaquanError


class GrantBelowUse(KaquanError):
    """A budget or a number of uses was to fall below what is already used or reserved."""

    key = "grant_below_use"


class BalanceExceeded(KaquanError):
    """More was to be taken off a card than is free on it; nothing was moved."""

    key = "gift_amount_exceeded"


class InUse(KaquanError):
    """It was given to somebody, redeemed or measured, so its record must stay; disable it."""

    key = "resource_in_use"


class NothingToPublish(KaquanError):
    """There is no voucher that may be given away: none left, disabled, or expired."""

    key = "no_voucher_suitable_for_publication"


class ClaimRefused(KaquanError):
    """The campaign's rule about fetching vouchers is against it.

    ``key`` is claim_not_open (with ``opens_at``), claim_closed, claim_stock_exhausted or
    claim_limit_reached (with ``limit``).
    """

    def __init__(self, key: str, message: str, **details: str | int) -> None:
        super().__init__(message, **details)
        self.key = key


class HeldOut(KaquanError):
    """A holdout keeps the customer out of the campaign; that they asked is logged with it."""

    key = "customer_in_holdout"


class PublishedToAnother(KaquanError):
    """The voucher has a holder, and it is somebody else."""

    key = "voucher_already_published"


class SourceIdTaken(Duplicate):
    """The publication's source_id was used for another customer or another voucher."""

    key = "duplicate_source_id"
