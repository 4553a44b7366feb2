"""Choosing by chance, from what the reference knows: lively, tight and sometimes hostile.

Limits are small and a few regulars buy often, so that caps, budgets and uses run out all the
time.
"""

import random
from datetime import datetime, timedelta
from typing import TypeVar

from simulation.determinism import EPOCH
from simulation.reference.pricing import may_give_away
from simulation.reference.state import Campaign, Order, Shop, Voucher
from simulation.steps import Basket, Offer, Step

REGULARS = 40
DAY = timedelta(days=1)

T = TypeVar("T")


class Chooser:
    """Chooses parts of steps; ``population`` customers are there from the beginning."""

    def __init__(self, chance: random.Random, shop: Shop, *, population: int) -> None:
        self.chance = chance
        self.shop = shop
        self._population = population
        self._count = 0
        self.keys: list[Step] = []
        self.now = EPOCH

    def new(self, what: str) -> str:
        """A name that was not used before."""
        self._count += 1
        return f"{what}-{self._count}"

    def key(self) -> str | None:
        """An idempotency key, for most."""
        return self.new("simulation-key") if self.chance.random() < 0.85 else None

    def one(self, of: list[T], *, recent: int) -> T | None:
        """One of the latest, usually; else any."""
        if not of:
            return None
        latest = of[-recent:] if self.chance.random() < 0.7 else of
        return self.chance.choice(latest)

    def live_campaigns(self, now: datetime) -> list[Campaign]:
        """Campaigns whose vouchers may be given away."""
        return [one for one in self.shop.campaigns.values() if may_give_away(one, now)]

    def campaign(self) -> Campaign | None:
        """A campaign, mostly a live one."""
        live = self.live_campaigns(self.now) if self.chance.random() < 0.8 else []
        return self.one(live or list(self.shop.campaigns.values()), recent=8)

    def voucher(self) -> Voucher | None:
        """A voucher of a campaign, or any."""
        if self.chance.random() < 0.6:
            campaign = self.campaign()
            code = None if campaign is None else self.one(campaign.codes, recent=6)
            return None if code is None else self.shop.vouchers[code]
        return self.one(list(self.shop.vouchers.values()), recent=60)

    def customer(self) -> str:
        """A regular, or anybody; some were erased."""
        everybody = list(self.shop.customers)
        known = [one for one in everybody[: 2 * REGULARS] if self.shop.is_known(one)]
        return self.chance.choice(
            known[:REGULARS] if known and self.chance.random() < 0.6 else everybody
        )

    def source_id(self) -> str:
        """The shop's own id of a customer, known or not."""
        return f"person-{self.chance.randrange(self._population * 2)}"

    def lines(self) -> list[tuple[int, int]]:
        """What is in a basket; some of it is free."""
        count = self.chance.choice((1, 1, 2, 3))
        prices = (0, 1, 99, 1000, 2550, 12_345)
        return [(self.chance.randint(1, 4), self.chance.choice(prices)) for _ in range(count)]

    def offer(self) -> Offer:
        """An offer."""
        chance = self.chance
        effect = chance.choice(("amount", "amount", "percent", "percent", "items"))
        return Offer(
            effect=effect,
            value=chance.choice((500, 1000, 1250, 3333, 10_000))
            if effect == "percent"
            else chance.choice((1, 150, 1000, 4999)),
            cap_minor=chance.choice((None, 700)) if effect == "percent" else None,
            minimum_minor=chance.choice((None, None, 100, 3000)),
            at_most=chance.choice((None, None, None, None, 1, 3)),
            first_order=chance.random() < 0.05,
        )

    def window(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """When something may be used."""
        chance = self.chance
        starts_at = now + chance.randint(-5, 3) * DAY if chance.random() < 0.3 else None
        expires_at = now + chance.randint(1, 40) * DAY if chance.random() < 0.4 else None
        return starts_at, expires_at

    def several_customers(self) -> list[str]:
        """Some customers who exist."""
        drawn = {self.customer(): None for _ in range(self.chance.randint(1, 6))}
        return [customer for customer in drawn if self.shop.is_known(customer)]

    def codes(self) -> list[str]:
        """One code or a stack; an offer on items goes alone, on an order without discounts."""
        count = self.chance.choice((1, 1, 1, 2, 3))
        drawn = [voucher for _ in range(count) if (voucher := self.voucher()) is not None]
        codes = list(dict.fromkeys(voucher.code for voucher in drawn))
        lone = [voucher.code for voucher in drawn if voucher.offer.effect == "items"]
        if self.chance.random() < 0.02:
            codes.append("NOBODY-KNOWS-THIS")
        return lone[:1] or codes

    def is_lone(self, codes: list[str]) -> bool:
        """Whether this is an offer on items: its order is new, and nobody meets it again."""
        vouchers = self.shop.vouchers
        return any(code in vouchers and vouchers[code].offer.effect == "items" for code in codes)

    def stored_order(self, codes: list[str]) -> Order | None:
        """An order that is there already, sometimes."""
        if self.is_lone(codes) or self.chance.random() < 0.7:
            return None
        return self.one(list(self.shop.orders.values()), recent=30)

    def visit(self, codes: list[str], order: Order | None) -> tuple[Basket, str | None, str | None]:
        """A basket, and the customer by id or by the shop's own id; a guest has neither."""
        chance = self.chance
        if order is not None:
            owner = order.customer if chance.random() < 0.7 else self.customer()
            customer = owner if chance.random() < 0.6 else None
            if order.source_id is not None and chance.random() < 0.3:
                lines = order.lines if chance.random() < 0.7 else self.lines()
                return Basket(source_id=order.source_id, lines=lines), customer, None
            return Basket(order=order.id), customer, None
        is_named = chance.random() < 0.3 and not self.is_lone(codes)
        source_id = self.new("order") if is_named else None
        basket = Basket(source_id=source_id, lines=self.lines())
        who = chance.random()
        if who < 0.15:
            return basket, None, None
        if who < 0.3:
            return basket, None, self.source_id()
        return basket, self.customer(), None

    def any_hold(self) -> str | None:
        """A hold, ended or not."""
        return self.one(list(self.shop.holds), recent=10)

    def session_of(self, code: str) -> str | None:
        """A session that has locked this code, on time or not; or another one, now and then."""
        keys = [key for key, locked in self.shop.locks if locked == code]
        return self.one(keys, recent=5) or self.any_session()

    def any_session(self) -> str | None:
        """A session, ended or not."""
        return f"session-{self.chance.randrange(30)}" if self.chance.random() < 0.3 else None
