"""Writing just the given fields of a customer, product or location."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, LiteralString, TypeVar

import msgspec
import psycopg
from msgspec import UNSET
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.customers.checks import merge_metadata
from kaquan.runtime import Duplicate, NotFound, Tx, struct_row

Noun = TypeVar("Noun", bound=msgspec.Struct)


class Entity(msgspec.Struct, Generic[Noun], frozen=True, kw_only=True):
    """A table whose rows carry our id and perhaps the merchant's, and what its rows become.

    Rows that do not meet ``shown`` are treated as if they were not there.
    """

    table: LiteralString
    columns: LiteralString
    noun: type[Noun]
    shown: LiteralString = "true"


class GivenColumns:
    """The columns that a draft sets, as fixed names and bound values; UNSET ones are left out.

    ``metadata`` is merged key by key into a row that exists, and a key given as None goes.
    """

    def __init__(self, **values: Any) -> None:
        given = {name: value for name, value in values.items() if value is not UNSET}
        metadata: dict[str, Any] | None = given.get("metadata")
        self.emptied = [key for key, value in (metadata or {}).items() if value is None]
        if metadata is not None:
            given["metadata"] = merge_metadata({}, metadata)
        self.values = {
            name: Jsonb(value) if isinstance(value, dict) else value
            for name, value in given.items()
        }

    def __bool__(self) -> bool:
        return bool(self.values)

    def assignments(self, table: LiteralString, *, from_refused: bool) -> sql.Composable:
        """Return a SET list with the given values, or with those of the row that was refused."""
        parts: list[sql.Composable] = [sql.SQL("updated_at = %(now)s")]
        for name in self.values:
            source: sql.Composable = sql.Placeholder(name)
            if from_refused:
                source = sql.SQL("excluded.{}").format(sql.Identifier(name))
            if name == "metadata":
                source = sql.SQL("({}.metadata || {}) - %(emptied)s::text[]").format(
                    sql.Identifier(table), source
                )
            parts.append(sql.SQL("{} = {}").format(sql.Identifier(name), source))
        return sql.SQL(", ").join(parts)


async def upsert_row(
    tx: Tx, entity: Entity[Noun], given: GivenColumns, *, row_id: str, now: datetime
) -> Noun:
    """Insert a row, or update the given columns of the one with the same merchant's id.

    One statement, so that any number of transactions may do it at once.
    """
    names: Sequence[str] = ["id", "created_at", *given.values]
    placeholders: Sequence[str] = ["id", "now", *given.values]
    query = sql.SQL(
        "insert into {table} ({names}) values ({values})"
        " on conflict (project_id, source_id) do update set {updates} returning {columns}"
    ).format(
        table=sql.Identifier(entity.table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(map(sql.Placeholder, placeholders)),
        updates=given.assignments(entity.table, from_refused=True),
        columns=sql.SQL(entity.columns),
    )
    async with tx.cursor(row_factory=struct_row(entity.noun)) as cursor:
        await cursor.execute(
            query, given.values | {"emptied": given.emptied, "id": row_id, "now": now}
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def update_row(
    tx: Tx, entity: Entity[Noun], given: GivenColumns, *, row_id: str, now: datetime
) -> Noun:
    """Update the given columns; raises NotFound, and Duplicate for a taken merchant's id."""
    query = sql.SQL(
        "update {table} set {updates} where id = %(id)s and {shown} returning {columns}"
    ).format(
        table=sql.Identifier(entity.table),
        updates=given.assignments(entity.table, from_refused=False),
        shown=sql.SQL(entity.shown),
        columns=sql.SQL(entity.columns),
    )
    try:
        async with tx.transaction(), tx.cursor(row_factory=struct_row(entity.noun)) as cursor:
            await cursor.execute(
                query, given.values | {"emptied": given.emptied, "id": row_id, "now": now}
            )
            row = await cursor.fetchone()
    except psycopg.errors.UniqueViolation as error:
        message = f"Another {entity.table} has this id of yours already."
        raise Duplicate(message, field="source_id") from error
    if row is None:
        raise NotFound(entity.table, row_id)
    return row


async def find_row(
    tx: Tx, entity: Entity[Noun], *, row_id: str | None = None, source_id: str | None = None
) -> Noun | None:
    """Return the row with this id or, if there is none, with this merchant's id."""
    query = sql.SQL(
        "select {columns} from {table} where {shown}"
        " and (id = %(id)s or source_id = %(source_id)s)"
        " order by id = %(id)s desc nulls last limit 1"
    ).format(
        columns=sql.SQL(entity.columns),
        table=sql.Identifier(entity.table),
        shown=sql.SQL(entity.shown),
    )
    async with tx.cursor(row_factory=struct_row(entity.noun)) as cursor:
        await cursor.execute(query, {"id": row_id, "source_id": source_id})
        return await cursor.fetchone()


async def get_row(tx: Tx, entity: Entity[Noun], reference: str) -> Noun:
    """Return the row with this id, else with this merchant's id; raises NotFound."""
    row = await find_row(tx, entity, row_id=reference, source_id=reference)
    if row is None:
        raise NotFound(entity.table, reference)
    return row
