"""Bulk loads: what they store, that they may be repeated, and what they refuse."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from kaquan.customers import (
    CustomerDraft,
    OrderStatus,
    count_customers,
    get_customer,
    get_customer_summary,
    get_location,
    get_order,
    get_product,
    list_customers,
    list_locations,
    list_orders,
    list_products,
    load_customers,
    load_locations,
    load_orders,
    load_products,
    upsert_customer,
)
from kaquan.runtime import Database, InvalidInput, Project, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MOST = 2**53 - 1
TIME = pa.timestamp("us", "UTC")


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def times(*moments: datetime | None) -> Any:
    return pa.array(moments, TIME)


async def test_customers_are_entered_and_changed_by_their_source_id(tx: Tx) -> None:
    await upsert_customer(
        tx, CustomerDraft(source_id="2", name="Old", phone="010-1234", metadata={"a": 1}), now=NOW
    )
    given = table(
        source_id=pa.array([1, 2, 3]),
        name=['Quote " , \\ and\ttab', "王小明", None],
        email=["a@example.com", None, ""],
        birth_date=pa.array([date(1990, 5, 31), None, None]),
        metadata=['{"tier": "gold"}', '{"b": 2}', None],
        created_at=times(NOW - timedelta(days=9), NOW - timedelta(days=9), None),
    )
    counts = await load_customers(tx, given, now=LATER)
    assert (counts.given, counts.added, counts.changed, counts.unchanged) == (3, 2, 1, 0)
    first, second, third = [await get_customer(tx, source_id) for source_id in "123"]
    assert (first.name, first.email) == ('Quote " , \\ and\ttab', "a@example.com")
    assert (first.birth_date, first.metadata) == (date(1990, 5, 31), {"tier": "gold"})
    assert first.created_at == NOW - timedelta(days=9)
    assert (second.name, second.phone) == ("王小明", "010-1234")
    assert (second.metadata, second.created_at) == ({"a": 1, "b": 2}, NOW)
    assert (third.name, third.email, third.metadata, third.created_at) == (None, None, {}, LATER)
    again = await load_customers(tx, given, now=LATER)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 3)


async def test_products_and_locations(tx: Tx) -> None:
    products = table(
        source_id=["tea", "rice"],
        name=["Longjing", None],
        price_minor=pa.array([1250, None]),
        attributes=[json.dumps({"department": "drinks", "labels": ["tea"]}), None],
    )
    assert (await load_products(tx, products, now=NOW)).added == 2
    tea = await get_product(tx, "tea")
    assert (tea.name, tea.price_minor) == ("Longjing", 1250)
    assert tea.attributes == {"department": "drinks", "labels": ["tea"]}
    assert (await get_product(tx, "rice")).attributes == {}
    cheaper = table(source_id=["tea"], price_minor=[1200])
    assert (await load_products(tx, cheaper, now=LATER)).changed == 1
    assert (await get_product(tx, "tea")).name == "Longjing"
    places = table(source_id=[7], name=["Store 7"])
    assert (await load_locations(tx, places, now=NOW)).added == 1
    assert (await get_location(tx, "7")).name == "Store 7"


CUSTOMERS_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no source_id", {"name": ["A"]}, "source_id"),
    ("source_id missing in a row", {"source_id": ["a", None]}, "source_id[1]"),
    ("empty source_id", {"source_id": ["a", ""]}, "source_id[1]"),
    ("source_id twice", {"source_id": ["a", "b", "a"]}, "source_id[2]"),
    ("source_id too long", {"source_id": ["x" * 256]}, "source_id[0]"),
    ("source_id with NUL", {"source_id": ["a\0"]}, "source_id[0]"),
    ("unknown column", {"source_id": ["a"], "shoe_size": [42]}, "shoe_size"),
    ("e-mail", {"source_id": ["a", "b"], "email": ["a@b.cn", "at"]}, "email[1]"),
    ("phone", {"source_id": ["a"], "phone": ["call"]}, "phone[0]"),
    ("name too long", {"source_id": ["a"], "name": ["x" * 256]}, "name[0]"),
    ("birth date", {"source_id": ["a"], "birth_date": pa.array([date(1, 1, 1)])}, "birth_date[0]"),
    ("birth date a word", {"source_id": ["a"], "birth_date": ["never"]}, "birth_date"),
    ("metadata no JSON", {"source_id": ["a"], "metadata": ["{"]}, "metadata[0]"),
    ("metadata a list", {"source_id": ["a"], "metadata": ["[1]"]}, "metadata[0]"),
    ("metadata with NUL", {"source_id": ["a"], "metadata": ['{"a": "\\u0000"}']}, "metadata[0]"),
    (
        "times without a zone",
        {"source_id": ["a"], "created_at": pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))},  # noqa: DTZ001
        "created_at",
    ),
    (
        "time of another age",
        {"source_id": ["a"], "created_at": times(datetime(1800, 1, 1, tzinfo=UTC))},
        "created_at[0]",
    ),
]


@pytest.mark.parametrize(
    ("columns", "field"),
    [row[1:] for row in CUSTOMERS_REFUSED],
    ids=[row[0] for row in CUSTOMERS_REFUSED],
)
async def test_customers_refused(tx: Tx, columns: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await load_customers(tx, table(**columns), now=NOW)
    assert caught.value.field == field
    assert await count_customers(tx) == 0


async def _shop(tx: Tx) -> None:
    await load_customers(tx, table(source_id=["ann", "bob"]), now=NOW)
    await load_products(tx, table(source_id=["tea", "rice"]), now=NOW)
    await load_locations(tx, table(source_id=["till"], name=["Till"]), now=NOW)


def _orders(**more: Any) -> pa.Table:
    return table(
        **{
            "source_id": ["o1", "o2", "o3"],
            "customer_source_id": ["ann", None, "ann"],
            "placed_at": times(NOW, NOW - timedelta(days=1), NOW - timedelta(days=2)),
        }
        | more
    )


def _lines(**more: Any) -> pa.Table:
    return table(
        **{
            "order_source_id": ["o2", "o1", "o2", "o1"],
            "product_source_id": ["tea", "rice", 'od"d,{}\\', None],
            "quantity": [2, 1, 3, 1],
            "unit_price_minor": [100, 70, 5, 0],
        }
        | more
    )


async def test_orders_come_with_their_lines_in_order(tx: Tx) -> None:
    await _shop(tx)
    seen: list[tuple[int, int]] = []
    counts = await load_orders(
        tx,
        _orders(
            location_source_id=["till", None, None],
            status=["PAID", "FULFILLED", None],
            discount_minor=[5, None, None],
            metadata=['{"week": 1}', None, None],
        ),
        _lines(
            amount_minor=pa.array([None, None, 14, None], pa.int64()), discount_minor=[0, 9, 0, 0]
        ),
        now=NOW,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (counts.given, counts.added) == (3, 3)
    assert seen[-1] == (4, 4)
    ann = await get_customer(tx, "ann")
    first, second, third = [await get_order(tx, f"o{number}") for number in (1, 2, 3)]
    assert (first.customer_id, first.status) == (ann.id, OrderStatus.PAID)
    assert first.location_id == (await get_location(tx, "till")).id
    assert (first.amount_minor, first.discount_minor, first.items_discount_minor) == (70, 5, 9)
    assert first.total_minor == 56
    assert first.metadata == {"week": 1}
    rice, tea = await get_product(tx, "rice"), await get_product(tx, "tea")
    assert [(line.product_id, line.source_id) for line in first.lines] == [
        (rice.id, "rice"),
        (None, None),
    ]
    assert [
        (x.product_id, x.source_id, x.quantity, x.unit_price_minor, x.amount_minor)
        for x in second.lines
    ] == [(tea.id, "tea", 2, 100, 200), (None, 'od"d,{}\\', 3, 5, 14)]
    assert (second.customer_id, second.amount_minor) == (None, 214)
    assert (third.lines, third.amount_minor, third.status) == ((), 0, OrderStatus.FULFILLED)
    summary = await get_customer_summary(tx, ann.id)
    assert (summary.order_count, summary.spend_minor) == (2, 56)
    assert (summary.first_order_at, summary.last_order_at) == (third.placed_at, first.placed_at)


async def test_a_repeated_load_changes_nothing(tx: Tx) -> None:
    await _shop(tx)
    await load_orders(tx, _orders(), _lines(), now=NOW)
    before = (await list_orders(tx)).items
    again = await load_orders(tx, _orders(amount_minor=[9, 9, 9]), _lines(), now=LATER)
    assert (again.added, again.unchanged) == (0, 3)
    assert (await list_orders(tx)).items == before


async def test_a_stated_amount_decides(tx: Tx) -> None:
    await _shop(tx)
    amounts = pa.array([1000, None, 30], pa.int64())
    await load_orders(tx, _orders(amount_minor=amounts), _lines(), now=NOW)
    assert [(await get_order(tx, f"o{n}")).amount_minor for n in (1, 2, 3)] == [1000, 215, 30]


ORDERS_REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("customer", {"customer_source_id": ["ann", "zoe", None]}, {}, "customer_source_id[1]"),
    ("location", {"location_source_id": [None, None, "x"]}, {}, "location_source_id[2]"),
    ("status", {"status": ["PAID", "SOLD", "PAID"]}, {}, "status[1]"),
    ("source_id twice", {"source_id": ["o1", "o2", "o1"]}, {}, "source_id[2]"),
    ("no time", {"placed_at": times(NOW, None, NOW)}, {}, "placed_at[1]"),
    ("negative amount", {"amount_minor": [1, -1, 1]}, {}, "amount_minor[1]"),
    ("amount too large", {"amount_minor": [1, MOST + 1, 1]}, {}, "amount_minor[1]"),
    ("discount above amount", {"discount_minor": [0, 216, 0]}, {}, "discount_minor[1]"),
    (
        "order unknown",
        {},
        {"order_source_id": ["o2", "o1", "o9", "o1"]},
        "lines.order_source_id[2]",
    ),
    ("quantity 0", {}, {"quantity": [1, 0, 1, 1]}, "lines.quantity[1]"),
    ("quantity a word", {}, {"quantity": ["1", "two", "1", "1"]}, "lines.quantity"),
    ("quantity 1.5", {}, {"quantity": [1.0, 1.5, 1.0, 1.0]}, "lines.quantity"),
    ("negative price", {}, {"unit_price_minor": [1, 1, 1, -1]}, "lines.unit_price_minor[3]"),
    ("price missing", {}, {"unit_price_minor": [1, 1, 1, None]}, "lines.unit_price_minor[3]"),
    (
        "quantity times price",
        {},
        {"unit_price_minor": [MOST, 1, 1, 1], "quantity": [2, 1, 1, 1]},
        "lines.unit_price_minor[0]",
    ),
    (
        "lines' sum",
        {},
        {"unit_price_minor": [MOST, 1, 1, 1], "quantity": [1, 1, 1, 1]},
        "amount_minor[1]",
    ),
    ("line discount", {}, {"discount_minor": [0, 71, 0, 0]}, "lines.discount_minor[1]"),
]


@pytest.mark.parametrize(
    ("orders", "lines", "field"),
    [row[1:] for row in ORDERS_REFUSED],
    ids=[row[0] for row in ORDERS_REFUSED],
)
async def test_orders_refused(
    tx: Tx, orders: dict[str, Any], lines: dict[str, Any], field: str
) -> None:
    await _shop(tx)
    with pytest.raises(InvalidInput) as caught:
        await load_orders(tx, _orders(**orders), _lines(**lines), now=NOW)
    assert caught.value.field == field
    assert (await list_orders(tx)).total == 0


async def test_empty_tables_are_no_trouble(tx: Tx) -> None:
    nothing = pa.table({"source_id": pa.array([], pa.string())})
    assert (await load_customers(tx, nothing, now=NOW)).given == 0
    orders = _orders().slice(0, 0)
    assert (await load_orders(tx, orders, _lines().slice(0, 0), now=NOW)).added == 0


async def test_any_load_equals_its_rows_and_a_recount(tx: Tx) -> None:
    """Random orders in random chunks, compared with sums made in Python."""
    dice = random.Random(7)
    await _shop(tx)
    wanted: dict[str, list[tuple[str, int, int]]] = {}
    for chunk in range(4):
        names = [f"c{chunk}-{number}" for number in range(dice.randrange(1, 60))]
        lines: list[tuple[str, str, int, int]] = []
        for name in names:
            wanted[name] = []
            for _ in range(dice.randrange(0, 6)):
                goods = dice.choice(["tea", "rice", "x"])
                line = (goods, dice.randrange(1, 9), dice.randrange(0, 999))
                wanted[name].append(line)
                lines.append((name, *line))
        place = {name: dice.random() for name in names}
        lines.sort(key=lambda line: place[line[0]])  # scattered; each order's sequence stays
        columns = list(zip(*lines, strict=True)) or [(), (), (), ()]
        await load_orders(
            tx,
            table(
                source_id=names,
                customer_source_id=[dice.choice(["ann", "bob"]) for _ in names],
                placed_at=times(*[NOW - timedelta(hours=dice.randrange(9999)) for _ in names]),
            ),
            table(
                order_source_id=list(columns[0]),
                product_source_id=list(columns[1]),
                quantity=list(columns[2]),
                unit_price_minor=list(columns[3]),
            ),
            now=NOW,
        )
    stored = (await list_orders(tx, limit=1000)).items
    assert {
        str(order.source_id): [
            (line.source_id, line.quantity, line.unit_price_minor) for line in order.lines
        ]
        for order in stored
    } == wanted
    for name in ("ann", "bob"):
        customer = await get_customer(tx, name)
        mine = [order for order in stored if order.customer_id == customer.id]
        summary = await get_customer_summary(tx, customer.id)
        assert summary.order_count == len(mine) > 0
        assert summary.spend_minor == sum(
            line.quantity * line.unit_price_minor for order in mine for line in order.lines
        )
        assert summary.first_order_at == min(order.placed_at for order in mine)
        assert summary.last_order_at == max(order.placed_at for order in mine)


async def test_another_projects_rows_are_neither_seen_nor_changed(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
        await load_orders(tx, _orders(), _lines(), now=NOW)
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        with pytest.raises(InvalidInput) as caught:
            await load_orders(other, _orders(), _lines(), now=NOW)
        assert caught.value.field == "customer_source_id[0]"
        counts = await load_customers(other, table(source_id=["ann"], name=["Other"]), now=NOW)
        assert counts.added == 1
        assert (await list_customers(other)).total == 1
        assert (await list_products(other)).total == (await list_locations(other)).total == 0
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "ann")).name is None
        assert (await list_orders(tx)).total == 3
