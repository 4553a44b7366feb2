"""The nouns of imports: what is asked for, and one row of it."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns.model import VoucherDraft


class VoucherWork(StrEnum):
    """What is done to many vouchers; the values are the dialect's names of the work."""

    IMPORT = "vouchers.import"
    IMPORT_CSV = "vouchers.import_csv"
    IMPORT_TO_CAMPAIGN = "campaigns.import_vouchers"
    IMPORT_TO_CAMPAIGN_CSV = "campaigns.import_vouchers_csv"
    BULK_UPDATE = "vouchers.bulk_update"
    METADATA_UPDATE = "vouchers.metadata_update"

    @property
    def changes(self) -> bool:
        """Whether it is about vouchers that are there already."""
        return self in (VoucherWork.BULK_UPDATE, VoucherWork.METADATA_UPDATE)


class WorkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What work is done on: the file that was sent, the campaign of new vouchers, and the file that
    reports on the rows that are refused.
    """

    file_id: str
    is_csv: bool
    campaign_id: str | None = None
    report_id: str | None = None


class VoucherRow(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher to be made, or metadata to be merged into one; or why the row is neither.

    ``said`` are words about recurring time.
    """

    code: str | None = None
    draft: VoucherDraft | None = None
    said: dict[str, Any] = {}
    metadata: dict[str, Any] | UnsetType = UNSET
    reason: str | None = None
