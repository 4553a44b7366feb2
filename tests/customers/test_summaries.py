"""A customer's sums equal a recount after any sequence of what can happen to orders."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kaquan.checkout import GoodsBack, OfOrder, ReturnRequest, list_returns, return_goods
from kaquan.customers import (
    COUNTED_STATUSES,
    NEXT_STATUSES,
    CustomerDraft,
    Mapping,
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    PathImport,
    Subject,
    create_order,
    find_customer,
    find_order,
    get_customer_summary,
    import_path,
    list_orders,
    merge_customers,
    update_order,
    upsert_customer,
)
from kaquan.runtime import Database, Project, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PEOPLE = ("a", "b", "c")
ORDERS = tuple(f"o{n}" for n in range(6))
MAPPING = Mapping(
    fields={
        "source_id": "id",
        "placed_at": "at",
        "customer": "who",
        "status": "status",
        "line.unit_price_minor": "price",
        "line.quantity": "count",
    },
    amounts="minor",
)
person = st.sampled_from(PEOPLE)
order = st.sampled_from(ORDERS)
price = st.integers(0, 5_000)
days = st.integers(0, 900)
status = st.sampled_from(list(OrderStatus))
step = st.one_of(
    st.tuples(st.just("upsert"), order, person, price, days, status),
    st.tuples(st.just("edit"), order, price),
    st.tuples(st.just("give"), order, person),
    st.tuples(st.just("move"), order, status),
    st.tuples(st.just("late"), order, days),
    st.tuples(st.just("return"), order, st.integers(1, 2)),
    st.tuples(st.just("merge"), person, person),
    st.tuples(
        st.just("import"),
        st.lists(st.tuples(order, person, price, days, status), min_size=1, max_size=4),
    ),
)


def at(days_ago: int) -> datetime:
    return NOW - timedelta(days=days_ago)


def lines(price_minor: int) -> tuple[OrderLineDraft, ...]:
    return (OrderLineDraft(source_id="p", quantity=2, unit_price_minor=price_minor),)


async def check_sums(tx: Tx) -> None:
    """Compare every person's summary with a recount of the orders that are theirs now."""
    found = (await list_orders(tx, limit=1000)).items
    for name in PEOPLE:
        who = await find_customer(tx, name)
        assert who is not None
        counted = [
            one for one in found if one.customer_id == who.id and one.status in COUNTED_STATUSES
        ]
        summary = await get_customer_summary(tx, who.id)
        assert summary.order_count == len(counted)
        assert summary.spend_minor == sum(
            [one.total_minor - await refunded(tx, one) for one in counted]
        )
        moments = [one.placed_at for one in counted]
        assert summary.first_order_at == min(moments, default=None)
        assert summary.last_order_at == max(moments, default=None)


async def refunded(tx: Tx, of: Order) -> int:
    """What came back of an order that is partly returned."""
    if of.status is not OrderStatus.PARTIALLY_RETURNED:
        return 0
    returns = (await list_returns(tx, order=of.id, limit=100)).items
    return sum(one.refund_minor or 0 for one in returns)


async def play(
    database: Database, project: Project, given_step: tuple[Any, ...], folder: Any
) -> None:
    """Do one thing; what the rules of orders refuse is passed over."""
    if given_step[0] == "import":
        rows = [
            f"{number},{at(ago).isoformat()},{who},{state},{minor},2"
            for number, who, minor, ago, state in given_step[1]
        ]
        path = folder / "orders.csv"
        path.write_text("\n".join(["id,at,who,status,price,count", *rows]))
        asked = PathImport(subject=Subject.ORDERS, path=path, mapping=MAPPING)
        await import_path(database, project.project_id, asked, clock=lambda: NOW)
        return
    async with database.transaction(project.project_id) as tx:
        await change(tx, given_step)


async def change(tx: Tx, given_step: tuple[Any, ...]) -> None:
    """Do one thing to an order or a person."""
    match given_step:
        case ("upsert", number, who, minor, ago, state):
            known = await find_order(tx, number)
            if known is not None and state is not known.status:
                state = known.status if state not in NEXT_STATUSES[known.status] else state
            draft = OrderDraft(
                source_id=number,
                customer_id=who,
                status=state,
                placed_at=at(ago),
                lines=lines(minor),
            )
            await create_order(tx, draft, now=NOW)
        case ("edit", number, minor) if await find_order(tx, number):
            await update_order(tx, number, OrderDraft(lines=lines(minor)), now=NOW)
        case ("give", number, who) if await find_order(tx, number):
            await update_order(tx, number, OrderDraft(customer_id=who), now=NOW)
        case ("late", number, ago) if await find_order(tx, number):
            await update_order(tx, number, OrderDraft(placed_at=at(ago)), now=NOW)
        case ("move", number, state):
            known = await find_order(tx, number)
            if known is not None and state in NEXT_STATUSES[known.status]:
                await update_order(tx, number, OrderDraft(status=state), now=NOW)
        case ("return", number, quantity) if await find_order(tx, number):
            goods = (GoodsBack(line=0, quantity=quantity),)
            await return_goods(tx, OfOrder(number), ReturnRequest(goods=goods), now=NOW)
        case ("merge", first, second):
            one, other = await find_customer(tx, first), await find_customer(tx, second)
            assert one is not None
            assert other is not None
            if one.id != other.id:
                await merge_customers(tx, one.id, other.id, by="t", reason="test", now=NOW)
        case _:
            pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where files of orders are written."""
    return tmp_path_factory.mktemp("summaries")


@given(steps=st.lists(step, min_size=3, max_size=12))
@example(
    steps=[
        ("upsert", "o0", "a", 900, 3, OrderStatus.PAID),
        ("return", "o0", 1),
        ("merge", "a", "b"),
        ("return", "o0", 1),
    ]
)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_sums_are_right_after_any_sequence(
    database: Database, folder: Any, steps: list[tuple[Any, ...]]
) -> None:
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Sums", currency="CNY", time_zone="Asia/Shanghai", language="en", now=NOW
        )
    async with database.transaction(project.project_id) as tx:
        for name in PEOPLE:
            await upsert_customer(tx, CustomerDraft(source_id=name), now=NOW)
    for one in steps:
        await play(database, project, one, folder)
        async with database.transaction(project.project_id) as tx:
            await check_sums(tx)
