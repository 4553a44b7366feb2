"""Products and locations."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kaquan.customers import (
    LocationDraft,
    ProductDraft,
    delete_product,
    find_location,
    find_product,
    get_location,
    get_product,
    list_locations,
    list_products,
    update_product,
    upsert_location,
    upsert_product,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"price_minor": -1}, "price_minor"),
        ({"price_minor": 2**53}, "price_minor"),
        ({"price_minor": True}, "price_minor"),
        ({"price_minor": 1.5}, "price_minor"),
        ({"name": "x" * 256}, "name"),
        ({"attributes": {"brand": 1.5}}, "attributes.brand"),
        ({"attributes": {"brand": [1]}}, "attributes.brand"),
        ({"attributes": ["brand"]}, "attributes"),
        ({"metadata": "text"}, "metadata"),
        ({"source_id": "a\0"}, "source_id"),
    ],
)
async def test_a_product_refuses(tx: Tx, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await upsert_product(tx, ProductDraft(**given), now=NOW)
    assert caught.value.field == field


async def test_a_product_is_found_again(tx: Tx) -> None:
    attributes = {"department": "drinks", "labels": ["tea", "green"], "grams": 250, "bio": True}
    draft = ProductDraft(source_id="tea", name="Longjing", price_minor=1250, attributes=attributes)
    first = await upsert_product(tx, draft, now=NOW)
    assert await get_product(tx, "tea") == await get_product(tx, first.id) == first
    assert first.attributes == attributes
    again = await upsert_product(tx, ProductDraft(source_id="tea", price_minor=1300), now=NOW)
    assert (again.id, again.name, again.price_minor) == (first.id, "Longjing", 1300)
    by_id = await upsert_product(tx, ProductDraft(id=first.id, attributes={}), now=NOW)
    assert by_id.attributes == {}
    with pytest.raises(NotFound):
        await upsert_product(tx, ProductDraft(id="prod_none"), now=NOW)
    await upsert_product(tx, ProductDraft(source_id="rice"), now=NOW)
    with pytest.raises(Duplicate):
        await update_product(tx, "rice", ProductDraft(source_id="tea"), now=NOW)
    await delete_product(tx, "tea", now=NOW)
    assert await find_product(tx, "tea") is None
    with pytest.raises(NotFound):
        await delete_product(tx, "tea", now=NOW)


async def test_products_are_listed(tx: Tx) -> None:
    for source_id, name, price in [("a1", "Green Tea", 3), ("a2", "Rice", 1), ("b1", None, None)]:
        draft = ProductDraft(source_id=source_id, name=name, price_minor=price)
        await upsert_product(tx, draft, now=NOW)

    async def listed(**arguments: Any) -> list[str | None]:
        return [product.source_id for product in (await list_products(tx, **arguments)).items]

    assert await listed(order="price_minor") == ["b1", "a2", "a1"]
    assert await listed(order="-name") == ["a2", "a1", "b1"]
    assert await listed(search="tea") == ["a1"]
    assert await listed(search="a", order="name") == ["a1", "a2"]
    assert await listed(ids=["b1", "none"]) == ["b1"]
    assert await listed(limit=1, page=2, order="price_minor") == ["a2"]


async def test_a_location_has_a_name(tx: Tx) -> None:
    for draft in (LocationDraft(source_id="till"), LocationDraft(source_id="till", name="  ")):
        with pytest.raises(InvalidInput) as caught:
            await upsert_location(tx, draft, now=NOW)
        assert caught.value.field == "name"
    first = await upsert_location(tx, LocationDraft(source_id="till", name="Till 1"), now=NOW)
    again = await upsert_location(
        tx, LocationDraft(source_id="till", metadata={"floor": 2}), now=NOW
    )
    assert (again.id, again.name, again.metadata) == (first.id, "Till 1", {"floor": 2})
    assert await get_location(tx, "till") == again
    assert [place.name for place in (await list_locations(tx)).items] == ["Till 1"]


async def test_another_project_sees_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await upsert_product(tx, ProductDraft(source_id="tea"), now=NOW)
        await upsert_location(tx, LocationDraft(source_id="till", name="Till"), now=NOW)
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        assert await find_product(other, "tea") is None
        assert await find_location(other, "till") is None
        assert (await list_products(other)).total == 0
        assert (await list_locations(other)).total == 0
