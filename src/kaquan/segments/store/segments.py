"""SQL of segments as they are defined."""

from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from kaquan.runtime import Duplicate, NotFound, Tx, struct_row, words
from kaquan.segments.model import Segment

_COLUMNS: LiteralString = (
    "id, name, kind, definition, metadata, member_count, evaluated_at, created_at, updated_at"
)


async def find_segment(tx: Tx, reference: str) -> Segment | None:
    """Return a segment by id, else by name, or None."""
    async with tx.cursor(row_factory=struct_row(Segment)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segment"
            " where id = %(reference)s or name = %(reference)s"
            " order by id = %(reference)s desc limit 1",
            {"reference": reference},
        )
        return await cursor.fetchone()


async def get_segment(tx: Tx, reference: str) -> Segment:
    """Return a segment by id, else by name; raises NotFound."""
    segment = await find_segment(tx, reference)
    if segment is None:
        raise NotFound("segment", reference)
    return segment


async def list_segments(
    tx: Tx, *, search: str | None = None, limit: int | None = None, page: int = 1
) -> list[Segment]:
    """Return segments ordered by name; ``search`` is a part of the name, in any case of letters."""
    async with tx.cursor(row_factory=struct_row(Segment)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segment where strpos(lower(name), lower(%(search)s)) > 0"
            " order by lower(name), id limit %(limit)s offset %(offset)s",
            {
                "search": (search or "").replace("\0", ""),
                "limit": limit,
                "offset": 0 if limit is None else (page - 1) * limit,
            },
        )
        return await cursor.fetchall()


async def count_segments(tx: Tx) -> int:
    """Return how many segments the project has."""
    cursor = await tx.execute("select count(*) from segment")
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def lock_definitions(tx: Tx) -> None:
    """Keep others from changing how segments refer to each other until this transaction ends."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' segments', 0))"
    )


async def insert_segment(tx: Tx, segment: Segment) -> None:
    """Store a new segment; raises Duplicate for a taken name."""
    await _write(
        tx,
        "insert into segment (id, name, kind, definition, metadata, created_at)"
        " values (%(id)s, %(name)s, %(kind)s, %(definition)s, %(metadata)s, %(created_at)s)",
        segment,
    )


async def update_segment_row(tx: Tx, segment: Segment) -> None:
    """Write a segment's name, definition and metadata back; raises Duplicate for a taken name."""
    await _write(
        tx,
        "update segment set name = %(name)s, definition = %(definition)s,"
        " metadata = %(metadata)s, updated_at = %(updated_at)s where id = %(id)s",
        segment,
    )


async def delete_segment_row(tx: Tx, segment_id: str) -> bool:
    """Delete a segment and its members; False when something was sent to it."""
    try:
        async with tx.transaction():
            await tx.execute("delete from segment where id = %s", (segment_id,))
    except psycopg.errors.ForeignKeyViolation:
        return False
    return True


async def _write(tx: Tx, statement: LiteralString, segment: Segment) -> None:
    try:
        async with tx.transaction():
            await tx.execute(
                statement,
                {
                    "id": segment.id,
                    "name": segment.name,
                    "kind": segment.kind,
                    "definition": Jsonb(segment.definition),
                    "metadata": Jsonb(segment.metadata),
                    "created_at": segment.created_at,
                    "updated_at": segment.updated_at,
                },
            )
    except psycopg.errors.UniqueViolation as error:
        message = words("There is a segment named '%(name)s' already.", name=segment.name)
        raise Duplicate(message, field="name") from error
