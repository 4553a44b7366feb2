"""What decisions are made on: read for a whole batch in one statement, then its limits locked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, LiteralString, Protocol, TypeVar

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from kaquan.campaigns import VOUCHER_COLUMNS, Campaign, Voucher, parse_stacking_rules
from kaquan.checkout.model import Coupon
from kaquan.checkout.store.register import NET
from kaquan.customers import (
    COUNTED_STATUSES,
    Customer,
    Location,
    Order,
    Product,
    read_order_row,
)
from kaquan.engine import StackingRules
from kaquan.ledger import Account, AccountKey, list_accounts, lock_accounts
from kaquan.runtime import MetadataSchema, NotFound, Project, SchemaChecker, Tx

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
                              || array(select unnest(line_product_ids) from named_order))
                or g.source_id = any(%(products)s)),
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
_COUNT_ORDERS: LiteralString = (
    "select asked.number,"
    " (select count(*) from orders o"
    "   where o.customer_id = asked.customer_id and o.placed_at <= asked.at"
    "     and o.id <> asked.order_id and o.status = any(%s))"
    "  from unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[])"
    "       as asked (number, customer_id, at, order_id)"
)


_NO_SCHEMAS = SchemaChecker({})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. Of an order or customer our id goes before the merchant's.

    With ``customer_of_order`` the customer is the stored order's. ``products`` are our ids or
    the merchant's; None stands for those of the stored order's lines.
    """

    codes: Sequence[str]
    tiers: frozenset[str] = frozenset()
    order_id: str | None = None
    order_source_id: str | None = None
    customer_id: str | None = None
    customer_source_id: str | None = None
    customer_of_order: bool = False
    products: Sequence[str] | None = None
    location: str | None = None


