"""``/v1/skus`` and ``/v1/products/{productId}/skus``: the variants of products."""

from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    merge_filters,
    period_filter,
    read_condition,
)
from kaquan.api.problems import AnyRequest
from kaquan.api.products import ProductView, view_product
from kaquan.api.routes import reads, removes, writes
from kaquan.api.sku_views import SkuView, view_sku
from kaquan.api.uploads import AsyncActionId, import_csv, receives_file
from kaquan.api.values import Address, Identifier, Metadata, Minor, MomentText, ShortText
from kaquan.customers import (
    SKU_FILTERS,
    ImportKind,
    SkuDraft,
    delete_sku,
    get_product,
    get_sku,
    list_skus,
    update_sku,
    upsert_sku,
)


class SkuBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a variant: a member left out stays, null empties it."""

    id: Identifier | None = None
    source_id: Identifier | UnsetType | None = UNSET
    sku: ShortText | UnsetType | None = UNSET
    price: Minor | UnsetType | None = UNSET
    currency: ShortText | UnsetType | None = UNSET
    attributes: Metadata | UnsetType | None = UNSET
    image_url: Address | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SkuPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a product's variants."""

    skus: list[SkuView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["skus"] = "skus"


class SkuWithProduct(SkuView, frozen=True, kw_only=True):
    """A variant with its product."""

    product: ProductView


def draft_sku(body: SkuBody) -> SkuDraft:
    """Map what a caller says."""
    return SkuDraft(
        id=body.id,
        source_id=body.source_id,
        name=body.sku,
        price_minor=body.price,
        currency=body.currency,
        image_url=body.image_url,
        attributes={} if body.attributes is None else body.attributes,
        metadata={} if body.metadata is None else body.metadata,
    )


@writes("POST", "/products/{product_id:str}/skus", "Create SKU")
async def create_sku(
    product_id: FromPath[str], data: JSONBody[SkuBody], call: CurrentCall
) -> SkuView:
    """Create a variant of a product, or change the one with this id or source id."""
    async with call.transaction() as tx:
        return view_sku(await upsert_sku(tx, product_id, draft_sku(data), now=call.now))


@writes("PUT", "/products/{product_id:str}/skus/{sku_id:str}", "Update SKU")
async def change_sku(
    product_id: FromPath[str], sku_id: FromPath[str], data: JSONBody[SkuBody], call: CurrentCall
) -> SkuView:
    """Change a variant by id or source id; its ids stay."""
    async with call.transaction() as tx:
        return view_sku(await update_sku(tx, product_id, sku_id, draft_sku(data), now=call.now))


@removes("/products/{product_id:str}/skus/{sku_id:str}", "Delete SKU")
async def remove_sku(
    product_id: FromPath[str],
    sku_id: FromPath[str],
    call: CurrentCall,
    force: FromQuery[bool] = False,
) -> None:
    """Move a variant to the bin; with ``force`` it is gone for good."""
    async with call.transaction() as tx:
        await delete_sku(tx, product_id, sku_id, force=force, now=call.now)


@reads("/products/{product_id:str}/skus", "List SKUs of a product")
async def read_skus(
    product_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    start_date: FromQuery[MomentText | None] = None,
    end_date: FromQuery[MomentText | None] = None,
) -> SkuPage:
    """List a product's variants, newest first unless ``order`` says otherwise."""
    given = merge_filters(filters, period_filter(start_date, end_date))
    async with call.transaction() as tx:
        product = await get_product(tx, product_id)
        found = await list_skus(
            tx,
            product_id=product.id,
            condition=await read_condition(tx, given, SKU_FILTERS, now=call.now),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
    return SkuPage(skus=list(map(view_sku, found.items)), total=found.total)


@reads("/products/{product_id:str}/skus/{sku_id:str}", "Get SKU of a product")
async def read_sku_of_product(
    product_id: FromPath[str], sku_id: FromPath[str], call: CurrentCall
) -> SkuView:
    """Get a variant of this product by id or source id."""
    async with call.transaction() as tx:
        return view_sku(await get_sku(tx, sku_id, product=product_id))


@reads("/skus/{sku_id:str}", "Get SKU")
async def read_sku(sku_id: FromPath[str], call: CurrentCall) -> SkuWithProduct:
    """Get a variant by id or source id, with its product."""
    async with call.transaction() as tx:
        sku = await get_sku(tx, sku_id)
        product = view_product(await get_product(tx, sku.product_id))
    return SkuWithProduct(**msgspec.structs.asdict(view_sku(sku)), product=product)


@receives_file("/skus/importCSV", "Import SKUs from a CSV file")
async def import_skus(request: AnyRequest, call: CurrentCall) -> AsyncActionId:
    """Enter or change the variants of a file; their products must be there already."""
    return await import_csv(request, call, ImportKind.SKUS_CSV)


def skus_router() -> Router:
    """Routes of variants."""
    return Router(
        path="/",
        route_handlers=[
            create_sku,
            change_sku,
            remove_sku,
            read_skus,
            read_sku_of_product,
            read_sku,
            import_skus,
        ],
        tags=["Products"],
    )
