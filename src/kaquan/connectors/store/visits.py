"""SQL of visitors, of products looked at, and of carts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Json

from kaquan.runtime import Tx, struct_row


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Whose an anonymous id is; ``known`` when a call told so."""

    anonymous_id: str
    customer_id: str
    known: bool
    linked_at: datetime


class SeenProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product that a customer looked at, by the shop's id."""

    product: str
    views: int
    first_at: datetime
    last_at: datetime


class Cart(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's cart: what was told of each product, by the shop's id, with its quantity."""

    customer_id: str
    cart: str
    items: dict[str, dict[str, Any]]
    reset_at: datetime | None
    changed_at: datetime


async def find_visitors(tx: Tx, anonymous_ids: Sequence[str]) -> dict[str, Visitor]:
    """Return what is known of visitors, locked against another link."""
    async with tx.cursor(row_factory=struct_row(Visitor)) as cursor:
        await cursor.execute(
            "select anonymous_id, customer_id, known, linked_at from visitor"
            " where anonymous_id = any(%s) order by anonymous_id for no key update",
            (list(anonymous_ids),),
        )
        return {one.anonymous_id: one for one in await cursor.fetchall()}


async def upsert_visitors(tx: Tx, visitors: Sequence[Visitor]) -> None:
    """Store whose anonymous ids are; an earlier word does not undo a later one."""
    await tx.execute(
        "insert into visitor as v (anonymous_id, customer_id, known, linked_at)"
        " select anonymous_id, customer_id, known, linked_at"
        "   from json_populate_recordset(null::visitor, %s) order by anonymous_id"
        " on conflict (project_id, anonymous_id) do update"
        "    set customer_id = excluded.customer_id, known = excluded.known,"
        "        linked_at = excluded.linked_at"
        "  where excluded.known and (not v.known or v.linked_at <= excluded.linked_at)",
        (Json(list(visitors)),),
    )


async def add_views(tx: Tx, views: Sequence[tuple[str, str, datetime]]) -> None:
    """Count views: customer, product, when."""
    customers, products, moments = zip(*views, strict=True)
    await tx.execute(
        "insert into product_seen as p (customer_id, product, views, first_at, last_at)"
        " select customer_id, product, count(*), min(at), max(at)"
        "   from unnest(%s::text[], %s::text[], %s::timestamptz[]) as seen"
        "        (customer_id, product, at)"
        "  group by customer_id, product order by customer_id, product"
        " on conflict (project_id, customer_id, product) do update"
        "    set views = p.views + excluded.views,"
        "        first_at = least(p.first_at, excluded.first_at),"
        "        last_at = greatest(p.last_at, excluded.last_at)",
        (list(customers), list(products), list(moments)),
    )


async def lock_carts(
    tx: Tx, keys: Sequence[tuple[str, str]], *, at: datetime
) -> dict[tuple[str, str], Cart]:
    """Return carts by customer and cart id, locked; those that are new are made empty, ``at``."""
    customers, carts = zip(*sorted(keys), strict=True)
    given = {"customers": list(customers), "carts": list(carts), "at": at}
    await tx.execute(
        "insert into shopping_cart (customer_id, cart, items, changed_at)"
        " select customer_id, cart, '{}', %(at)s"
        "   from unnest(%(customers)s::text[], %(carts)s::text[]) as wanted (customer_id, cart)"
        "  order by 1, 2 on conflict do nothing",
        given,
    )
    async with tx.cursor(row_factory=struct_row(Cart)) as cursor:
        await cursor.execute(
            "select c.customer_id, c.cart, c.items, c.reset_at, c.changed_at"
            "  from unnest(%(customers)s::text[], %(carts)s::text[]) as wanted (customer_id, cart)"
            "  join shopping_cart c on c.customer_id = wanted.customer_id"
            "   and c.cart = wanted.cart order by 1, 2 for no key update of c",
            given,
        )
        return {(one.customer_id, one.cart): one for one in await cursor.fetchall()}


async def write_carts(tx: Tx, carts: Sequence[Cart]) -> None:
    """Write back carts that were locked."""
    await tx.execute(
        "update shopping_cart c set items = told.items, reset_at = told.reset_at,"
        " changed_at = told.changed_at"
        " from json_populate_recordset(null::shopping_cart, %s) as told"
        " where c.customer_id = told.customer_id and c.cart = told.cart",
        (Json(list(carts)),),
    )


async def list_seen(tx: Tx, customer_id: str, *, limit: int = 100) -> list[SeenProduct]:
    """Return the products that a customer (our id) looked at, the latest first."""
    async with tx.cursor(row_factory=struct_row(SeenProduct)) as cursor:
        await cursor.execute(
            "select product, views, first_at, last_at from product_seen where customer_id = %s"
            " order by last_at desc, product limit %s",
            (customer_id, limit),
        )
        return await cursor.fetchall()


async def list_carts(tx: Tx, customer_id: str) -> list[Cart]:
    """Return a customer's (our id) carts that hold something, the latest first."""
    async with tx.cursor(row_factory=struct_row(Cart)) as cursor:
        await cursor.execute(
            "select customer_id, cart, items, reset_at, changed_at from shopping_cart"
            " where customer_id = %s and items <> '{}' order by changed_at desc, cart limit 100",
            (customer_id,),
        )
        return await cursor.fetchall()
