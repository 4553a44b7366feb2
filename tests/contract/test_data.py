"""Customers, goods, orders and what is made of them, through the official client."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import csv
import io
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException, BadRequestException, NotFoundException

from contract.calls.shop import Shop, required
from kaquan.cli.job_worker import ROOMS_WITH_TASKS
from kaquan.runtime import Database, JobServices, load_settings, run_worker

Work = Callable[[], Awaitable[None]]
ROOMS = len(ROOMS_WITH_TASKS)


@pytest_asyncio.fixture(loop_scope="session")
async def work(database: Database, postgres_url: str) -> AsyncGenerator[Work]:
    """Do all background work that is queued."""

    async def do() -> None:
        await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)

    yield do


@pytest.fixture
def shop(client: voucherify.ApiClient, work: Work) -> Shop:
    """The client with short ways to objects."""
    return Shop(client, work)


def enter_people(client: voucherify.ApiClient) -> None:
    """Three customers, two of them in Shanghai."""
    api = voucherify.CustomersApi(client)
    for name, city in (("anna", "Shanghai"), ("ben", "Shanghai"), ("chen", "Beijing")):
        api.create_customer(
            models.CustomersCreateRequestBody(
                source_id=name,
                name=name.title(),
                address=models.CustomersCreateRequestBodyAddress(city=city),
                metadata={"tier": "gold" if name == "anna" else "basic"},
            )
        )


async def result_of(client: voucherify.ApiClient, action_id: str | None) -> dict[str, Any]:
    """The result of long work that is done."""
    action = voucherify.AsyncActionsApi(client).get_async_action(required(action_id))
    assert (action.status, action.progress) == ("DONE", 100)
    assert action.result is not None
    return action.result


def fetch(url: str, *, status: int = 200) -> str:
    """What a link without a key opens."""
    response = httpx.get(url)
    assert response.status_code == status
    return response.text


def test_customers_are_listed_by_what_is_asked(client: voucherify.ApiClient) -> None:
    enter_people(client)
    api = voucherify.CustomersApi(client)

    def names(**query: Any) -> list[str | None]:
        return [one.source_id for one in api.list_customers(**query).customers or []]

    order = models.ParameterOrderListCustomers
    assert names(city="Shanghai", order=order.SOURCE_ID) == ["anna", "ben"]
    assert names(name="Ch") == ["chen"]
    assert names(order=order.MINUS_SOURCE_ID, limit=1) == ["chen"]
    everyone = api.list_customers(order=order.CREATED_AT).customers or []
    middle = everyone[1].created_at
    assert names(starting_after=middle, order=order.CREATED_AT) == ["chen"]
    assert names(starting_after=middle) == ["anna"]
    assert names(created_at_before=middle) == ["anna"]
    assert names(created_at_after=middle) == ["chen"]
    segment = voucherify.SegmentsApi(client).create_segment(
        models.SegmentsCreateRequestBody(
            name="Gold",
            type="auto-update",
            filter={"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}},
        )
    )
    assert segment.filter is not None
    assert names(segment_id=segment.id) == ["anna"]
    assert [one.name for one in api.list_customer_segments("anna").data or []] == ["Gold"]


def test_static_segments_list_their_customers(client: voucherify.ApiClient) -> None:
    enter_people(client)
    api = voucherify.SegmentsApi(client)
    made = api.create_segment(
        models.SegmentsCreateRequestBody(name="Two", type="static", customers=["anna", "chen"])
    )
    listed = voucherify.CustomersApi(client).list_customers(segment_id=made.id).customers or []
    assert sorted(required(one.source_id) for one in listed) == ["anna", "chen"]
    with pytest.raises(ApiException) as refused:
        api.create_segment(
            models.SegmentsCreateRequestBody(
                name="Nobody knows",
                type="passive",
                filter={"loyalty.points": {"conditions": {"$more_than": [5]}}},
            )
        )
    assert "loyalty.points" in str(refused.value)


async def test_a_file_of_customers(client: voucherify.ApiClient, work: Work) -> None:
    lines = [
        "Name;Source_id;Email;Birthdate;Address_City;Shoe_size",
        "张伟;zhang;zhang@example.com;1990-05-31;上海;43",
        "No mail;li;not-an-address;;;",
        '"Zu viel";wang;;;;;;44',
        "张三;zhang;;;;",
    ]
    api = voucherify.CustomersApi(client)
    started = api.import_customers_using_csv("\r\n".join(lines).encode("gbk"))
    await work()
    result = await result_of(client, started.async_action_id)
    assert (result["done_count"], result["failed_count"]) == (2, 2)
    assert [(one["row"], one["line"]) for one in result["failed"]] == [(2, 3), (3, 4)]
    customer = api.get_customer("zhang")
    assert (customer.name, customer.email) == ("张三", "zhang@example.com")
    assert customer.metadata == {"Shoe_size": "43"}
    assert customer.address is not None
    assert customer.address.city == "上海"
    (url,) = result["reports"]
    rejects = list(csv.DictReader(io.StringIO(fetch(url))))
    assert [row["line"] for row in rejects] == ["3", "4"]
    assert "e-mail" in rejects[0]["reason"]
    fetch(url[:-4] + "AAAA", status=401)


async def test_files_of_goods(client: voucherify.ApiClient, work: Work) -> None:
    api = voucherify.ProductsApi(client)
    goods = '﻿name,source_id,price,attributes,origin\nTea,tea,900,"color,size",Fujian\n,none,1,,\n'
    first = api.import_products_using_csv(goods.encode())
    await work()
    skus = 'source_id,product_id,sku,price,attributes\ntea-red,tea,Red,950,"{""color"": ""red""}"\nx,nope,X,1,\n'
    second = api.import_skus_using_csv(skus.encode())
    await work()
    assert (await result_of(client, first.async_action_id))["failed_count"] == 1
    refused = (await result_of(client, second.async_action_id))["failed"]
    assert [one["reason"] for one in refused] == ["product_id: There is no product 'nope'."]
    tea = api.get_product("tea")
    assert (tea.name, tea.price, sorted(tea.attributes or [])) == ("Tea", 900, ["color", "size"])
    assert tea.skus is not None
    (red,) = tea.skus.data or []
    assert (red.sku, red.price, red.attributes) == ("Red", 950, {"color": "red"})
    with pytest.raises(BadRequestException) as missing:
        api.import_skus_using_csv(b"source_id,sku\na,b\n")
    assert "product_id" in str(missing.value)


async def test_bulk_updates(client: voucherify.ApiClient, work: Work) -> None:
    enter_people(client)
    api = voucherify.CustomersApi(client)
    started = api.update_customers_in_bulk(
        [
            models.CustomersUpdateInBulkRequestBody(source_id="anna", name="Anna K."),
            models.CustomersUpdateInBulkRequestBody(source_id="dora", email="dora@example.com"),
            models.CustomersUpdateInBulkRequestBody(source_id="emil", email="nowhere"),
        ]
    )
    vip = api.update_customers_metadata_in_bulk(
        models.CustomersMetadataUpdateInBulkRequestBody(
            source_ids=["anna", "ben"], metadata={"vip": True}
        )
    )
    await work()
    result = await result_of(client, started.async_action_id)
    assert (result["done_count"], result["failed_count"]) == (2, 1)
    report = list(csv.DictReader(io.StringIO(fetch(result["reports"][0]))))
    shown = [(row["source_id"], row["found"], row["updated"]) for row in report]
    assert shown == [
        ("anna", "true", "true"),
        ("dora", "false", "true"),
        ("emil", "false", "false"),
    ]
    assert (await result_of(client, vip.async_action_id))["done_count"] == 2
    anna = api.get_customer("anna")
    assert (anna.name, anna.metadata) == ("Anna K.", {"tier": "gold", "vip": True})


async def test_imported_orders(client: voucherify.ApiClient, work: Work) -> None:
    api = voucherify.OrdersApi(client)
    started = api.import_orders(
        [
            models.OrdersImportCreateRequestBodyItem(
                source_id="o1",
                status="PAID",
                created_at=datetime(2025, 5, 31, tzinfo=UTC),
                customer=models.Customer(source_id="anna"),
                items=[
                    models.OrderItem(
                        quantity=2,
                        product=models.OrderItemProduct(source_id="cup", override=True, price=400),
                    )
                ],
            ),
            models.OrdersImportCreateRequestBodyItem(source_id="o2"),
        ]
    )
    await work()
    result = await result_of(client, started.async_action_id)
    assert result["message"] == "1 order(s) imported successfully, 1 failed."
    order = api.get_order("o1")
    assert (order.amount, order.created_at) == (800, datetime(2025, 5, 31, tzinfo=UTC))
    summary = voucherify.CustomersApi(client).get_customer("anna").summary
    assert summary is not None
    assert (summary.orders.total_amount, summary.orders.last_order_amount) == (800, 800)


def test_events_and_activity(client: voucherify.ApiClient, shop: Shop) -> None:
    enter_people(client)
    events = voucherify.EventsApi(client)
    shop.post(
        "/v1/kaquan/event-schemas/cart_left",
        {"properties": {"value": {"type": "number", "optional": False}}},
        method="PUT",
    )
    anna = models.Customer(source_id="anna")
    with pytest.raises(BadRequestException):
        events.track_custom_event(
            models.EventsCreateRequestBody(event="cart_left", customer=anna, metadata={})
        )
    answer = events.track_custom_event(
        models.EventsCreateRequestBody(event="cart_left", customer=anna, metadata={"value": 5})
    )
    assert (answer.type, answer.customer.source_id) == ("cart_left", "anna")
    voucherify.PublicationsApi(client).create_publication(
        publications_create_request_body=models.PublicationsCreateRequestBody(
            campaign=models.CreatePublicationCampaign(name=shop.campaign()), customer=anna
        )
    )
    api = voucherify.CustomersApi(client)
    found = api.list_customer_activity("anna")
    types = [one.type for one in found.data or []]
    assert types == [
        "customer.publication.succeeded",
        "customer.custom_event",
        "customer.created",
    ]
    first = api.list_customer_activity("anna", limit=1)
    rest = api.list_customer_activity("anna", starting_after_id=first.more_starting_after)
    assert (first.has_more, [one.type for one in rest.data or []]) == (True, types[1:])
    only = api.list_customer_activity(
        "anna", type=models.ParameterCustomerEvent.CUSTOMER_DOT_CUSTOM_EVENT
    )
    assert [one.type for one in only.data or []] == types[1:2]
    (held,) = api.list_customer_redeemables("anna").data or []
    assert (held.redeemable_object, held.campaign_type) == ("voucher", "DISCOUNT_COUPONS")
    assert held.redeemable is not None
    assert (held.redeemable.status, held.redeemable.voucher.id) == ("ACTIVE", held.redeemable_id)


def test_a_person_is_forgotten(client: voucherify.ApiClient) -> None:
    voucherify.OrdersApi(client).create_order(
        models.OrdersCreateRequestBody(
            source_id="secret",
            amount=100,
            customer=models.Customer(source_id="anna", email="anna@example.com"),
            metadata={"gift_note": "for Anna"},
        )
    )
    api = voucherify.CustomersApi(client)
    done = api.customer_permanently_deletion("anna")
    assert done.status == "DONE"
    assert done.data_json is not None
    assert (done.data_json.customer, done.data_json.orders) == (1, 1)
    with pytest.raises(NotFoundException):
        api.get_customer("anna")
    assert voucherify.OrdersApi(client).get_order("secret").metadata == {}


def test_variants_and_the_bin(client: voucherify.ApiClient, shop: Shop) -> None:
    api = voucherify.ProductsApi(client)
    made = api.create_product(models.ProductsCreateRequestBody(source_id="shirt", price=5_000))
    for size in ("S", "M"):
        api.create_sku(
            "shirt",
            models.ProductsSkusCreateRequestBody(
                source_id=f"shirt-{size}", sku=size, price=5_500, currency="CNY"
            ),
        )
    changed = api.update_sku("shirt", "shirt-S", models.ProductsSkusUpdateRequestBody(price=4_900))
    assert (changed.price, changed.product_id) == (4_900, made.id)
    assert api.get_sku("shirt-M").sku == "M"
    assert api.list_skus_in_product("shirt").total == 2
    api.delete_sku("shirt", "shirt-M")
    api.delete_product("shirt")
    with pytest.raises(NotFoundException):
        api.get_product("shirt")
    bin_api = voucherify.BinApi(client)
    entries = bin_api.list_bin_entries().data or []
    assert [one.resource_type for one in entries] == ["product", "sku"]
    again = shop.post(f"/v1/kaquan/trash-bin/{entries[0].id}/recovery", {})
    assert again["resource_id"] == made.id
    assert api.list_skus_in_product("shirt").total == 1
    api.delete_product("shirt", force=True)
    bin_api.delete_bin_entry(required(entries[1].id))
    assert bin_api.list_bin_entries().data == []


def test_collections(client: voucherify.ApiClient, shop: Shop) -> None:
    products = voucherify.ProductsApi(client)
    for name, price in (("cup", 400), ("pot", 4_000)):
        products.create_product(models.ProductsCreateRequestBody(source_id=name, price=price))
    products.create_sku(
        "pot", models.ProductsSkusCreateRequestBody(source_id="pot-small", price=900)
    )
    api = voucherify.ProductCollectionsApi(client)
    cheap = api.create_product_collection(
        models.ProductCollectionsCreateRequestBody(
            name="Cheap",
            type="AUTO_UPDATE",
            filter={"junction": "and", "price": {"conditions": {"$less_than": [1_000]}}},
        )
    )
    listed = api.list_products_in_collection(required(cheap.id))
    assert listed.total == 2
    assert {one.object for one in listed.data or []} == {"product", "sku"}
    assert {one.source_id for one in listed.data or []} == {"cup", "pot-small"}
    fixed = api.create_product_collection(
        models.ProductCollectionsCreateRequestBody(
            name="Pots",
            type="STATIC",
            products=[
                models.ProductCollectionsCreateRequestBodyProductsItem(id="pot", object="product")
            ],
        )
    )
    assert len(fixed.products or []) == 1
    assert api.list_product_collections().total == 2
    assert shop.product()
    api.delete_product_collection(required(cheap.id))
    with pytest.raises(NotFoundException):
        api.get_product_collection(required(cheap.id))


def test_metadata_is_held_to_its_schema(client: voucherify.ApiClient, shop: Shop) -> None:
    shop.post(
        "/v1/kaquan/metadata-schemas/customer",
        {
            "properties": {
                "channel": {"type": "string", "eq": ["Web", "Shop"], "optional": False},
                "sizes": {"type": "number", "array": True},
            },
            "allow_defined_only": True,
        },
        method="PUT",
    )
    schema = voucherify.MetadataSchemasApi(client).get_metadata_schema("customer")
    assert (schema.related_object, schema.allow_defined_only) == ("customer", True)
    api = voucherify.CustomersApi(client)
    for metadata, words in (
        ({}, "property is required"),
        ({"channel": "Mars"}, "must be equal to one of Web,Shop"),
        ({"channel": "Web", "sizes": ["M"]}, "must be an array of number"),
        ({"channel": "Web", "colour": "red"}, "is not defined"),
    ):
        with pytest.raises(BadRequestException) as refused:
            api.create_customer(models.CustomersCreateRequestBody(name="x", metadata=metadata))
        assert words in str(refused.value)
    good = {"channel": "Web", "sizes": [1, 2]}
    made = api.create_customer(models.CustomersCreateRequestBody(name="x", metadata=good))
    assert made.metadata == good


async def test_an_export(client: voucherify.ApiClient, work: Work) -> None:
    enter_people(client)
    api = voucherify.ExportsApi(client)
    made = api.create_export(
        models.ExportsCreateRequestBody(
            exported_object="customer",
            parameters=models.ExportsCreateRequestBodyParameters(
                order="source_id",
                fields=["source_id", "address_city", "metadata"],
                filters={"address.city": {"conditions": {"$is": ["Shanghai"]}}},
            ),
        )
    )
    assert (made.status, made.result) == ("SCHEDULED", None)
    await work()
    done = api.get_export(required(made.id))
    assert done.result is not None
    url = required(done.result.url)
    text = "Source ID,Address City,metadata.tier\nanna,Shanghai,gold\nben,Shanghai,basic\n"
    assert fetch(url) == text
    assert api.download_export(required(made.id), url.partition("token=")[2]) == text
    orders = voucherify.OrdersApi(client).create_order_export(
        models.OrdersExportCreateRequestBody()
    )
    assert orders.exported_object == "order"
    assert api.list_exports().total == 2
    api.delete_export(required(made.id))
    with pytest.raises(NotFoundException):
        api.get_export(required(made.id))
    fetch(url, status=404)


def test_consents_and_locations(client: voucherify.ApiClient, shop: Shop) -> None:
    enter_people(client)
    given = shop.post("/v1/customers/anna/consents", {"email.marketing": True}, method="PUT")
    assert given["consents"] == {"email.marketing": True}
    shape = {
        "type": "circle",
        "format": "distance",
        "distance": {"center": "31.2,121.5", "radius": "2km"},
    }
    store = shop.post("/v1/locations", {"source_id": "sh-1", "name": "Bund", "shape": shape})
    api = voucherify.LocationsApi(client)
    found = api.get_location(store["id"])
    assert found.shape is not None
    assert (found.name, found.shape.type) == ("Bund", "circle")
    for name, total in (("Bund", 1), ("Elsewhere", 0)):
        filters = models.ParameterFiltersListLocations(
            name=models.ParameterFiltersListLocationsName(
                conditions=models.FilterConditionsString.model_validate({"$is": name})
            )
        )
        assert api.list_locations(filters=filters).total == total


def test_an_order_of_a_variant(client: voucherify.ApiClient) -> None:
    products = voucherify.ProductsApi(client)
    shirt = products.create_product(models.ProductsCreateRequestBody(source_id="shirt", price=500))
    large = products.create_sku(
        "shirt", models.ProductsSkusCreateRequestBody(source_id="shirt-L", price=600)
    )
    products.create_sku("shirt", models.ProductsSkusCreateRequestBody(source_id="shirt-S"))
    order = voucherify.OrdersApi(client).create_order(
        models.OrdersCreateRequestBody(
            items=[
                models.OrderItem(sku_id=large.id, quantity=2),
                models.OrderItem(source_id="shirt-S", related_object="sku", quantity=1),
            ]
        )
    )
    first, second = order.items or []
    assert (order.amount, first.price, second.price) == (1_700, 600, 500)
    assert (first.sku_id, first.product_id, second.product_id) == (large.id, shirt.id, shirt.id)
