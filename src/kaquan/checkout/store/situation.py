"""What decisions are made on: read for a whole batch in one statement, then its limits locked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from kaquan.campaigns import VOUCHER_COLUMNS
from kaquan.checkout.store.found import Found, Marks, Situation, Wanted
from kaquan.checkout.store.register import NET
from kaquan.customers import (
    COUNTED_STATUSES,
    unseal_rows,
)
from kaquan.ledger import Account, AccountKey, list_accounts, lock_accounts
from kaquan.runtime import NotFound, Tx

_CUSTOMERS = 4
"""Where the customers stand in the row of what was read."""

# Each column is a JSON text that is decoded straight into its nouns.
_SITUATION: LiteralString = f"""
    with named_order as materialized (
        select * from orders where id = any(%(orders)s) or source_id = any(%(own_orders)s)
    ), named_voucher as materialized (
        select {VOUCHER_COLUMNS}, v.xmin as mark
          from voucher v left join campaign c on c.id = v.campaign_id
         where v.code = any(%(codes)s)
    ), meant as (
        select alias, customer_id from customer_alias
         where alias = any(%(customers)s::text[] || %(own_customers)s::text[])
    ), named_sku as materialized (
        select s.* from sku s where s.id = any(%(skus)s) or s.source_id = any(%(skus)s)
    )
    select to_json(p)::text,
           (select json_agg(v)::text from named_voucher v),
           (select json_agg(c)::text
              from (select c.*, c.xmin as mark from campaign c
                     where c.id in (select campaign_id from named_voucher)) c),
           (select json_agg(o)::text from named_order o),
           (select json_agg(c)::text from customer c
             where c.erased_at is null
               and (c.id = any(%(customers)s::text[] || array(select customer_id from named_order)
                               || array(select customer_id from meant))
                    or c.source_id = any(%(own_customers)s))),
           (select json_object_agg(m.alias, m.customer_id)::text from meant m),
           (select json_agg(g)::text from product g
             where g.id = any(%(products)s::text[]
                              || array(select unnest(line_product_ids) from named_order)
                              || array(select product_id from named_sku))
                or g.source_id = any(%(products)s)),
           (select json_agg(s)::text from named_sku s),
           (select json_agg(l)::text from location l
             where l.id = any(%(places)s) or l.source_id = any(%(places)s)),
           (select s.rules from stacking_rules s),
           (select json_agg(m)::text from metadata_schema m where m.scope <> 'event')
      from project p where p.project_id = current_project()
