"""The nouns of what other systems tell: orders, refunds, sources, and receipts of what they sent."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.customers import CustomerDraft, OrderLineDraft, OrderStatus
from kaquan.runtime import KaquanError


class BadSignature(KaquanError):
    """A request that is not signed as its source signs."""

    key = "bad_signature"


class ToldGoods(msgspec.Struct, frozen=True, kw_only=True):
    """Units that came back, of the line with this id or else of this product, both the shop's."""

    line_id: str | None = None
    source_id: str | None = None
    quantity: int


class ToldRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: of goods, else of an amount of what was paid, else of everything.

    ``refund`` is its id in the other system; the same one is carried out once.
    """

    order_id: str
    refund: str
    goods: tuple[ToldGoods, ...] = ()
    amount_minor: int | None = None
    reason: str | None = None


class ToldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as another system tells it; ``at`` is when that was so.

    ``amount_minor`` is before discounts and includes ``shipping_minor``. The buyer is
    ``customer`` or, where it is known, our ``customer_id``.
    """

    source_id: str
    at: datetime
    customer: CustomerDraft | None = None
    customer_id: str | None = None
    status: OrderStatus | UnsetType = UNSET
    amount_minor: int | UnsetType = UNSET
    discount_minor: int | UnsetType = UNSET
    shipping_minor: int | UnsetType = UNSET
    lines: tuple[OrderLineDraft, ...] | UnsetType = UNSET
    currency: str | None = None
    placed_at: datetime | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    refunds: tuple[ToldRefund, ...] = ()


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What something that was told became: our ids."""

    order_id: str | None = None
    customer_id: str | None = None
    return_ids: tuple[str, ...] = ()


class SourceKind(StrEnum):
    """Which system posts; it decides the signing and the mapping to begin with."""

    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    MEDUSA = "medusa"
    SALEOR = "saleor"
    CUSTOM = "custom"


class Signing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a source signs and names what it posts.

    ``hmac_sha256`` is over the raw body with the source's secret; ``jws_rs256`` is a detached JWS
    (RFC 7515, with RFC 7797 where its header says so) by one of the source's public keys, or the
    HMAC in hexadecimals when the source has a secret. Without a ``delivery_header``, or where it
    is not sent, a delivery is known by the digest of its body.
    """

    scheme: Literal["hmac_sha256", "jws_rs256"] = "hmac_sha256"
    header: str
    encoding: Literal["base64", "hex"] = "hex"
    prefix: str = ""
    delivery_header: str | None = None
    topic_header: str | None = None
    topic_path: str | None = None


Rule: TypeAlias = str | dict[str, Any]
"""Where a value comes from; see docs/reference/connectors.md."""

ObjectKind: TypeAlias = Literal["order", "refund", "customer"]


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source's posts mean.

    ``topics`` says which kind of object a topic tells of (``*`` is any other), ``payload`` where in
    the body it may be (the first place that is there, else the body itself), and ``order``, ``refund`` and ``customer`` where their values come from.
    """

    topics: dict[str, Literal["order", "refund", "customer", "ignore"]]
    payload: tuple[str, ...] = ()
    order: dict[str, Rule] = {}
    refund: dict[str, Rule] = {}
    customer: dict[str, Rule] = {}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A shop system that posts to us; ``public_keys`` is a JWKS or a PEM."""

    id: str
    name: str
    kind: SourceKind
    active: bool
    secret: str | None
    public_keys: str | None
    signing: Signing
    mapping: Mapping
    refused_count: int = 0
    refused_at: datetime | None = None
    refusal: str | None = None
    created_at: datetime
    updated_at: datetime | None = None


class SourceDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a source; what is left out stays, None takes a secret or keys away."""

    name: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    secret: str | UnsetType | None = UNSET
    public_keys: str | UnsetType | None = UNSET
    signing: Signing | UnsetType = UNSET
    mapping: Mapping | UnsetType = UNSET


class ReceiptStatus(StrEnum):
    """What became of what came in."""

    DONE = "done"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    FAILED = "failed"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came in, as it came; ``error_field`` is the place in the body that was wrong.

    Without a ``source_id`` it is a message of the tracking API.
    """

    id: str
    source_id: str | None
    delivery: str
    topic: str
    body: bytes
    digest: bytes
    status: ReceiptStatus
    error_key: str | None = None
    error_field: str | None = None
    error: str | None = None
    outcome: Applied = Applied()
    attempts: int = 1
    received_at: datetime
    processed_at: datetime
