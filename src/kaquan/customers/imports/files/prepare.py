"""From cells to values, a column at a time: what cannot be read is a problem of its row."""

from collections.abc import Mapping as ReadOnly
from typing import Any

import msgspec

from kaquan.customers.imports.entries import typed_cell
from kaquan.customers.imports.files.fields import FIELDS, Field
from kaquan.customers.imports.files.model import Cells, Chunk, Mapping, Problem, Subject
from kaquan.customers.imports.files.values import Reader
from kaquan.runtime import InvalidInput, MetadataSchema, check_metadata

_NOUNS = {
    Subject.CUSTOMERS: "customer",
    Subject.PRODUCTS: "product",
    Subject.LOCATIONS: "location",
    Subject.ORDERS: "order",
    Subject.EVENTS: "event",
}
_LONG_METADATA = 60_000


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
        found = _read_column(field, cells, read[field.shape], problems)
        values[field.name] = found
        changed = _count_changed(cells, found, problems) if field.shape in _CLEANED else 0
        if changed:
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


def _read_column(
    field: Field, cells: Cells, read: Reader, problems: dict[int, Problem]
) -> list[Any]:
    found: list[Any] = []
    for place, cell in enumerate(cells):
        value = None
        if cell is None:
            if field.required and place not in problems:
                reason = "This may not be missing."
                problems[place] = Problem(place=place, field=field.name, reason=reason)
        else:
            try:
                value = read(cell)
            except InvalidInput as error:
                problem = Problem(place=place, field=field.name, reason=error.message)
                problems.setdefault(place, problem)
        found.append(value)
    return found


def _count_changed(cells: Cells, found: list[Any], problems: dict[int, Problem]) -> int:
    places = [
        place for place, pair in enumerate(zip(cells, found, strict=True)) if _is_changed(*pair)
    ]
    return sum(place not in problems for place in places)


def _is_changed(cell: str | None, value: Any) -> bool:
    if cell is None or cell == value:
        return False
    return value is None or str(value) != cell


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
    for place, one in enumerate(metadata):
        if not one:
            continue
        written = msgspec.json.encode(one)
        if len(written) < _LONG_METADATA and b"\\u0000" not in written:
            continue
        try:
            check_metadata(one, "metadata")
        except InvalidInput as error:
            problem = Problem(place=place, field="metadata", reason=error.message)
            problems.setdefault(place, problem)
