"""Guessing what columns mean: by their headers first, then by what their values look like."""

import re
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

from kaquan.customers.imports.files.column_readers import Reader
from kaquan.customers.imports.files.fields import FIELDS, Field, find_field, fold_header
from kaquan.customers.imports.files.model import Cells, Guess, Mapping, Subject
from kaquan.customers.imports.files.results import LINE_COLUMN, REASON_COLUMN
from kaquan.customers.imports.files.values import Terms, is_possible_phone, readers
from kaquan.runtime import InvalidInput

_LOOKED_AT = 200
_TELLING = ("email", "phone", "birth", "time", "status", "currency", "object", "lines", "money")
_SURE, _DOUBTED = 0.6, 0.5
_MINOR = re.compile(r"minor|cents?\b|[(（]分[)）]|（分）|_fen\b|分$", re.I)
_DATE = re.compile(r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}.*|\d{8}|0000-00-00.*")


def guess_mapping(subject: Subject, columns: ReadOnly[str, Cells], *, terms: Terms) -> Guess:
    """Propose what the columns of a file mean, from its headers and first rows.

    A header that is known decides, unless its values look like another field's and a column with
    such values is there for it: then the two are exchanged, and said to be doubtful.
    """
    read = readers(terms)
    cells = {name: [one for one in found[:_LOOKED_AT] if one] for name, found in columns.items()}
    fields = _by_header(subject, list(columns))
    doubts = _exchange_swapped(subject, fields, cells, read)
    taken = set(fields.values())
    for field in FIELDS[subject]:
        if field.name in fields or field.shape not in ("email", "phone"):
            continue
        for column in columns:
            if column not in taken and _fit(field, cells[column], read) >= _SURE:
                fields[field.name] = column
                taken.add(column)
                doubts[column] = "values"
                break
    if "lines" in fields:
        fields = {name: column for name, column in fields.items() if not name.startswith("line.")}
    money = [column for name, column in fields.items() if _shape(subject, name) == "money"]
    named = {*fields.values(), LINE_COLUMN, REASON_COLUMN}
    left = {column: column for column in columns if column not in named}
    is_plain = subject not in (Subject.ORDERS,)
    return Guess(
        mapping=Mapping(
            fields=fields,
            metadata={fold_key(key): column for key, column in left.items()} if is_plain else {},
            amounts="minor" if money and all(map(_is_minor, money)) else "major",
        ),
        doubts=doubts,
    )


def find_doubts(
    subject: Subject, mapping: Mapping, columns: ReadOnly[str, Cells], *, terms: Terms
) -> dict[str, str]:
    """Return the columns, with the field they look like, whose values do not look like theirs.

    Where they look like no other field, it is ``values``.
    """
    read = readers(terms)
    doubts: dict[str, str] = {}
    for name, column in mapping.fields.items():
        field = find_field(subject, name)
        cells = [one for one in columns.get(column, [])[:_LOOKED_AT] if one]
        if field is None or not cells or _fit(field, cells, read) >= _DOUBTED:
            continue
        others = [
            other.name
            for other in FIELDS[subject]
            if other.name != name and other.shape in _TELLING and _fit(other, cells, read) >= _SURE
        ]
        doubts[column] = others[0] if others else "values"
    return doubts


def fold_key(header: str) -> str:
    """Return a header as the key of metadata."""
    return re.sub(r"\s+", "_", header.removeprefix("metadata.").strip())[:60] or "column"


def _by_header(subject: Subject, columns: Sequence[str]) -> dict[str, str]:
    """Return field to column; a field's earlier headers count more than its later ones."""
    folded = {column: fold_header(column) for column in columns}
    offers: list[tuple[int, int, str, str]] = []
    for place, field in enumerate(FIELDS[subject]):
        headers = [fold_header(field.name), *map(fold_header, field.headers)]
        for column, header in folded.items():
            if header in headers:
                offers.append((headers.index(header), place, field.name, column))
    fields: dict[str, str] = {}
    for _, _, name, column in sorted(offers):
        if name not in fields and column not in fields.values():
            fields[name] = column
    return {field.name: fields[field.name] for field in FIELDS[subject] if field.name in fields}


def _exchange_swapped(
    subject: Subject,
    fields: dict[str, str],
    cells: ReadOnly[str, Sequence[str]],
    read: ReadOnly[str, Reader],
) -> dict[str, str]:
    doubts: dict[str, str] = {}
    for name, column in list(fields.items()):
        field = find_field(subject, name)
        if field is None or not cells[column] or _fit(field, cells[column], read) >= _DOUBTED:
            continue
        for other_name, other_column in list(fields.items()):
            other = find_field(subject, other_name)
            if other is None or other_name == name or fields[name] != column:
                continue
            if (
                other.shape in (*_TELLING, "name")
                and _fit(other, cells[column], read) >= _SURE
                and _fit(field, cells[other_column], read) >= _SURE
                and (_fit(other, cells[other_column], read) < _DOUBTED or other.shape == "name")
            ):
                fields[name], fields[other_name] = other_column, column
                doubts |= {column: other_name, other_column: name}
    for name, column in fields.items():
        field = find_field(subject, name)
        if field is not None and cells[column] and _fit(field, cells[column], read) < _DOUBTED:
            doubts.setdefault(column, "values")
    return doubts


def _fit(field: Field, cells: Sequence[str], read: ReadOnly[str, Reader]) -> float:
    """Return the share of cells that look like the field's, from 0 to 1."""
    if not cells:
        return 0.0
    return sum(_looks_like(field.shape, cell, read) for cell in cells) / len(cells)


def _looks_like(shape: str, cell: str, read: ReadOnly[str, Reader]) -> bool:
    if shape in ("birth", "time") and not _DATE.fullmatch(cell):
        # Numbers are read as days and moments, and yet most columns of numbers are neither.
        return shape == "time" and cell[:1].isdigit() and ("T" in cell or ":" in cell)
    if shape == "phone":
        return is_possible_phone(cell, "CN") or bool(
            re.fullmatch(r"\+?[\d ()-]{7,20}", cell) and not _DATE.fullmatch(cell)
        )
    if shape == "money" and _DATE.fullmatch(cell) and len(cell) == 10:
        return False
    if shape == "name" and ("@" in cell or re.fullmatch(r"\+?[\d ()./:-]{6,}", cell)):
        return False
    try:
        read[shape](cell)
    except InvalidInput:
        return False
    return True


def _shape(subject: Subject, name: str) -> str:
    field = find_field(subject, name)
    return "" if field is None else field.shape


def _is_minor(column: str) -> bool:
    return bool(_MINOR.search(column))
