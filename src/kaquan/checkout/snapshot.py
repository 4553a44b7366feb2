"""Everything decisions need, read in two round trips a batch and, for redemptions, locked.

The first reads all that the requests name, the second their limits. Locks are taken in one order
everywhere: stored orders, customers, guests, then ledger accounts, each by its key. Validation
reads the same things without a lock.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

import msgspec
from msgspec import UnsetType

from kaquan.checkout.basket import build_goods, sketch_order
from kaquan.checkout.buyer import describe_buyer
from kaquan.checkout.company import Company
from kaquan.checkout.goods import Collections, find_collections
from kaquan.checkout.guests import lock_number, name_guests
from kaquan.checkout.held import find_free_holds, without_holds
from kaquan.checkout.limits import Redemptions, count_credits, list_account_keys, points_key
from kaquan.checkout.model import CheckoutRequest, Coupon
from kaquan.checkout.naming import brings_news, name_location, name_wanted
from kaquan.checkout.offers import Setting, gives_points, read_offer, want_facts
from kaquan.checkout.settle import check_currency, settle_customer, settle_order
from kaquan.checkout.store.facts import NO_FACTS, RareFacts, read_rare_facts
from kaquan.checkout.store.found import Marks, Situation, Wanted
from kaquan.checkout.store.situation import (
    Limits,
    LimitsWanted,
    lock_guests,
    read_limits,
    read_situations,
)
from kaquan.customers import Customer, CustomerDraft, Order, OrderDraft, price_with
from kaquan.engine import Cart, CustomerFacts, Needs, Offer, StackingRules, find_needs
from kaquan.ledger import Account, AccountKey, Hold
from kaquan.runtime import KaquanError, NotFound, Project, SchemaChecker, Tx
from kaquan.segments import segment_ids_of


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the world that one request is decided on.

    ``coupons`` and ``offers`` are by code and lack codes that nobody knows. ``stored_order`` is
    the order as it is stored, None while it is new; ``order`` as it would be stored without this
    request's discounts, None for a request without an order. ``free_holds`` do not bind this
    request and are left out of ``accounts``. ``redemptions`` counts the
    buyer's earlier ones, by the names of their limits and by campaign; ``guests`` are these names
    where the buyer is a guest. ``entered`` says that the customer was stored or changed
    on the way; ``marks`` are the rows that the coupons were read from. ``facts`` are those that
    few offers ask for; ``rules`` the project's for several coupons, ``schemas`` those of metadata; ``earns_to`` is the account
    that points of this request go to. ``keys`` are the accounts that matter, opened or not.
    """

    request: CheckoutRequest
    now: datetime
    project: Project
    coupons: Mapping[str, Coupon]
    offers: Mapping[str, Offer]
    customer: Customer | None
    customer_facts: CustomerFacts
    redemptions: Redemptions
    guests: tuple[str, ...] = ()
    keys: Sequence[AccountKey] = ()
    accounts: Mapping[AccountKey, Account]
    stored_order: Order | None
    order: Order | None
    cart: Cart
    location_id: str | None
    facts: RareFacts = NO_FACTS
    rules: StackingRules = StackingRules()
    schemas: SchemaChecker = SchemaChecker({})
    redeemer_id: str | None = None
    earns_to: AccountKey | None = None
    free_holds: tuple[Hold, ...] = ()
    entered: bool = False
    marks: Marks = Marks()

    @property
    def customer_id(self) -> str | None:
        """The customer's id; None for a guest and for one who would only now be entered."""
        return None if self.customer is None else self.customer.id


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request with what is known of its coming.

    ``rules`` None stands for the project's own. Coupons ``besides`` those of the request's codes
    need not be stored: drafts, and what a campaign could give.
    """

    request: CheckoutRequest
    now: datetime
    by_user_id: str | None = None
    rules: StackingRules | None = None
    besides: Mapping[str, Coupon] = {}


class _Settled(msgspec.Struct, frozen=True, kw_only=True):
    asked: Asked
    found: Situation
    customer: Customer | None
    order: Order | None
    offers: Mapping[str, Offer]
    needs: Needs
    location_id: str | None
    guests: tuple[str, ...]

    @property
    def customer_id(self) -> str | None:
        return None if self.customer is None else self.customer.id

    @property
    def orders_before(self) -> tuple[datetime, str]:
        now, order = self.asked.now, self.order
        return (now, "") if order is None else (min(now, order.placed_at), order.id)

    def earns_to(self, facts: RareFacts) -> AccountKey | None:
        if self.customer is None or not any(map(gives_points, self.offers.values())):
            return None
        return points_key(self.customer.id, facts.card_id)

    @property
    def entered(self) -> bool:
        return self.customer is not self.found.customer


async def take_snapshot(
    tx: Tx,
    request: CheckoutRequest,
    *,
    now: datetime,
    locking: bool,
    redeemer_id: str | None = None,
    besides: Mapping[str, Coupon] | None = None,
) -> Snapshot:
    """Read what the request is about; with ``locking`` enter its customer and lock its limits.

    Coupons ``besides`` those of the request's codes need not be stored: drafts, and what a
    campaign could give. Raises InvalidInput for what cannot be accepted, and NotFound for a
    customer, order or location that is named and does not exist.
    """
    asked = Asked(request=request, now=now, by_user_id=redeemer_id, besides=besides or {})
    (snapshot,) = await take_snapshots(tx, [asked], locking=locking)
    if isinstance(snapshot, KaquanError):
        raise snapshot
    return snapshot


async def take_snapshots(
    tx: Tx, asked: Sequence[Asked], *, locking: bool
) -> list[Snapshot | KaquanError]:
    """Read what requests are about, each as ``take_snapshot`` does; errors are values here.

    They share what reads and, with ``locking``, what locks. Of requests on the same customer or
    order only the first is answered, and none whose rules ask for what others of the batch
    change: they get Apart. Raises Spoiled when one of several fails after it entered a customer.
    """
    settled = await _settle_all(tx, asked, locking=locking)
    whole = [one for one in settled if isinstance(one, _Settled)]
    guests = [guest for one in whole for guest in one.guests]
    if locking and guests:
        await lock_guests(tx, map(lock_number, guests))
    facts = await read_rare_facts(
        tx,
        [want_facts(s.found.coupons, s.offers, s.needs, _set(s)) for s in whole],
        locking=locking,
    )
    limits = await read_limits(
        tx,
        [_want_limits(one, own) for one, own in zip(whole, facts, strict=True)],
        locking=locking,
    )
    accounts = {key: account for one in limits for key, account in one.accounts.items()}
    free_holds = await find_free_holds(
        tx,
        accounts,
        session=asked[0].request.session if len(asked) == 1 else None,
        voucher_ids={c.voucher.id for one in whole for c in one.found.coupons.values()},
        now=min(one.now for one in asked),
    )
    left = without_holds(accounts, free_holds)
    following = iter(zip(limits, facts, strict=True))
    snapshots: list[Snapshot | KaquanError] = []
    for one in settled:
        if isinstance(one, _Settled):
            own, rare = next(following)
            own = msgspec.structs.replace(own, accounts={key: left[key] for key in own.accounts})
            snapshots.append(await _complete(tx, one, own, facts=rare, free_holds=free_holds))
        else:
            snapshots.append(one)
    return snapshots


async def _settle_all(
    tx: Tx, asked: Sequence[Asked], *, locking: bool
) -> list[_Settled | KaquanError]:
    wanted: list[Wanted | KaquanError] = []
    for one in asked:
        try:
            wanted.append(name_wanted(one.request))
        except KaquanError as error:
            wanted.append(error)
    named = [one for one in wanted if isinstance(one, Wanted)]
    situations = iter(await read_situations(tx, named, locking=locking) if named else ())
    company = Company(size=len(asked) if locking else 1)
    settled: list[_Settled | KaquanError] = []
    for one, want in zip(asked, wanted, strict=True):
        if isinstance(want, KaquanError):
            settled.append(want)
            continue
        try:
            settled.append(await _settle(tx, one, next(situations), company, locking=locking))
        except KaquanError as error:
            settled.append(error)
    return settled


async def _settle(
    tx: Tx, asked: Asked, found: Situation, company: Company, *, locking: bool
) -> _Settled:
    """Find out who buys what; what an erring one of several wrote is undone at once."""
    request, now = asked.request, asked.now
    if asked.besides:
        found = msgspec.structs.replace(found, coupons={**found.coupons, **asked.besides})
    check_currency(request, found.project)
    stored = settle_order(request, found)
    draft = request.customer
    enters = locking and isinstance(draft, CustomerDraft) and brings_news(draft, found.customer)
    async with tx.transaction() if enters and not company.alone else nullcontext():
        customer = await settle_customer(tx, request, found, now=now, entering=locking)
        order = _sketch(request, found, stored=stored, customer=customer, now=now)
        offers = {code: read_offer(coupon, now) for code, coupon in found.coupons.items()}
        location_id = _find_location_id(request, found, order)
        guests = await name_guests(
            tx, request, order, customer=customer, project=found.project, locking=locking
        )
        company.join(customer, order, offers.values(), guests=guests)
    return _Settled(
        asked=asked,
        found=found,
        customer=customer,
        order=order,
        offers=offers,
        needs=find_needs(offers.values()),
        location_id=location_id,
        guests=guests,
    )


def _set(settled: _Settled) -> Setting:
    found = settled.found
    return Setting(
        now=settled.asked.now,
        zone=found.project.time_zone,
        customer_id=settled.customer_id,
        guests=settled.guests,
        location_id=settled.location_id,
        orders_before=settled.orders_before,
        stored_order_id=None if found.order is None else found.order.id,
    )


def _want_limits(settled: _Settled, facts: RareFacts) -> LimitsWanted:
    coupons = settled.found.coupons
    campaigns = {c.campaign.id for c in coupons.values() if c.campaign is not None}
    wanted = LimitsWanted(
        keys=(),
        customer_id=settled.customer_id,
        guests=settled.guests,
        campaign_ids=sorted(campaigns),
        orders_before=settled.orders_before if settled.needs.order_count else None,
    )
    keys = list_account_keys(
        coupons, settled.offers, wanted.persons, earns_to=settled.earns_to(facts)
    )
    return msgspec.structs.replace(wanted, keys=keys)


async def _complete(
    tx: Tx,
    settled: _Settled,
    limits: Limits,
    *,
    facts: RareFacts,
    free_holds: tuple[Hold, ...],
) -> Snapshot | KaquanError:
    asked, found, offers = settled.asked, settled.found, settled.offers
    request = asked.request
    try:
        return Snapshot(
            request=request,
            now=asked.now,
            project=found.project,
            coupons=found.coupons,
            offers=offers,
            customer=settled.customer,
            entered=settled.entered,
            customer_facts=await _gather_facts(tx, settled, limits, facts=facts),
            redemptions=limits.redemptions,
            guests=settled.guests,
            keys=limits.keys,
            accounts=limits.accounts,
            free_holds=tuple(
                h for h in free_holds if AccountKey(h.owner, h.kind) in limits.accounts
            ),
            stored_order=found.order,
            order=settled.order,
            cart=_fill_cart(
                settled,
                facts,
                await find_collections(tx, settled.order, settled.needs, now=asked.now),
            ),
            location_id=settled.location_id,
            facts=facts,
            rules=found.rules,
            schemas=found.schemas,
            redeemer_id=request.redeemer_id or asked.by_user_id,
            earns_to=settled.earns_to(facts),
            marks=found.marks,
        )
    except KaquanError as error:
        return error


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
        lines = price_with(found.products, draft.lines, skus=found.skus, field="order.items")
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


async def _gather_facts(
    tx: Tx, settled: _Settled, limits: Limits, *, facts: RareFacts
) -> CustomerFacts:
    segments = frozenset[str]()
    asked = settled.needs.segment_ids
    if settled.customer is not None and asked:
        now = settled.asked.now
        segments = await segment_ids_of(tx, settled.customer.id, now=now, among=set(asked))
    return describe_buyer(
        settled.asked.request,
        settled.customer,
        settled.needs,
        order_count=limits.order_count,
        spend_minor=facts.spend_minor,
        segment_ids=segments,
        is_known_guest=bool(settled.guests),
    )


def _fill_cart(settled: _Settled, facts: RareFacts, collections: Collections) -> Cart:
    request = settled.asked.request
    return build_goods(
        settled.order,
        {product.id: product for product in settled.found.products},
        already_discounted=request.order_already_discounted,
        delivery_off_minor=facts.delivery_off_minor,
        credits_minor=count_credits(settled.found.coupons, settled.offers, request),
        collections=collections,
    )


def _find_location_id(
    request: CheckoutRequest, found: Situation, order: Order | None
) -> str | None:
    """Where it takes place: as the request says, else where the order was placed."""
    named = name_location(request)
    if named is None:
        return None if order is None else order.location_id
    if found.location is None:
        raise NotFound("location", named)
    return found.location.id
