"""What is told of an import: counts, the first problems, and the rows that were refused.

A reason is kept in English and as its sentence, so that it can be said in any language later.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from kaquan.customers.imports.files.model import FileShape, Problem, Written
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.runtime import Sentence

MOST_NAMED = 100
"""How many problems, and how many repeats, stand in a result."""

LINE_COLUMN, REASON_COLUMN = "import_line", "import_reason"
_ENCODER = msgspec.json.Encoder()


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


def say_reason(problem: Problem) -> str:
    """Return why a row is refused, in English and with the field that it is about."""
    return f"{problem.field}: {problem.reason}" if problem.field else str(problem.reason)


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
        rows.append([*cells, str(chunk.lines[problem.place]), say_reason(problem)])
    return rows


def _named(prepared: Prepared, problem: Problem) -> dict[str, Any]:
    ids = prepared.values.get("source_id")
    return {
        "line": prepared.chunk.lines[problem.place],
        "row": prepared.chunk.first + problem.place + 1,
        "source_id": ids[problem.place] if ids else None,
        "field": problem.field,
        **keep_sentence("reason", problem.reason),
    }


def keep_sentence(name: str, sentence: Sentence) -> dict[str, Any]:
    """Return a sentence as a result has it: in English under ``name``, and what read_sentence reads."""
    return {name: str(sentence), "words": msgspec.to_builtins(sentence)}


def read_sentence(kept: Mapping[str, Any]) -> Sentence:
    """Return the sentence that keep_sentence, or the file of reasons, kept."""
    given = {
        name: read_sentence(cast("dict[str, Any]", one)) if isinstance(one, dict) else one
        for name, one in kept.get("given", {}).items()
    }
    return Sentence(kept["key"], given)


def reason_lines(problems: Sequence[Problem]) -> bytes:
    """Return why rows are refused, a line of JSON a row: the field and the sentence."""
    return _ENCODER.encode_lines([(one.field, one.reason) for one in problems])
