"""Drawing the next step; some are meant to be refused, some are sent a second time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulation.choose import DAY, Chooser
from simulation.steps import (
    AddVoucher,
    Basket,
    ChangeCampaign,
    ChangeOrder,
    ChangeVoucher,
    DeleteCampaign,
    DeleteVoucher,
    EnterCustomer,
    EnterOrder,
    EraseCustomer,
    ExpireHolds,
    Expose,
    IssueVouchers,
    LockSession,
    OpenCampaign,
    PlaceHold,
    Publish,
    PublishToMany,
    Redeem,
    ReleaseHold,
    ReleaseSession,
    ReturnGoods,
    RollBack,
    Step,
    Validate,
)

LIVE_CAMPAIGNS = 30
STATUSES = ("PAID", "FULFILLED", "CANCELED", "PARTIALLY_RETURNED", "RETURNED", "CREATED")


class Draw(Chooser):
    """Draws steps, each by a method of its own that may have nothing to propose."""

    def next_step(self, now: datetime) -> Step:
        """Return the next step; whoever cannot act now lets another have the turn."""
        self.now = now
        while True:
            (draw,) = self.chance.choices(_DRAWS, weights=_WEIGHTS)
            step = draw(self, now)
            if step is not None:
                if step.key is not None:
                    self.keys.append(step)
                return step

    def open_campaign(self, now: datetime) -> Step | None:
        if len(self.live_campaigns(now)) >= LIVE_CAMPAIGNS:
            return None
        chance = self.chance
        starts_at, expires_at = self.window(now)
        if starts_at is not None and expires_at is not None and starts_at >= expires_at:
            expires_at = None
        return OpenCampaign(
            name=self.new("campaign"),
            offer=self.offer(),
            vouchers=chance.choice((0, 3, 8)),
            quantity=chance.choice((1, 2, 5, 20, None)),
            budget_minor=chance.choice((None, 0, 3000, 20_000)),
            per_customer_cap=chance.choice((None, None, 1, 2, 4)),
            holdout_bps=chance.choice((0, 1000)),
            join_once=chance.random() < 0.6,
            is_static=chance.random() < 0.4,
            starts_at=starts_at,
            expires_at=expires_at,
        )

    def change_campaign(self, now: datetime) -> Step | None:
        campaign = self.campaign()
        if campaign is None:
            return None
        chance = self.chance
        changes: dict[str, Any] = chance.choice(
            (
                {"budget_minor": chance.choice((None, 0, 1000, 8000, 60_000))},
                {"budget_minor": max(0, campaign.spent + chance.choice((-1, 0, 1, 2000)))},
                {"per_customer_cap": chance.choice((None, 1, 2, 5))},
                {"active": not campaign.active or chance.random() < 0.3},
                {"join_once": not campaign.join_once},
                {"holdout_bps": 2000},
                {"expires_at": now + chance.randint(-1, 30) * DAY},
                {"expires_at": None, "per_customer_cap": 3},
            )
        )
        return ChangeCampaign(campaign=campaign.id, changes=changes)

    def delete_campaign(self, now: datetime) -> Step | None:
        campaign = self.campaign()
        return None if campaign is None else DeleteCampaign(campaign=campaign.id)

    def issue_vouchers(self, now: datetime) -> Step | None:
        campaign = self.campaign()
        if campaign is None:
            return None
        return IssueVouchers(campaign=campaign.id, count=self.chance.randint(1, 5))

    def add_voucher(self, now: datetime) -> Step | None:
        chance = self.chance
        campaign = self.campaign() if chance.random() < 0.6 else None
        starts_at, expires_at = self.window(now)
        taken = self.voucher() if chance.random() < 0.05 else None
        return AddVoucher(
            code=self.new("CODE") if taken is None else taken.code,
            campaign=None if campaign is None else campaign.id,
            offer=self.offer() if campaign is None or chance.random() < 0.2 else None,
            quantity=chance.choice((0, 1, 2, 6, 30, None)),
            starts_at=starts_at,
            expires_at=expires_at,
        )

    def change_voucher(self, now: datetime) -> Step | None:
        voucher = self.voucher()
        if voucher is None:
            return None
        quantity = self.chance.choice((None, 0, 1, voucher.used, voucher.used + 2))
        if self.chance.random() < 0.6:
            return ChangeVoucher(code=voucher.code, changes={"quantity": quantity})
        active = not voucher.active or self.chance.random() < 0.3
        return ChangeVoucher(code=voucher.code, changes={"active": active})

    def delete_voucher(self, now: datetime) -> Step | None:
        voucher = self.voucher()
        return None if voucher is None else DeleteVoucher(code=voucher.code)

    def publish(self, now: datetime) -> Step | None:
        chance = self.chance
        by_code = chance.random() < 0.35
        voucher = self.voucher() if by_code else None
        campaign = None if by_code else self.campaign()
        if voucher is None and campaign is None:
            return None
        return Publish(
            key=self.key(),
            campaign=None if campaign is None else campaign.id,
            code=None if voucher is None else voucher.code,
            customer=self.customer(),
            source_id=f"source-{chance.randrange(60)}" if chance.random() < 0.4 else None,
            join_once=chance.choice((None, None, True, False)) if campaign else None,
        )

    def publish_to_many(self, now: datetime) -> Step | None:
        campaign, customers = self.campaign(), self.several_customers()
        if campaign is None or not customers:
            return None
        return PublishToMany(campaign=campaign.id, customers=customers)

    def expose(self, now: datetime) -> Step | None:
        campaign, customers = self.campaign(), self.several_customers()
        if campaign is None or not customers:
            return None
        return Expose(campaign=campaign.id, customers=customers)

    def validate(self, now: datetime) -> Step | None:
        codes = self.codes()
        order = self.stored_order(codes)
        if not codes or (order is not None and order.status in ("CANCELED", "RETURNED")):
            return None
        basket, customer, source_id = self.visit(codes, order)
        return Validate(codes=codes, basket=basket, customer=customer, customer_source_id=source_id)

    def lock_session(self, now: datetime) -> Step | None:
        codes = self.codes()
        if not codes:
            return None
        basket, customer, source_id = self.visit(codes, self.stored_order(codes))
        return LockSession(
            codes=codes,
            basket=basket,
            customer=customer,
            customer_source_id=source_id,
            session=f"session-{self.chance.randrange(30)}",
            ttl_s=self.chance.choice((60, 900, 86_400)),
        )

    def release_session(self, now: datetime) -> Step | None:
        known = self.one(list(self.shop.locks), recent=20)
        if known is None:
            return None
        session, code = known
        return ReleaseSession(session=self.any_session() or session, code=code)

    def return_goods(self, now: datetime) -> Step | None:
        sold = [one for one in self.shop.orders.values() if one.status not in ("CREATED",)]
        order = self.one(sold, recent=40)
        if order is None:
            return None
        if self.chance.random() < 0.2:
            return ReturnGoods(key=self.key(), order=order.id)
        line = self.chance.randrange(len(order.lines))
        quantity = self.chance.randint(1, order.lines[line][0])
        return ReturnGoods(key=self.key(), order=order.id, line=line, quantity=quantity)

    def redeem(self, now: datetime) -> Step | None:
        codes = self.codes()
        if not codes:
            return None
        basket, customer, source_id = self.visit(codes, self.stored_order(codes))
        return Redeem(
            key=self.key(),
            codes=codes,
            basket=basket,
            customer=customer,
            customer_source_id=source_id,
            session=self.session_of(codes[0]) if self.chance.random() < 0.6 else None,
        )

    def roll_back(self, now: datetime) -> Step | None:
        if self.chance.random() < 0.05:
            undone = self.one(list(self.shop.rollbacks), recent=10)
        else:
            made = self.shop.redemptions
            standing = [one for one in made if not made[one].rolled_back]
            again = self.chance.random() < 0.2
            undone = self.one(list(made) if again else standing, recent=40)
        return None if undone is None else RollBack(key=self.key(), redemption=undone)

    def place_hold(self, now: datetime) -> Step | None:
        chance = self.chance
        hold = self.new("hold") if chance.random() < 0.9 else self.any_hold()
        voucher, campaign = self.voucher(), self.campaign()
        if hold is None:
            return None
        ttl_s = chance.choice((60, 900, 86_400))
        if campaign is not None and campaign.budget_minor is not None and chance.random() < 0.4:
            amount = chance.choice((1, 500, 5000))
            return PlaceHold(
                hold=hold, owner=campaign.id, kind="budget", amount=amount, ttl_s=ttl_s
            )
        if voucher is None or voucher.quantity is None:
            return None
        amount = chance.choice((1, 1, 2))
        return PlaceHold(hold=hold, owner=voucher.id, kind="uses", amount=amount, ttl_s=ttl_s)

    def release_hold(self, now: datetime) -> Step | None:
        hold = self.any_hold()
        return None if hold is None else ReleaseHold(hold=hold)

    def expire_holds(self, now: datetime) -> Step | None:
        return ExpireHolds()

    def enter_customer(self, now: datetime) -> Step | None:
        return EnterCustomer(source_id=self.source_id(), name=self.new("Name"))

    def erase_customer(self, now: datetime) -> Step | None:
        return EraseCustomer(customer=self.customer())

    def enter_order(self, now: datetime) -> Step | None:
        known = self.one(list(self.shop.order_by_source), recent=10)
        is_new = known is None or self.chance.random() < 0.7
        customer = self.customer() if self.chance.random() < 0.8 else None
        source_id = self.new("order") if is_new or known is None else known
        return EnterOrder(source_id=source_id, customer=customer, lines=self.lines())

    def change_order(self, now: datetime) -> Step | None:
        order = self.one(list(self.shop.orders.values()), recent=40)
        if order is None:
            return None
        if self.chance.random() < 0.7:
            return ChangeOrder(order=order.id, status=self.chance.choice(STATUSES))
        return ChangeOrder(order=order.id, lines=self.lines())

    def send_again(self, now: datetime) -> Step | None:
        """A request of before, as it was: recent or from long ago."""
        return self.one(self.keys, recent=20)

    def reuse_key(self, now: datetime) -> Step | None:
        """The key of an earlier redemption with another body."""
        before = self.one(self.keys, recent=20)
        if not isinstance(before, Redeem):
            return None
        return Redeem(key=before.key, codes=["OTHER"], basket=Basket(lines=[(1, 1000)]))


_Drawer = Callable[[Draw, datetime], Step | None]
_CHANCES: dict[_Drawer, float] = {
    Draw.redeem: 32,
    Draw.validate: 8,
    Draw.publish: 14,
    Draw.roll_back: 8,
    Draw.place_hold: 3,
    Draw.lock_session: 7,
    Draw.release_session: 2,
    Draw.return_goods: 8,
    Draw.change_campaign: 5,
    Draw.change_voucher: 5,
    Draw.add_voucher: 5,
    Draw.send_again: 4,
    Draw.change_order: 4,
    Draw.release_hold: 3,
    Draw.expire_holds: 2,
    Draw.enter_customer: 3,
    Draw.enter_order: 3,
    Draw.publish_to_many: 2,
    Draw.issue_vouchers: 2,
    Draw.open_campaign: 2,
    Draw.expose: 1,
    Draw.delete_voucher: 1,
    Draw.delete_campaign: 0.7,
    Draw.erase_customer: 0.7,
    Draw.reuse_key: 0.5,
}
_DRAWS, _WEIGHTS = list(_CHANCES), list(_CHANCES.values())
