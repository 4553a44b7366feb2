"""SQL of saved filters."""

from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from kaquan.runtime import Duplicate, NotFound, Tx, struct_row, words
from kaquan.segments.model import SavedFilter

_COLUMNS: LiteralString = "id, owner, name, definition, columns, sort, created_at, updated_at"


async def list_filters(tx: Tx, *, owner: str) -> list[SavedFilter]:
    """Return the filters that a person sees: their own and everybody's, by name."""
    async with tx.cursor(row_factory=struct_row(SavedFilter)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from saved_filter where owner in ('', %s)"
            " order by lower(name), owner, id",
            (owner,),
        )
        return await cursor.fetchall()


async def get_filter(tx: Tx, filter_id: str, *, owner: str) -> SavedFilter:
    """Return a filter that a person sees; raises NotFound, also for somebody else's."""
    async with tx.cursor(row_factory=struct_row(SavedFilter)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from saved_filter where id = %s and owner in ('', %s)",
            (filter_id, owner),
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("saved filter", filter_id)
    return found


async def insert_filter(tx: Tx, saved: SavedFilter) -> None:
    """Store a new filter; raises Duplicate for a name that its readers have already."""
    try:
        async with tx.transaction():
            await tx.execute(
                "insert into saved_filter (id, owner, name, definition, columns, sort, created_at)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    saved.id,
                    saved.owner,
                    saved.name,
                    Jsonb(saved.definition),
                    list(saved.columns),
                    saved.sort,
                    saved.created_at,
                ),
            )
    except psycopg.errors.UniqueViolation as error:
        message = words("There is a saved filter named '%(name)s' already.", name=saved.name)
        raise Duplicate(message, field="name") from error


async def delete_filter_row(tx: Tx, filter_id: str) -> None:
    """Forget a filter."""
    await tx.execute("delete from saved_filter where id = %s", (filter_id,))
