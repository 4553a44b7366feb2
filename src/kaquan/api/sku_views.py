"""A variant of a product on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from kaquan.api.values import Metadata
from kaquan.customers import Sku


class SkuView(msgspec.Struct, frozen=True, kw_only=True):
    """A variant as answered; ``price`` in minor units."""

    id: str
    source_id: str | None
    product_id: str
    sku: str | None
    price: int | None
    currency: str | None
    attributes: Metadata
    image_url: str | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None
    object: Literal["sku"] = "sku"


class SkuList(msgspec.Struct, frozen=True, kw_only=True):
    """The variants of a product, inside of it."""

    data: list[SkuView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_sku(sku: Sku) -> SkuView:
    """Map a variant to the wire."""
    return SkuView(
        id=sku.id,
        source_id=sku.source_id,
        product_id=sku.product_id,
        sku=sku.name,
        price=sku.price_minor,
        currency=sku.currency,
        attributes=sku.attributes,
        image_url=sku.image_url,
        metadata=sku.metadata,
        created_at=sku.created_at,
        updated_at=sku.updated_at,
    )


def view_skus(skus: Sequence[Sku], *, total: int) -> SkuList:
    """Map a product's variants to the wire."""
    return SkuList(data=list(map(view_sku, skus)), total=total)
