"""Storing customers, products and locations: new ones entered, known ones completed."""

from collections.abc import Mapping as ReadOnly
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
from kaquan.customers.store.bulk import Column, drop_staging, ids_by_source, stage_rows
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
_OBJECTS = ("address", "attributes", "metadata")


async def write_people(
    tx: Tx, subject: Subject, prepared: Prepared, *, checker: SchemaChecker, now: datetime
) -> Written:
    """Store a chunk of customers, products or locations by their ``source_id``.

    An empty cell leaves what is known; of two rows about one the later says more. Somebody who
    was merged into another person is that person.
    """
    target = _TARGETS[subject]
    rows = _rows_of(prepared, target)
    problems = dict(prepared.problems)
    places = [place for place in range(len(prepared.chunk.lines)) if place not in problems]
    await _check_schema(tx, subject, prepared, places, checker=checker, problems=problems)
    folded, repeats, last = _fold(rows, places, prepared)
    merged: dict[str, bool] = {}
    if subject is Subject.CUSTOMERS and folded:
        merged = await _write_merged(tx, folded, last, problems, now=now)
    for source_id in merged:
        folded.pop(source_id)
    added, changed = await _store(tx, target, folded, now=now)
    changed += sum(merged.values())
    return Written(
        passed=len(prepared.chunk.lines),
        added=added,
        changed=changed,
        unchanged=len(folded) + len(merged) - added - changed,
        problems=sorted(problems.values(), key=lambda one: one.place),
        repeats=repeats,
        cleaned=prepared.cleaned,
    )


def _rows_of(prepared: Prepared, target: _Target) -> dict[str, list[Any]]:
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
            problems[place] = Problem(place=place, field=field, reason=error.message)
    places[:] = [place for place in places if place not in problems]


def _fold(
    rows: dict[str, list[Any]], places: list[int], prepared: Prepared
) -> tuple[dict[str, dict[str, Any]], list[Repeat], dict[str, int]]:
    """Return each object once, later rows on top of earlier ones; rows that came again; places."""
    folded: dict[str, dict[str, Any]] = {}
    repeats: list[Repeat] = []
    last: dict[str, int] = {}
    names = list(rows)
    good = set(places)
    for place, values in enumerate(zip(*rows.values(), strict=True)):
        if place not in good:
            continue
        row = dict(zip(names, values, strict=True))
        before = folded.get(row["source_id"])
        if before is not None:
            repeats.append(Repeat(line=prepared.chunk.lines[place], source_id=row["source_id"]))
            for name, value in before.items():
                if row[name] is None:
                    row[name] = value
                elif name in _OBJECTS and value is not None:
                    row[name] = value | row[name]
        folded[row["source_id"]] = row
        last[row["source_id"]] = place
    return folded, repeats, last


async def _store(
    tx: Tx, target: _Target, folded: dict[str, dict[str, Any]], *, now: datetime
) -> tuple[int, int]:
    if not folded:
        return 0, 0
    rows = list(folded.values())
    given = [one for one in target.columns if one[0] in rows[0]]
    columns: tuple[Column, ...] = (
        ("id", "text"),
        ("source_id", "text"),
        ("created_at", "timestamptz"),
        *given,
    )
    staged: dict[str, Any] = {
        "id": _ARROW.array(new_ids(target.prefix, len(rows)), _ARROW.string()),
        "source_id": _ARROW.array(list(folded), _ARROW.string()),
        "created_at": _ARROW.array(
            [row.get("created_at") for row in rows], _ARROW.timestamp("us", "UTC")
        ),
    }
    for name, kind in given:
        staged[name] = _arrow([row[name] for row in rows], kind)
    await stage_rows(tx, columns, csv_parts(staged), progress=lambda _: None)
    counts = await merge_given(tx, target.table, columns, now=now)
    await drop_staging(tx)
    return counts


def _arrow(values: list[Any], kind: str) -> Any:
    match kind:
        case "jsonb":
            texts = [None if one is None else msgspec.json.encode(one).decode() for one in values]
            return _ARROW.array(texts, _ARROW.string())
        case "date":
            return _ARROW.array(values, _ARROW.date32())
        case "bigint":
            return _ARROW.array(values, _ARROW.int64())
        case _:
            return _ARROW.array(values, _ARROW.string())


async def _write_merged(
    tx: Tx,
    folded: dict[str, dict[str, Any]],
    last: dict[str, int],
    problems: dict[int, Problem],
    *,
    now: datetime,
) -> dict[str, bool]:
    """Store rows about people who were merged into others; by their ids, what said anything new."""
    survivors = await find_survivors(tx, list(folded))
    done: dict[str, bool] = {}
    for source_id in sorted(survivors.keys() & folded.keys()):
        given = {k: v for k, v in folded[source_id].items() if v is not None and k != "created_at"}
        try:
            async with tx.transaction():
                kept = await upsert_customer(tx, CustomerDraft(**given), now=now)
            done[source_id] = kept.updated_at == now
        except KaquanError as error:
            field = error.field if isinstance(error, InvalidInput) else "source_id"
            place = last[source_id]
            problems[place] = Problem(place=place, field=field, reason=error.message)
            folded.pop(source_id)
    return done


def draft_of(prepared: Prepared, place: int) -> dict[str, Any]:
    """Return what would be stored of a row, for people to look at."""
    shown = {name: column[place] for name, column in prepared.values.items()}
    if prepared.metadata is not None:
        shown["metadata"] = prepared.metadata[place]
    return {k: v for k, v in shown.items() if v is not None and v is not UNSET}
