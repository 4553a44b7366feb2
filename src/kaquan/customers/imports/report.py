"""The report of an import: a CSV file that says what became of rows."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from kaquan.customers.imports.model import ImportKind, Outcome


def name_failure(outcome: Outcome) -> dict[str, Any]:
    """Return a refused row as the result of the work names it."""
    return {
        "source_id": outcome.reference,
        "row": outcome.row.number,
        "line": outcome.row.line,
        "reason": outcome.reason,
    }


def name_changes(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what cleaning changed of a row: where and by which rule. The values are in the file
    that was sent and in the customer.
    """
    return [
        {
            "source_id": outcome.reference,
            "row": outcome.row.number,
            "line": outcome.row.line,
            "field": change.field,
            "rule": change.rule,
        }
        for change in outcome.changes
    ]


def report_header(kind: ImportKind) -> list[str]:
    """Return the columns of the report: of all rows, or of those that were refused."""
    if kind.reports_all:
        return ["row", "source_id", "found", "updated", "reason"]
    return ["row", "line", "source_id", "reason", "values"]


def report_row(kind: ImportKind, outcome: Outcome) -> list[str]:
    """Return one row of the report."""
    reference, reason = outcome.reference or "", outcome.reason or ""
    number = str(outcome.row.number)
    if kind.reports_all:
        stored = outcome.reason is None
        return [number, reference, _flag(outcome.found), _flag(stored), reason]
    values = msgspec.json.encode(outcome.row.values).decode()
    return [number, str(outcome.row.line), reference, reason, values]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def write_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as UTF-8 CSV with plain line ends."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