"""
_LOCK_ORDERS: LiteralString = (
    "select id from orders where id = any(%(orders)s) or source_id = any(%(own_orders)s)"
    " order by id for update"
)
# As arrays the sub-selects are looked up once; beside an "or" they would read the whole table.
_LOCK_CUSTOMERS: LiteralString = (
    "select id from customer where id = any(%(customers)s::text[] || array("
    "   select customer_id from orders"
    "    where id = any(%(orders)s) or source_id = any(%(own_orders)s)) || array("
    "   select customer_id from customer_alias"
    "    where alias = any(%(customers)s::text[] || %(own_customers)s::text[])))"
    " or source_id = any(%(own_customers)s)"
    " order by id for no key update"
)
# Counted one by one in a sub-select, so that each is looked up by customer whatever the planner
# takes the tables' sizes for.
_COUNT_REDEMPTIONS: LiteralString = (
    "select asked.number, asked.campaign_id,"
    " (select count(*) from redemption r"
    "   where r.customer_id = asked.customer_id and r.campaign_id = asked.campaign_id"
    f"    and {NET})"
    "  from unnest(%s::int[], %s::text[], %s::text[])"
    "       as asked (number, customer_id, campaign_id)"
)
_COUNT_OF_GUESTS: LiteralString = (
    "select asked.number, asked.guest, asked.campaign_id,"
    " (select count(*) from guest_redemption g join redemption r on r.id = g.redemption_id"
    "   where g.guest = asked.guest and r.campaign_id = asked.campaign_id"
    f"    and {NET})"
    "  from unnest(%s::int[], %s::text[], %s::text[])"
    "       as asked (number, guest, campaign_id)"
)
_COUNT_ORDERS: LiteralString = (
    "select asked.number,"
    " (select count(*) from orders o"
    "   where o.customer_id = asked.customer_id and o.placed_at <= asked.at"
    "     and o.id <> asked.order_id and o.status = any(%s))"
    "  from unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[])"
    "       as asked (number, customer_id, at, order_id)"
)


class LimitsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose limits to read: accounts, and what a customer did so far.

    ``campaign_ids`` are those whose redemptions count, by the ``guests`` where there are some, else
    by the customer. With ``orders_before``, a moment and an
    order's id, the purchases up to that moment are counted too, that order aside.
    """

    keys: Sequence[AccountKey]
    customer_id: str | None = None
    guests: tuple[str, ...] = ()
    campaign_ids: Sequence[str] = ()
    orders_before: tuple[datetime, str] | None = None

    @property
    def persons(self) -> tuple[str, ...]:
        """The names under which the buyer's own limits are kept."""
        if self.guests or self.customer_id is None:
            return self.guests
        return (self.customer_id,)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, and what the buyer did so far; ``redemptions`` are by name and campaign."""

    keys: Sequence[AccountKey] = ()
    accounts: dict[AccountKey, Account] = {}
    redemptions: dict[str, dict[str, int]] = {}
    order_count: int = 0


async def read_situations(
    tx: Tx, wanted: Sequence[Wanted], *, locking: bool = False
) -> list[Situation]:
    """Read everything that requests name, in one round trip. Raises NotFound without a project.

    With ``locking`` the named orders are locked first and then the customers, each by id; what is
    read is as it stands once all of them are locked.
    """
    named = _name_all(wanted)
    while True:
        locked = set[str]()
        async with tx.pipeline():
            locks = await _lock_named(tx, named) if locking else []
            cursor = await tx.execute(_SITUATION, named)
            row = await cursor.fetchone()
            for lock in locks:
                locked |= {row_id for (row_id,) in await lock.fetchall()}
        if row is None:
            raise NotFound("project", "of this request")
        found = Found(row, await unseal_rows(tx, msgspec.json.decode(row[_CUSTOMERS] or "[]")))
        # What was entered between locking and reading is locked before it is relied on.
        if not locking or found.lockable_ids <= locked:
            return [found.pick(one) for one in wanted]


async def _lock_named(tx: Tx, named: Mapping[str, Any]) -> list[AsyncCursor[TupleRow]]:
    """Lock the orders and then the customers that are named, each by id."""
    locks: list[AsyncCursor[TupleRow]] = []
    if named["orders"] or named["own_orders"]:
        locks.append(await tx.execute(_LOCK_ORDERS, named))
    return [*locks, await tx.execute(_LOCK_CUSTOMERS, named)]


async def read_limits(tx: Tx, wanted: Sequence[LimitsWanted], *, locking: bool) -> list[Limits]:
    """Read accounts and the customers' earlier redemptions and orders, in one round trip.

    With ``locking`` the accounts are locked, in the order of their keys; the customers must be
    locked already, so that what they did stands still.
    """
    keys = sorted({key for one in wanted for key in one.keys})
    async with tx.pipeline():
        redemptions = await _count_redemptions(tx, wanted)
        of_guests = await _count_of_guests(tx, wanted)
        orders = await _count_orders(tx, wanted)
        accounts = await (lock_accounts if locking else list_accounts)(tx, keys) if keys else {}
        redeemed: list[dict[str, dict[str, int]]] = [
            {person: {} for person in one.persons} for one in wanted
        ]
        for number, campaign_id, count in await redemptions.fetchall() if redemptions else ():
            redeemed[number][wanted[int(number)].persons[0]][campaign_id] = count
        for number, guest, campaign_id, count in await of_guests.fetchall() if of_guests else ():
            redeemed[number][guest][campaign_id] = count
        ordered: dict[int, int] = dict(await orders.fetchall()) if orders else {}
    return [
        Limits(
            keys=one.keys,
            accounts={key: accounts[key] for key in one.keys if key in accounts},
            redemptions=redeemed[number],
            order_count=ordered.get(number, 0),
        )
        for number, one in enumerate(wanted)
    ]


async def expect_unchanged(tx: Tx, marks: Iterable[Marks]) -> None:
    """Let the transaction fail (serialization_failure) when definitions were changed since."""
    vouchers: dict[str, str] = {}
    campaigns: dict[str, str] = {}
    for one in marks:
        vouchers |= one.vouchers
        campaigns |= one.campaigns
    await tx.execute(
        "select expect_unchanged(%s, %s, %s, %s)",
        (
            list(vouchers),
            list(vouchers.values()),
            list(campaigns),
            list(campaigns.values()),
        ),
    )


async def lock_customer(tx: Tx, customer_id: str) -> None:
    """Let the customer's redemptions and rollbacks happen one after the other."""
    await tx.execute("select from customer where id = %s for no key update", (customer_id,))


