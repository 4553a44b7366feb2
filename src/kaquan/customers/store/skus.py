"""SQL of variants of products."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from kaquan.customers.model import Sku
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.customers.store.upsert import Entity
from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, Page, Tx, struct_row

_COLUMNS: LiteralString = (
    "id, product_id, source_id, name, price_minor, currency, image_url, attributes, metadata,"
    " created_at, updated_at"
)
SKU = Entity(table="sku", columns=_COLUMNS, noun=Sku)
SKU_FILTERS = FilterFields(
    named={
        "id": FilterField("id"),
        "product_id": FilterField("product_id"),
        "source_id": FilterField("source_id"),
        "sku": FilterField("name"),
        "name": FilterField("name"),
        "price": FilterField("price_minor", FilterKind.NUMBER),
        "currency": FilterField("currency"),
        "image_url": FilterField("image_url"),
        "created_at": FilterField("created_at", FilterKind.TIME),
        "updated_at": FilterField("updated_at", FilterKind.TIME),
    },
    objects={"metadata": "metadata", "attributes": "attributes"},
)
"""What lists, exports and collections of variants may be filtered by."""

_LISTING = Listing(
    columns=_COLUMNS,
    source="sku",
    key="id",
    sorts={
        "created_at": Sort("created_at", datetime),
        "updated_at": Sort("coalesce(updated_at, created_at)", datetime),
        "source_id": Sort("coalesce(source_id, '')", str),
        "price": Sort("coalesce(price_minor, -1)", int),
        "sku": Sort("coalesce(lower(name) collate \"C\", '')", str),
    },
)


async def list_skus(
    tx: Tx,
    *,
    product_id: str | None = None,
    condition: Condition | None = None,
    limit: int = 50,
    order: str = "-created_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Sku]:
    """Return a page of variants with the exact total, of one product or that meet a filter.

    ``order`` is created_at, updated_at, source_id, price or sku, with ``-`` in front for
    descending. Raises InvalidInput as list_customers does.
    """
    conditions: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    if product_id is not None:
        conditions.append(sql.SQL("product_id = %(product_id)s"))
        parameters["product_id"] = product_id
    if condition is not None:
        conditions.append(condition.sql)
        parameters |= condition.parameters
    return await list_page(
        tx,
        _LISTING,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=struct_row(Sku),
    )


async def list_skus_of(
    tx: Tx, product_ids: Sequence[str], *, most: int = 100
) -> dict[str, tuple[list[Sku], int]]:
    """Return, by product, its first variants (at most ``most``) and how many it has in all."""
    found: dict[str, tuple[list[Sku], int]] = {product_id: ([], 0) for product_id in product_ids}
    counted = await tx.execute(
        "select product_id, count(*) from sku where product_id = any(%s) group by product_id",
        (list(product_ids),),
    )
    totals = dict(await counted.fetchall())
    if not totals:
        return found
    async with tx.cursor(row_factory=struct_row(Sku)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from (select *, row_number() over (partition by product_id"
            " order by created_at, id) as place from sku where product_id = any(%s)) numbered"
            " where place <= %s order by product_id, place",
            (list(totals), most),
        )
        skus = await cursor.fetchall()
    for product_id, total in totals.items():
        found[product_id] = ([one for one in skus if one.product_id == product_id], total)
    return found


async def list_skus_named(tx: Tx, references: Sequence[str]) -> list[Sku]:
    """Return the variants that any of the references names, as our id or as the merchant's."""
    async with tx.cursor(row_factory=struct_row(Sku)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from sku"
            " where id = any(%(references)s) or source_id = any(%(references)s)",
            {"references": list(references)},
        )
        return await cursor.fetchall()


async def insert_sku_row(tx: Tx, sku_id: str, product_id: str, *, now: datetime) -> None:
    """Enter a variant of which nothing is known yet."""
    await tx.execute(
        "insert into sku (id, product_id, created_at) values (%s, %s, %s)",
        (sku_id, product_id, now),
    )


async def delete_sku_row(tx: Tx, sku_id: str) -> None:
    """Remove a variant; order lines keep what they say."""
    await tx.execute("delete from sku where id = %s", (sku_id,))
