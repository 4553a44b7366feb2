"""The nouns of the lake: its tables, and the files that hold them."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec
import pyarrow as pa

ARROW: Any = pa
SCHEMA = 1
"""Number of the tables' columns as they are here; another one copies everything anew."""
ALWAYS = date.min
"""The first day of the one file of a small table; the one after its last is ``date.max``."""


class Kind(StrEnum):
    """How a column is typed; TIME is a moment (UTC), DAY a date of the project's calendar."""

    TEXT = "text"
    WHOLE = "whole"
    SMALL = "small"
    REAL = "real"
    FLAG = "flag"
    DAY = "day"
    TIME = "time"


_T, _W, _F = Kind.TEXT, Kind.WHOLE, Kind.FLAG
_CLOCK = {"at": Kind.TIME, "day": Kind.DAY, "hour": Kind.SMALL}
TABLES: Mapping[str, Mapping[str, Kind]] = {
    "campaign": {"id": _T, "name": _T, "kind": _T, "budget_minor": _W},
    "location": {"id": _T, "source_id": _T, "name": _T},
    "product": {"id": _T, "source_id": _T, "name": _T, "category": _T},
    "segment_member": {"segment_id": _T, "customer_id": _T},
    "customer": {"id": _T, "erased": _F, **_CLOCK},
    "orders": {
        "id": _T,
        "customer_id": _T,
        "location_id": _T,
        "status": _T,
        "paid": _F,
        "amount_minor": _W,
        "total_minor": _W,
        "discount_minor": _W,
        **_CLOCK,
    },
    "order_line": {
        "order_id": _T,
        "line_no": _W,
        "customer_id": _T,
        "location_id": _T,
        "paid": _F,
        "product_id": _T,
        "source_id": _T,
        "quantity": _W,
        "amount_minor": _W,
        "discount_minor": _W,
        **_CLOCK,
    },
    "voucher": {
        "id": _T,
        "campaign_id": _T,
        "customer_id": _T,
        "active": _F,
        "expires_at": Kind.TIME,
        "expires_on": Kind.DAY,
        **_CLOCK,
    },
    "publication": {
        "id": _T,
        "campaign_id": _T,
        "voucher_id": _T,
        "customer_id": _T,
        "channel": _T,
        "claimed": _F,
        **_CLOCK,
    },
    "redemption": {
        "id": _T,
        "kind": _T,
        "result": _T,
        "failure_code": _T,
        "voucher_id": _T,
        "campaign_id": _T,
        "customer_id": _T,
        "order_id": _T,
        "location_id": _T,
        "channel": _T,
        "stands": _F,
        "came_back": _F,
        "discount_minor": _W,
        "order_amount_minor": _W,
        **_CLOCK,
    },
    "attempt": {
        "id": _T,
        "kind": _T,
        "object": _T,
        "campaign_id": _T,
        "customer_id": _T,
        "channel": _T,
        "outcome": _T,
        "discount_minor": _W,
        **_CLOCK,
    },
    "message": {
        "id": _T,
        "campaign_id": _T,
        "customer_id": _T,
        "voucher_id": _T,
        "channel": _T,
        "status": _T,
        **_CLOCK,
    },
    "event": {"id": _T, "customer_id": _T, "name": _T, "campaign_id": _T, **_CLOCK},
    "exposure": {
        "campaign_id": _T,
        "customer_id": _T,
        "arm": _T,
        "propensity": Kind.REAL,
        **_CLOCK,
    },
    "transfer": {
        "id": _W,
        "kind": _T,
        "from_owner": _T,
        "to_owner": _T,
        "amount": _W,
        "cause": _T,
        "cause_id": _T,
        "reverses": _W,
        "campaign_id": _T,
        "into_amount": _W,
        **_CLOCK,
    },
}
"""The lake's tables with their columns: those of the views in the schema ``kaquan_bi``."""

FED_WITH: Mapping[str, tuple[str, ...]] = {"orders": ("orders", "order_line")}
"""Tables that change together with the topic of a note, where it is not just its own."""

_ARROW: Mapping[Kind, Any] = {
    Kind.TEXT: ARROW.string(),
    Kind.WHOLE: ARROW.int64(),
    Kind.SMALL: ARROW.int16(),
    Kind.REAL: ARROW.float64(),
    Kind.FLAG: ARROW.bool_(),
    Kind.DAY: ARROW.date32(),
    Kind.TIME: ARROW.timestamp("us", tz="UTC"),
}


def is_dated(table: str) -> bool:
    """Say whether a table is kept by days; the others are one file each."""
    return "at" in TABLES[table]


def arrow_schema(table: str) -> Any:
    """Return the Arrow schema of a table's files."""
    return ARROW.schema([ARROW.field(name, _ARROW[kind]) for name, kind in TABLES[table].items()])


def arrow_type(kind: Kind) -> Any:
    """Return the Arrow type of a column."""
    return _ARROW[kind]


class LakeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: the rows of a table from ``low`` until before ``high``, days in UTC."""

    path: str
    topic: str
    low: date
    high: date
    row_count: int
    byte_count: int
    written_at: datetime


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What a project's lake was written with; ``ready`` when the first copy may begin."""

    zone: str | None
    schema: int | None
    synced_at: datetime | None
    ready: bool


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What one run copied; ``waiting`` when transactions from before the lake still run."""

    files: int = 0
    rows: int = 0
    waiting: bool = False


class Fault(msgspec.Struct, frozen=True):
    """Something in the lake that is not as the database says: a file, or a table's rows."""

    subject: str
    what: str
