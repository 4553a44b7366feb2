"""The nouns of exports: what is exported, with which columns, and how far it is."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString

import msgspec

from kaquan.runtime import FilterFields


class ExportedObject(StrEnum):
    """What can be exported."""

    VOUCHER = "voucher"
    REDEMPTION = "redemption"
    CUSTOMER = "customer"
    PUBLICATION = "publication"
    ORDER = "order"
    POINTS_EXPIRATION = "points_expiration"
    VOUCHER_TRANSACTIONS = "voucher_transactions"
    PRODUCT = "product"
    SKU = "sku"


class ExportStatus(StrEnum):
    """How far an export is."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    ERROR = "ERROR"


class ExportParameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for: an order, columns, a filter, and perhaps one campaign only."""

    order: str | None = None
    fields: list[str] | None = None
    filters: dict[str, Any] | None = None
    campaign_id: str | None = None


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export; its file is complete when it is DONE."""

    id: str
    exported_object: ExportedObject
    parameters: ExportParameters
    channel: str
    user_id: str | None
    status: ExportStatus
    file_id: str
    row_count: int
    error: str | None
    created_at: datetime
    updated_at: datetime | None


class ExportSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where an export's rows come from: SQL for its columns, all of fixed text.

    ``key`` is the tie-breaker of every order; ``metadata`` the JSON column that the field
    ``metadata`` spreads out, and ``subject`` whose schema names its keys; ``campaign`` the column
    that ``campaign_id`` narrows to. ``sealed`` says of fields of a customer's that are sealed where
    in the customer's row they stand, such as ``address.line_1``; ``person`` is the customer's alias.
    """

    source: LiteralString
    key: LiteralString
    fields: Mapping[str, LiteralString]
    usual: tuple[str, ...]
    orders: Mapping[str, LiteralString]
    filters: FilterFields
    metadata: LiteralString | None = None
    subject: str | None = None
    campaign: LiteralString | None = None
    sealed: Mapping[str, str] = {}
    person: LiteralString = "c"
