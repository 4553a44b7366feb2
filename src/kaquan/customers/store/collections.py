"""SQL of product collections and of what is in them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.customers.model import Collection, CollectionKind, Product, Sku
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.runtime import Condition, Duplicate, NotFound, Page, Tx

_MEMBERS: LiteralString = (
    "coalesce((select jsonb_agg(jsonb_build_object('product_id', m.product_id, 'sku_id', m.sku_id)"
    " order by m.place) from product_collection_member m where m.project_id = c.project_id"
    " and m.collection_id = c.id), '[]') as members"
)
_COLUMNS: LiteralString = f"c.id, c.name, c.kind, c.filter, {_MEMBERS}, c.created_at, c.updated_at"
_LISTING = Listing(
    columns=_COLUMNS,
    source="product_collection c",
    key="c.id",
    sorts={
        "created_at": Sort("c.created_at", datetime),
        "updated_at": Sort("coalesce(c.updated_at, c.created_at)", datetime),
        "name": Sort('lower(c.name) collate "C"', str),
    },
)
_PRODUCT: LiteralString = (
    "select id, 'product' as object, null::text as product_id, source_id, name, price_minor,"
    " null::text as currency, image_url, attributes, metadata, created_at, updated_at from product"
)
_SKU: LiteralString = (
    "select id, 'sku' as object, product_id, source_id, name, price_minor, currency, image_url,"
    " attributes, metadata, created_at, updated_at from sku"
)


async def insert_collection(tx: Tx, collection: Collection) -> None:
    """Store a new collection with its members; raises Duplicate for a taken name."""
    try:
        async with tx.transaction():
            await tx.execute(
                "insert into product_collection (id, name, kind, filter, created_at)"
                " values (%s, %s, %s, %s, %s)",
                (
                    collection.id,
                    collection.name,
                    collection.kind,
                    None if collection.filter is None else Jsonb(collection.filter),
                    collection.created_at,
                ),
            )
    except psycopg.errors.UniqueViolation as error:
        message = f"There is a collection named '{collection.name}' already."
        raise Duplicate(message, field="name") from error
    await tx.execute(
        "insert into product_collection_member (collection_id, place, product_id, sku_id)"
        " select %s, place, product_id, sku_id"
        " from unnest(%s::text[], %s::text[]) with ordinality as m (product_id, sku_id, place)",
        (
            collection.id,
            [member.product_id for member in collection.members],
            [member.sku_id for member in collection.members],
        ),
    )


async def find_collection(tx: Tx, collection_id: str) -> Collection | None:
    """Return a collection, or None."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from product_collection c where c.id = %s", (collection_id,)
        )
        row = await cursor.fetchone()
    return None if row is None else msgspec.convert(row, Collection)


async def get_collection(tx: Tx, collection_id: str) -> Collection:
    """Return a collection; raises NotFound."""
    collection = await find_collection(tx, collection_id)
    if collection is None:
        raise NotFound("products collection", collection_id)
    return collection


async def list_collections(
    tx: Tx, *, limit: int = 50, order: str = "-created_at", cursor: str | None = None, page: int = 1
) -> Page[Collection]:
    """Return a page of collections, ordered by created_at, updated_at or name."""
    found = await list_page(
        tx,
        _LISTING,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=[],
        parameters={},
        row=dict_row,
    )
    items = [msgspec.convert(row, Collection) for row in found.items]
    return Page(items, found.total, found.next_cursor)


async def delete_collection_row(tx: Tx, collection_id: str) -> None:
    """Remove a collection; raises NotFound."""
    cursor = await tx.execute("delete from product_collection where id = %s", (collection_id,))
    if cursor.rowcount == 0:
        raise NotFound("products collection", collection_id)


async def list_dynamic_filters(tx: Tx) -> dict[str, dict[str, Any]]:
    """Return the filter of every collection that has one, by the collection's id."""
    cursor = await tx.execute(
        "select id, filter from product_collection where kind = %s order by id",
        (CollectionKind.AUTO_UPDATE,),
    )
    return dict(await cursor.fetchall())


