"""Collections of products: listed one by one, or found by a filter whenever they are asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from kaquan.customers.catalogue import find_product
from kaquan.customers.model import (
    Collection,
    CollectionKind,
    CollectionMember,
    Product,
    Sku,
)
from kaquan.customers.store.collections import (
    delete_collection_row,
    get_collection,
    insert_collection,
    list_dynamic_filters,
    list_goods,
    list_matching_collections,
    list_static_collections_of,
)
from kaquan.customers.store.skus import SKU
from kaquan.customers.store.upsert import find_row
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    InvalidInput,
    Page,
    Tx,
    check_name,
    compile_filter,
    get_project,
    new_id,
)

MOST_MEMBERS = 10_000
_COMMON = {
    "id": FilterField("id"),
    "source_id": FilterField("source_id"),
    "name": FilterField("name"),
    "price": FilterField("price_minor", FilterKind.NUMBER),
    "image_url": FilterField("image_url"),
    "created_at": FilterField("created_at", FilterKind.TIME),
    "updated_at": FilterField("updated_at", FilterKind.TIME),
}
_OBJECTS: Mapping[str, LiteralString] = {"metadata": "metadata", "attributes": "attributes"}
# The same names for both, so that one filter is asked of products and of their variants.
_OF_PRODUCTS = FilterFields(
    named=_COMMON | {"product_id": FilterField("id"), "sku": FilterField("null::text")},
    objects=_OBJECTS,
)
_OF_SKUS = FilterFields(
    named=_COMMON | {"product_id": FilterField("product_id"), "sku": FilterField("name")},
    objects=_OBJECTS,
)
_NOTHING = "An automatic collection needs a filter with at least one field."


async def create_collection(
    tx: Tx,
    name: str,
    *,
    kind: CollectionKind,
    members: Sequence[tuple[str, str | None]] = (),
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the dialect's word
    now: datetime,
) -> Collection:
    """Store a collection: of ``members`` when static, else of what meets ``filter``.

    Members are pairs of a product's reference and, for a single variant, the variant's. Raises
    InvalidInput with the field that cannot be accepted, and Duplicate for a taken name.
    """
    checked = check_name(name, "name")
    if not checked:
        raise InvalidInput("A collection needs a name.", field="name")
    collection = Collection(
        id=new_id("pc"),
        name=checked,
        kind=kind,
        filter=await _check_filter(tx, kind, filter, now=now),
        members=await _find_members(tx, kind, members),
        created_at=now,
        updated_at=None,
    )
    await insert_collection(tx, collection)
    return collection


async def delete_collection(tx: Tx, collection_id: str) -> None:
    """Delete a collection; raises NotFound."""
    await delete_collection_row(tx, collection_id)


async def list_collections_of(
    tx: Tx, ids: Sequence[str], *, now: datetime
) -> dict[str, frozenset[str]]:
    """Return the collections that each of these products and variants (our ids) is in now.

    A variant is in the static collections of its product too; a filter looks at a variant's own
    values. At most four queries, and two where there are no collections by filter.
    """
    pairs = set(await list_static_collections_of(tx, ids))
    filters = await list_dynamic_filters(tx)
    if filters:
        zone = (await get_project(tx)).zone
        for_products = _compile_each(filters, _OF_PRODUCTS, now=now, zone=zone)
        pairs |= set(await list_matching_collections(tx, "product", ids, for_products))
        for_skus = _compile_each(filters, _OF_SKUS, now=now, zone=zone)
        pairs |= set(await list_matching_collections(tx, "sku", ids, for_skus))
    found: dict[str, set[str]] = {one: set() for one in ids}
    for one, collection_id in pairs:
        found[one].add(collection_id)
    return {one: frozenset(collections) for one, collections in found.items()}


async def list_products_in(
    tx: Tx,
    collection_id: str,
    *,
    order: str = "-created_at",
    after: datetime | None = None,
    limit: int,
    page: int = 1,
    now: datetime,
) -> Page[Product | Sku]:
    """Return a page of the products and variants in a collection; raises NotFound.

    ``order`` is created_at or updated_at, with ``-`` in front for descending; ``after`` leaves
    out what does not come behind that moment in it.
    """
    if order.removeprefix("-") not in ("created_at", "updated_at"):
        message = "The list can be ordered by created_at or updated_at."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    collection = await get_collection(tx, collection_id)
    products = skus = None
    if collection.filter is not None:
        zone = (await get_project(tx)).zone
        products = compile_filter(collection.filter, _OF_PRODUCTS, now=now, zone=zone)
        skus = compile_filter(collection.filter, _OF_SKUS, now=now, zone=zone, names="of_sku")
    return await list_goods(
        tx,
        collection,
        products=products,
        skus=skus,
        order=order,
        after=after,
        limit=limit,
        page=page,
    )


def _compile_each(
    filters: Mapping[str, Mapping[str, Any]], fields: FilterFields, *, now: datetime, zone: ZoneInfo
) -> dict[str, Condition]:
    return {
        key: compile_filter(given, fields, now=now, zone=zone, names=f"of_{number}")
        for number, (key, given) in enumerate(filters.items())
    }


async def _check_filter(
    tx: Tx, kind: CollectionKind, given: Mapping[str, Any] | None, *, now: datetime
) -> dict[str, Any] | None:
    if kind is CollectionKind.STATIC:
        if given is not None:
            message = "A static collection has products, not a filter."
            raise InvalidInput(message, field="filter")
        return None
    if given is None or not given.keys() - {"junction"}:
        raise InvalidInput(_NOTHING, field="filter")
    zone = (await get_project(tx)).zone
    for fields in (_OF_PRODUCTS, _OF_SKUS):
        compile_filter(given, fields, now=now, zone=zone, path="filter")
    return dict(given)


async def _find_members(
    tx: Tx, kind: CollectionKind, members: Sequence[tuple[str, str | None]]
) -> tuple[CollectionMember, ...]:
    if kind is CollectionKind.AUTO_UPDATE and members:
        message = "An automatic collection has a filter, not products."
        raise InvalidInput(message, field="products")
    if len(members) > MOST_MEMBERS:
        message = f"A static collection has at most {MOST_MEMBERS} products."
        raise InvalidInput(message, field="products")
    found = [
        await _find_member(tx, product, sku, f"products[{place}]")
        for place, (product, sku) in enumerate(members)
    ]
    return tuple(dict.fromkeys(found))


async def _find_member(tx: Tx, product: str, sku: str | None, path: str) -> CollectionMember:
    if sku is not None:
        variant = await find_row(tx, SKU, row_id=sku, source_id=sku)
        if variant is None:
            message = f"There is no SKU '{sku}'."
            raise InvalidInput(message, field=f"{path}.id")
        return CollectionMember(product_id=variant.product_id, sku_id=variant.id)
    known = await find_product(tx, product)
    if known is None:
        message = f"There is no product '{product}'."
        raise InvalidInput(message, field=f"{path}.id")
    return CollectionMember(product_id=known.id)
