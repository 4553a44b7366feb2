"""Live membership: at every moment of a moving clock, what a full evaluation would give."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    ProductDraft,
    create_order,
    delete_customer,
    record_consent,
    update_customer,
    update_order,
    upsert_customer,
    upsert_product,
)
from kaquan.runtime import Tx
from kaquan.segments import (
    SegmentKind,
    create_segment,
    delete_segment,
    evaluate_segment,
    get_segment,
    keep_members,
    list_audience,
    list_member_ids,
    list_segment_changes,
    list_segments,
    record_predictions,
    replace_listed_members,
    score_rfm,
    update_segment,
)
from segments.corpus import Author
from segments.world import NOW, Maker, make_world

DAY = timedelta(days=1)
LAPSING: dict[str, Any] = {
    "attribute": "last_order_at",
    "operator": "not_within_days",
    "value": 30,
}
TURNED_BY_TIME: list[dict[str, Any]] = [
    LAPSING,
    {"attribute": "days_since_last_order", "operator": "in", "value": [0, 1, 30]},
    {"attribute": "lifecycle", "operator": "in", "value": ["new", "at_risk"]},
    {"attribute": "created_at", "operator": "within_days", "value": 7},
    {"attribute": "age", "operator": "at_least", "value": 26},
    {"attribute": "metadata.level", "operator": "within_days", "value": 30},
    {"attribute": "metadata.level", "operator": "within_next_days", "value": 30},
    {"birthday": {"from": 0, "to": 7}},
    {"anniversary": {"of": "first_order_at", "from": -3, "to": 3}},
    {"done": "order", "within": {"last_days": 30}, "times": {"at_least": 2}},
    {"not_done": "event", "name": "viewed", "within": {"last_hours": 24}},
    {"done": "event", "name": "viewed", "within": {"this": "month"}},
    {"aggregate": "days_since", "over": "redemption", "operator": "at_most", "value": 7},
    {"aggregate": "first", "over": "order_line", "operator": "within_days", "value": 90},
    {
        "done": "publication",
        "where": [{"property": "metadata.level", "operator": "not_within_days", "value": 10}],
    },
    {"reachable": {"channel": "email", "room": {"most": 2, "days": 7}}},
]


async def bring_up(tx: Tx, now: datetime) -> None:
    while (await keep_members(tx, now=now, limit=50)).more:
        pass


async def ids_of(tx: Tx, source_ids: list[str]) -> set[str]:
    cursor = await tx.execute(
        "select id from customer where coalesce(source_id, id) = any(%s)", (source_ids,)
    )
    return {row[0] for row in await cursor.fetchall()}


class Shop:
    """Random changes to a world, each through the verb or table that makes it in real life."""

    def __init__(self, maker: Maker, customers: dict[str, str], static: str) -> None:
        self.maker, self.tx, self.static = maker, maker.tx, static
        self.random: Random = maker.random
        self.customers = dict(customers)
        self.now = NOW

    async def step(self) -> None:
        """Let time pass and something happen."""
        self.now += self.random.choice(
            (timedelta(0), timedelta(seconds=1), timedelta(hours=9), DAY, 7 * DAY, 31 * DAY)
        )
        actions: tuple[Callable[[str], Awaitable[object]], ...] = (
            self.order,
            self.order,
            self.pay,
            self.event,
            self.deed,
            self.profile,
            self.rarely,
        )
        for _ in range(self.random.randrange(4)):
            who = self.random.choice(list(self.customers))
            await self.random.choice(actions)(who)

    def moment(self) -> datetime:
        """Now, or late, or ahead of time."""
        return self.now + self.random.choice((0 * DAY, 0 * DAY, -3 * DAY, -30 * DAY, 2 * DAY))

    async def order(self, who: str) -> None:
        await self.maker.order(who, at=self.moment())

    async def pay(self, who: str) -> None:
        cursor = await self.tx.execute(
            "select id, status from orders where status in ('CREATED', 'PAID') order by id limit 5"
        )
        for order_id, status in await cursor.fetchall():
            after = OrderStatus.PAID if status == "CREATED" else OrderStatus.CANCELED
            await update_order(self.tx, order_id, OrderDraft(status=after), now=self.now)

    async def event(self, who: str) -> None:
        await self.maker.event(self.customers[who], at=self.moment())

    async def deed(self, who: str) -> None:
        customer, at = self.customers[who], self.moment()
        await self.maker.redemption(customer, at=at)
        await self.maker.publication(customer, at=at)
        await self.maker.message(customer, at=at)
        channel = self.random.choice(("email", "sms"))
        granted = self.random.random() < 0.5
        purpose = self.random.choice(("marketing", "service"))
        await record_consent(
            self.tx,
            customer,
            channel=channel,
            purpose=purpose,
            granted=granted,
            source="t",
            now=self.now,
        )

    async def profile(self, who: str) -> None:
        metadata = {"level": self.now.date().isoformat()} | self.maker.metadata()
        draft = CustomerDraft(
            name=self.random.choice(("Ann Lee", None)),
            address={"city": "Paris"},
            metadata=metadata,
        )
        await update_customer(self.tx, who, draft, now=self.now)

    async def rarely(self, who: str) -> None:
        match self.random.randrange(6):
            case 0:
                fresh = f"n{len(self.customers)}"
                self.customers[fresh] = await self.maker.customer(fresh, at=self.now)
            case 1:
                await delete_customer(self.tx, who, now=self.now)
                del self.customers[who]
            case 2:
                await score_rfm(self.tx, as_of=self.now)
            case 3:
                scores = {self.customers[who]: self.random.random()}
                await record_predictions(self.tx, "churn", scores, as_of=self.now)
            case 4:
                some = self.random.sample(list(self.customers), 10)
                await replace_listed_members(self.tx, self.static, some, now=self.now)
            case _:
                draft = ProductDraft(source_id="sku1", attributes={"brand": "阳光", "grade": 1})
                await upsert_product(self.tx, draft, now=self.now)


@pytest.mark.slow
async def test_members_are_right_at_every_moment_of_a_moving_clock(tx: Tx) -> None:
    world = await make_world(tx, people=30)
    shop = Shop(Maker(tx, 7), world.customers, world.static)
    shop.maker.count = 10_000
    author = Author(11, (world.live, world.static), tuple(world.customers))
    rules = TURNED_BY_TIME + [author.definition() for _ in range(14)]
    for number, rule in enumerate(rules):
        await create_segment(tx, f"S{number}", rule, now=NOW)
    await bring_up(tx, NOW)
    live = [s for s in await list_segments(tx) if s.kind is SegmentKind.AUTO_UPDATE]
    seen = {s.id: set(await list_member_ids(tx, s.id)) for s in live}
    last, moves = 0, 0
    for _ in range(30):
        await shop.step()
        await bring_up(tx, shop.now)
        changes = await list_segment_changes(tx, after=last, limit=100_000)
        for change in changes:
            (seen[change.segment_id].add if change.entered else seen[change.segment_id].remove)(
                change.customer_id
            )
        last, moves = (changes[-1].id if changes else last), moves + len(changes)
        for segment in live:
            expected = await ids_of(tx, await list_audience(tx, segment.definition, now=shop.now))
            assert seen[segment.id] == expected, f"{shop.now}: {segment.definition}"
            assert set(await list_member_ids(tx, segment.id)) == expected
        counted = {s.id: s.member_count for s in await list_segments(tx)}
        assert all(counted[segment.id] == len(seen[segment.id]) for segment in live)
    assert moves > 100


async def shopper(tx: Tx, days_ago: int, *, who: str = "ann") -> str:
    customer = await upsert_customer(tx, CustomerDraft(source_id=who), now=NOW)
    await buy(tx, who, NOW - days_ago * DAY)
    return customer.id


async def buy(tx: Tx, who: str, at: datetime) -> None:
    draft = OrderDraft(customer_id=who, amount_minor=1, status=OrderStatus.PAID, placed_at=at)
    await create_order(tx, draft, now=NOW)


async def test_time_alone_moves_a_customer_once(tx: Tx) -> None:
    ann = await shopper(tx, 29)
    segment = await create_segment(tx, "Lapsing", LAPSING, now=NOW)
    assert (await keep_members(tx, now=NOW)).settled == 1
    assert await list_segment_changes(tx) == []
    border = NOW + DAY
    quiet = await keep_members(tx, now=border - timedelta(microseconds=1))
    assert (quiet.customers, quiet.entered) == (0, 0)
    assert (await keep_members(tx, now=border)).entered == 1
    assert (await keep_members(tx, now=border + 100 * DAY)).customers == 0
    await buy(tx, "ann", border + 100 * DAY)
    assert (await keep_members(tx, now=border + 100 * DAY)).left == 1
    moves = [(c.customer_id, c.entered, c.at) for c in await list_segment_changes(tx)]
    assert moves == [(ann, True, border), (ann, False, border + 100 * DAY)]
    assert await list_member_ids(tx, segment.id) == []


async def test_only_segments_that_a_change_can_touch_are_looked_at(tx: Tx) -> None:
    await shopper(tx, 1)
    name = {"attribute": "name", "operator": "has_value"}
    await create_segment(tx, "Named", name, now=NOW)
    await keep_members(tx, now=NOW)
    await buy(tx, "ann", NOW)
    cursor = await tx.execute("select count(*) from customer_change")
    assert await cursor.fetchone() == (0,)
    await update_customer(tx, "ann", CustomerDraft(phone="+8613800000000"), now=NOW)
    assert (await keep_members(tx, now=NOW)).customers == 0
    await update_customer(tx, "ann", CustomerDraft(name="Ann"), now=NOW)
    kept = await keep_members(tx, now=NOW)
    assert (kept.customers, kept.entered) == (1, 1)


async def test_a_new_definition_is_settled_and_its_difference_told(tx: Tx) -> None:
    ann = await shopper(tx, 1)
    bob = (await upsert_customer(tx, CustomerDraft(source_id="bob"), now=NOW)).id
    everybody: dict[str, Any] = {"all": []}
    segment = await create_segment(tx, "S", everybody, now=NOW)
    inner = {"attribute": "segment", "operator": "is_not", "value": "S"}
    outer = await create_segment(tx, "Not S", inner, now=NOW)
    await keep_members(tx, now=NOW)
    assert await list_member_ids(tx, outer.id) == []
    buyers = {"attribute": "order_count", "operator": "at_least", "value": 1}
    await update_segment(tx, segment.id, definition=buyers, now=NOW)
    assert (await keep_members(tx, now=NOW)).settled == 2
    assert await list_member_ids(tx, segment.id) == [ann]
    assert await list_member_ids(tx, outer.id) == [bob]
    told = {(c.segment_id, c.customer_id, c.entered) for c in await list_segment_changes(tx)}
    assert told == {(segment.id, bob, False), (outer.id, bob, True)}
    assert [c.entered for c in await list_segment_changes(tx, segment_id=outer.id)] == [True]


async def test_whoever_is_erased_leaves_at_once(tx: Tx) -> None:
    await shopper(tx, 1)
    segment = await create_segment(tx, "S", {"all": []}, now=NOW)
    await evaluate_segment(tx, segment.id, now=NOW)
    await delete_customer(tx, "ann", now=NOW)
    assert [c.entered for c in await list_segment_changes(tx)] == [False]
    assert (await get_segment(tx, segment.id)).member_count == 0
    assert (await keep_members(tx, now=NOW)).left == 0
    await delete_segment(tx, segment.id)
    assert await list_segment_changes(tx) == []


async def test_passive_and_static_segments_are_not_kept(tx: Tx) -> None:
    await shopper(tx, 1)
    for kind in (SegmentKind.PASSIVE, SegmentKind.STATIC):
        await create_segment(tx, kind, {"all": []}, kind=kind, now=NOW)
    assert (await keep_members(tx, now=NOW)).settled == 0
    await shopper(tx, 1, who="bob")
    assert (await keep_members(tx, now=NOW)).customers == 0
    assert await list_segment_changes(tx) == []
