"""The nouns of mapped imports: a file's shape, what its columns mean, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from kaquan.runtime import Sentence

Cells = list[str | None]
"""The texts of one column in the order of rows; None for an empty cell."""


class Subject(StrEnum):
    """What the rows of a file are about."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    PRODUCTS = "products"
    LOCATIONS = "locations"
    EVENTS = "events"


class FileFormat(StrEnum):
    """How a file is written; it is told by its content, not by its name."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSON_LINES = "jsonl"


class FileShape(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a file: ``row_count`` is exact but for CSV and JSON lines.

    ``encoding`` and ``separator`` are those of a CSV file, ``sheet`` is the one read of a workbook.
    """

    format: FileFormat
    columns: tuple[str, ...]
    row_count: int
    byte_count: int
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the columns of a file mean.

    ``fields``: our field to the file's column. ``constants``: our field to a value that all rows
    share. ``metadata``: key to column. ``amounts`` says whether money is written in the currency's
    unit (12.50) or in minor units (1250). With ``enter_customers`` orders and events enter those
    customers who are not known yet; otherwise such a row is refused.
    """

    fields: dict[str, str] = {}
    constants: dict[str, str] = {}
    metadata: dict[str, str] = {}
    amounts: Literal["major", "minor"] = "major"
    enter_customers: bool = False


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed mapping; ``doubts`` are columns whose values do not look like their field."""

    mapping: Mapping
    doubts: dict[str, str] = {}


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a file, as columns. ``broken`` tells of rows, by place, why they are none."""

    first: int
    lines: list[int]
    columns: dict[str, Cells]
    broken: dict[int, Sentence] = {}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row is refused: its place in the file, its line, the field and the reason."""

    place: int
    field: str
    reason: Sentence


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """A row about something that an earlier row of the file was about; the later one holds."""

    line: int
    source_id: str


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a chunk. ``passed`` is how many of its rows are dealt with."""

    passed: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[Problem] = []
    repeats: list[Repeat] = []
    cleaned: dict[str, int] = {}


class FileImport(msgspec.Struct, frozen=True, kw_only=True):
    """A file on its way in. ``file_id`` is None for a file read from a path of this machine."""

    id: str
    subject: Subject
    file_id: str | None
    file_name: str
    sample_id: str
    fingerprint: str
    shape: FileShape
    mapping: Mapping
    check_action_id: str | None
    run_action_id: str | None
    created_at: datetime
    updated_at: datetime


class ImportProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping under a name, to be used again for files of the same make."""

    name: str
    subject: Subject
    mapping: Mapping
    created_at: datetime
    updated_at: datetime


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a file under its mapping.

    ``rows`` are the cells as written, ``values`` what would be stored, ``changes`` what cleaning
    changes of them, ``problems`` what is refused; ``doubts`` as in Guess. ``missing`` are fields
    that the mapping must name before the file can be imported.
    """

    lines: list[int]
    rows: list[dict[str, str | None]]
    values: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    doubts: dict[str, str]
    missing: list[str]