class Marks(msgspec.Struct, frozen=True):
    """The very rows that definitions were read from, as the database marks them: by id."""

    vouchers: Mapping[str, str] = {}
    campaigns: Mapping[str, str] = {}


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; ``coupons`` are by code and lack unknown codes.

    ``rules`` are the project's for several coupons on one order.
    """

    project: Project
    coupons: dict[str, Coupon]
    order: Order | None
    customer: Customer | None
    products: tuple[Product, ...]
    location: Location | None
    rules: StackingRules = StackingRules()
    schemas: SchemaChecker = _NO_SCHEMAS
    marks: Marks = Marks()


class LimitsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose limits to read: accounts, and what a customer did so far.

    ``campaign_ids`` are those whose redemptions count. With ``orders_before``, a moment and an
    order's id, the purchases up to that moment are counted too, that order aside.
    """

    keys: Sequence[AccountKey]
    customer_id: str | None = None
    campaign_ids: Sequence[str] = ()
    orders_before: tuple[datetime, str] | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, and what the customer did so far; ``redemptions`` are by campaign."""

    keys: Sequence[AccountKey] = ()
    accounts: dict[AccountKey, Account] = {}
    redemptions: dict[str, int] = {}
    order_count: int = 0


class _Marked(msgspec.Struct, frozen=True):
    id: str
    mark: str


_VOUCHERS = msgspec.json.Decoder(list[Voucher])
_CAMPAIGNS = msgspec.json.Decoder(list[Campaign])
_MARKS = msgspec.json.Decoder(list[_Marked])
_ROWS = msgspec.json.Decoder(list[dict[str, Any]])
_CUSTOMERS = msgspec.json.Decoder(list[Customer])
_PRODUCTS = msgspec.json.Decoder(list[Product])
_LOCATIONS = msgspec.json.Decoder(list[Location])
_SCHEMAS = msgspec.json.Decoder(list[MetadataSchema])


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
        found = _Found(row)
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
        orders = await _count_orders(tx, wanted)
        accounts = await (lock_accounts if locking else list_accounts)(tx, keys) if keys else {}
        redeemed: list[dict[str, int]] = [{} for _ in wanted]
        for number, campaign_id, count in await redemptions.fetchall() if redemptions else ():
            redeemed[number][campaign_id] = count
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


async def _count_redemptions(
    tx: Tx, wanted: Sequence[LimitsWanted]
) -> AsyncCursor[TupleRow] | None:
    asked = [
        (number, one.customer_id, campaign_id)
        for number, one in enumerate(wanted)
        if one.customer_id is not None
        for campaign_id in one.campaign_ids
    ]
    return await tx.execute(_COUNT_REDEMPTIONS, _columns(asked)) if asked else None


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
        "places": _unique(one.location for one in wanted),
    }


def _unique(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name is not None))


class _Found:
    """What a batch's requests name, by every name that it has."""

    def __init__(self, row: TupleRow) -> None:
        (
            project,
            vouchers,
            campaigns,
            orders,
            customers,
            meant,
            products,
            locations,
            rules,
            schemas,
        ) = row
        self._meant: dict[str, str] = msgspec.json.decode(meant or "{}")
        self._rules = parse_stacking_rules(rules or {})
        known = _SCHEMAS.decode(schemas or "[]")
        self._schemas = SchemaChecker({(one.scope, one.subject): one for one in known})
        self._project = msgspec.json.decode(project, type=Project)
        of_id = {one.id: one for one in _CAMPAIGNS.decode(campaigns or "[]")}
        self._coupons = {
            one.code: Coupon(one, of_id.get(one.campaign_id or ""))
            for one in _VOUCHERS.decode(vouchers or "[]")
        }
        self._voucher_marks = {one.id: one.mark for one in _MARKS.decode(vouchers or "[]")}
        self._campaign_marks = {one.id: one.mark for one in _MARKS.decode(campaigns or "[]")}
        self._orders = _Named([read_order_row(order) for order in _ROWS.decode(orders or "[]")])
        self._customers = _Named(_CUSTOMERS.decode(customers or "[]"))
        self._products = _Named(_PRODUCTS.decode(products or "[]"))
        self._locations = _Named(_LOCATIONS.decode(locations or "[]"))

    @property
    def lockable_ids(self) -> set[str]:
        """The ids of the orders and customers that were found."""
        return self._orders.ids | self._customers.ids

    def pick(self, wanted: Wanted) -> Situation:
        """Return what one request names."""
        order = self._orders.find(wanted.order_id, wanted.order_source_id)
        customer_id = wanted.customer_id
        if wanted.customer_of_order:
            customer_id = None if order is None else order.customer_id
        coupons = {
            code: coupon
            for code in wanted.codes
            if (coupon := self._coupons.get(code)) is not None
            and coupon.voucher.tier is (code in wanted.tiers)
        }
        return Situation(
            project=self._project,
            coupons=coupons,
            order=order,
            customer=self._find_customer(customer_id, wanted.customer_source_id),
            products=self._pick_products(wanted, order),
            location=self._locations.find(wanted.location, wanted.location),
            rules=self._rules,
            schemas=self._schemas,
            marks=self._pick_marks(coupons.values()),
        )

    def _find_customer(self, id_: str | None, source_id: str | None) -> Customer | None:
        """The customer with one of these ids, or into whom its owner was merged."""
        found = self._customers.find(id_, source_id)
        if found is None and (meant := self._meant.get(id_ or source_id or "")) is not None:
            found = self._customers.find(meant, None)
        return found

    def _pick_products(self, wanted: Wanted, order: Order | None) -> tuple[Product, ...]:
        references: Sequence[str | None] = wanted.products or ()
        if wanted.products is None and order is not None:
            references = [line.product_id for line in order.lines]
        return tuple(self._products.find_all(one for one in references if one is not None))

    def _pick_marks(self, coupons: Iterable[Coupon]) -> Marks:
        known = tuple(coupons)
        campaign_ids = {one.campaign.id for one in known if one.campaign is not None}
        return Marks(
            {one.voucher.id: self._voucher_marks[one.voucher.id] for one in known},
            {campaign_id: self._campaign_marks[campaign_id] for campaign_id in campaign_ids},
        )


class _Nameable(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def source_id(self) -> str | None: ...


_Noun = TypeVar("_Noun", bound=_Nameable)


class _Named(Generic[_Noun]):
    """Things by our id and by the merchant's."""

    def __init__(self, things: Iterable[_Noun]) -> None:
        self._by_id = {thing.id: thing for thing in things}
        self._by_source = {
            thing.source_id: thing for thing in self._by_id.values() if thing.source_id is not None
        }

    @property
    def ids(self) -> set[str]:
        """Our ids of all of them."""
        return set(self._by_id)

    def find(self, id_: str | None, source_id: str | None) -> _Noun | None:
        """The thing with our id or, if there is none, with the merchant's."""
        found = None if id_ is None else self._by_id.get(id_)
        if found is None and source_id is not None:
            found = self._by_source.get(source_id)
        return found

    def find_all(self, references: Iterable[str]) -> list[_Noun]:
        """Everything that one of the references may mean, each once."""
        found: dict[str, _Noun] = {}
        for reference in references:
            for known in (self._by_id, self._by_source):
                if reference in known:
                    found[known[reference].id] = known[reference]
        return list(found.values())
