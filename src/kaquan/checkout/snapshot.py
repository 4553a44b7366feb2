"""Everything a decision needs, read in two round trips and, for a redemption, locked.

The first reads all that the request names, the second its limits. Locks are taken in one order
everywhere: the stored order, its customer, then ledger accounts by primary key. Validation reads
the same things without a lock.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UnsetType

from kaquan.checkout.basket import build_goods, sketch_order
from kaquan.checkout.limits import list_account_keys
from kaquan.checkout.model import CheckoutRequest, Coupon
from kaquan.checkout.offers import (
    list_segment_ids,
    names_attributes,
    needs_order_count,
    read_offer,
)
from kaquan.checkout.store.situation import (
    Limits,
    Situation,
    Wanted,
    read_limits,
    read_situation,
)
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    Product,
    check_order,
    find_customer,
    list_products_named,
    list_references,
    lock_order,
    price_with,
    upsert_customer,
)
from kaquan.engine import Cart, CustomerFacts, Offer
from kaquan.ledger import Account, AccountKey
from kaquan.runtime import InvalidInput, NotFound, Project, Tx, check_reference
from kaquan.segments import segment_ids_of

NEW_CUSTOMER = "new"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the world that one request is decided on.

    ``coupons`` and ``offers`` are by code and lack codes that nobody knows. ``stored_order`` is
    the order as it is stored, None while it is new; ``order`` as it would be stored without this
    request's discounts, None for a request without an order. ``redemptions`` counts the
    customer's earlier ones by campaign.
    """

    request: CheckoutRequest
    now: datetime
    project: Project
    coupons: Mapping[str, Coupon]
    offers: Mapping[str, Offer]
    customer: Customer | None
    customer_facts: CustomerFacts
    redemptions: Mapping[str, int]
    accounts: Mapping[AccountKey, Account]
    stored_order: Order | None
    order: Order | None
    cart: Cart
    location_id: str | None

    @property
    def customer_id(self) -> str | None:
        """The customer's id; None for a guest and for one who would only now be entered."""
        return None if self.customer is None else self.customer.id


async def take_snapshot(
    tx: Tx, request: CheckoutRequest, *, now: datetime, locking: bool
) -> Snapshot:
    """Read what the request is about; with ``locking`` enter its customer and lock its limits.

    Raises InvalidInput for what cannot be accepted, and NotFound for a customer, order or
    location that is named and does not exist.
    """
    found = await read_situation(tx, _name_wanted(request))
    _check_currency(request, found.project)
    stored = await _settle_order(tx, request, found, locking=locking)
    customer = await _settle_customer(tx, request, found, stored=stored, now=now, locking=locking)
    order = _sketch(request, found, stored=stored, customer=customer, now=now)
    offers = {code: read_offer(coupon, now) for code, coupon in found.coupons.items()}
    limits = await _read_limits(
        tx, found, customer=customer, order=order, offers=offers, now=now, locking=locking
    )
    products = await _list_products(tx, found, order=order, offers=offers)
    return Snapshot(
        request=request,
        now=now,
        project=found.project,
        coupons=found.coupons,
        offers=offers,
        customer=customer,
        customer_facts=await _gather_facts(
            tx, request, customer=customer, limits=limits, offers=offers, now=now
        ),
        redemptions=limits.redemptions,
        accounts=limits.accounts,
        stored_order=stored,
        order=order,
        cart=build_goods(order, products, already_discounted=request.order_already_discounted),
        location_id=_find_location_id(request, found, order),
    )


def _name_wanted(request: CheckoutRequest) -> Wanted:
    """Tell what to read; raises InvalidInput for an order that could be none."""
    order, wanted = request.order, dict[str, Any]()
    draft = order if isinstance(order, OrderDraft) else OrderDraft()
    if isinstance(order, str):
        wanted |= {"order_id": order, "order_source_id": order}
    elif draft.id is not None:
        wanted |= {"order_id": draft.id, "order_source_id": draft.id}
    elif isinstance(draft.source_id, str):
        wanted["order_source_id"] = draft.source_id
    check_order(draft, field="order.")
    if not isinstance(draft.lines, UnsetType):
        wanted["products"] = list_references(draft.lines, field="order.items")
    return Wanted(
        codes=[r.id for r in request.redeemables],
        location=_name_location(request),
        **wanted,
        **_name_customer(request, draft),
    )


def _name_location(request: CheckoutRequest) -> str | None:
    if request.location_id is None and isinstance(request.order, OrderDraft):
        named = request.order.location_id
        return named if isinstance(named, str) else None
    return request.location_id


def _name_customer(request: CheckoutRequest, draft: OrderDraft) -> dict[str, Any]:
    """Of a draft our id alone counts, else the merchant's, as when it is stored."""
    match request.customer:
        case str() as reference:
            return {"customer_id": reference, "customer_source_id": reference}
        case CustomerDraft(id=str() as customer_id):
            return {"customer_id": check_reference(customer_id, "customer.id")}
        case CustomerDraft(source_id=str() as source_id):
            return {"customer_source_id": check_reference(source_id, "customer.source_id")}
        case CustomerDraft():
            return {}
        case None if isinstance(draft.customer_id, str):
            return {"customer_id": draft.customer_id, "customer_source_id": draft.customer_id}
        case None:
            return {"customer_of_order": True}


