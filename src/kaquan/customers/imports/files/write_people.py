"""Storing customers, products and locations: new ones entered, known ones completed."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import pyarrow as pa
from msgspec import UNSET

from kaquan.customers.columns import csv_parts
from kaquan.customers.imports.files.model import Problem, Repeat, Subject, Written
from kaquan.customers.imports.files.prepare import Prepared, noun_of
from kaquan.customers.model import CustomerDraft
from kaquan.customers.people import upsert_customer
from kaquan.customers.sealing import SEALED_TYPES, seal_rows, sealed_columns
from kaquan.customers.store.bulk import (
    Column,
    drop_staging,
    ids_by_source,
    list_raced,
    stage_rows,
)
from kaquan.customers.store.import_merge import merge_given
from kaquan.customers.store.merging import find_survivors
from kaquan.runtime import InvalidInput, KaquanError, SchemaChecker, SchemaScope, Tx, new_ids

_ARROW: Any = pa


class _Target(msgspec.Struct, frozen=True):
    table: LiteralString
    prefix: str
    columns: tuple[Column, ...]


_TARGETS: ReadOnly[Subject, _Target] = {
    Subject.CUSTOMERS: _Target(
        "customer",
        "cust",
        (
            ("name", "text"),
            ("email", "text"),
            ("phone", "text"),
            ("birth_date", "date"),
            ("description", "text"),
            ("address", "jsonb"),
            ("metadata", "jsonb"),
        ),
    ),
    Subject.PRODUCTS: _Target(
        "product",
        "prod",
        (
            ("name", "text"),
            ("price_minor", "bigint"),
            ("image_url", "text"),
            ("attributes", "jsonb"),
            ("metadata", "jsonb"),
        ),
    ),
    Subject.LOCATIONS: _Target("location", "loc", (("name", "text"), ("metadata", "jsonb"))),
}
_IDS: tuple[Column, ...] = (
    ("id", "text"),
    ("source_id", "text"),
    ("created_at", "timestamptz"),
)
_OBJECTS = ("address", "attributes", "metadata")
_SEALED_AT_ONCE = 5_000
_ENCODER = msgspec.json.Encoder()


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """Columns with a row for each object, and the place in the chunk that each row has.

    ``sealed`` are the columns that seal_rows made of them, where that was done already.
    """

    columns: dict[str, list[Any]]
    places: list[int]
    repeats: list[Repeat]
    sealed: dict[str, list[Any]] | None = None

    def only(self, rows: Sequence[int]) -> "Folded":
        """Return some of the rows."""
        return Folded(
            columns=_rows_of(self.columns, rows),
            places=[self.places[row] for row in rows],
            repeats=self.repeats,
            sealed=None if self.sealed is None else _rows_of(self.sealed, rows),
        )


def fold_people(subject: Subject, prepared: Prepared, places: Sequence[int]) -> Folded:
    """Return what some rows of a chunk say, each object once; later rows lie on earlier ones."""
    columns = _columns_of(prepared, _TARGETS[subject])
    ids = columns["source_id"]
    if len(places) == len(ids) == len(set(ids)):
        return Folded(columns=columns, places=list(places), repeats=[])
    columns = {name: list(column) for name, column in columns.items()}
    latest: dict[str, int] = {}
    repeats: list[Repeat] = []
    for place in places:
        before = latest.get(ids[place])
        if before is not None:
            repeats.append(Repeat(line=prepared.chunk.lines[place], source_id=ids[place]))
            for name, column in columns.items():
                column[place] = _on_top(name, column[before], column[place])
        latest[ids[place]] = place
    whole = Folded(columns=columns, places=list(range(len(ids))), repeats=repeats)
    return whole.only(sorted(latest.values()))


async def seal_people(tx: Tx, folded: Folded) -> Folded:
    """Seal what is personal of customers, part by part, so that other tasks come to their turn."""
    ids = folded.columns["source_id"]
    personal = {name: folded.columns[name] for name in SEALED_TYPES if name in folded.columns}
    sealed: dict[str, list[Any]] = {}
    for start in range(0, len(ids), _SEALED_AT_ONCE):
        part = slice(start, start + _SEALED_AT_ONCE)
        more = await seal_rows(tx, ids[part], {name: one[part] for name, one in personal.items()})
        for name, column in more.items():
            sealed.setdefault(name, []).extend(column)
    return msgspec.structs.replace(folded, sealed=sealed)


async def write_people(
    tx: Tx,
    subject: Subject,
    prepared: Prepared,
    *,
    folded: Folded | None = None,
    checker: SchemaChecker,
    now: datetime,
) -> Written:
    """Store a chunk of customers, products or locations by their ``source_id``.

    An empty cell leaves what is known; of two rows about one the later says more. Somebody who
    was merged into another person is that person. ``folded`` is what fold_people made of the rows
    without a problem, if that was done before; without a schema of metadata it is all.
    """
    target = _TARGETS[subject]
    problems = dict(prepared.problems)
    places = good_places(prepared)
    count = len(places)
    await _check_schema(tx, subject, prepared, places, checker=checker, problems=problems)
    if folded is None or len(places) < count:
        folded = fold_people(subject, prepared, places)
    merged: list[bool] = []
    if subject is Subject.CUSTOMERS and folded.places:
        folded, merged = await _write_merged(tx, folded, problems, now=now)
    added, changed = await _store(tx, target, folded.columns, sealed=folded.sealed, now=now)
    changed += sum(merged)
    return Written(
        passed=len(prepared.chunk.lines),
        added=added,
        changed=changed,
        unchanged=len(folded.places) + len(merged) - added - changed,
        problems=sorted(problems.values(), key=lambda one: one.place),
        repeats=folded.repeats,
        cleaned=prepared.cleaned,
    )


def good_places(prepared: Prepared) -> list[int]:
    """Return the places of the rows without a problem."""
    return [place for place in range(len(prepared.chunk.lines)) if place not in prepared.problems]


def _columns_of(prepared: Prepared, target: _Target) -> dict[str, list[Any]]:
    """Return the target's columns, and created_at, as lists with a value a row."""
    values = prepared.values
    columns: dict[str, list[Any]] = {
        name: values[name] for name in ("source_id", "created_at") if name in values
    }
    for name, _ in target.columns:
        if name in values:
            columns[name] = values[name]
    parts = {name.partition(".")[2]: v for name, v in values.items() if name[:8] == "address."}
    if parts:
        columns["address"] = [
            {k: v for k, v in zip(parts, row, strict=True) if v} or None
            for row in zip(*parts.values(), strict=True)
        ]
    if prepared.metadata is not None:
        columns["metadata"] = [one or None for one in prepared.metadata]
    return columns


