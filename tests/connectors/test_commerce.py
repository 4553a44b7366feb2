"""Events of Segment's e-commerce spec: orders, refunds, views and carts, in whatever order."""

from typing import Any

import httpx
import pytest

from connectors.test_tracking import send, tracks
from kaquan.checkout import list_returns
from kaquan.customers import Order, OrderStatus, find_order_by, get_customer_summary
from kaquan.runtime import Database, Project

TEA = {"product_id": "tea", "sku": "T-1", "name": "Tea", "price": 19.0, "quantity": 1}
CUP = {"product_id": "cup", "sku": "C-1", "name": "Cup", "price": 3, "quantity": 2}


def completed(at: str = "2026-01-05T00:00:00Z", **more: Any) -> dict[str, Any]:
    """An order of 25.00 in goods: 2.50 off, 3.00 for delivery, 2.00 of tax."""
    properties = {
        "order_id": "o-1",
        "total": 27.50,
        "subtotal": 22.50,
        "revenue": 25.00,
        "shipping": 3,
        "tax": 2,
        "discount": 2.5,
        "coupon": "hasbros",
        "currency": "CNY",
        "products": [TEA, CUP],
    }
    return tracks("u1", "Order Completed", at, properties=properties | more)


async def order_of(database: Database, project: Project, source_id: str = "o-1") -> Order:
    """The stored order."""
    async with database.transaction(project.project_id) as tx:
        order = await find_order_by(tx, source_id=source_id)
    assert order is not None
    return order


