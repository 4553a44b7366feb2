"""From cells to values, a column at a time: what cannot be read is a problem of its row."""

from collections.abc import Mapping as ReadOnly
from typing import Any

import msgspec

from kaquan.customers.imports.entries import typed_cell
from kaquan.customers.imports.files.column_readers import ReadColumn, Reader
from kaquan.customers.imports.files.fields import FIELDS, Field
from kaquan.customers.imports.files.model import Cells, Chunk, Mapping, Problem, Subject
from kaquan.runtime import InvalidInput, MetadataSchema, check_metadata, words

_NOUNS = {
    Subject.CUSTOMERS: "customer",
    Subject.PRODUCTS: "product",
    Subject.LOCATIONS: "location",
    Subject.ORDERS: "order",
    Subject.EVENTS: "event",
}
_LONG_METADATA = 60_000
_MISSING = words("This may not be missing.")
_ENCODER = msgspec.json.Encoder()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk with its values by field; a row with a problem has none that count.

    ``metadata`` is an object a row, None where the mapping names no column for it. ``cleaned``
    counts, by field, the cells that are stored in another way than they were written.
    """

    chunk: Chunk
    values: dict[str, list[Any]]
    metadata: list[dict[str, Any]] | None
    problems: dict[int, Problem]
    cleaned: dict[str, int]


def noun_of(subject: Subject) -> str:
    """Return what one row is, as schemas of metadata name it."""
    return _NOUNS[subject]


def prepare_chunk(
    subject: Subject,
    mapping: Mapping,
    chunk: Chunk,
    *,
    read: ReadOnly[str, Reader],
    schema: MetadataSchema | None,
) -> Prepared:
    """Read every cell that the mapping names. The first problem of a row is the one told."""
    count = len(chunk.lines)
    problems = {
        place: Problem(place=place, field="", reason=reason)
        for place, reason in chunk.broken.items()
    }
    values: dict[str, list[Any]] = {}
    cleaned: dict[str, int] = {}
    for field in FIELDS[subject]:
        cells = _cells_of(mapping, chunk, field.name)
        if cells is None:
            continue
        found = read[field.shape].column(cells)
        _note_refused(field, cells, found, problems)
        values[field.name] = found.values
        if field.shape not in _CLEANED:
            continue
        if changed := sum(place not in problems for place in found.changed):
            cleaned[field.name] = changed
    metadata = None
    if mapping.metadata or "metadata" in values:
        given = values.pop("metadata", [None] * count)
        metadata = _metadata(mapping, chunk, given, schema)
        _check_sizes(metadata, problems)
    return Prepared(
        chunk=chunk, values=values, metadata=metadata, problems=problems, cleaned=cleaned
    )


_CLEANED = ("name", "email", "phone", "birth", "line")


def _cells_of(mapping: Mapping, chunk: Chunk, name: str) -> Cells | None:
    column = mapping.fields.get(name)
    if column is not None:
        return chunk.columns[column]
    constant = mapping.constants.get(name)
    if constant is None:
        return None
    cells: Cells = [constant] * len(chunk.lines)
    return cells


def _note_refused(
    field: Field, cells: Cells, found: ReadColumn, problems: dict[int, Problem]
) -> None:
    reasons = dict(found.refused)
    if field.required and None in cells:
        reasons |= {place: _MISSING for place, cell in enumerate(cells) if cell is None}
    for place, reason in reasons.items():
        problem = Problem(place=place, field=field.name, reason=reason)
        problems.setdefault(place, problem)


def _metadata(
    mapping: Mapping, chunk: Chunk, given: list[Any], schema: MetadataSchema | None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [dict(one) if one else {} for one in given]
    properties = {} if schema is None else schema.properties
    for key, column in mapping.metadata.items():
        definition = properties.get(key)
        for row, cell in zip(found, chunk.columns[column], strict=True):
            if cell is not None:
                row[key] = cell if definition is None else typed_cell(cell, definition)
    return found


def _check_sizes(metadata: list[dict[str, Any]], problems: dict[int, Problem]) -> None:
    written = _ENCODER.encode_lines(metadata)
    if b"\\u0000" not in written and max(map(len, written.split(b"\n"))) < _LONG_METADATA:
        return
    for place, one in enumerate(metadata):
        try:
            check_metadata(one, "metadata")
        except InvalidInput as error:
            problem = Problem(place=place, field="metadata", reason=error.sentence)
            problems.setdefault(place, problem)
