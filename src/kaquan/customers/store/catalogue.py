"""SQL of products and locations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from kaquan.customers.model import Location, Product
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.customers.store.upsert import Entity
from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, Page, Tx, struct_row

_PRODUCT_COLUMNS: LiteralString = (
    "id, source_id, name, price_minor, image_url, attributes, metadata, created_at, updated_at"
)
_LOCATION_COLUMNS: LiteralString = "id, source_id, name, shape, metadata, created_at, updated_at"
PRODUCT = Entity(table="product", columns=_PRODUCT_COLUMNS, noun=Product)
LOCATION = Entity(table="location", columns=_LOCATION_COLUMNS, noun=Location)
_PRODUCTS = Listing(
    columns=_PRODUCT_COLUMNS,
    source="product",
    key="id",
    sorts={
        "created_at": Sort("created_at", datetime),
        "updated_at": Sort("coalesce(updated_at, created_at)", datetime),
        "name": Sort("coalesce(lower(name) collate \"C\", '')", str),
        "price_minor": Sort("coalesce(price_minor, -1)", int),
    },
)
_LOCATIONS = Listing(
    columns=_LOCATION_COLUMNS,
    source="location",
    key="id",
    sorts={
        "created_at": Sort("created_at", datetime),
        "updated_at": Sort("coalesce(updated_at, created_at)", datetime),
        "name": Sort('lower(name) collate "C"', str),
    },
)


PRODUCT_FILTERS = FilterFields(
    named={
        "id": FilterField("id"),
        "source_id": FilterField("source_id"),
        "name": FilterField("name"),
        "price": FilterField("price_minor", FilterKind.NUMBER),
        "image_url": FilterField("image_url"),
        "created_at": FilterField("created_at", FilterKind.TIME),
        "updated_at": FilterField("updated_at", FilterKind.TIME),
    },
    objects={"metadata": "metadata", "attributes": "attributes"},
)
"""What lists, exports and collections of products and of variants may be filtered by."""

LOCATION_FILTERS = FilterFields(
    named={
        "name": FilterField("name"),
        "created_at": FilterField("created_at", FilterKind.TIME),
        "updated_at": FilterField("updated_at", FilterKind.TIME),
    },
    objects={"metadata": "metadata"},
)


async def list_products(
    tx: Tx,
    *,
    search: str | None = None,
    ids: Sequence[str] | None = None,
    condition: Condition | None = None,
    limit: int = 50,
    order: str = "-created_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Product]:
    """Return a page of products with the exact total.

    ``search`` is a part of the name or the beginning of the merchant's id; ``ids`` (ours or the
    merchant's) narrows the list to these, ``condition`` to those that meet a filter by
    PRODUCT_FILTERS. ``order`` is created_at, updated_at, name or
    price_minor, with ``-`` in front for descending. Raises InvalidInput as list_customers does.
    """
    conditions, parameters = _narrow(search, ids, condition)
    return await list_page(
        tx,
        _PRODUCTS,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=struct_row(Product),
    )


async def list_locations(
    tx: Tx,
    *,
    search: str | None = None,
    condition: Condition | None = None,
    limit: int = 50,
    order: str = "name",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Location]:
    """Return a page of locations with the exact total.

    ``order`` is name, created_at or updated_at; ``condition`` is of LOCATION_FILTERS.
    """
    conditions, parameters = _narrow(search, None, condition)
    return await list_page(
        tx,
        _LOCATIONS,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=struct_row(Location),
    )


async def list_products_named(tx: Tx, references: Sequence[str]) -> list[Product]:
    """Return the products that any of the references names, as our id or as the merchant's."""
    async with tx.cursor(row_factory=struct_row(Product)) as cursor:
        await cursor.execute(
            f"select {_PRODUCT_COLUMNS} from product"
            " where id = any(%(references)s) or source_id = any(%(references)s)",
            {"references": list(references)},
        )
        return await cursor.fetchall()


async def delete_product_row(tx: Tx, product_id: str) -> None:
    """Remove a product from the catalogue; order lines keep what they say."""
    await tx.execute("delete from product where id = %s", (product_id,))


def _narrow(
    search: str | None, ids: Sequence[str] | None, condition: Condition | None
) -> tuple[list[sql.Composable], dict[str, Any]]:
    conditions: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    text = (search or "").replace("\0", "").strip()
    if text:
        conditions.append(
            sql.SQL(
                "(strpos(lower(name), lower(%(search)s)) > 0 or (source_id >= %(search)s"
                " and source_id < %(search)s || chr(1114111)))"
            )
        )
        parameters["search"] = text
    if ids is not None:
        conditions.append(sql.SQL("(id = any(%(ids)s) or source_id = any(%(ids)s))"))
        parameters["ids"] = list(ids)
    if condition is not None:
        conditions.append(condition.sql)
        parameters |= condition.parameters
    return conditions, parameters
