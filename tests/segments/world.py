"""A small seeded project with something of everything that a rule may ask about.

Many moments lie exactly on the borders of windows, many values are missing or of another type.
"""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, LiteralString

import msgspec
from msgspec import UNSET

from kaquan.customers import (
    CustomerDraft,
    LocationDraft,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    ProductDraft,
    create_order,
    record_consent,
    upsert_customer,
    upsert_location,
    upsert_product,
)
from kaquan.runtime import Tx
from kaquan.segments import (
    SegmentKind,
    create_segment,
    evaluate_segment,
    record_predictions,
    score_rfm,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("Ann Lee", "王芳", "bob_%", "O'Neil", "é", "Ann", "😀 Lee", "")
CITIES = ("北京", "Paris", "O'Fallon", "São Paulo")
BRANDS = ("Acme", "阳光", "O'Brand", "acme")
EVENTS = ("viewed", "subscribed", "O'Click")
LEVELS = ("gold", "silver", "2026-03-01", "2026-02-20T10:00:00Z", "1990-05-31")
CHANNELS = ("email", "sms")
CAMPAIGNS = ("Spring", "O'Sale")
OFFER = json.dumps({"effect": {"code": "amount_off", "amount_minor": 500}})
BIRTHDAYS = (
    date(1990, 3, 1),
    date(1988, 2, 29),
    date(2000, 2, 28),
    date(2001, 3, 8),
    date(2026, 2, 27),
    date(1975, 12, 31),
)


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What the project holds: customers' ids by the merchant's, and segments."""

    customers: dict[str, str]
    live: str
    static: str


class Maker:
    """Fills a project, drawing everything from one seed."""

    def __init__(self, tx: Tx, seed: int) -> None:
        self.tx = tx
        self.random = Random(seed)
        self.count = 0

    def moment(self, *, furthest: int = 200) -> datetime:
        """A moment, often exactly so many days before now, sometimes after it."""
        days = self.random.choice((0, 1, 6, 7, 8, 29, 30, 31, 60, 89, 90, 91, 180, furthest))
        off = self.random.choice((0, 0, 1, -1, 3_600_000_000, 40_000_000_000, -7_200_000_000))
        return NOW - timedelta(days=days) + timedelta(microseconds=off)

    def metadata(self) -> dict[str, Any]:
        """An object whose keys hold values of many types."""
        chosen = self.random.choice
        options: dict[str, Any] = {
            "level": chosen((*LEVELS, 7, None, True, ["gold", "x"], ["7"])),
            "visits": chosen((0, 1, 2, 2.5, -3, 12, "many", 0.1, 0.30000000000000004, 10**17)),
            "vip": chosen((True, False, "yes", 1)),
            "key'\"; drop": chosen(("a'b", "x", 3)),
        }
        return {key: value for key, value in options.items() if self.random.random() < 0.6}

    def new_id(self, prefix: str) -> str:
        """An id of our form."""
        self.count += 1
        return f"{prefix}_{self.count:06d}"

    async def customer(self, source_id: str, *, at: datetime | None = None) -> str:
        """Enter a customer."""
        chosen = self.random.choice
        draft = CustomerDraft(
            source_id=source_id,
            name=chosen((*NAMES[:-1], None)),
            email=chosen((f"{source_id}@example.com", f"{source_id}@Shop.cn", None)),
            phone=chosen((f"+86138{self.random.randrange(10**8):08d}", None)),
            birth_date=chosen((*BIRTHDAYS[:4], BIRTHDAYS[5], None)),
            address=chosen(({"city": chosen(CITIES), "country": chosen(("CN", "FR"))}, None)),
            metadata=self.metadata(),
        )
        made = min(at or self.moment(), at or NOW)
        return (await upsert_customer(self.tx, draft, now=made)).id

    async def products(self) -> None:
        """Put goods on sale, some without brand."""
        for number in range(12):
            attributes: dict[str, Any] = {
                "brand": self.random.choice(BRANDS),
                "category": self.random.choice(("tea", "coffee", "milk")),
                "grade": self.random.choice((1, 2, 3)),
                "labels": self.random.choice((["bio", "new"], ["bio"], [])),
            }
            kept = {k: v for k, v in attributes.items() if self.random.random() < 0.8}
            draft = ProductDraft(source_id=f"sku{number}", price_minor=100, attributes=kept)
            await upsert_product(self.tx, draft, now=NOW)
        for number in range(3):
            place = LocationDraft(source_id=f"store{number}", name=f"Store {number}")
            await upsert_location(self.tx, place, now=NOW)

    async def order(self, source_id: str, *, at: datetime | None = None) -> None:
        """Record an order of a customer."""
        chosen = self.random.choice
        lines = tuple(
            OrderLineDraft(
                source_id=f"sku{self.random.randrange(14)}",
                quantity=self.random.randrange(1, 5),
                unit_price_minor=chosen((100, 250, 999)),
            )
            for _ in range(self.random.randrange(4))
        )
        draft = OrderDraft(
            source_id=self.new_id("o"),
            customer_id=source_id,
            location_id=chosen(("store0", "store1", None)),
            status=chosen((OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.CREATED)),
            lines=lines,
            placed_at=at or self.moment(),
            metadata=self.metadata(),
            amount_minor=UNSET if lines else chosen((0, 100, 5000)),
        )
        await create_order(self.tx, draft, now=NOW)

    async def event(self, customer_id: str, *, at: datetime | None = None) -> None:
        """Record an event."""
        await self.insert(
            "insert into event (id, customer_id, name, metadata, at, created_at)"
            " values (%s, %s, %s, %s::jsonb, %s, %s)",
            self.new_id("ev"),
            customer_id,
            self.random.choice(EVENTS),
            json.dumps(self.metadata()),
            at or self.moment(),
            NOW,
        )

    async def campaigns(self) -> None:
        """Enter campaigns with a voucher each."""
        for name in CAMPAIGNS:
            await self.insert(
                "insert into campaign (id, name, kind, offer, created_at)"
                " values (%s, %s, 'DISCOUNT_COUPONS', %s::jsonb, %s)",
                f"camp_{name}",
                name,
                OFFER,
                NOW,
            )
            await self.insert(
                "insert into voucher (id, code, campaign_id, created_at) values (%s, %s, %s, %s)",
                f"v_{name}",
                f"CODE-{name}",
                f"camp_{name}",
                NOW,
            )

    async def redemption(self, customer_id: str, *, at: datetime | None = None) -> None:
        """Record a redemption, sometimes a failed one, or one that is rolled back."""
        name, redemption = self.random.choice(CAMPAIGNS), self.new_id("r")
        failed = self.random.random() < 0.2
        moment = at or self.moment()
        query: LiteralString = (
            "insert into redemption (id, kind, result, reverses_id, voucher_id, campaign_id,"
            " customer_id, channel, discount_minor, order_amount_minor, failure_code, metadata,"
            " created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s)"
        )
        rest = (f"v_{name}", f"camp_{name}", customer_id, self.random.choice(CHANNELS))
        figures = (self.random.choice((0, 100, 500)), self.random.choice((None, 1000)))
        await self.insert(
            query,
            redemption,
            "redemption",
            "FAILURE" if failed else "SUCCESS",
            None,
            *rest,
            *figures,
            "expired" if failed else None,
            json.dumps(self.metadata()),
            moment,
        )
        if not failed and self.random.random() < 0.3:
            values = (self.new_id("rr"), "rollback", "SUCCESS", redemption, *rest, *figures)
            await self.insert(query, *values, None, "{}", moment)

    async def publication(self, customer_id: str, *, at: datetime | None = None) -> None:
        """Record that a voucher was given."""
        name = self.random.choice(CAMPAIGNS)
        await self.insert(
            "insert into publication (id, campaign_id, voucher_id, customer_id, channel, metadata,"
            " created_at) values (%s, %s, %s, %s, %s, %s::jsonb, %s)",
            self.new_id("pub"),
            f"camp_{name}",
            f"v_{name}",
            customer_id,
            self.random.choice(CHANNELS),
            json.dumps(self.metadata()),
            at or self.moment(),
        )

    async def message(self, customer_id: str, *, at: datetime | None = None) -> None:
        """Record a message, sometimes one that failed."""
        await self.insert(
            "insert into message (id, campaign_id, customer_id, channel, address, subject, html,"
            " plain, status, created_at) values (%s, %s, %s, %s, '', '', '', '', %s, %s)",
            self.new_id("m"),
            f"camp_{self.random.choice(CAMPAIGNS)}",
            customer_id,
            self.random.choice(CHANNELS),
            self.random.choice(("kept", "sent", "sent", "failed")),
            at or self.moment(),
        )

    async def consent(self, customer_id: str, *, at: datetime | None = None) -> None:
        """Record a decision."""
        await record_consent(
            self.tx,
            customer_id,
            channel=self.random.choice(CHANNELS),
            purpose=self.random.choice(("marketing", "service")),
            granted=self.random.random() < 0.7,
            source="test",
            now=at or self.moment(),
        )

    async def insert(self, query: LiteralString, *values: object) -> None:
        """Run an insert."""
        await self.tx.execute(query, values)


async def make_world(tx: Tx, *, seed: int = 1, people: int = 60) -> World:
    """Fill the project of ``tx``."""
    maker = Maker(tx, seed)
    await maker.products()
    await maker.campaigns()
    ids = {f"c{n}": await maker.customer(f"c{n}") for n in range(people)}
    deeds = (maker.event, maker.redemption, maker.publication, maker.message, maker.consent)
    for source_id, customer_id in ids.items():
        for _ in range(maker.random.choice((0, 0, 1, 2, 3, 8))):
            await maker.order(source_id)
        for record in deeds:
            for _ in range(maker.random.choice((0, 0, 1, 2, 4))):
                await record(customer_id)
    await maker.insert("insert into customer (id, created_at) values ('cust_unnamed', %s)", NOW)
    await score_rfm(tx, as_of=NOW)
    scores = {customer_id: maker.random.choice((0, 0.25, 0.5, 0.9)) for customer_id in ids.values()}
    await record_predictions(tx, "churn", scores, as_of=NOW)
    rule = {"attribute": "order_count", "operator": "at_least", "value": 2}
    live = await create_segment(tx, "Buyers", rule, now=NOW)
    await evaluate_segment(tx, live.id, now=NOW)
    vip = {"attribute": "metadata.vip", "operator": "is", "value": True}
    static = await create_segment(tx, "VIP", vip, kind=SegmentKind.STATIC, now=NOW)
    return World(customers=ids, live=live.id, static=static.id)
