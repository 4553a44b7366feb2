"""The bin: what was deleted and may come back.

Products and variants are kept as the rows they were: whoever deletes one puts it here first, in
the same transaction, and the row is then really gone. Campaigns and vouchers stay rows, hidden
under the id of their entry; their room brings them back (foundation_56_deletion).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.runtime.database import Tx, struct_row
from kaquan.runtime.errors import Duplicate, NotFound
from kaquan.runtime.filters import Condition, FilterField, FilterFields
from kaquan.runtime.ids import new_id
from kaquan.runtime.model import Page


class BinnedKind(StrEnum):
    """What can lie in the bin."""

    CAMPAIGN = "campaign"
    PRODUCT = "product"
    SKU = "sku"
    VOUCHER = "voucher"


class BinEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One deleted thing; ``rows`` are its rows by table, first what the others refer to."""

    id: str
    resource_type: BinnedKind
    resource_id: str
    resource_name: str | None
    resource_parent_id: str | None
    deleted_by: str | None
    rows: dict[str, list[dict[str, Any]]]
    created_at: datetime


BIN_FILTERS = FilterFields(
    named={
        "id": FilterField("id"),
        "resource_type": FilterField("resource_type"),
        "resource_name": FilterField("resource_name"),
        "resource_id": FilterField("resource_id"),
    }
)

# By kind: the tables to keep rows of, and the column that names what is deleted.
_TABLES: Mapping[BinnedKind, Sequence[tuple[LiteralString, LiteralString]]] = {
    BinnedKind.CAMPAIGN: (),
    BinnedKind.PRODUCT: (("product", "id"), ("sku", "product_id")),
    BinnedKind.SKU: (("sku", "id"),),
    BinnedKind.VOUCHER: (),
}
_COLUMNS = sql.SQL(
    "id, resource_type, resource_id, resource_name, resource_parent_id, deleted_by, rows, created_at"
)


async def keep_in_bin(
    tx: Tx,
    kind: BinnedKind,
    resource_id: str,
    *,
    name: str | None,
    parent_id: str | None = None,
    deleted_by: str | None = None,
    now: datetime,
) -> str:
    """Copy a thing that is about to be deleted into the bin; returns the entry's id."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, column in _TABLES[kind]:
        cursor = await tx.execute(
            sql.SQL("select to_jsonb(t) - 'project_id' from {} t where {} = %s").format(
                sql.Identifier(table), sql.Identifier(column)
            ),
            (resource_id,),
        )
        rows[table] = [row[0] for row in await cursor.fetchall()]
    entry_id = new_id("tbe")
    await tx.execute(
        "insert into bin_entry (id, resource_type, resource_id, resource_name, resource_parent_id,"
        " deleted_by, rows, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (entry_id, kind, resource_id, name, parent_id, deleted_by, Jsonb(rows), now),
    )
    return entry_id


async def get_bin_entry(tx: Tx, entry_id: str, *, lock: bool = False) -> BinEntry:
    """Return an entry; with ``lock`` nobody else takes it out meanwhile. Raises NotFound."""
    query = sql.SQL("select {} from bin_entry where id = %s").format(_COLUMNS)
    async with tx.cursor(row_factory=struct_row(BinEntry)) as cursor:
        await cursor.execute(query + sql.SQL(" for update") if lock else query, (entry_id,))
        entry = await cursor.fetchone()
    if entry is None:
        raise NotFound("bin entry", entry_id)
    return entry


async def list_bin_entries(
    tx: Tx,
    *,
    condition: Condition,
    after: str | None = None,
    descending: bool = True,
    limit: int,
) -> Page[BinEntry]:
    """Return entries ordered by id, from behind ``after``; the total is of all that match."""
    parameters = {**condition.parameters, "after": after, "limit": limit + 1}
    query = sql.SQL(
        "select {columns} from bin_entry where {condition}"
        " and (%(after)s::text is null or id {beyond} %(after)s) order by id {direction}"
        " limit %(limit)s"
    ).format(
        columns=_COLUMNS,
        condition=condition.sql,
        beyond=sql.SQL("<" if descending else ">"),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    async with tx.cursor(row_factory=struct_row(BinEntry)) as cursor:
        await cursor.execute(query, parameters)
        found = await cursor.fetchall()
    counted = await tx.execute(
        sql.SQL("select count(*) from bin_entry where {}").format(condition.sql),
        dict(condition.parameters),
    )
    total = await counted.fetchone()
    assert total is not None
    more = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], total=total[0], next_cursor=more)


async def delete_bin_entry(tx: Tx, entry_id: str) -> None:
    """Forget an entry of the bin and the rows in it; raises NotFound."""
    cursor = await tx.execute("delete from bin_entry where id = %s", (entry_id,))
    if cursor.rowcount == 0:
        raise NotFound("bin entry", entry_id)


async def recover_bin_entry(tx: Tx, entry_id: str) -> BinEntry:
    """Put the rows that were deleted back where they were; their entry goes.

    Raises NotFound, and Duplicate when their name or id of the merchant's was given to another
    meanwhile, or when what they belong to is gone.
    """
    entry = await get_bin_entry(tx, entry_id)
    try:
        async with tx.transaction():
            for table, _ in _TABLES[entry.resource_type]:
                for row in entry.rows.get(table, []):
                    await _insert(tx, table, row)
    except (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation) as error:
        message = (
            f"The {entry.resource_type} cannot come back: its name or id is taken by another,"
            " or what it belongs to is gone."
        )
        raise Duplicate(message, field="id") from error
    await delete_bin_entry(tx, entry_id)
    return entry


async def _insert(tx: Tx, table: LiteralString, row: dict[str, Any]) -> None:
    # Generated columns cannot be written; the database works them out again.
    cursor = await tx.execute(
        "select column_name from information_schema.columns where table_schema = 'kaquan'"
        " and table_name = %s and is_generated = 'NEVER'",
        (table,),
    )
    columns = [name for (name,) in await cursor.fetchall() if name in row]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    await tx.execute(
        sql.SQL(
            "insert into {table} ({names}) select {names}"
            " from jsonb_populate_record(null::{table}, %s)"
        ).format(table=sql.Identifier(table), names=names),
        (Jsonb(row),),
    )
