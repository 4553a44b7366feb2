"""Sources and receipts on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.values import Identifier
from kaquan.connectors import (
    Mapping,
    Receipt,
    Signing,
    Source,
    SourceDraft,
    SourceKind,
)

KindName = Literal["shopify", "woocommerce", "medusa", "saleor", "custom"]
_LARGEST_SHOWN = 256 * 1024


class SourceBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a source: a member left out stays, null takes away."""

    kind: KindName | UnsetType = UNSET
    name: Identifier | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    secret: Annotated[str, Meta(max_length=255)] | UnsetType | None = UNSET
    public_keys: Annotated[str, Meta(max_length=20_000)] | UnsetType | None = UNSET
    signing: Signing | UnsetType = UNSET
    mapping: Mapping | UnsetType = UNSET


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source as answered: its secret is never shown again. ``path`` is where it posts to."""

    id: str
    kind: KindName
    name: str
    active: bool
    path: str
    has_secret: bool
    public_keys: str | None
    signing: Signing
    mapping: Mapping
    refused_count: int
    refused_at: datetime | None
    refusal: str | None
    created_at: datetime
    updated_at: datetime | None
    object: Literal["source"] = "source"


class SourceList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the sources."""

    data: list[SourceView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class SourceKindView(msgspec.Struct, frozen=True, kw_only=True):
    """What a new source of a kind has."""

    kind: KindName
    signing: Signing
    mapping: Mapping
    object: Literal["source_kind"] = "source_kind"


class SourceKindList(msgspec.Struct, frozen=True, kw_only=True):
    """All kinds of sources."""

    data: list[SourceKindView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class ReceiptError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a receipt failed; ``field`` is the place in what was sent."""

    key: str
    field: str | None
    message: str


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """What came in and what became of it; without a source it came by the tracking API."""

    id: str
    source_id: str | None
    delivery: str
    topic: str
    status: Literal["done", "ignored", "duplicate", "failed"]
    error: ReceiptError | None
    order_id: str | None
    customer_id: str | None
    return_ids: tuple[str, ...]
    attempts: int
    received_at: datetime
    processed_at: datetime
    object: Literal["receipt"] = "receipt"


class ReceiptDetail(ReceiptView, frozen=True, kw_only=True):
    """A receipt with what was sent: as text, cut at 256 KiB."""

    body: str
    byte_count: int


class ReceiptList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the receipts."""

    data: list[ReceiptView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def draft_source(body: SourceBody) -> SourceDraft:
    """Map what a caller says."""
    return SourceDraft(
        name=body.name,
        active=body.active,
        secret=body.secret,
        public_keys=body.public_keys,
        signing=body.signing,
        mapping=body.mapping,
    )


def view_source(source: Source) -> SourceView:
    """Map a source to the wire."""
    return SourceView(
        id=source.id,
        kind=_name(source.kind),
        name=source.name,
        active=source.active,
        path=f"/in/{source.id}",
        has_secret=source.secret is not None,
        public_keys=source.public_keys,
        signing=source.signing,
        mapping=source.mapping,
        refused_count=source.refused_count,
        refused_at=source.refused_at,
        refusal=source.refusal,
        created_at=source.created_at,
        updated_at=source.updated_at,
    )


def view_kind(kind: SourceKind, signing: Signing, mapping: Mapping) -> SourceKindView:
    """Map a kind of source to the wire."""
    return SourceKindView(kind=_name(kind), signing=signing, mapping=mapping)


def view_receipt(receipt: Receipt) -> ReceiptView:
    """Map a receipt to the wire."""
    return ReceiptView(**_members(receipt))


def view_receipt_detail(receipt: Receipt) -> ReceiptDetail:
    """Map a receipt to the wire with what was sent."""
    text = receipt.body[:_LARGEST_SHOWN].decode(errors="replace")
    return ReceiptDetail(**_members(receipt), body=text, byte_count=len(receipt.body))


def _name(kind: SourceKind) -> KindName:
    return kind.value


def _members(receipt: Receipt) -> dict[str, Any]:
    error = None
    if receipt.error is not None:
        error = ReceiptError(
            key=receipt.error_key or "", field=receipt.error_field, message=receipt.error
        )
    return {
        "id": receipt.id,
        "source_id": receipt.source_id,
        "delivery": receipt.delivery,
        "topic": receipt.topic,
        "status": receipt.status.value,
        "error": error,
        "order_id": receipt.outcome.order_id,
        "customer_id": receipt.outcome.customer_id,
        "return_ids": receipt.outcome.return_ids,
        "attempts": receipt.attempts,
        "received_at": receipt.received_at,
        "processed_at": receipt.processed_at,
    }
