"""What a batch's requests name, decoded from what was read for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from psycopg.rows import TupleRow

from kaquan.campaigns import Campaign, Voucher, parse_stacking_rules
from kaquan.checkout.model import Coupon
from kaquan.customers import Customer, Location, Order, Product, Sku, read_order_row
from kaquan.engine import StackingRules
from kaquan.runtime import MetadataSchema, Project, SchemaChecker

_NO_SCHEMAS = SchemaChecker({})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. Of an order or customer our id goes before the merchant's.

    With ``customer_of_order`` the customer is the stored order's. ``products`` are our ids or
    the merchant's; None stands for those of the stored order's lines. ``skus`` are variants,
    whose products are read too.
    """

    codes: Sequence[str]
    tiers: frozenset[str] = frozenset()
    order_id: str | None = None
    order_source_id: str | None = None
    customer_id: str | None = None
    customer_source_id: str | None = None
    customer_of_order: bool = False
    products: Sequence[str] | None = None
    skus: Sequence[str] = ()
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
    skus: tuple[Sku, ...] = ()
    rules: StackingRules = StackingRules()
    schemas: SchemaChecker = _NO_SCHEMAS
    marks: Marks = Marks()


class _Marked(msgspec.Struct, frozen=True):
    id: str
    mark: str


_VOUCHERS = msgspec.json.Decoder(list[Voucher])
_CAMPAIGNS = msgspec.json.Decoder(list[Campaign])
_MARKS = msgspec.json.Decoder(list[_Marked])
_ROWS = msgspec.json.Decoder(list[dict[str, Any]])
_PRODUCTS = msgspec.json.Decoder(list[Product])
_SKUS = msgspec.json.Decoder(list[Sku])
_LOCATIONS = msgspec.json.Decoder(list[Location])
_SCHEMAS = msgspec.json.Decoder(list[MetadataSchema])


class Found:
    """What a batch's requests name, by every name that it has."""

    def __init__(self, row: TupleRow, customers: Sequence[dict[str, Any]]) -> None:
        """Decode the row of what was read; ``customers`` are those of it, unsealed."""
        (
            project,
            vouchers,
            campaigns,
            orders,
            _,
            meant,
            products,
            skus,
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
        self._customers = _Named([msgspec.convert(one, Customer) for one in customers])
        self._products = _Named(_PRODUCTS.decode(products or "[]"))
        self._skus = _Named(_SKUS.decode(skus or "[]"))
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
        skus = self._skus.find_all(wanted.skus)
        return Situation(
            project=self._project,
            coupons=coupons,
            order=order,
            customer=self._find_customer(customer_id, wanted.customer_source_id),
            products=self._pick_products(wanted, order, skus),
            skus=tuple(skus),
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

    def _pick_products(
        self, wanted: Wanted, order: Order | None, skus: Sequence[Sku]
    ) -> tuple[Product, ...]:
        references: Sequence[str | None] = wanted.products or ()
        if wanted.products is None and order is not None:
            references = [line.product_id for line in order.lines]
        named = (*references, *(sku.product_id for sku in skus))
        return tuple(self._products.find_all(one for one in named if one is not None))

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
