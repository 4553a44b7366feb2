"""SQL of mapped imports and of the mappings that are kept under a name."""

from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.customers.imports.files.model import FileImport, ImportProfile, Mapping, Subject
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.runtime import NotFound, Page, Tx

_COLUMNS: LiteralString = (
    "id, subject, file_id, file_name, sample_id, fingerprint, shape, mapping, check_action_id, run_action_id,"
    " created_at, updated_at"
)
_LISTING = Listing(
    columns=_COLUMNS,
    source="file_import",
    key="id",
    sorts={"created_at": Sort("created_at", datetime), "updated_at": Sort("updated_at", datetime)},
)


async def insert_file_import(tx: Tx, one: FileImport) -> None:
    """Store a file that is to be imported."""
    await tx.execute(
        "insert into file_import (id, subject, file_id, file_name, sample_id, fingerprint, shape,"
        " mapping, created_at, updated_at) values (%(id)s, %(subject)s, %(file_id)s,"
        " %(file_name)s, %(sample_id)s, %(fingerprint)s, %(shape)s, %(mapping)s, %(created_at)s,"
        " %(updated_at)s)",
        {
            "id": one.id,
            "subject": one.subject,
            "file_id": one.file_id,
            "file_name": one.file_name,
            "sample_id": one.sample_id,
            "fingerprint": one.fingerprint,
            "shape": Jsonb(msgspec.to_builtins(one.shape)),
            "mapping": Jsonb(msgspec.to_builtins(one.mapping)),
            "created_at": one.created_at,
            "updated_at": one.updated_at,
        },
    )


async def get_file_import(tx: Tx, import_id: str, *, lock: bool = False) -> FileImport:
    """Return an import; raises NotFound. ``lock`` keeps others from changing it meanwhile."""
    query = sql.SQL("select {} from file_import where id = %s").format(sql.SQL(_COLUMNS))
    if lock:
        query = sql.SQL("{} for update").format(query)
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (import_id,))
        row = await cursor.fetchone()
    if row is None:
        raise NotFound("import", import_id)
    return _import_of(row)


async def find_unfinished(tx: Tx, subject: Subject, fingerprint: str) -> FileImport | None:
    """Return the latest import of the same file whose run was begun and is not done."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            sql.SQL(
                "select {} from file_import f where subject = %s and fingerprint = %s"
                " and exists (select from async_action a where a.id = f.run_action_id"
                " and a.status in ('pending', 'running')) order by created_at desc limit 1"
            ).format(sql.SQL(_COLUMNS)),
            (subject, fingerprint),
        )
        row = await cursor.fetchone()
    return None if row is None else _import_of(row)


async def list_file_imports(
    tx: Tx,
    *,
    subject: Subject | None = None,
    limit: int = 50,
    order: str = "-created_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[FileImport]:
    """Return a page of imports, the latest first unless ``order`` says otherwise."""
    conditions: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    if subject is not None:
        conditions.append(sql.SQL("subject = %(subject)s"))
        parameters["subject"] = subject
    found = await list_page(
        tx,
        _LISTING,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=dict_row,
    )
    return Page(list(map(_import_of, found.items)), found.total, found.next_cursor)


async def update_mapping(tx: Tx, import_id: str, mapping: Mapping, *, now: datetime) -> None:
    """Give an import another mapping; what was found out by its check no longer holds."""
    await tx.execute(
        "update file_import set mapping = %s, check_action_id = null, updated_at = %s"
        " where id = %s",
        (Jsonb(msgspec.to_builtins(mapping)), now, import_id),
    )


async def note_check(tx: Tx, import_id: str, action_id: str, *, now: datetime) -> None:
    """Note the work that tries an import."""
    await tx.execute(
        "update file_import set check_action_id = %s, updated_at = %s where id = %s",
        (action_id, now, import_id),
    )


async def note_run(tx: Tx, import_id: str, action_id: str, *, now: datetime) -> None:
    """Note the work that carries an import out."""
    await tx.execute(
        "update file_import set run_action_id = %s, updated_at = %s where id = %s",
        (action_id, now, import_id),
    )


async def delete_file_import(tx: Tx, import_id: str) -> None:
    """Remove an import's record."""
    await tx.execute("delete from file_import where id = %s", (import_id,))


async def put_profile(
    tx: Tx, subject: Subject, name: str, mapping: Mapping, *, now: datetime
) -> ImportProfile:
    """Keep a mapping under a name, in place of the one that has it."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "insert into import_profile as p (subject, name, mapping, created_at, updated_at)"
            " values (%(subject)s, %(name)s, %(mapping)s, %(now)s, %(now)s)"
            " on conflict (project_id, subject, name) do update"
            " set mapping = excluded.mapping, updated_at = excluded.updated_at"
            " returning name, subject, mapping, created_at, updated_at",
            {
                "subject": subject,
                "name": name,
                "mapping": Jsonb(msgspec.to_builtins(mapping)),
                "now": now,
            },
        )
        return msgspec.convert(await cursor.fetchone(), ImportProfile)


async def get_profile(tx: Tx, subject: Subject, name: str) -> ImportProfile:
    """Return a mapping by its name; raises NotFound."""
    found = [one for one in await list_profiles(tx, subject) if one.name == name]
    if not found:
        raise NotFound("import profile", name)
    return found[0]


async def list_profiles(tx: Tx, subject: Subject | None = None) -> list[ImportProfile]:
    """Return the mappings kept, by subject and name."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select name, subject, mapping, created_at, updated_at from import_profile"
            " where %(subject)s::text is null or subject = %(subject)s order by subject, name",
            {"subject": subject},
        )
        return [msgspec.convert(row, ImportProfile) for row in await cursor.fetchall()]


async def delete_profile(tx: Tx, subject: Subject, name: str) -> None:
    """Forget a mapping; raises NotFound."""
    cursor = await tx.execute(
        "delete from import_profile where subject = %s and name = %s", (subject, name)
    )
    if not cursor.rowcount:
        raise NotFound("import profile", name)


def _import_of(row: dict[str, Any]) -> FileImport:
    return msgspec.convert(row, FileImport)
