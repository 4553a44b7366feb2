"""Collections: which products and variants are in which, listed or found by a filter."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kaquan.customers import (
    CollectionKind,
    ProductDraft,
    SkuDraft,
    create_collection,
    delete_product,
    list_collections_of,
    list_products_in,
    update_product,
    upsert_product,
    upsert_sku,
)
from kaquan.runtime import Duplicate, InvalidInput, NotFound, Tx

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def stock(tx: Tx) -> dict[str, str]:
    """Tea, and a shirt in two sizes; our ids by the merchant's."""
    tea = await upsert_product(
        tx, ProductDraft(source_id="tea", price_minor=900, metadata={"origin": "Fujian"}), now=NOW
    )
    shirt = await upsert_product(tx, ProductDraft(source_id="shirt", price_minor=5_000), now=NOW)
    ids = {"tea": tea.id, "shirt": shirt.id}
    for size, price in (("S", 4_000), ("M", 800)):
        sku = await upsert_sku(
            tx, "shirt", SkuDraft(source_id=size, name=size, price_minor=price), now=NOW
        )
        ids[size] = sku.id
    return ids


@pytest.mark.parametrize(
    ("members", "inside"),
    [
        ([("tea", None)], {"tea"}),
        ([("shirt", None)], {"shirt", "S", "M"}),
        ([("shirt", "S")], {"S"}),
        ([("tea", None), ("shirt", "M"), ("tea", None)], {"tea", "M"}),
        ([], set[str]()),
    ],
)
async def test_static_collections(
    tx: Tx, members: list[tuple[str, str | None]], inside: set[str]
) -> None:
    ids = await stock(tx)
    made = await create_collection(
        tx, "Fixed", kind=CollectionKind.STATIC, members=members, now=NOW
    )
    found = await list_collections_of(tx, list(ids.values()), now=NOW)
    assert {name for name, one in ids.items() if made.id in found[one]} == inside
    assert len(made.members) == len(set(members))


@pytest.mark.parametrize(
    ("given", "inside"),
    [
        ({"price": {"conditions": {"$less_than": [1_000]}}}, {"tea", "M"}),
        ({"metadata.origin": {"conditions": {"$is": "Fujian"}}}, {"tea"}),
        ({"sku": {"conditions": {"$in": ["S", "M"]}}}, {"S", "M"}),
        (
            {
                "junction": "or",
                "source_id": {"conditions": {"$is": "shirt"}},
                "price": {"conditions": {"$is": 900}},
            },
            {"shirt", "tea"},
        ),
    ],
)
async def test_collections_by_filter(tx: Tx, given: dict[str, Any], inside: set[str]) -> None:
    ids = await stock(tx)
    made = await create_collection(
        tx, "Found", kind=CollectionKind.AUTO_UPDATE, filter=given, now=NOW
    )
    found = await list_collections_of(tx, list(ids.values()), now=NOW)
    assert {name for name, one in ids.items() if made.id in found[one]} == inside
    listed = await list_products_in(tx, made.id, limit=10, now=NOW)
    assert {one.source_id for one in listed.items} == inside
    assert listed.total == len(inside)


async def test_a_collection_by_filter_follows_its_products(tx: Tx) -> None:
    ids = await stock(tx)
    cheap = await create_collection(
        tx,
        "Cheap",
        kind=CollectionKind.AUTO_UPDATE,
        filter={"price": {"conditions": {"$less_than": 1_000}}},
        now=NOW,
    )
    assert cheap.id in (await list_collections_of(tx, [ids["tea"]], now=NOW))[ids["tea"]]
    await update_product(tx, "tea", ProductDraft(price_minor=2_000), now=NOW)
    assert (await list_collections_of(tx, [ids["tea"]], now=NOW))[ids["tea"]] == frozenset()
    await delete_product(tx, "tea", now=NOW)
    assert await list_collections_of(tx, [ids["tea"]], now=NOW) == {ids["tea"]: frozenset()}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "", "kind": CollectionKind.STATIC}, "name"),
        ({"kind": CollectionKind.AUTO_UPDATE}, "filter"),
        ({"kind": CollectionKind.AUTO_UPDATE, "filter": {"junction": "and"}}, "filter"),
        (
            {"kind": CollectionKind.AUTO_UPDATE, "filter": {"size": {"conditions": {"$is": 1}}}},
            "filter.size",
        ),
        ({"kind": CollectionKind.STATIC, "filter": {}}, "filter"),
        ({"kind": CollectionKind.STATIC, "members": [("none", None)]}, "products[0].id"),
        ({"kind": CollectionKind.STATIC, "members": [("shirt", "XL")]}, "products[0].id"),
        (
            {
                "kind": CollectionKind.AUTO_UPDATE,
                "filter": {"price": {"conditions": {"$is": 1}}},
                "members": [("tea", None)],
            },
            "products",
        ),
    ],
)
async def test_what_cannot_be_a_collection(tx: Tx, given: dict[str, Any], field: str) -> None:
    await stock(tx)
    wanted: dict[str, Any] = {"name": "x", **given}
    with pytest.raises(InvalidInput) as refused:
        await create_collection(tx, **wanted, now=NOW)
    assert refused.value.field == field


async def test_names_and_variants_belong_to_one(tx: Tx) -> None:
    await stock(tx)
    await create_collection(tx, "Tea", kind=CollectionKind.STATIC, now=NOW)
    with pytest.raises(Duplicate):
        await create_collection(tx, "Tea", kind=CollectionKind.STATIC, now=NOW)
    with pytest.raises(InvalidInput, match="another product"):
        await upsert_sku(tx, "tea", SkuDraft(source_id="S"), now=NOW)
    with pytest.raises(InvalidInput, match="currency"):
        await upsert_sku(tx, "tea", SkuDraft(source_id="X", currency="EUR"), now=NOW)
    with pytest.raises(NotFound):
        await upsert_sku(tx, "tea", SkuDraft(id="sku_none"), now=NOW)
