"""``/v1/product-collections``."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.products import ProductView, view_product
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, Metadata, MomentText, read_moment
from kaquan.customers import (
    Collection,
    CollectionKind,
    Product,
    Sku,
    create_collection,
    delete_collection,
    get_collection,
    list_collections,
    list_products,
    list_products_in,
)
from kaquan.runtime import InvalidInput, Tx, get_project


class MemberBody(msgspec.Struct, frozen=True, kw_only=True):
    """A product, or one variant of it, by id or source id."""

    id: Identifier
    object: Literal["product", "sku"]
    product_id: Identifier | None = None


class CollectionBody(msgspec.Struct, frozen=True, kw_only=True):
    """A new collection: ``products`` of a static one, ``filter`` of one that fills itself."""

    name: Identifier
    type: CollectionKind
    products: list[MemberBody] | None = None
    filter: dict[str, Any] | None = None


class MemberView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product or a variant that a static collection lists."""

    id: str
    object: Literal["product", "sku"] | None = None
    product_id: str | None = None


class CollectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A collection as answered."""

    id: str
    name: str
    type: CollectionKind
    filter: Metadata | UnsetType = UNSET
    products: list[MemberView] | UnsetType = UNSET
    created_at: datetime
    object: Literal["products_collection"] = "products_collection"


class CollectionList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the collections."""

    data: list[CollectionView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class ListedSku(msgspec.Struct, frozen=True, kw_only=True):
    """A variant in a list of goods: as a product, it has names of attributes only."""

    id: str
    source_id: str | None
    product_id: str
    sku: str | None
    price: int | None
    currency: str | None
    attributes: list[str]
    image_url: str | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None
    product: ProductView
    object: Literal["sku"] = "sku"


class GoodsList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what is in a collection."""

    data: list[Any]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_collection(collection: Collection) -> CollectionView:
    """Map a collection to the wire."""
    members = [
        MemberView(id=member.product_id, object="product")
        if member.sku_id is None
        else MemberView(id=member.sku_id, object="sku", product_id=member.product_id)
        for member in collection.members
    ]
    static = collection.kind is CollectionKind.STATIC
    return CollectionView(
        id=collection.id,
        name=collection.name,
        type=collection.kind,
        filter=UNSET if collection.filter is None else collection.filter,
        products=members if static else UNSET,
        created_at=collection.created_at,
    )


@writes("POST", "/", "Create product collection")
async def make_collection(data: JSONBody[CollectionBody], call: CurrentCall) -> CollectionView:
    """Create a collection of listed products, or of those that meet a filter at any time."""
    if data.type is CollectionKind.STATIC and data.products is None:
        message = "A static collection needs 'products'."
        raise InvalidInput(message, field="products")
    members = [
        (one.product_id or one.id, one.id if one.object == "sku" else None)
        for one in data.products or ()
    ]
    async with call.transaction() as tx:
        collection = await create_collection(
            tx, data.name, kind=data.type, members=members, filter=data.filter, now=call.now
        )
    return view_collection(collection)


@reads("/{collection_id:str}", "Get product collection")
async def read_collection(collection_id: FromPath[str], call: CurrentCall) -> CollectionView:
    """Get a collection by id."""
    async with call.transaction() as tx:
        return view_collection(await get_collection(tx, collection_id))


@removes("/{collection_id:str}", "Delete product collection")
async def remove_collection(collection_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a collection; its products stay."""
    async with call.transaction() as tx:
        await delete_collection(tx, collection_id)


@reads("/", "List product collections")
async def read_collections(call: CurrentCall, paging: CurrentPaging) -> CollectionList:
    """List collections, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_collections(
            tx, limit=paging.limit, page=paging.page, order=paging.order or "-created_at"
        )
    return CollectionList(data=list(map(view_collection, found.items)), total=found.total)


@reads("/{collection_id:str}/products", "List products in collection")
async def read_products_in(
    collection_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after: FromQuery[MomentText | None] = None,
) -> GoodsList:
    """List the products and variants in a collection now."""
    async with call.transaction() as tx:
        after = None
        if starting_after is not None:
            zone = (await get_project(tx)).zone
            after = read_moment(starting_after, zone, field="starting_after")
        found = await list_products_in(
            tx,
            collection_id,
            order=paging.order or "-created_at",
            after=after,
            limit=paging.limit,
            page=paging.page,
            now=call.now,
        )
        data = await _view_goods(tx, found.items)
    return GoodsList(data=data, total=found.total)


async def _view_goods(tx: Tx, goods: list[Product | Sku]) -> list[ProductView | ListedSku]:
    parents = sorted({one.product_id for one in goods if isinstance(one, Sku)})
    found = (await list_products(tx, ids=parents, limit=len(parents))).items if parents else []
    products = {product.id: view_product(product) for product in found}
    return [
        _list_sku(one, products[one.product_id]) if isinstance(one, Sku) else view_product(one)
        for one in goods
    ]


def _list_sku(sku: Sku, product: ProductView) -> ListedSku:
    return ListedSku(
        id=sku.id,
        source_id=sku.source_id,
        product_id=sku.product_id,
        sku=sku.name,
        price=sku.price_minor,
        currency=sku.currency,
        attributes=list(sku.attributes),
        image_url=sku.image_url,
        metadata=sku.metadata,
        created_at=sku.created_at,
        updated_at=sku.updated_at,
        product=product,
    )


def collections_router() -> Router:
    """Routes of product collections."""
    return Router(
        path="/product-collections",
        route_handlers=[
            make_collection,
            read_collection,
            remove_collection,
            read_collections,
            read_products_in,
        ],
        tags=["Product collections"],
    )
