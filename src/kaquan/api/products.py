"""``/v1/products``."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Address, Identifier, Metadata, Minor, ShortText
from kaquan.customers import (
    Product,
    ProductDraft,
    delete_product,
    find_product,
    get_product,
    list_products,
    update_product,
    upsert_product,
)


class ProductExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: attributes with their values, which offers' scopes name."""

    attributes: dict[str, Any] | UnsetType = UNSET


class ProductBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a product: a member left out stays, null empties it.

    ``attributes`` are names only, as the dialect has them.
    """

    id: Identifier | None = None
    source_id: Identifier | UnsetType | None = UNSET
    name: ShortText | UnsetType | None = UNSET
    price: Minor | UnsetType | None = UNSET
    attributes: list[Identifier] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    image_url: Address | UnsetType | None = UNSET
    kaquan: ProductExtension | UnsetType = UNSET


class SkuList(msgspec.Struct, frozen=True):
    """The variants of a product: there are none here."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Any] = []
    total: int = 0


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product as answered; ``price`` in minor units."""

    id: str
    source_id: str | None
    name: str | None
    price: int | None
    attributes: list[str]
    metadata: Metadata
    image_url: str | None
    created_at: datetime
    updated_at: datetime | None
    kaquan: ProductExtension
    skus: SkuList
    object: Literal["product"] = "product"


class ProductList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the products."""

    products: list[ProductView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["products"] = "products"


def draft_product(body: ProductBody, *, known: Product | None) -> ProductDraft:
    """Map what a caller says; an attribute that is only named keeps the value it has."""
    return ProductDraft(
        id=body.id,
        source_id=body.source_id,
        name=body.name,
        price_minor=body.price,
        image_url=body.image_url,
        attributes=_read_attributes(body, {} if known is None else known.attributes),
        metadata={} if body.metadata is None else body.metadata,
    )


def _read_attributes(body: ProductBody, known: dict[str, Any]) -> dict[str, Any] | UnsetType:
    valued = UNSET if body.kaquan is UNSET else body.kaquan.attributes
    if body.attributes is UNSET:
        return valued
    values = known if valued is UNSET else valued
    return {name: values.get(name, []) for name in body.attributes or ()}


def view_product(product: Product) -> ProductView:
    """Map a product to the wire."""
    return ProductView(
        id=product.id,
        source_id=product.source_id,
        name=product.name,
        price=product.price_minor,
        attributes=list(product.attributes),
        metadata=product.metadata,
        image_url=product.image_url,
        created_at=product.created_at,
        updated_at=product.updated_at,
        kaquan=ProductExtension(attributes=product.attributes),
        skus=SkuList(),
    )


@writes("POST", "/", "Create product")
async def create_product(data: JSONBody[ProductBody], call: CurrentCall) -> ProductView:
    """Create a product, or change the one with this id or source id."""
    async with call.transaction() as tx:
        name = data.id or data.source_id
        known = await find_product(tx, name) if isinstance(name, str) else None
        draft = draft_product(data, known=known)
        return view_product(await upsert_product(tx, draft, now=call.now))


@reads("/{product_id:str}", "Get product")
async def read_product(product_id: FromPath[str], call: CurrentCall) -> ProductView:
    """Get a product by id or source id."""
    async with call.transaction() as tx:
        return view_product(await get_product(tx, product_id))


@writes("PUT", "/{product_id:str}", "Update product")
async def change_product(
    product_id: FromPath[str], data: JSONBody[ProductBody], call: CurrentCall
) -> ProductView:
    """Change a product by id or source id."""
    async with call.transaction() as tx:
        known = await get_product(tx, product_id)
        draft = draft_product(data, known=known)
        return view_product(await update_product(tx, known.id, draft, now=call.now))


@removes("/{product_id:str}", "Delete product")
async def remove_product(
    product_id: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> None:
    """Delete a product by id or source id; there is no bin, so ``force`` changes nothing."""
    async with call.transaction() as tx:
        await delete_product(tx, product_id)


@reads("/", "List products")
async def read_products(call: CurrentCall, paging: CurrentPaging) -> ProductList:
    """List products, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_products(
            tx, limit=paging.limit, page=paging.page, order=paging.order or "-created_at"
        )
    return ProductList(products=list(map(view_product, found.items)), total=found.total)


def products_router() -> Router:
    """Routes of products."""
    return Router(
        path="/products",
        route_handlers=[
            create_product,
            read_product,
            change_product,
            remove_product,
            read_products,
        ],
        tags=["Products"],
    )
