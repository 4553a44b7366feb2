"""Everything a decision needs, read in few queries and, for a redemption, locked.

Locks are taken in one order everywhere: the stored order, its customer, then ledger accounts by
primary key. Validation reads the same things without a lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

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
from kaquan.checkout.store import (
    count_orders_before,
    count_redemptions,
    lock_and_count_redemptions,
    read_setting,
)
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    Product,
    find_customer,
    find_order,
    get_customer,
    get_location,
    get_order,
    list_products_named,
    lock_order,
    price_lines,
    upsert_customer,
)
from kaquan.engine import Cart, CustomerFacts, Offer
from kaquan.ledger import Account, AccountKey, list_accounts, lock_accounts
from kaquan.runtime import InvalidInput, Project, Tx
from kaquan.segments import segment_ids_of

NEW_CUSTOMER = "new"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the world that one request is decided on.

    ``coupons`` and ``offers`` are by code and lack codes that nobody knows. ``stored_order`` is
    the order as it is stored, None while it is new; ``order`` as it would be stored without this
    request's discounts. ``redemptions`` counts the customer's earlier ones by campaign.
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
    order: Order
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
    project, coupons = await read_setting(tx, [r.id for r in request.redeemables])
    _check_currency(request, project)
    offers = {code: read_offer(coupon, now) for code, coupon in coupons.items()}
    stored = await _find_stored_order(tx, request, locking=locking)
    customer = await _find_customer(tx, request, stored=stored, now=now, locking=locking)
    order = await _read_order(tx, request, stored=stored, customer=customer, now=now)
    redemptions = await _count_redemptions(tx, customer, coupons.values(), locking=locking)
    facts = await _gather_facts(
        tx, request, customer=customer, order=order, offers=list(offers.values()), now=now
    )
    products = await _list_products(tx, order, list(offers.values()))
    keys = list_account_keys(coupons.values(), None if customer is None else customer.id)
    accounts = await (lock_accounts if locking else list_accounts)(tx, keys) if keys else {}
    return Snapshot(
        request=request,
        now=now,
        project=project,
        coupons=coupons,
        offers=offers,
        customer=customer,
        customer_facts=facts,
        redemptions=redemptions,
        accounts=accounts,
        stored_order=stored,
        order=order,
        cart=build_goods(order, products, already_discounted=request.order_already_discounted),
        location_id=await _find_location_id(tx, request, order),
    )


def _check_currency(request: CheckoutRequest, project: Project) -> None:
    currency = request.order.currency if isinstance(request.order, OrderDraft) else None
    if currency not in (None, project.currency):
        message = f"This project's currency is {project.currency}, not '{currency[:10]}'."
        raise InvalidInput(message, field="order.currency", key="invalid_currency")


async def _find_stored_order(tx: Tx, request: CheckoutRequest, *, locking: bool) -> Order | None:
    order = request.order
    if isinstance(order, str):
        return await (lock_order if locking else get_order)(tx, order)
    if order is None:
        raise InvalidInput("An order is needed.", field="order", key="missing_order")
    if order.id is not None:
        return await (lock_order if locking else get_order)(tx, order.id)
    known = await find_order(tx, order.source_id) if isinstance(order.source_id, str) else None
    return known if known is None or not locking else await lock_order(tx, known.id)


async def _find_customer(
    tx: Tx, request: CheckoutRequest, *, stored: Order | None, now: datetime, locking: bool
) -> Customer | None:
    """The request's customer, else the order's; a guest is None, as is one not yet entered."""
    match request.customer:
        case str() as reference:
            customer = await get_customer(tx, reference)
        case CustomerDraft() as draft if locking:
            customer = await upsert_customer(tx, draft, now=now)
        case CustomerDraft() as draft:
            customer = await _find_drafted(tx, draft)
        case None:
            return await _find_orders_customer(tx, request, stored)
    if customer is not None and stored is not None:
        _check_same_customer(customer, stored)
    return customer


async def _find_drafted(tx: Tx, draft: CustomerDraft) -> Customer | None:
    if draft.id is not None:
        return await get_customer(tx, draft.id)
    return await find_customer(tx, draft.source_id) if isinstance(draft.source_id, str) else None


async def _find_orders_customer(
    tx: Tx, request: CheckoutRequest, stored: Order | None
) -> Customer | None:
    """The customer that the draft or the stored order names; one who was erased is a guest."""
    if isinstance(request.order, OrderDraft) and isinstance(request.order.customer_id, str):
        return await get_customer(tx, request.order.customer_id)
    known = None if stored is None else stored.customer_id
    return None if known is None else await find_customer(tx, known)


def _check_same_customer(customer: Customer, stored: Order) -> None:
    if stored.customer_id not in (None, customer.id):
        message = "This order belongs to another customer."
        raise InvalidInput(message, field="customer", key="order_of_another_customer")


async def _read_order(
    tx: Tx,
    request: CheckoutRequest,
    *,
    stored: Order | None,
    customer: Customer | None,
    now: datetime,
) -> Order:
    draft = request.order if isinstance(request.order, OrderDraft) else OrderDraft()
    lines = None
    if not isinstance(draft.lines, UnsetType):
        lines = await price_lines(tx, draft.lines, field="order.items")
    customer_id = None if customer is None else customer.id
    return sketch_order(draft, lines, stored=stored, customer_id=customer_id, now=now)


async def _count_redemptions(
    tx: Tx, customer: Customer | None, coupons: Iterable[Coupon], *, locking: bool
) -> Mapping[str, int]:
    """Return the customer's redemptions by campaign; with ``locking`` nobody adds one meanwhile."""
    if customer is None:
        return {}
    campaign_ids = sorted({c.campaign.id for c in coupons if c.campaign is not None})
    count = lock_and_count_redemptions if locking else count_redemptions
    return await count(tx, customer.id, campaign_ids=campaign_ids)


async def _gather_facts(
    tx: Tx,
    request: CheckoutRequest,
    *,
    customer: Customer | None,
    order: Order,
    offers: Sequence[Offer],
    now: datetime,
) -> CustomerFacts:
    """Return what the offers want to know of the customer, and only that."""
    if customer is None:
        return CustomerFacts(id=None if request.customer is None else NEW_CUSTOMER)
    orders = 0
    if any(map(needs_order_count, offers)):
        orders = await count_orders_before(
            tx, customer.id, moment=min(now, order.placed_at), except_order_id=order.id
        )
    asked = set[str]().union(*map(list_segment_ids, offers))
    segments = frozenset[str]()
    if asked:
        segments = await segment_ids_of(tx, customer.id, now=now, among=asked)
    return CustomerFacts(id=customer.id, order_count=orders, segment_ids=segments)


async def _list_products(tx: Tx, order: Order, offers: Sequence[Offer]) -> dict[str, Product]:
    """Return the order's products by id, if an offer speaks of their attributes."""
    ids = sorted({line.product_id for line in order.lines if line.product_id is not None})
    if not ids or not any(map(names_attributes, offers)):
        return {}
    return {product.id: product for product in await list_products_named(tx, ids)}


async def _find_location_id(tx: Tx, request: CheckoutRequest, order: Order) -> str | None:
    if request.location_id is None:
        return order.location_id
    return (await get_location(tx, request.location_id)).id
