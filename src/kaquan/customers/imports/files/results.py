"""What is told of an import: counts, the first problems, and the rows that were refused."""

from collections.abc import Sequence
from typing import Any

from kaquan.customers.imports.files.model import FileShape, Problem, Written
from kaquan.customers.imports.files.prepare import Prepared

MOST_NAMED = 100
"""How many problems, and how many repeats, stand in a result."""

LINE_COLUMN, REASON_COLUMN = "import_line", "import_reason"


def empty_result() -> dict[str, Any]:
    """Return the result of an import that has not begun."""
    return {
        "done_count": 0,
        "failed_count": 0,
        "added": 0,
        "changed": 0,
        "unchanged": 0,
        "failed": [],
        "cleaned": {},
        "repeated_count": 0,
        "repeated": [],
    }


def add_written(
    result: dict[str, Any], prepared: Prepared, written: Written, again: Sequence[int]
) -> dict[str, Any]:
    """Return the result with a chunk added; ``again`` are places of ids of earlier chunks."""
    ids = prepared.values.get("source_id", [])
    refused = {problem.place for problem in written.problems}
    failed = [_named(prepared, problem) for problem in written.problems]
    repeats = {one.line: one.source_id for one in written.repeats} | {
        prepared.chunk.lines[place]: ids[place] for place in again if place not in refused
    }
    repeated = [{"line": line, "source_id": repeats[line]} for line in sorted(repeats)]
    cleaned = dict(result["cleaned"])
    for name, count in written.cleaned.items():
        cleaned[name] = cleaned.get(name, 0) + count
    return result | {
        "done_count": result["done_count"] + written.passed - len(refused),
        "failed_count": result["failed_count"] + len(refused),
        "added": result["added"] + written.added,
        "changed": result["changed"] + written.changed,
        "unchanged": result["unchanged"] + written.unchanged,
        "failed": (result["failed"] + failed)[:MOST_NAMED],
        "cleaned": cleaned,
        "repeated_count": result["repeated_count"] + len(repeated),
        "repeated": (result["repeated"] + repeated)[:MOST_NAMED],
    }


def reject_header(shape: FileShape) -> list[str]:
    """Return the columns of the file of refused rows: the original ones, line and reason."""
    return [*shape.columns, LINE_COLUMN, REASON_COLUMN]


def reject_rows(
    shape: FileShape, prepared: Prepared, problems: Sequence[Problem]
) -> list[list[str]]:
    """Return the refused rows as they were written, with line and reason."""
    chunk = prepared.chunk
    rows: list[list[str]] = []
    for problem in problems:
        cells = [chunk.columns[name][problem.place] or "" for name in shape.columns]
        rows.append([*cells, str(chunk.lines[problem.place]), _reason(problem)])
    return rows


def _named(prepared: Prepared, problem: Problem) -> dict[str, Any]:
    ids = prepared.values.get("source_id")
    return {
        "line": prepared.chunk.lines[problem.place],
        "row": prepared.chunk.first + problem.place + 1,
        "source_id": ids[problem.place] if ids else None,
        "field": problem.field,
        "reason": problem.reason,
    }


def _reason(problem: Problem) -> str:
    return f"{problem.field}: {problem.reason}" if problem.field else problem.reason
