"""``/v1/products``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.customers import MetadataUpdate
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    merge_filters,
    period_filter,
    read_condition,
)
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, removes, writes
from kaquan.api.sku_views import SkuList, view_skus
from kaquan.api.uploads import (
    AsyncActionId,
    import_csv,
    import_rows,
    read_row,
    receives_file,
    receives_rows,
)
from kaquan.api.values import Address, Identifier, Metadata, Minor, MomentText, ShortText
from kaquan.customers import (
    PRODUCT_FILTERS,
    ImportKind,
    Product,
    ProductDraft,
    delete_product,
    find_product,
    get_product,
    list_products,
    list_skus_of,
    update_product,
    upsert_product,
)
from kaquan.runtime import Tx


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


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product as answered; ``price`` in minor units. Inside of another its variants are left out."""

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
    skus: SkuList | UnsetType = UNSET
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
    )


async def load_products(tx: Tx, products: Sequence[Product]) -> list[ProductView]:
    """Map products to the wire with the first hundred variants of each."""
    skus = await list_skus_of(tx, [product.id for product in products])
    return [
        msgspec.structs.replace(
            view_product(product), skus=view_skus(skus[product.id][0], total=skus[product.id][1])
        )
        for product in products
    ]


async def load_product(tx: Tx, product: Product) -> ProductView:
    """Map one product to the wire with its variants."""
    return (await load_products(tx, [product]))[0]


@writes("POST", "/", "Create product")
async def create_product(data: JSONBody[ProductBody], call: CurrentCall) -> ProductView:
    """Create a product, or change the one with this id or source id."""
    async with call.transaction() as tx:
        name = data.id or data.source_id
        known = await find_product(tx, name) if isinstance(name, str) else None
        draft = draft_product(data, known=known)
        return await load_product(tx, await upsert_product(tx, draft, now=call.now))


@reads("/{product_id:str}", "Get product")
async def read_product(product_id: FromPath[str], call: CurrentCall) -> ProductView:
    """Get a product by id or source id."""
    async with call.transaction() as tx:
        return await load_product(tx, await get_product(tx, product_id))


@writes("PUT", "/{product_id:str}", "Update product")
async def change_product(
    product_id: FromPath[str], data: JSONBody[ProductBody], call: CurrentCall
) -> ProductView:
    """Change a product by id or source id."""
    async with call.transaction() as tx:
        known = await get_product(tx, product_id)
        draft = draft_product(data, known=known)
        return await load_product(tx, await update_product(tx, known.id, draft, now=call.now))


@removes("/{product_id:str}", "Delete product")
async def remove_product(
    product_id: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> None:
    """Move a product by id or source id to the bin; with ``force`` it is gone for good."""
    async with call.transaction() as tx:
        await delete_product(tx, product_id, force=force, now=call.now)


@receives_rows("/bulk/async", "Update products in bulk")
async def change_products(data: JSONBody[list[dict[str, Any]]], call: CurrentCall) -> AsyncActionId:
    """Change many products, each as one alone; what is not known yet is entered."""
    async with call.transaction() as tx:
        rows = (_row_of(given) for given in data)
        return await import_rows(tx, call, ImportKind.PRODUCTS_BULK, rows)


@receives_rows("/metadata/async", "Update products' metadata in bulk")
async def change_products_metadata(
    data: JSONBody[MetadataUpdate], call: CurrentCall
) -> AsyncActionId:
    """Set the same metadata for many products; what is not known yet is entered."""
    drafts = (
        ProductDraft(source_id=source_id, metadata=data.metadata)
        for source_id in dict.fromkeys(data.source_ids)
    )
    async with call.transaction() as tx:
        return await import_rows(tx, call, ImportKind.PRODUCTS_METADATA, drafts)


@receives_file("/importCSV", "Import products from a CSV file")
async def import_products(request: AnyRequest, call: CurrentCall) -> AsyncActionId:
    """Enter or change the products of a file; columns without a meaning become metadata."""
    return await import_csv(request, call, ImportKind.PRODUCTS_CSV)


def _row_of(given: dict[str, Any]) -> ProductDraft | dict[str, Any]:
    body = read_row(given, ProductBody)
    if isinstance(body, str):
        return {"source_id": given.get("source_id"), "reason": body}
    if not isinstance(body.source_id, str):
        return {"source_id": None, "reason": "source_id: This may not be missing."}
    return draft_product(body, known=None)


@reads("/", "List products")
async def read_products(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    start_date: FromQuery[MomentText | None] = None,
    end_date: FromQuery[MomentText | None] = None,
) -> ProductList:
    """List products, newest first unless ``order`` says otherwise.

    ``start_date`` and ``end_date`` bound the moment of creation.
    """
    given = merge_filters(filters, period_filter(start_date, end_date))
    async with call.transaction() as tx:
        found = await list_products(
            tx,
            condition=await read_condition(tx, given, PRODUCT_FILTERS, now=call.now),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        products = await load_products(tx, found.items)
    return ProductList(products=products, total=found.total)


def products_router() -> Router:
    """Routes of products."""
    return Router(
        path="/products",
        route_handlers=[
            create_product,
            read_product,
            change_product,
            remove_product,
            change_products,
            change_products_metadata,
            import_products,
            read_products,
        ],
        tags=["Products"],
    )