async def _check_schema(
    tx: Tx,
    subject: Subject,
    prepared: Prepared,
    places: list[int],
    *,
    checker: SchemaChecker,
    problems: dict[int, Problem],
) -> None:
    """Add a problem for each row whose metadata breaks the project's schema."""
    noun = noun_of(subject)
    if checker.find(SchemaScope.STANDARD, noun) is None:
        return
    ids = [prepared.values["source_id"][place] for place in places]
    table = _TARGETS[subject].table
    known = await ids_by_source(tx, table, [one for one in ids if one is not None])
    for place, source_id in zip(places, ids, strict=True):
        given = prepared.metadata[place] if prepared.metadata is not None else {}
        try:
            checker.check(noun, given, new=known.get(source_id) is None)
        except InvalidInput as error:
            field = error.field or "metadata"
            problems[place] = Problem(place=place, field=field, reason=error.sentence)
    places[:] = [place for place in places if place not in problems]


def _rows_of(columns: dict[str, list[Any]], rows: Sequence[int]) -> dict[str, list[Any]]:
    return {name: [one[row] for row in rows] for name, one in columns.items()}


def _on_top(name: str, before: Any, value: Any) -> Any:
    if value is None:
        return before
    return before | value if name in _OBJECTS and before is not None else value


async def _store(
    tx: Tx,
    target: _Target,
    values: dict[str, list[Any]],
    *,
    sealed: dict[str, list[Any]] | None = None,
    now: datetime,
) -> tuple[int, int]:
    """Merge columns of equal length into the table; returns how many were added and changed."""
    count = len(values["source_id"])
    if not count:
        return 0, 0
    nothing: list[Any] = [None] * count
    known: dict[str, list[Any]] = {
        "id": new_ids(target.prefix, count),
        "created_at": values.get("created_at", nothing),
    }
    staged = {
        name: _arrow((values | known)[name], kind)
        for name, kind in (*_IDS, *target.columns)
        if name in values or name in known
    }
    columns = [one for one in (*_IDS, *target.columns) if one[0] in staged]
    if target.table == "customer":
        personal = {name: values[name] for name in SEALED_TYPES if name in values}
        if sealed is None:
            sealed = await seal_rows(tx, values["source_id"], personal)
        staged |= {name: _ARROW.array(one, _ARROW.string()) for name, one in sealed.items()}
        columns = sealed_columns(columns)
    await stage_rows(tx, columns, csv_parts(staged), progress=lambda _: None)
    counts = await merge_given(tx, target.table, columns, now=now)
    raced = await list_raced(tx) if target.table == "customer" else set[str]()
    await drop_staging(tx)
    if not raced:
        return counts
    again = [row for row, one in enumerate(values["source_id"]) if one in raced]
    more = await _store(tx, target, _rows_of(values, again), now=now)
    return counts[0] + more[0], counts[1] + more[1]


