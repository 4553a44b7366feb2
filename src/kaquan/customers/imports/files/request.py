"""Beginning an import: what the file is, what its columns mean, trying it, running it."""

import hashlib
import io
import itertools
from datetime import datetime
from typing import BinaryIO

import msgspec

from kaquan.customers.cleaning import country_of
from kaquan.customers.imports.files.fields import check_mapping, list_missing
from kaquan.customers.imports.files.guess import find_doubts, guess_mapping
from kaquan.customers.imports.files.model import (
    Chunk,
    FileImport,
    FileShape,
    Mapping,
    Preview,
    Problem,
    Subject,
)
from kaquan.customers.imports.files.order_rows import read_order_rows
from kaquan.customers.imports.files.prepare import Prepared, noun_of, prepare_chunk
from kaquan.customers.imports.files.results import empty_result, keep_sentence, reject_header
from kaquan.customers.imports.files.sources import describe_file, read_chunks
from kaquan.customers.imports.files.values import Terms, readers, terms_of
from kaquan.customers.imports.files.write_people import draft_of
from kaquan.customers.imports.report import write_csv
from kaquan.customers.store.file_imports import (
    delete_file_import,
    get_file_import,
    get_profile,
    insert_file_import,
    note_check,
    note_run,
    put_profile,
    update_mapping,
)
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    InvalidInput,
    NotFound,
    SchemaScope,
    Tx,
    append_to_file,
    check_name,
    create_file,
    delete_file,
    get_action,
    get_file,
    get_project,
    load_checker,
    new_id,
    read_file_part,
    start_action,
    words,
)

