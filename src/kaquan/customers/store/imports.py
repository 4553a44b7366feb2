"""SQL of imports: many rows with different columns each, in a few statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.customers.store.merging import find_survivors
from kaquan.runtime import Tx


class ImportTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A table that imports write: its columns with the SQL that reads each out of a JSON row.

    With ``has_aliases`` ids of rows that were merged into others name those.
    """

    table: LiteralString
    prefix: str
    columns: Mapping[str, LiteralString]
    shown: LiteralString = "true"
    has_aliases: bool = False


class BoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is stored under ``row_id``; ``parent_id`` is a new variant's product."""

    row_id: str
    source_id: str | None
    given: dict[str, Any]
    is_new: bool
    parent_id: str | None = None


def _text(name: LiteralString) -> LiteralString:
    return "r.given ->> '" + name + "'"


def _json(name: LiteralString) -> LiteralString:
    return "nullif(r.given -> '" + name + "', 'null')"


# Names alone keep the values that they have.
_NAMED_ATTRIBUTES: LiteralString = (
    "(select coalesce(jsonb_object_agg(a.key, coalesce(nullif(t.attributes -> a.key, '[]'),"
    " a.value)), '{}') from jsonb_each(r.given -> 'attributes') as a)"
)
_METADATA: LiteralString = (
    "(t.metadata || (r.given -> 'metadata')) - array(select m.key"
    " from jsonb_each(r.given -> 'metadata') as m where m.value = 'null')"
)
CUSTOMERS = ImportTarget(
    table="customer",
    prefix="cust",
    columns={
        "name": _text("name"),
        "name_index": _text("name_index"),
        "name_tokens": "(select array_agg(e::bigint) from jsonb_array_elements_text("
        "case jsonb_typeof(r.given -> 'name_tokens') when 'array'"
        " then r.given -> 'name_tokens' end) as e)",
        "email": _text("email"),
        "email_index": _text("email_index"),
        "phone": _text("phone"),
        "phone_index": _text("phone_index"),
        "description": _text("description"),
        "birth_date": "(r.given ->> 'birth_date')::date",
        "address": _json("address"),
        "postal_index": _text("postal_index"),
        "metadata": _METADATA,
    },
    shown="erased_at is null",
    has_aliases=True,
)
PRODUCTS = ImportTarget(
    table="product",
    prefix="prod",
    columns={
        "name": _text("name"),
        "price_minor": "(r.given ->> 'price_minor')::bigint",
        "image_url": _text("image_url"),
        "attributes": _NAMED_ATTRIBUTES,
        "metadata": _METADATA,
    },
)
SKUS = ImportTarget(
    table="sku",
    prefix="sku",
    columns={
        "name": _text("name"),
        "price_minor": "(r.given ->> 'price_minor')::bigint",
        "currency": _text("currency"),
        "image_url": _text("image_url"),
        "attributes": "t.attributes || (r.given -> 'attributes')",
        "metadata": _METADATA,
    },
)


async def find_ids(
    tx: Tx, target: ImportTarget, *, ids: Sequence[str], source_ids: Sequence[str]
) -> tuple[set[str], dict[str, str]]:
    """Return which of our ids exist, and our id for each of the merchant's that is known."""
    # As a union each half is read by its own index.
    cursor = await tx.execute(
        sql.SQL(
            "select id, source_id from {table} where {shown} and id = any(%(ids)s)"
            " union select id, source_id from {table}"
            " where {shown} and source_id = any(%(source_ids)s)"
        ).format(table=sql.Identifier(target.table), shown=sql.SQL(target.shown)),
        {"ids": list(ids), "source_ids": list(source_ids)},
    )
    rows = await cursor.fetchall()
    known, by_source = (
        {row[0] for row in rows},
        {row[1]: row[0] for row in rows if row[1] is not None},
    )
    if not target.has_aliases:
        return known, by_source
    return known, await find_survivors(tx, source_ids) | by_source


async def find_parents(tx: Tx, skus: Sequence[str]) -> dict[str, str]:
    """Return the product of each variant, by the merchant's id of the variant."""
    cursor = await tx.execute(
        "select source_id, product_id from sku where source_id = any(%s)", (list(skus),)
    )
    return dict(await cursor.fetchall())


async def enter_rows(
    tx: Tx, target: ImportTarget, rows: Sequence[BoundRow], *, now: datetime
) -> dict[str, str]:
    """Enter new rows with their ids alone; returns our id by the merchant's for all of them.

    Where somebody else has just entered one, the answer is theirs.
    """
    is_sku = target.table == "sku"
    names = sql.SQL("id, source_id, created_at")
    values = sql.SQL("row_id, source_id, %(now)s")
    if is_sku:
        names, values = (
            sql.SQL("{}, product_id").format(names),
            sql.SQL("{}, parent_id").format(values),
        )
    await tx.execute(
        sql.SQL(
            "insert into {table} ({names}) select {values}"
            " from unnest(%(ids)s::text[], %(source_ids)s::text[], %(parents)s::text[])"
            " as n (row_id, source_id, parent_id) order by source_id"
            " on conflict (project_id, source_id) do nothing"
        ).format(table=sql.Identifier(target.table), names=names, values=values),
        {
            "ids": [row.row_id for row in rows],
            "source_ids": [row.source_id for row in rows],
            "parents": [row.parent_id for row in rows],
            "now": now,
        },
    )
    wanted = [row.source_id for row in rows if row.source_id is not None]
    return (await find_ids(tx, target, ids=[], source_ids=wanted))[1]


async def update_rows(
    tx: Tx, target: ImportTarget, rows: Sequence[BoundRow], *, now: datetime
) -> None:
    """Write of each row the columns that it gives."""
    sets = [
        sql.SQL(
            "{name} = case when jsonb_exists(r.given, {key}) then {value} else t.{name} end"
        ).format(name=sql.Identifier(name), key=sql.Literal(name), value=sql.SQL(expression))
        for name, expression in target.columns.items()
    ]
    await tx.execute(
        sql.SQL(
            "update {table} t set updated_at = case when r.is_new then t.updated_at else %(now)s"
            " end, {sets} from jsonb_to_recordset(%(rows)s) as r (row_id text, given jsonb,"
            " is_new boolean) where t.id = r.row_id and {shown}"
        ).format(
            table=sql.Identifier(target.table),
            sets=sql.SQL(", ").join(sets),
            shown=sql.SQL(target.shown),
        ),
        {
            "rows": Jsonb(
                [{"row_id": row.row_id, "given": row.given, "is_new": row.is_new} for row in rows]
            ),
            "now": now,
        },
    )
