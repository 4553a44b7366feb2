"""Orders: amounts, lines, life cycle, discounts, upserts, and the summaries that follow them."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocking import until_somebody_waits_for
from kaquan.customers import (
    COUNTED_STATUSES,
    NEXT_STATUSES,
    CustomerDraft,
    CustomerSummary,
    LocationDraft,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    ProductDraft,
    apply_discounts,
    create_order,
    find_order,
    get_customer_summary,
    get_order,
    list_orders,
    update_order,
    upsert_customer,
    upsert_location,
    upsert_product,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MOST = 2**53 - 1
Line = OrderLineDraft


async def _catalogue(tx: Tx) -> dict[str, str]:
    ids: dict[str, str] = {}
    for source_id, price in [("tea", 1250), ("rice", 1500), ("unpriced", None)]:
        draft = ProductDraft(source_id=source_id, price_minor=price)
        ids[source_id] = (await upsert_product(tx, draft, now=NOW)).id
    ids["ann"] = (await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)).id
    ids["bob"] = (await upsert_customer(tx, CustomerDraft(source_id="bob"), now=NOW)).id
    place = LocationDraft(source_id="till", name="Till")
    ids["till"] = (await upsert_location(tx, place, now=NOW)).id
    return ids


AMOUNTS: list[tuple[str, dict[str, Any], int, list[tuple[int, int, int]]]] = [
    # what, draft, amount, lines as (quantity, unit price, amount)
    ("only an amount", {"amount_minor": 990}, 990, []),
    ("nothing to pay", {"amount_minor": 0}, 0, []),
    (
        "prices of the catalogue",
        {"lines": (Line(source_id="tea", quantity=2), Line(product_id="rice"))},
        4000,
        [(2, 1250, 2500), (1, 1500, 1500)],
    ),
    (
        "own prices",
        {"lines": (Line(source_id="tea", quantity=3, unit_price_minor=100),)},
        300,
        [(3, 100, 300)],
    ),
    (
        "a stated line amount decides",
        {"lines": (Line(source_id="tea", quantity=3, unit_price_minor=100, amount_minor=250),)},
        250,
        [(3, 100, 250)],
    ),
    (
        "a line amount alone",
        {"lines": (Line(source_id="tea", quantity=3, amount_minor=100),)},
        100,
        [(3, 33, 100)],
    ),
    (
        "a stated order amount decides",
        {"amount_minor": 5000, "lines": (Line(source_id="tea"),)},
        5000,
        [(1, 1250, 1250)],
    ),
    (
        "goods that the catalogue does not know",
        {"lines": (Line(source_id="unheard", unit_price_minor=7),)},
        7,
        [(1, 7, 7)],
    ),
    ("a line without a name", {"lines": (Line(unit_price_minor=7),)}, 7, [(1, 7, 7)]),
    ("the most there is", {"amount_minor": MOST}, MOST, []),
]


@pytest.mark.parametrize(
    ("given", "amount", "lines"), [row[1:] for row in AMOUNTS], ids=[row[0] for row in AMOUNTS]
)
async def test_amounts(
    tx: Tx, given: dict[str, Any], amount: int, lines: list[tuple[int, int, int]]
) -> None:
    await _catalogue(tx)
    order = await create_order(tx, OrderDraft(source_id="o", **given), now=NOW)
    assert order.amount_minor == order.total_minor == amount
    assert [(x.quantity, x.unit_price_minor, x.amount_minor) for x in order.lines] == lines
    assert await get_order(tx, "o") == order
    assert (order.status, order.placed_at) == (OrderStatus.CREATED, NOW)


async def test_lines_know_their_product(tx: Tx) -> None:
    ids = await _catalogue(tx)
    lines = (
        Line(source_id="tea"),
        Line(product_id=ids["tea"]),
        Line(product_id="tea", details={"note": "gift"}),
        Line(source_id="unheard", unit_price_minor=1),
    )
    order = await create_order(tx, OrderDraft(lines=lines), now=NOW)
    stored = await get_order(tx, order.id)
    assert [(line.product_id, line.source_id) for line in stored.lines] == [
        (ids["tea"], "tea"),
        (ids["tea"], "tea"),
        (ids["tea"], "tea"),
        (None, "unheard"),
    ]
    assert [line.details for line in stored.lines] == [{}, {}, {"note": "gift"}, {}]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("neither amount nor lines", {}, "amount"),
    ("no lines in the list", {"lines": ()}, "amount"),
    ("negative amount", {"amount_minor": -1}, "amount"),
    ("amount too large", {"amount_minor": MOST + 1}, "amount"),
    ("amount true", {"amount_minor": True}, "amount"),
    ("quantity 0", {"lines": (Line(source_id="tea", quantity=0),)}, "items[0].quantity"),
    ("negative price", {"lines": (Line(unit_price_minor=-1),)}, "items[0].price"),
    (
        "quantity times price too large",
        {"lines": (Line(unit_price_minor=MOST, quantity=2),)},
        "items[0].amount",
    ),
    (
        "lines' sum too large",
        {"lines": (Line(unit_price_minor=MOST), Line(unit_price_minor=1))},
        "amount",
    ),
    ("no price known", {"lines": (Line(source_id="unpriced"),)}, "items[0].price"),
    ("unknown goods without a price", {"lines": (Line(source_id="x"),)}, "items[0].price"),
    (
        "unknown product id",
        {"lines": (Line(source_id="tea"), Line(product_id="prod_x"))},
        "items[1].product_id",
    ),
    (
        "line discount above its amount",
        {"lines": (Line(source_id="tea", discount_minor=1251),)},
        "items[0].discount_amount",
    ),
    ("discount above the amount", {"amount_minor": 10, "discount_minor": 11}, "discount_amount"),
    ("unknown customer", {"amount_minor": 1, "customer_id": "nobody"}, "customer_id"),
    ("unknown location", {"amount_minor": 1, "location_id": "nowhere"}, "location_id"),
    ("another currency", {"amount_minor": 1, "currency": "USD"}, "currency"),
    ("time without a zone", {"amount_minor": 1, "placed_at": datetime(2026, 1, 1)}, "placed_at"),  # noqa: DTZ001
    (
        "time of another age",
        {"amount_minor": 1, "placed_at": datetime(1, 1, 1, tzinfo=UTC)},
        "placed_at",
    ),
    ("metadata with NUL", {"amount_minor": 1, "metadata": {"a": "\0"}}, "metadata"),
    ("source_id too long", {"amount_minor": 1, "source_id": "x" * 256}, "source_id"),
    ("too many lines", {"lines": (Line(unit_price_minor=1),) * 10_001}, "items"),
]


@pytest.mark.parametrize(
    ("given", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_is_refused_names_its_field(tx: Tx, given: dict[str, Any], field: str) -> None:
    await _catalogue(tx)
    with pytest.raises(InvalidInput) as caught:
        await create_order(tx, OrderDraft(**given), now=NOW)
    assert caught.value.field == field
    assert (await list_orders(tx)).total == 0


async def test_the_projects_own_currency_is_accepted(tx: Tx) -> None:
    order = await create_order(tx, OrderDraft(amount_minor=1, currency="CNY"), now=NOW)
    assert order.amount_minor == 1


async def test_a_known_source_id_updates(tx: Tx) -> None:
    ids = await _catalogue(tx)
    first = await create_order(
        tx,
        OrderDraft(source_id="o", lines=(Line(source_id="tea"),), metadata={"a": 1}),
        now=NOW,
    )
    again = await create_order(
        tx,
        OrderDraft(
            source_id="o",
            status=OrderStatus.PAID,
            customer_id="ann",
            location_id="till",
            metadata={"b": 2},
        ),
        now=LATER,
    )
    assert again.id == first.id
    assert (again.status, again.amount_minor) == (OrderStatus.PAID, 1250)
    assert (again.customer_id, again.location_id) == (ids["ann"], ids["till"])
    assert again.metadata == {"a": 1, "b": 2}
    assert again.placed_at == NOW
    by_id = await create_order(tx, OrderDraft(id=first.id, customer_id=None), now=LATER)
    assert by_id.customer_id is None
    with pytest.raises(NotFound):
        await create_order(tx, OrderDraft(id="ord_none", amount_minor=1), now=NOW)
    assert (await list_orders(tx)).total == 1


async def test_a_taken_source_id_is_a_duplicate(tx: Tx) -> None:
    for source_id in ("one", "two"):
        await create_order(tx, OrderDraft(source_id=source_id, amount_minor=1), now=NOW)
    with pytest.raises(Duplicate):
        await update_order(tx, "two", OrderDraft(source_id="one"), now=NOW)
    assert await find_order(tx, "two") is not None


async def test_one_order_sent_many_times_at_once_is_one_order(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        ann = await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)

    async def send() -> str:
        async with database.transaction(project.project_id) as own:
            draft = OrderDraft(
                source_id="o", customer_id="ann", amount_minor=70, status=OrderStatus.PAID
            )
            return (await create_order(own, draft, now=NOW)).id

    assert len(set(await asyncio.gather(*(send() for _ in range(10))))) == 1
    async with database.transaction(project.project_id) as tx:
        summary = await get_customer_summary(tx, ann.id)
    assert (summary.order_count, summary.spend_minor) == (1, 70)


async def test_orders_of_one_customer_at_once_are_all_counted(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        ann = await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)

    async def send(number: int) -> None:
        async with database.transaction(project.project_id) as own:
            draft = OrderDraft(
                source_id=f"o{number}",
                customer_id="ann",
                amount_minor=2**number,
                status=OrderStatus.PAID,
            )
            await create_order(own, draft, now=NOW)

    await asyncio.gather(*(send(number) for number in range(15)))
    async with database.transaction(project.project_id) as tx:
        summary = await get_customer_summary(tx, ann.id)
    assert (summary.order_count, summary.spend_minor) == (15, 2**15 - 1)


@pytest.mark.parametrize(("locking", "counted"), [(True, 2), (False, 1)])
async def test_a_recount_waits_for_the_one_before(
    database: Database,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    *,
    locking: bool,
    counted: int,
) -> None:
    """Without the lock the later recount would not see the earlier order: the control."""
    if not locking:

        async def no_lock(tx: Tx, customer_ids: Sequence[str]) -> None:
            """Leave the customers to everybody."""

        monkeypatch.setattr("kaquan.customers.people.lock_customers", no_lock)
    async with database.transaction(project.project_id) as tx:
        ann = await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)
    draft = OrderDraft(customer_id="ann", amount_minor=1, status=OrderStatus.PAID)

    async def send_second() -> None:
        async with database.transaction(project.project_id) as second:
            await create_order(second, draft, now=NOW)

    async with database.transaction(project.project_id) as first:
        await create_order(first, draft, now=NOW)
        sending = asyncio.create_task(send_second())
        await until_somebody_waits_for(first)
    await sending
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer_summary(tx, ann.id)).order_count == counted


@pytest.mark.parametrize("before", list(OrderStatus))
async def test_life_cycle(tx: Tx, before: OrderStatus) -> None:
    for after in OrderStatus:
        draft = OrderDraft(source_id=f"{before}-{after}", amount_minor=1, status=before)
        order = await create_order(tx, draft, now=NOW)
        if after is before or after in NEXT_STATUSES[before]:
            moved = await update_order(tx, order.id, OrderDraft(status=after), now=LATER)
            assert moved.status is after
        else:
            with pytest.raises(InvalidInput) as caught:
                await update_order(tx, order.id, OrderDraft(status=after), now=LATER)
            assert (caught.value.field, caught.value.key) == ("status", "invalid_order_status")


async def test_discounts_are_set_and_taken_back(tx: Tx) -> None:
    await _catalogue(tx)
    lines = (Line(source_id="tea"), Line(source_id="rice"))
    await create_order(tx, OrderDraft(source_id="o", customer_id="ann", lines=lines), now=NOW)
    order = await apply_discounts(
        tx,
        "o",
        discount_minor=300,
        line_discounts_minor=[50, 0],
        status=OrderStatus.PAID,
        now=LATER,
    )
    assert (order.discount_minor, order.items_discount_minor, order.total_minor) == (300, 50, 2400)
    assert order == await get_order(tx, "o")
    assert order.customer_id is not None
    assert (await get_customer_summary(tx, order.customer_id)).spend_minor == 2400
    back = await apply_discounts(
        tx,
        "o",
        discount_minor=0,
        line_discounts_minor=[0, 0],
        status=OrderStatus.CANCELED,
        now=LATER,
    )
    assert (back.total_minor, back.status) == (2750, OrderStatus.CANCELED)
    assert (await get_customer_summary(tx, order.customer_id)).order_count == 0


@pytest.mark.parametrize(
    ("discount", "lines", "field"),
    [
        (2751, [0, 0], "discount_amount"),
        (0, [1251, 0], "items[0].discount_amount"),
        (1, [1250, 1500], "discount_amount"),
        (-1, [0, 0], "discount_amount"),
        (0, [0, -1], "items[1].discount_amount"),
        (0, [0], "items"),
    ],
)
async def test_no_more_comes_off_than_there_is(
    tx: Tx, discount: int, lines: list[int], field: str
) -> None:
    await _catalogue(tx)
    goods = (Line(source_id="tea"), Line(source_id="rice"))
    await create_order(tx, OrderDraft(source_id="o", lines=goods), now=NOW)
    with pytest.raises(InvalidInput) as caught:
        await apply_discounts(tx, "o", discount_minor=discount, line_discounts_minor=lines, now=NOW)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({"status": OrderStatus.FULFILLED}, True),
        ({"amount_minor": 2750}, True),
        ({"lines": (Line(source_id="tea"), Line(source_id="rice"))}, True),
        ({"lines": (Line(source_id="tea"),)}, False),
        ({"lines": (Line(source_id="tea", quantity=2), Line(source_id="rice"))}, False),
        ({"amount_minor": 9999}, False),
        ({"discount_minor": 0}, False),
    ],
)
async def test_amounts_of_a_discounted_order_stay(
    tx: Tx, given: dict[str, Any], accepted: bool
) -> None:
    await _catalogue(tx)
    goods = (Line(source_id="tea"), Line(source_id="rice"))
    draft = OrderDraft(source_id="o", lines=goods, status=OrderStatus.PAID)
    await create_order(tx, draft, now=NOW)
    discounted = await apply_discounts(
        tx, "o", discount_minor=100, line_discounts_minor=[0, 10], now=NOW
    )
    if accepted:
        changed = await update_order(tx, "o", OrderDraft(**given), now=LATER)
        assert changed.total_minor == discounted.total_minor
        assert changed.lines == discounted.lines
    else:
        with pytest.raises(InvalidInput) as caught:
            await update_order(tx, "o", OrderDraft(**given), now=LATER)
        assert caught.value.key == "order_discounted"


async def test_orders_are_listed(tx: Tx) -> None:
    ids = await _catalogue(tx)
    for number in range(4):
        draft = OrderDraft(
            source_id=f"o{number}",
            customer_id="ann" if number % 2 else "bob",
            amount_minor=100 - number,
            status=OrderStatus.PAID if number > 1 else OrderStatus.CREATED,
        )
        await create_order(tx, draft, now=NOW + timedelta(minutes=number))

    async def listed(**arguments: Any) -> list[str | None]:
        return [order.source_id for order in (await list_orders(tx, **arguments)).items]

    assert await listed() == ["o3", "o2", "o1", "o0"]
    assert await listed(order="amount", limit=2) == ["o3", "o2"]
    assert await listed(customer_id=ids["ann"]) == ["o3", "o1"]
    assert await listed(status=OrderStatus.CREATED) == ["o1", "o0"]


async def test_another_project_sees_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await _catalogue(tx)
        order = await create_order(
            tx, OrderDraft(source_id="o", customer_id="ann", amount_minor=1), now=NOW
        )
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        assert await find_order(other, order.id) is None
        assert await find_order(other, "o") is None
        for draft in (
            OrderDraft(amount_minor=1, customer_id="ann"),
            OrderDraft(lines=(Line(product_id="tea"),)),
        ):
            with pytest.raises(InvalidInput):
                await create_order(other, draft, now=NOW)
        with pytest.raises(NotFound):
            await update_order(other, order.id, OrderDraft(amount_minor=2), now=NOW)
        own = await create_order(other, OrderDraft(source_id="o", amount_minor=9), now=NOW)
        assert own.id != order.id


async def _recount(tx: Tx, customer_id: str) -> CustomerSummary:
    """Work the summary out anew, in Python, from everything that is listed."""
    orders = (await list_orders(tx, limit=1000)).items
    mine = [o for o in orders if o.customer_id == customer_id and o.status in COUNTED_STATUSES]
    latest = max(mine, key=lambda order: (order.placed_at, order.id), default=None)
    return CustomerSummary(
        customer_id=customer_id,
        order_count=len(mine),
        spend_minor=sum(order.total_minor for order in mine),
        first_order_at=min((order.placed_at for order in mine), default=None),
        last_order_at=None if latest is None else latest.placed_at,
        last_order_minor=0 if latest is None else latest.total_minor,
    )


@pytest.mark.parametrize("seed", range(8))
async def test_summaries_equal_a_recount_after_any_operations(tx: Tx, seed: int) -> None:
    dice = random.Random(seed)
    ids = await _catalogue(tx)
    customers = [None, "ann", "bob"]
    done = 0
    refusals: set[str] = set()
    for _ in range(60):
        reference = f"o{dice.randrange(8)}"
        known = await find_order(tx, reference)
        status = dice.choice(list(OrderStatus))
        if known is not None and dice.random() < 0.3:
            draft = OrderDraft(status=status, customer_id=dice.choice(customers))
            operation = update_order(tx, reference, draft, now=NOW)
        elif known is not None and dice.random() < 0.3:
            operation = apply_discounts(
                tx,
                reference,
                discount_minor=dice.randrange(500),
                line_discounts_minor=[0 for _ in known.lines],
                now=NOW,
            )
        else:
            draft = OrderDraft(
                source_id=reference,
                status=status,
                customer_id=dice.choice(customers),
                lines=(Line(source_id="tea", quantity=dice.randrange(1, 4)),),
                placed_at=NOW - timedelta(days=dice.randrange(400)),
            )
            operation = create_order(tx, draft, now=NOW)
        try:
            await operation
            done += 1
        except InvalidInput as refused:
            refusals.add(refused.field)
        for person in ("ann", "bob"):
            expected = await _recount(tx, ids[person])
            assert await get_customer_summary(tx, ids[person]) == expected, f"seed {seed}"
    assert done > 20
    assert refusals <= {"status", "amount", "discount_amount"}