SAMPLED_ROWS = 200
SHOWN_ROWS = 8
_EDGE = 1 << 20


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was looked at: its shape, its first rows, and a digest of it."""

    shape: FileShape
    sample: Chunk
    fingerprint: str


def inspect_file(file: BinaryIO, *, sheet: str | None = None) -> Inspected:
    """Look at a file. Raises InvalidInput (field ``file``) for one that cannot be imported."""
    shape = describe_file(file, sheet=sheet)
    sample = next(read_chunks(file, shape, rows=SAMPLED_ROWS), None)
    if sample is None:
        raise InvalidInput("The file has columns and no rows.", field="file")
    digest = hashlib.sha256(str(shape.byte_count).encode())
    for place in (0, max(0, shape.byte_count - _EDGE)):
        file.seek(place, io.SEEK_SET)
        digest.update(file.read(_EDGE))
    return Inspected(shape=shape, sample=sample, fingerprint=digest.hexdigest())


async def begin_import(
    tx: Tx,
    subject: Subject,
    inspected: Inspected,
    *,
    file_id: str | None,
    file_name: str,
    profile: str | None = None,
    now: datetime,
) -> FileImport:
    """Record a file that is to be imported, with the mapping of a profile or a guessed one.

    Nothing is imported yet. Raises NotFound for an unknown profile and InvalidInput for one that
    names columns which the file does not have.
    """
    columns = inspected.shape.columns
    if profile is not None:
        mapping = (await get_profile(tx, subject, profile)).mapping
        check_mapping(subject, mapping, columns)
    else:
        terms = await _terms(tx, "major", now=now)
        mapping = guess_mapping(subject, inspected.sample.columns, terms=terms).mapping
    sample_id = await create_file(tx, "sample.json", media_type="application/json", now=now)
    await append_to_file(tx, sample_id, msgspec.json.encode(inspected.sample))
    found = FileImport(
        id=new_id("imp"),
        subject=subject,
        file_id=file_id,
        file_name=file_name[-200:],
        sample_id=sample_id,
        fingerprint=inspected.fingerprint,
        shape=inspected.shape,
        mapping=mapping,
        check_action_id=None,
        run_action_id=None,
        created_at=now,
        updated_at=now,
    )
    await insert_file_import(tx, found)
    return found


async def set_mapping(tx: Tx, import_id: str, mapping: Mapping, *, now: datetime) -> FileImport:
    """Say what the columns of a file mean. Raises InvalidInput, also when it is being imported."""
    found = await get_file_import(tx, import_id, lock=True)
    await _refuse_begun(tx, found)
    check_mapping(found.subject, mapping, found.shape.columns)
    await update_mapping(tx, import_id, mapping, now=now)
    return await get_file_import(tx, import_id)


async def keep_profile(
    tx: Tx, subject: Subject, name: str, mapping: Mapping, *, now: datetime
) -> None:
    """Keep a mapping under a name. Raises InvalidInput for fields that are not, or no name."""
    checked = check_name(name, "name")
    if not checked:
        raise InvalidInput("A profile needs a name.", field="name")
    columns = (*mapping.fields.values(), *mapping.metadata.values())
    check_mapping(subject, mapping, columns)
    await put_profile(tx, subject, checked, mapping, now=now)


async def preview_import(tx: Tx, found: FileImport, *, now: datetime) -> Preview:
    """Return the first rows of a file, as written and as they would be stored.

    Raises NotFound when the import is over and the file is gone.
    """
    sample = await _sample(tx, found)
    mapping = found.mapping
    terms = await _terms(tx, mapping.amounts, now=now)
    missing = list_missing(found.subject, mapping)
    doubts = find_doubts(found.subject, mapping, sample.columns, terms=terms)
    shown = Chunk(
        first=0,
        lines=sample.lines[:SHOWN_ROWS],
        columns={name: cells[:SHOWN_ROWS] for name, cells in sample.columns.items()},
        broken={place: one for place, one in sample.broken.items() if place < SHOWN_ROWS},
    )
    checker = await load_checker(tx)
    read = readers(terms)
    schema = checker.find(SchemaScope.STANDARD, noun_of(found.subject))
    prepared = prepare_chunk(found.subject, mapping, shown, read=read, schema=schema)
    problems = prepared.problems
    if found.subject is Subject.ORDERS and not missing:
        problems = read_order_rows(prepared, read=read)[1]
    count = len(shown.lines)
    return Preview(
        lines=shown.lines,
        rows=[
            {name: cells[place] for name, cells in shown.columns.items()} for place in range(count)
        ],
        values=[
            msgspec.to_builtins(draft_of(prepared, place)) if place not in problems else {}
            for place in range(count)
        ],
        changes=_changes(prepared, mapping),
        problems=[_told(prepared, problems[place]) for place in sorted(problems)],
        doubts=doubts,
        missing=missing,
    )


async def request_check(tx: Tx, import_id: str, *, now: datetime) -> AsyncAction:
    """Ask for a dry run of the whole file: the caller defers the job that does it.

    Raises InvalidInput for a mapping that lacks a field, and for an import that was begun.
    """
    found = await get_file_import(tx, import_id, lock=True)
    action = await _request(tx, found, check=True, now=now)
    await note_check(tx, import_id, action.id, now=now)
    return action


async def request_run(tx: Tx, import_id: str, *, now: datetime) -> AsyncAction:
    """Ask for the import itself, as request_check does for its dry run."""
    found = await get_file_import(tx, import_id, lock=True)
    action = await _request(tx, found, check=False, now=now)
    await note_run(tx, import_id, action.id, now=now)
    return action


async def discard_import(tx: Tx, import_id: str) -> None:
    """Forget a file that was not imported, with what was sent. Raises InvalidInput for another."""
    found = await get_file_import(tx, import_id, lock=True)
    await _refuse_begun(tx, found)
    for file_id in (found.file_id, found.sample_id):
        if file_id is not None:
            await delete_file(tx, file_id)
    await delete_file_import(tx, import_id)


async def _request(tx: Tx, found: FileImport, *, check: bool, now: datetime) -> AsyncAction:
    await _refuse_begun(tx, found)
    missing = list_missing(found.subject, found.mapping)
    if missing:
        message = words("The mapping must name %(fields)s.", fields=", ".join(missing))
        raise InvalidInput(message, field="mapping.fields")
    request: dict[str, object] = {"import_id": found.id, "check": check}
    if not check:
        report_id = await create_file(tx, f"rejects-{found.subject}.csv", now=now)
        await append_to_file(tx, report_id, write_csv([reject_header(found.shape)]))
        request["report_id"] = report_id
        request["reasons_id"] = await create_file(
            tx, f"reasons-{found.subject}.jsonl", media_type="application/jsonl", now=now
        )
    kind = f"imports.{'check' if check else 'run'}_{found.subject}"
    action = await start_action(tx, kind, request=request, total=found.shape.row_count, now=now)
    return msgspec.structs.replace(action, result=empty_result())


async def _refuse_begun(tx: Tx, found: FileImport) -> None:
    if found.run_action_id is None:
        return
    action = await get_action(tx, found.run_action_id)
    if action.status is not ActionStatus.FAILED:
        message = "This file is being imported, or was; send it anew."
        raise InvalidInput(message, field="id", key="import_begun")


async def _sample(tx: Tx, found: FileImport) -> Chunk:
    try:
        stored = await get_file(tx, found.sample_id)
    except NotFound as error:
        raise NotFound("file of import", found.id) from error
    parts = [await read_file_part(tx, stored.id, n + 1) for n in range(stored.part_count)]
    return msgspec.json.decode(b"".join(parts), type=Chunk)


async def _terms(tx: Tx, amounts: str, *, now: datetime) -> Terms:
    project = await get_project(tx)
    return terms_of(project, country=country_of(project), amounts=amounts, now=now)


def _changes(prepared: Prepared, mapping: Mapping) -> list[dict[str, object]]:
    """Return where the stored value is not what the cell says: line, field, said, stored."""
    found: list[dict[str, object]] = []
    for name in ("name", "email", "phone", "birth_date"):
        column = mapping.fields.get(name)
        if column is None or name not in prepared.values:
            continue
        cells = prepared.chunk.columns[column]
        for line, said, value, place in zip(
            prepared.chunk.lines, cells, prepared.values[name], itertools.count(), strict=False
        ):
            stored = None if value is None else str(value)
            if said is not None and place not in prepared.problems and stored != said:
                found.append({"line": line, "field": name, "said": said, "stored": stored})
    return found


def _told(prepared: Prepared, problem: Problem) -> dict[str, object]:
    line = prepared.chunk.lines[problem.place]
    return {"line": line, "field": problem.field, **keep_sentence("reason", problem.reason)}
