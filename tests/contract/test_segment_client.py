"""Segment's own client against ``kaquan serve``: only the host and the write key are ours."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from segment.analytics.client import Client  # pyright: ignore[reportMissingTypeStubs]

from kaquan.customers import find_customer, find_order_by, list_events
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import KeyKind, KeyScope, create_api_key

MESSAGES = 230
"""More than the client sends in one request."""


@pytest_asyncio.fixture(loop_scope="session")
async def write_key(database: Database, project: Project) -> str:
    """The token of a key that may only track."""
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(
            tx, KeyKind.SERVER, name="segment", scope=KeyScope.TRACKING, now=utc_now()
        )
    return key.token


def open_client(server: str, write_key: str, errors: list[Any], **more: Any) -> Any:
    """The client (which has no types) as its manual sets it up; ``errors`` gets what fails."""

    def on_error(error: Exception, items: object) -> None:
        errors.append((error, items))

    return Client(write_key, host=server, on_error=on_error, max_retries=1, **more)


@pytest.mark.parametrize("gzip", [False, True])
async def test_the_whole_client(
    server: str, write_key: str, database: Database, project: Project, *, gzip: bool
) -> None:
    errors: list[Any] = []
    client = open_client(server, write_key, errors, gzip=gzip)
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    client.track(anonymous_id="a-1", event="Landed", timestamp=at)
    client.identify(
        "u-1", {"email": "ada@example.com", "name": "Ada"}, anonymous_id="a-1", timestamp=at
    )
    client.page("u-1", "Shop", "Tea", {"url": "https://shop.example/tea"})
    client.screen("u-1", "App", "Start")
    client.group("u-1", "club", {"name": "Tea club"})
    client.track(
        "u-1",
        "Order Completed",
        {
            "order_id": "o-1",
            "total": 42.5,
            "currency": "CNY",
            "products": [{"product_id": "tea", "price": 21.25, "quantity": 2}],
        },
        timestamp=at,
    )
    client.alias("u-0", "u-1")
    for number in range(MESSAGES):
        client.track("u-1", "Counted", {"number": number})
    client.shutdown()
    assert errors == []
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, "u-1")
        order = await find_order_by(tx, source_id="o-1")
        assert customer is not None
        events = await list_events(tx, customer.id, limit=1000)
    assert (customer.name, customer.email) == ("Ada", "ada@example.com")
    assert order is not None
    assert (order.total_minor, order.customer_id, order.placed_at) == (4250, customer.id, at)
    names = [one.name for one in events]
    assert {"Landed", "Page Viewed", "Screen Viewed", "Group Joined"} <= set(names)
    assert names.count("Counted") == MESSAGES
    assert {one.at for one in events if one.name == "Landed"} == {at}


async def test_a_message_sent_again_counts_once(
    server: str, write_key: str, database: Database, project: Project
) -> None:
    errors: list[Any] = []
    client = open_client(server, write_key, errors, sync_mode=True)
    for _ in range(3):
        client.track("u-1", "Once", message_id="m-1")
    assert errors == []
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, "u-1")
        assert customer is not None
        assert [one.name for one in await list_events(tx, customer.id)] == ["Once"]


async def test_a_wrong_key_is_told_and_not_tried_again(server: str) -> None:
    errors: list[Any] = []
    client = open_client(server, "nobody", errors)
    client.track("u-1", "Sent")
    client.shutdown()
    (error, items) = errors[0]
    assert (error.status, error.code, len(items)) == (401, 401, 1)


async def test_many_clients_at_once(
    server: str, write_key: str, database: Database, project: Project
) -> None:
    errors: list[Any] = []

    def work(number: int) -> None:
        client = open_client(server, write_key, errors)
        for turn in range(20):
            client.identify(f"u-{turn}", {f"by_{number}": turn}, anonymous_id=f"a-{turn}")
            client.track(f"u-{turn}", "Met")
        client.shutdown()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    async with database.transaction(project.project_id) as tx:
        for turn in range(20):
            customer = await find_customer(tx, f"u-{turn}")
            assert customer is not None
            assert len(await list_events(tx, customer.id)) == 4
            assert customer.metadata == {f"by_{number}": turn for number in range(4)}