def _check_currency(request: CheckoutRequest, project: Project) -> None:
    currency = request.order.currency if isinstance(request.order, OrderDraft) else None
    if currency not in (None, project.currency):
        message = f"This project's currency is {project.currency}, not '{currency[:10]}'."
        raise InvalidInput(message, field="order.currency", key="invalid_currency")


async def _settle_order(
    tx: Tx, request: CheckoutRequest, found: Situation, *, locking: bool
) -> Order | None:
    """The stored order, locked if need be; None without one, or while it is new."""
    order = request.order
    reference = order.id if isinstance(order, OrderDraft) else order
    if found.order is None:
        if reference is not None:
            raise NotFound("order", reference)
        return None
    return await lock_order(tx, found.order.id) if locking else found.order


async def _settle_customer(
    tx: Tx,
    request: CheckoutRequest,
    found: Situation,
    *,
    stored: Order | None,
    now: datetime,
    locking: bool,
) -> Customer | None:
    """The request's customer, entered if need be, else the order's; None for a guest."""
    customer, asked = found.customer, request.customer
    if asked is None and isinstance(request.order, OrderDraft):
        named = request.order.customer_id
        asked = named if isinstance(named, str) else None
    if isinstance(asked, CustomerDraft) and locking:
        customer = await upsert_customer(tx, asked, known=customer, now=now)
    reference = asked.id if isinstance(asked, CustomerDraft) else asked
    if customer is None and reference is not None:
        raise NotFound("customer", reference)
    if asked is None:
        return await _find_orders_customer(tx, found, stored)
    if customer is not None and stored is not None:
        _check_same_customer(customer, stored)
    return customer


async def _find_orders_customer(tx: Tx, found: Situation, stored: Order | None) -> Customer | None:
    """The stored order's customer, who may have changed before it was locked; None once erased."""
    if stored is None or stored.customer_id is None:
        return None
    if found.order is not None and found.order.customer_id == stored.customer_id:
        return found.customer
    return await find_customer(tx, stored.customer_id)


def _check_same_customer(customer: Customer, stored: Order) -> None:
    if stored.customer_id not in (None, customer.id):
        message = "This order belongs to another customer."
        raise InvalidInput(message, field="customer", key="order_of_another_customer")


def _sketch(
    request: CheckoutRequest,
    found: Situation,
    *,
    stored: Order | None,
    customer: Customer | None,
    now: datetime,
) -> Order | None:
    if request.order is None:
        return None
    draft = request.order if isinstance(request.order, OrderDraft) else OrderDraft()
    lines = None
    if not isinstance(draft.lines, UnsetType):
        lines = price_with(found.products, draft.lines, field="order.items")
    location = found.location
    moves = stored is None or isinstance(draft.location_id, str)
    return sketch_order(
        draft,
        lines,
        stored=stored,
        customer_id=None if customer is None else customer.id,
        location_id=location.id if location is not None and moves else None,
        now=now,
    )


async def _read_limits(
    tx: Tx,
    found: Situation,
    *,
    customer: Customer | None,
    order: Order | None,
    offers: Mapping[str, Offer],
    now: datetime,
    locking: bool,
) -> Limits:
    coupons = found.coupons.values()
    customer_id = None if customer is None else customer.id
    orders_before = None
    if any(map(needs_order_count, offers.values())):
        orders_before = (now, "") if order is None else (min(now, order.placed_at), order.id)
    return await read_limits(
        tx,
        list_account_keys(coupons, customer_id),
        customer_id=customer_id,
        campaign_ids=sorted({c.campaign.id for c in coupons if c.campaign is not None}),
        orders_before=orders_before,
        locking=locking,
    )


async def _gather_facts(
    tx: Tx,
    request: CheckoutRequest,
    *,
    customer: Customer | None,
    limits: Limits,
    offers: Mapping[str, Offer],
    now: datetime,
) -> CustomerFacts:
    """Return what the offers want to know of the customer, and only that."""
    if customer is None:
        return CustomerFacts(id=None if request.customer is None else NEW_CUSTOMER)
    asked = set[str]().union(*map(list_segment_ids, offers.values()))
    segments = frozenset[str]()
    if asked:
        segments = await segment_ids_of(tx, customer.id, now=now, among=asked)
    return CustomerFacts(id=customer.id, order_count=limits.order_count, segment_ids=segments)


async def _list_products(
    tx: Tx, found: Situation, *, order: Order | None, offers: Mapping[str, Offer]
) -> dict[str, Product]:
    """Return the order's products by id; those of lines that were changed meanwhile are read."""
    products = {product.id: product for product in found.products}
    if order is None or not any(map(names_attributes, offers.values())):
        return products
    missing = {line.product_id for line in order.lines} - products.keys() - {None}
    if missing:
        read = await list_products_named(tx, sorted(one for one in missing if one is not None))
        products |= {product.id: product for product in read}
    return products


def _find_location_id(
    request: CheckoutRequest, found: Situation, order: Order | None
) -> str | None:
    """Where it takes place: as the request says, else where the order was placed."""
    named = _name_location(request)
    if named is None:
        return None if order is None else order.location_id
    if found.location is None:
        raise NotFound("location", named)
    return found.location.id