async def lock_guests(tx: Tx, numbers: Iterable[int]) -> None:
    """Let redemptions by the same guests happen one after the other, to the transaction's end.

    After customers and before what is counted and the accounts; by number, so that nobody waits
    for each other.
    """
    await tx.execute(
        "select pg_advisory_xact_lock(number) from unnest(%s::bigint[]) as number",
        (sorted(set(numbers)),),
    )


async def insert_guest_redemptions(tx: Tx, rows: Sequence[tuple[str, str]]) -> None:
    """Note by which guest, by name, which redemption was made."""
    await tx.execute(
        "insert into guest_redemption (guest, redemption_id) select * from unnest(%s::text[],"
        " %s::text[])",
        _columns(rows),
    )


async def _count_redemptions(
    tx: Tx, wanted: Sequence[LimitsWanted]
) -> AsyncCursor[TupleRow] | None:
    asked = [
        (number, one.customer_id, campaign_id)
        for number, one in enumerate(wanted)
        if one.customer_id is not None and not one.guests
        for campaign_id in one.campaign_ids
    ]
    return await tx.execute(_COUNT_REDEMPTIONS, _columns(asked)) if asked else None


async def _count_of_guests(tx: Tx, wanted: Sequence[LimitsWanted]) -> AsyncCursor[TupleRow] | None:
    asked = [
        (number, guest, campaign_id)
        for number, one in enumerate(wanted)
        for guest in one.guests
        for campaign_id in one.campaign_ids
    ]
    return await tx.execute(_COUNT_OF_GUESTS, _columns(asked)) if asked else None


async def _count_orders(tx: Tx, wanted: Sequence[LimitsWanted]) -> AsyncCursor[TupleRow] | None:
    asked = [
        (number, one.customer_id, *one.orders_before)
        for number, one in enumerate(wanted)
        if one.customer_id is not None and one.orders_before is not None
    ]
    if not asked:
        return None
    return await tx.execute(_COUNT_ORDERS, (list(COUNTED_STATUSES), *_columns(asked)))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _name_all(wanted: Sequence[Wanted]) -> dict[str, list[str]]:
    """Everything that the requests name, each once."""
    return {
        "codes": _unique(code for one in wanted for code in one.codes),
        "orders": _unique(one.order_id for one in wanted),
        "own_orders": _unique(one.order_source_id for one in wanted),
        "customers": _unique(one.customer_id for one in wanted),
        "own_customers": _unique(one.customer_source_id for one in wanted),
        "products": _unique(product for one in wanted for product in one.products or ()),
        "skus": _unique(sku for one in wanted for sku in one.skus),
        "places": _unique(one.location for one in wanted),
    }


def _unique(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name is not None))
