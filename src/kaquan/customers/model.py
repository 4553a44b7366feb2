"""The nouns of the customer file: people, goods, places, and what was bought."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

Metadata: TypeAlias = dict[str, Any]
"""A JSON object of the merchant's own; at most 64 KiB when written out."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A person. ``source_id`` is what the merchant calls them; ``birth_date`` has no time zone."""

    id: str
    source_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    birth_date: date | None
    description: str | None
    address: Metadata | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None


class CustomerDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said about a customer. UNSET leaves a field as it is, None empties it.

    Metadata is merged key by key: keys that are not named stay, a key given as None goes.
    """

    id: str | None = None
    source_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    birth_date: date | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    address: Metadata | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET


class PermanentDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that a person was erased: how many records of each kind were emptied."""

    id: str
    customer_id: str
    counts: dict[str, int]
    created_at: datetime


class CustomerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer's purchases that count add up to (see :data:`COUNTED_STATUSES`).

    ``spend_minor`` is the sum of the orders' totals, that is, after discounts.
    """

    customer_id: str
    order_count: int = 0
    spend_minor: int = 0
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    last_order_minor: int = 0


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """That a customer agreed, or no longer agrees, to be contacted for a purpose."""

    customer_id: str
    channel: str
    purpose: str
    granted: bool
    source: str
    at: datetime


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A thing on sale. ``attributes`` (brand, department, …) are what scopes of offers name."""

    id: str
    source_id: str | None
    name: str | None
    price_minor: int | None
    image_url: str | None
    attributes: dict[str, Any]
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None


class ProductDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said about a product; UNSET, None and metadata as in CustomerDraft.

    ``attributes``, when given, replaces all of them. Values are text, whole numbers, booleans or
    lists of texts.
    """

    id: str | None = None
    source_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    price_minor: int | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """A variant of a product, such as a size; without a price it has its product's."""

    id: str
    product_id: str
    source_id: str | None
    name: str | None
    price_minor: int | None
    currency: str | None
    image_url: str | None
    attributes: dict[str, Any]
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None


class SkuDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said about a variant; UNSET, None, metadata and attributes as a product's."""

    id: str | None = None
    source_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    price_minor: int | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class CollectionKind(StrEnum):
    """Whether a collection's products are listed or found by a filter."""

    STATIC = "STATIC"
    AUTO_UPDATE = "AUTO_UPDATE"


class CollectionMember(msgspec.Struct, frozen=True, kw_only=True):
    """A product with all its variants or, with ``sku_id``, one variant of it."""

    product_id: str
    sku_id: str | None = None


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of products, which the scope of an offer may name.

    ``members`` are those listed of a static one; ``filter`` is the rule of the other kind.
    """

    id: str
    name: str
    kind: CollectionKind
    filter: dict[str, Any] | None
    members: tuple[CollectionMember, ...] = ()
    created_at: datetime
    updated_at: datetime | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a customer did and that has a name of the merchant's own."""

    id: str
    customer_id: str
    name: str
    source_id: str | None
    metadata: Metadata
    at: datetime
    created_at: datetime


class EventDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is told; ``customer_id`` is our id."""

    customer_id: str
    name: str
    metadata: Metadata = {}
    source_id: str | None = None
    at: datetime


class BrowsingSession(msgspec.Struct, frozen=True, kw_only=True):
    """Browsing without half an hour of silence; ``product_count`` counts each product once."""

    id: str
    customer_id: str
    started_at: datetime
    ended_at: datetime
    event_count: int
    page_count: int
    product_count: int
    added_count: int


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A store or a till where vouchers are redeemed; ``shape`` is its area as the dialect has it."""

    id: str
    source_id: str | None
    name: str
    shape: Metadata | None = None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None = None


class LocationDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said about a location; UNSET, None and metadata as in CustomerDraft."""

    id: str | None = None
    source_id: str | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    shape: Metadata | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    CREATED = "CREATED"
    PAID = "PAID"
    FULFILLED = "FULFILLED"
    CANCELED = "CANCELED"
    PARTIALLY_RETURNED = "PARTIALLY_RETURNED"
    RETURNED = "RETURNED"


COUNTED_STATUSES = (OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.PARTIALLY_RETURNED)
"""Orders in these states are purchases: summaries, segments and reports count them."""

NEXT_STATUSES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.CREATED: frozenset({OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.CANCELED}),
    OrderStatus.PAID: frozenset(
        {
            OrderStatus.FULFILLED,
            OrderStatus.CANCELED,
            OrderStatus.PARTIALLY_RETURNED,
            OrderStatus.RETURNED,
        }
    ),
    OrderStatus.FULFILLED: frozenset(
        {OrderStatus.CANCELED, OrderStatus.PARTIALLY_RETURNED, OrderStatus.RETURNED}
    ),
    OrderStatus.PARTIALLY_RETURNED: frozenset({OrderStatus.CANCELED, OrderStatus.RETURNED}),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.RETURNED: frozenset(),
}
"""What may follow each state; any order may also stay in the state it is in."""


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order, in minor units; ``discount_minor`` is the item-level money off it.

    ``product_id`` is None where the catalogue does not know the product; ``source_id`` is what the
    shop called it. ``details`` is what else came with the line.
    """

    product_id: str | None
    source_id: str | None
    quantity: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    details: Metadata = {}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase and its lines, in minor units of the project's currency.

    ``total_minor`` = ``amount_minor`` - ``discount_minor`` (off the order as a whole)
    - ``items_discount_minor`` (the sum of the lines' discounts). ``shipping_minor`` is the part of
    ``amount_minor`` that is paid for delivery.
    """

    id: str
    source_id: str | None
    customer_id: str | None
    location_id: str | None
    status: OrderStatus
    amount_minor: int
    discount_minor: int
    items_discount_minor: int
    total_minor: int
    lines: tuple[OrderLine, ...]
    metadata: Metadata
    placed_at: datetime
    created_at: datetime
    updated_at: datetime | None
    shipping_minor: int = 0


class OrderLineDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it is sent. A stated amount decides over quantity times price.

    ``product_id`` is our id or the merchant's, and must be known; ``source_id`` is the merchant's
    and need not be. Without price and amount the catalogue's price is taken.
    """

    product_id: str | None = None
    source_id: str | None = None
    quantity: int = 1
    unit_price_minor: int | None = None
    amount_minor: int | None = None
    discount_minor: int = 0
    details: Metadata = {}


class OrderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being said about an order. UNSET leaves a field as it is.

    ``customer_id`` and ``location_id`` are our ids or the merchant's. A stated ``amount_minor``
    decides over the lines, the lines decide over nothing stated. ``currency`` is only compared
    with the project's. ``lines``, when given, replaces all of them. ``shipping_minor`` is what
    delivery costs: a part of a stated amount, and else on top of the lines.
    """

    id: str | None = None
    source_id: str | UnsetType | None = UNSET
    customer_id: str | UnsetType | None = UNSET
    location_id: str | UnsetType | None = UNSET
    status: OrderStatus | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    discount_minor: int | UnsetType = UNSET
    lines: tuple[OrderLineDraft, ...] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    placed_at: datetime | UnsetType = UNSET
    currency: str | None = None
    shipping_minor: int | UnsetType = UNSET


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a customer: its type in the dialect's words, and related ids."""

    id: str
    type: str
    at: datetime
    campaign_id: str | None
    related: dict[str, Any]


class ActivityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a customer's activities are wanted; ``after`` is the id of the last one seen."""

    ascending: bool = False
    after: str | None = None
    type: str | None = None
    category: str | None = None
    campaign_id: str | None = None
    campaign_type: str | None = None
    start: datetime | None = None
    end: datetime | None = None


class TimelineKind(StrEnum):
    """What happened to a customer."""

    ORDER = "order"
    PUBLICATION = "publication"
    REDEMPTION = "redemption"
    ROLLBACK = "rollback"
    MESSAGE = "message"
    EVENT = "event"
    NOTE = "note"
    POINTS = "points"
    SESSION = "session"
    VISIT = "visit"
    SURVEY = "survey"


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: its kind and id, and the few facts that a page shows of it."""

    at: datetime
    kind: TimelineKind
    id: str
    facts: dict[str, Any]


class LoadCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a bulk load did: rows it was given, rows it added, rows it changed."""

    given: int
    added: int
    changed: int = 0

    @property
    def unchanged(self) -> int:
        """Rows that were there already, as given."""
        return self.given - self.added - self.changed