async def test_an_order_is_stored_as_it_was_bought(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    assert await send(tracker, completed()) == {"success": True}
    order = await order_of(database, project)
    assert order.status is OrderStatus.PAID
    assert (order.amount_minor, order.discount_minor, order.total_minor) == (3000, 250, 2750)
    assert order.shipping_minor == 300
    assert [(x.source_id, x.quantity, x.amount_minor) for x in order.lines] == [
        ("tea", 1, 1900),
        ("cup", 2, 600),
    ]
    assert order.metadata == {"coupon": "hasbros"}
    assert order.placed_at.isoformat() == "2026-01-05T00:00:00+00:00"
    async with database.transaction(project.project_id) as tx:
        assert order.customer_id is not None
        assert (await get_customer_summary(tx, order.customer_id)).spend_minor == 2750


@pytest.mark.parametrize(
    ("what", "given", "amount", "total"),
    [
        ("total", {"total": "19.99", "discount": 1}, 2099, 1999),
        ("revenue", {"revenue": 10, "shipping": 2.5, "tax": 0.5}, 1300, 1300),
        ("subtotal", {"subtotal": 10, "shipping": 2}, 1200, 1200),
        ("products", {"products": [TEA, CUP]}, 2500, 2500),
        ("half a cent", {"total": 0.125}, 13, 13),
    ],
)
async def test_what_an_order_comes_to(
    tracker: httpx.AsyncClient,
    database: Database,
    project: Project,
    *,
    what: str,
    given: dict[str, Any],
    amount: int,
    total: int,
) -> None:
    told = tracks("u1", "Order Completed", "2026-01-05T00:00:00Z")
    answer = await send(tracker, told | {"properties": {"order_id": 7, **given}})
    assert answer == {"success": True}, what
    order = await order_of(database, project, "7")
    assert (order.amount_minor, order.total_minor) == (amount, total)


@pytest.mark.parametrize(
    ("what", "refund", "gross", "status"),
    [
        ("everything", {}, 3000, OrderStatus.RETURNED),
        (
            "a product",
            {"products": [{"product_id": "cup", "quantity": 1}]},
            300,
            OrderStatus.PARTIALLY_RETURNED,
        ),
        ("a fifth of what was paid", {"total": 5.5}, 600, OrderStatus.PARTIALLY_RETURNED),
        ("all that was paid", {"total": 27.5}, 3000, OrderStatus.RETURNED),
    ],
)
async def test_a_refund_is_returned_once(
    tracker: httpx.AsyncClient,
    database: Database,
    project: Project,
    *,
    what: str,
    refund: dict[str, Any],
    gross: int,
    status: OrderStatus,
) -> None:
    told = tracks("u1", "Order Refunded", "2026-01-06T00:00:00Z", messageId="refund-1")
    told["properties"] = {"order_id": "o-1", **refund}
    assert await send(tracker, completed()) == {"success": True}
    for _ in range(2):
        assert await send(tracker, told) == {"success": True}, what
    assert (await order_of(database, project)).status is status
    async with database.transaction(project.project_id) as tx:
        returns = (await list_returns(tx, order="o-1")).items
    assert [one.gross_minor for one in returns] == [gross]


async def test_orders_may_be_told_in_any_order(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    canceled = tracks("u1", "Order Cancelled", "2026-01-07T00:00:00Z")
    canceled["properties"] = {"order_id": "o-1", "total": 27.5, "discount": 2.5}
    await send(tracker, canceled)
    assert (await order_of(database, project)).status is OrderStatus.CANCELED
    assert await send(tracker, completed()) == {"success": True}
    order = await order_of(database, project)
    assert (order.status, order.total_minor) == (OrderStatus.CANCELED, 2750)
    assert order.placed_at.day == 5


async def test_an_update_changes_the_goods(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    await send(tracker, completed(discount=0, total=30.0))
    changed = completed("2026-01-06T00:00:00Z", discount=0, total=24.0, products=[TEA])
    await send(tracker, changed | {"event": "Order Updated"})
    order = await order_of(database, project)
    assert (order.status, order.amount_minor, len(order.lines)) == (OrderStatus.PAID, 2400, 1)
    stale = completed("2026-01-04T00:00:00Z", discount=0, total=99.0)
    await send(tracker, stale | {"event": "Order Updated"})
    assert (await order_of(database, project)).amount_minor == 2400


@pytest.mark.parametrize(
    ("what", "event", "properties", "key", "field"),
    [
        ("no id", "Order Completed", {"total": 1}, "invalid_payload", "properties.order_id"),
        (
            "another currency",
            "Order Completed",
            {"order_id": "x", "total": 1, "currency": "EUR"},
            "invalid_currency",
            "properties.currency",
        ),
        (
            "no amount",
            "Order Completed",
            {"order_id": "x", "total": "free"},
            "invalid_payload",
            "properties.total",
        ),
        (
            "no number",
            "Order Completed",
            {"order_id": "x", "products": [{"sku": "a", "price": 1, "quantity": 0.5}]},
            "invalid_payload",
            "properties.products[0].quantity",
        ),
        (
            "no product",
            "Order Completed",
            {"order_id": "x", "products": [{"price": 1}]},
            "invalid_payload",
            "properties.products[0]",
        ),
        (
            "nothing known",
            "Order Completed",
            {"order_id": "x"},
            "invalid_payload",
            "properties.total",
        ),
        (
            "an unknown order",
            "Order Refunded",
            {"order_id": "x"},
            "unknown_order",
            "properties.order_id",
        ),
    ],
)
async def test_what_is_wrong_with_an_order(
    tracker: httpx.AsyncClient,
    *,
    what: str,
    event: str,
    properties: dict[str, Any],
    key: str,
    field: str,
) -> None:
    body = {"userId": "u1", "event": event, "properties": properties}
    problem = (await tracker.post("/v1/track", json=body)).json()
    assert (problem["key"], problem.get("field")) == (key, field), (what, problem)


async def test_a_refund_that_came_too_early_is_carried_out_later(
    tracker: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    refund = tracks("u1", "Order Refunded", "2026-01-06T00:00:00Z", messageId="early")
    refund["properties"] = {"order_id": "o-1"}
    await send(tracker, refund)
    (receipt,) = (await office.get("/v1/kaquan/receipts")).json()["data"]
    assert receipt["error"]["key"] == "unknown_order"
    path = f"/v1/kaquan/receipts/{receipt['id']}/retry"
    assert (await office.post(path)).json()["status"] == "failed"
    await send(tracker, completed())
    done = (await office.post(path)).json()
    assert (done["status"], done["error"], done["attempts"]) == ("done", None, 3)
    assert (await order_of(database, project)).status is OrderStatus.RETURNED


async def test_views_and_carts(tracker: httpx.AsyncClient, office: httpx.AsyncClient) -> None:
    def event(name: str, day: int, **properties: Any) -> dict[str, Any]:
        at = f"2026-01-{day:02}T00:00:00Z"
        return tracks(None, name, at, anonymousId="a1", properties=properties)

    await send(
        tracker,
        event("Product Viewed", 1, product_id="tea"),
        event("Product Viewed", 3, product_id="tea"),
        event("Product Viewed", 2, sku="C-1"),
        event("Product Removed", 4, product_id="cup", quantity=1),
        event("Product Added", 3, product_id="cup", quantity=2),
        event("Product Added", 4, product_id="tea", price=19.0),
    )
    await send(
        tracker,
        {"type": "identify", "userId": "u1", "anonymousId": "a1"},
        tracks("u1", "Product Viewed", "2026-01-05T00:00:00Z", properties={"product_id": "tea"}),
    )
    told = (await office.get("/v1/kaquan/customers/u1/browsing")).json()
    assert [(one["product"], one["views"]) for one in told["seen"]] == [("tea", 3), ("C-1", 1)]
    assert told["seen"][0]["first_at"].startswith("2026-01-01")
    (cart,) = told["carts"]
    assert {name: item["quantity"] for name, item in cart["items"].items()} == {"cup": 1, "tea": 1}
    # What was bought is in the cart no more, nor what was put there before.
    await send(tracker, completed("2026-01-06T00:00:00Z"))
    late = tracks("u1", "Product Added", "2026-01-05T00:00:00Z", properties={"product_id": "late"})
    fresh = tracks("u1", "Product Added", "2026-01-07T00:00:00Z", properties={"product_id": "new"})
    await send(tracker, late, fresh)
    (cart,) = (await office.get("/v1/kaquan/customers/u1/browsing")).json()["carts"]
    assert list(cart["items"]) == ["new"]


async def test_an_erased_person_leaves_no_trace(
    tracker: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    seen = {"product_id": "tea"}
    await send(
        tracker,
        {"type": "identify", "userId": "u1", "anonymousId": "a1"},
        tracks("u1", "Product Viewed", "2026-01-01T00:00:00Z", properties=seen),
        tracks("u1", "Product Added", "2026-01-01T00:00:00Z", properties=seen),
    )
    assert (await office.post("/v1/customers/u1/permanent-deletion")).status_code == 200
    async with database.transaction(project.project_id) as tx:
        for table in ("visitor", "product_seen", "shopping_cart", "told_until"):
            cursor = await tx.execute(f"select count(*) from {table}")  # pyright: ignore[reportArgumentType] - a fixed list
            assert await cursor.fetchone() == (0,), table