async def list_static_collections_of(tx: Tx, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of a product's or variant's id and a static collection that it is in.

    A product that is a member brings all its variants along.
    """
    cursor = await tx.execute(
        "select m.product_id, m.collection_id from product_collection_member m"
        " where m.product_id = any(%(ids)s) and m.sku_id is null"
        " union select m.sku_id, m.collection_id from product_collection_member m"
        " where m.sku_id = any(%(ids)s)"
        " union select s.id, m.collection_id from sku s join product_collection_member m"
        " on m.project_id = s.project_id and m.product_id = s.product_id and m.sku_id is null"
        " where s.id = any(%(ids)s)",
        {"ids": list(ids)},
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def list_matching_collections(
    tx: Tx, table: LiteralString, ids: Sequence[str], conditions: Mapping[str, Condition]
) -> list[tuple[str, str]]:
    """Return pairs of a row's id and the key of a condition that the row meets."""
    parameters: dict[str, Any] = {"ids": list(ids)}
    cases: list[sql.Composable] = []
    for number, (key, condition) in enumerate(conditions.items()):
        name = f"collection_{number}"
        cases.append(
            sql.SQL("case when {} then {}::text end").format(condition.sql, sql.Placeholder(name))
        )
        parameters |= {**condition.parameters, name: key}
    cursor = await tx.execute(
        sql.SQL(
            "select id, array_remove(array[{cases}]::text[], null) from {table}"
            " where id = any(%(ids)s)"
        ).format(cases=sql.SQL(", ").join(cases), table=sql.Identifier(table)),
        parameters,
    )
    return [(row[0], key) for row in await cursor.fetchall() for key in row[1]]


async def list_goods(
    tx: Tx,
    collection: Collection,
    *,
    products: Condition | None,
    skus: Condition | None,
    order: str,
    after: datetime | None,
    limit: int,
    page: int,
) -> Page[Product | Sku]:
    """Return a page of what is in a collection, ordered by created_at or updated_at.

    A dynamic one's are the products and variants that meet its conditions, a static one's those
    that are listed. ``after`` leaves out what lies before it in the order.
    """
    descending, name = order.startswith("-"), order.removeprefix("-")
    parameters: dict[str, Any] = {
        "collection_id": collection.id,
        "after": after,
        "limit": limit,
        "offset": 0 if after else (page - 1) * limit,
    }
    source = _static_goods()
    if products is not None and skus is not None:
        source = _dynamic_goods(products, skus)
        parameters |= {**products.parameters, **skus.parameters}
    moment = sql.SQL("coalesce(updated_at, created_at)" if name == "updated_at" else "created_at")
    query = sql.SQL(
        "select *, count(*) over () as total from ({source}) goods"
        " where %(after)s::timestamptz is null or {moment} {beyond} %(after)s"
        " order by {moment} {direction}, id {direction} limit %(limit)s offset %(offset)s"
    ).format(
        source=source,
        moment=moment,
        beyond=sql.SQL("<" if descending else ">"),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        rows = await cursor.fetchall()
    return Page([_good(row) for row in rows], total=rows[0]["total"] if rows else 0)


def _static_goods() -> sql.Composable:
    return sql.SQL(
        "{product} p where exists (select from product_collection_member m"
        " where m.project_id = p.project_id and m.collection_id = %(collection_id)s"
        " and m.product_id = p.id and m.sku_id is null)"
        " union all {sku} s where exists (select from product_collection_member m"
        " where m.project_id = s.project_id and m.collection_id = %(collection_id)s"
        " and m.sku_id = s.id)"
    ).format(product=sql.SQL(_PRODUCT), sku=sql.SQL(_SKU))


def _dynamic_goods(products: Condition, skus: Condition) -> sql.Composable:
    return sql.SQL("{} where {} union all {} where {}").format(
        sql.SQL(_PRODUCT), products.sql, sql.SQL(_SKU), skus.sql
    )


def _good(row: dict[str, Any]) -> Product | Sku:
    if row["object"] == "sku":
        return msgspec.convert(row, Sku)
    return msgspec.convert(row, Product)