def _arrow(values: list[Any], kind: str) -> Any:
    match kind:
        case "jsonb":
            written = _ENCODER.encode_lines(values).decode().split("\n")
            texts = [
                None if one is None else text for one, text in zip(values, written, strict=False)
            ]
            return _ARROW.array(texts, _ARROW.string())
        case "timestamptz":
            return _ARROW.array(values, _ARROW.timestamp("us", "UTC"))
        case "date":
            return _ARROW.array(values, _ARROW.date32())
        case "bigint":
            return _ARROW.array(values, _ARROW.int64())
        case _:
            return _ARROW.array(values, _ARROW.string())


async def _write_merged(
    tx: Tx, folded: Folded, problems: dict[int, Problem], *, now: datetime
) -> tuple[Folded, list[bool]]:
    """Store rows about people who were merged into others; the other rows, what said anything new."""
    ids = folded.columns["source_id"]
    survivors = await find_survivors(tx, ids)
    if not survivors:
        return folded, []
    done: list[bool] = []
    for row in sorted(range(len(ids)), key=ids.__getitem__):
        if ids[row] not in survivors:
            continue
        said = {name: column[row] for name, column in folded.columns.items()}
        given = {k: v for k, v in said.items() if v is not None and k != "created_at"}
        try:
            async with tx.transaction():
                kept = await upsert_customer(tx, CustomerDraft(**given), now=now)
            done.append(kept.updated_at == now)
        except KaquanError as error:
            field = error.field if isinstance(error, InvalidInput) else "source_id"
            place = folded.places[row]
            problems[place] = Problem(place=place, field=field, reason=error.sentence)
    return folded.only([row for row in range(len(ids)) if ids[row] not in survivors]), done


def draft_of(prepared: Prepared, place: int) -> dict[str, Any]:
    """Return what would be stored of a row, for people to look at."""
    shown = {name: column[place] for name, column in prepared.values.items()}
    if prepared.metadata is not None:
        shown["metadata"] = prepared.metadata[place]
    return {k: v for k, v in shown.items() if v is not None and v is not UNSET}
