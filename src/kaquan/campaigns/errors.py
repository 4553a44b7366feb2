"""What a campaign's verbs may refuse, besides input that makes no sense."""

from kaquan.runtime import Duplicate, KaquanError


class GrantBelowUse(KaquanError):
    """A budget or a number of uses was to fall below what is already used or reserved."""

    key = "grant_below_use"


class InUse(KaquanError):
    """It was given to somebody, redeemed or measured, so its record must stay; disable it."""

    key = "resource_in_use"


class NothingToPublish(KaquanError):
    """There is no voucher that may be given away: none left, disabled, or expired."""

    key = "no_voucher_suitable_for_publication"


class PublishedToAnother(KaquanError):
    """The voucher has a holder, and it is somebody else."""

    key = "voucher_already_published"


class SourceIdTaken(Duplicate):
    """The publication's source_id was used for another customer or another voucher."""

    key = "duplicate_source_id"
