"""Files in the database, in parts: readable by every process, gone when they expire.

A file is written part by part, each in the transaction of the work that made it, so that work
which was stopped goes on where its last commit was.
"""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

import msgspec
from psycopg import sql

from kaquan.runtime.database import Database, Tx, struct_row
from kaquan.runtime.errors import NotFound
from kaquan.runtime.ids import new_id

PART_BYTES = 256 * 1024
KEPT_FOR = timedelta(days=30)
"""How long exports, rejects and reports can be fetched."""

_COLUMNS = sql.SQL("id, name, media_type, byte_count, part_count, created_at, expires_at")


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file: ``byte_count`` bytes in ``part_count`` parts."""

    id: str
    name: str
    media_type: str
    byte_count: int
    part_count: int
    created_at: datetime
    expires_at: datetime


async def create_file(
    tx: Tx,
    name: str,
    *,
    media_type: str = "text/csv",
    kept_for: timedelta = KEPT_FOR,
    now: datetime,
) -> str:
    """Make an empty file and return its id."""
    file_id = new_id("file")
    await tx.execute(
        "insert into stored_file (id, name, media_type, created_at, expires_at)"
        " values (%s, %s, %s, %s, %s)",
        (file_id, name, media_type, now, now + kept_for),
    )
    return file_id


async def append_to_file(tx: Tx, file_id: str, content: bytes) -> None:
    """Add ``content`` at the end, in parts of at most PART_BYTES. Raises NotFound."""
    for start in range(0, len(content), PART_BYTES):
        part = content[start : start + PART_BYTES]
        cursor = await tx.execute(
            "with grown as (update stored_file set part_count = part_count + 1,"
            " byte_count = byte_count + %(size)s where id = %(id)s returning part_count)"
            " insert into stored_file_part (file_id, part, content)"
            " select %(id)s, part_count, %(part)s from grown",
            {"id": file_id, "part": part, "size": len(part)},
        )
        if cursor.rowcount != 1:
            raise NotFound("file", file_id)


async def get_file(tx: Tx, file_id: str) -> StoredFile:
    """Return what is known of a file; raises NotFound."""
    async with tx.cursor(row_factory=struct_row(StoredFile)) as cursor:
        await cursor.execute(
            sql.SQL("select {} from stored_file where id = %s").format(_COLUMNS), (file_id,)
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("file", file_id)
    return found


async def read_file_part(tx: Tx, file_id: str, part: int) -> bytes:
    """Return a part, counted from 1; empty behind the end."""
    cursor = await tx.execute(
        "select content from stored_file_part where file_id = %s and part = %s", (file_id, part)
    )
    row = await cursor.fetchone()
    return b"" if row is None else row[0]


async def stream_file(
    database: Database, project_id: int, stored: StoredFile
) -> AsyncGenerator[bytes]:
    """Yield a file part by part, each from a transaction of its own, so that none stays open."""
    for part in range(1, stored.part_count + 1):
        async with database.transaction(project_id) as tx:
            content = await read_file_part(tx, stored.id, part)
        yield content


async def delete_file(tx: Tx, file_id: str) -> None:
    """Remove a file with its parts; one that is gone is no error."""
    await tx.execute("delete from stored_file where id = %s", (file_id,))


async def delete_expired_files(tx: Tx, *, now: datetime) -> int:
    """Remove the project's files whose time is over and return how many they were."""
    cursor = await tx.execute("delete from stored_file where expires_at <= %s", (now,))
    return cursor.rowcount
