"""The real shop: each step is a call of a verb, through the rooms' front doors."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from kaquan.campaigns import (
    Activation,
    CampaignChange,
    CampaignDraft,
    Publication,
    VoucherChange,
    VoucherDraft,
    VoucherTemplate,
    add_voucher,
    create_campaign,
    delete_campaign,
    delete_voucher,
    disable_campaign,
    disable_voucher,
    enable_campaign,
    enable_voucher,
    get_voucher,
    issue_vouchers,
    publish_to_customers,
    publish_voucher,
    update_campaign,
    update_voucher,
)
from kaquan.checkout import (
    Attempt,
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    Redeemable,
    RedemptionKind,
    ReturnRefused,
    ReturnRequest,
    RollBackRefused,
    Session,
    TtlUnit,
    Validation,
    expire_sessions,
    list_redemptions,
    preview_return,
    redeem,
    release_lock,
    return_goods,
    roll_back,
    store_order,
    validate,
)
from kaquan.checkout import Refused as RefusedRedemption
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    delete_customer,
    get_order,
    upsert_customer,
)
from kaquan.engine import Applied, Skipped
from kaquan.experiments import assign_arm, record_exposures
from kaquan.ledger import (
    AccountKey,
    AccountKind,
)
from kaquan.runtime import Answer, Tx, answer_once
from ledger.holding import place_hold, release_hold
from simulation import steps as s


class System:
    """Performs steps in a transaction that is given; errors of the verbs are not caught."""

    async def perform(self, tx: Tx, step: s.Step, now: datetime) -> tuple[s.Outcome, bool]:
        """Perform a step, once for its key; says whether the answer is a repetition."""
        key = step.key
        if key is None:
            return await self.act(tx, step, now), False

        async def produce() -> Answer:
            outcome = await self.act(tx, step, now)
            return Answer(200, msgspec.json.encode(outcome), lasting=True)

        answer = await answer_once(
            tx,
            key,
            route=type(step).__name__,
            request=msgspec.json.encode(step),
            produce=produce,
            now=now,
        )
        return msgspec.json.decode(answer.body, type=s.Outcome), answer.replayed

    async def act(self, tx: Tx, step: s.Step, now: datetime) -> s.Outcome:
        """Call the verb of a step."""
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(step).__name__)
        verb: Callable[..., Any] = getattr(self, name.removeprefix("_"))
        outcome: s.Outcome = await verb(tx, step, now)
        return outcome

    async def open_campaign(self, tx: Tx, step: s.OpenCampaign, now: datetime) -> s.Outcome:
        draft = CampaignDraft(
            name=step.name,
            offer=offer_data(step.offer),
            activation=Activation.STATIC if step.is_static else Activation.AUTO_UPDATE,
            voucher_template=VoucherTemplate(quantity=step.quantity),
            budget_minor=step.budget_minor,
            per_customer_cap=step.per_customer_cap,
            holdout_bps=step.holdout_bps,
            open_to_holdout=True,
            join_once=step.join_once,
            starts_at=step.starts_at,
            expires_at=step.expires_at,
        )
        campaign = await create_campaign(tx, draft, now=now)
        made = await self._issue(tx, campaign.id, step.vouchers, now)
        names = {"campaign": campaign.id, "vouchers": made}
        return s.Outcome(kind="opened", figures=len(made), names=names)

    async def change_campaign(self, tx: Tx, step: s.ChangeCampaign, now: datetime) -> s.Outcome:
        changes = dict(step.changes)
        if changes == {"active": True}:
            await enable_campaign(tx, step.campaign, now=now)
        elif changes == {"active": False}:
            await disable_campaign(tx, step.campaign, now=now)
        else:
            await update_campaign(tx, step.campaign, CampaignChange(**changes), now=now)
        return s.Outcome(kind="changed")

    async def delete_campaign(self, tx: Tx, step: s.DeleteCampaign, now: datetime) -> s.Outcome:
        await delete_campaign(tx, step.campaign, now=now)
        return s.Outcome(kind="deleted")

    async def issue_vouchers(self, tx: Tx, step: s.IssueVouchers, now: datetime) -> s.Outcome:
        made = await self._issue(tx, step.campaign, step.count, now)
        return s.Outcome(kind="issued", figures=len(made), names={"vouchers": made})

    async def _issue(self, tx: Tx, campaign: str, count: int, now: datetime) -> list[list[str]]:
        if not count:
            return []
        ids = await issue_vouchers(tx, campaign, count, now=now)
        return [[voucher_id, (await get_voucher(tx, voucher_id)).code] for voucher_id in ids]

    async def add_voucher(self, tx: Tx, step: s.AddVoucher, now: datetime) -> s.Outcome:
        draft = VoucherDraft(
            campaign_id=step.campaign,
            offer=None if step.offer is None else offer_data(step.offer),
            code=step.code,
            quantity=step.quantity,
            starts_at=step.starts_at,
            expires_at=step.expires_at,
        )
        voucher = await add_voucher(tx, draft, now=now)
        return s.Outcome(kind="added", figures=voucher.quantity, names={"voucher": voucher.id})

    async def change_voucher(self, tx: Tx, step: s.ChangeVoucher, now: datetime) -> s.Outcome:
        if step.changes == {"active": True}:
            await enable_voucher(tx, step.code, now=now)
        elif step.changes == {"active": False}:
            await disable_voucher(tx, step.code, now=now)
        else:
            await update_voucher(tx, step.code, VoucherChange(**step.changes), now=now)
        return s.Outcome(kind="changed")

    async def delete_voucher(self, tx: Tx, step: s.DeleteVoucher, now: datetime) -> s.Outcome:
        await delete_voucher(tx, step.code, now=now)
        return s.Outcome(kind="deleted")

    async def publish(self, tx: Tx, step: s.Publish, now: datetime) -> s.Outcome:
        publication = await publish_voucher(
            tx,
            campaign_id=step.campaign,
            voucher_code=step.code,
            customer_id=step.customer,
            source_id=step.source_id,
            join_once=step.join_once,
            channel="simulation",
            now=now,
        )
        return _published([publication])

    async def publish_to_many(self, tx: Tx, step: s.PublishToMany, now: datetime) -> s.Outcome:
        publications = await publish_to_customers(
            tx, step.campaign, step.customers, channel="simulation", now=now
        )
        return _published(publications)

    async def expose(self, tx: Tx, step: s.Expose, now: datetime) -> s.Outcome:
        share = 3000
        drawn = {c: assign_arm(step.campaign, c, holdout_bps=share) for c in step.customers}
        standing = await record_exposures(tx, step.campaign, list(drawn.items()), now=now)
        return s.Outcome(
            kind="exposed",
            figures=[standing[customer].arm.value for customer in step.customers],
            names={"arms": {customer: arm.arm.value for customer, arm in drawn.items()}},
        )

    async def validate(self, tx: Tx, step: s.Validate, now: datetime) -> s.Outcome:
        validation = await validate(tx, _request(step), now=now)
        kind = "valid" if validation.valid else "not valid"
        return s.Outcome(kind=kind, figures=[_verdicts(validation), validation.figures.total_minor])

    async def redeem(self, tx: Tx, step: s.Redeem, now: datetime) -> s.Outcome:
        session = None if step.session is None else Session(key=step.session)
        request = msgspec.structs.replace(_request(step), session=session)
        done = await redeem(tx, request, now=now)
        verdicts = _verdicts(done.validation)
        if isinstance(done, RefusedRedemption):
            customer = done.validation.customer
            figures = [verdicts, len(done.failures)]
            return s.Outcome(kind="refused", figures=figures, names=_customer(customer))
        order = done.order
        assert order is not None
        names = {
            "order": order.id,
            "parent": None if done.parent is None else done.parent.id,
            "redemptions": [redemption.id for redemption in done.redemptions],
            "allocations": [list(redemption.allocation) for redemption in done.redemptions],
            **_customer(done.customer),
        }
        figures = [verdicts, order.total_minor, order.status.value]
        return s.Outcome(kind="redeemed", figures=figures, names=names)

    async def roll_back(self, tx: Tx, step: s.RollBack, now: datetime) -> s.Outcome:
        done = await roll_back(tx, step.redemption, now=now)
        if isinstance(done, RollBackRefused):
            return s.Outcome(kind=done.refusal.value)
        assert done.order is not None
        rows = [*([] if done.parent is None else [done.parent]), *done.rollbacks]
        return s.Outcome(
            kind="rolled back",
            figures=[done.order.total_minor, done.order.status.value],
            names={"rollbacks": [row.id for row in rows]},
        )

    async def place_hold(self, tx: Tx, step: s.PlaceHold, now: datetime) -> s.Outcome:
        await place_hold(
            tx,
            step.hold,
            AccountKey(step.owner, AccountKind(step.kind)),
            amount=step.amount,
            cause_id="simulation",
            now=now,
            ttl=timedelta(seconds=step.ttl_s),
        )
        return s.Outcome(kind="held")

    async def release_hold(self, tx: Tx, step: s.ReleaseHold, now: datetime) -> s.Outcome:
        await release_hold(tx, step.hold)
        return s.Outcome(kind="released")

    async def expire_holds(self, tx: Tx, step: s.ExpireHolds, now: datetime) -> s.Outcome:
        return s.Outcome(kind="expired", figures=await expire_sessions(tx, now=now))

    async def lock_session(self, tx: Tx, step: s.LockSession, now: datetime) -> s.Outcome:
        session = Session(key=step.session, ttl=Decimal(step.ttl_s), ttl_unit=TtlUnit.SECONDS)
        request = msgspec.structs.replace(_request(step), session=session)
        validation = await validate(tx, request, now=now)
        kind = "locked" if validation.valid else "not valid"
        customer = validation.customer
        return s.Outcome(kind=kind, figures=_verdicts(validation), names=_customer(customer))

    async def release_session(self, tx: Tx, step: s.ReleaseSession, now: datetime) -> s.Outcome:
        await release_lock(tx, step.code, step.session, now=now)
        return s.Outcome(kind="released")

    async def return_goods(self, tx: Tx, step: s.ReturnGoods, now: datetime) -> s.Outcome:
        goods = None
        if step.line is not None:
            goods = (GoodsBack(line=step.line, quantity=step.quantity),)
        request, target = ReturnRequest(goods=goods), OfOrder(step.order)
        shown = await preview_return(tx, target, request, now=now)
        done = await return_goods(tx, target, request, now=now)
        if isinstance(done, ReturnRefused):
            assert shown == done
            return s.Outcome(kind=done.refusal.value)
        assert shown == msgspec.structs.replace(done, id="")
        status = (await get_order(tx, step.order)).status.value
        figures = [done.given_back_minor, done.refund_minor, status, done.completes]
        return s.Outcome(kind="returned", figures=figures)

    async def enter_customer(self, tx: Tx, step: s.EnterCustomer, now: datetime) -> s.Outcome:
        draft = CustomerDraft(source_id=step.source_id, name=step.name)
        customer = await upsert_customer(tx, draft, now=now)
        figures = [customer.source_id, customer.name]
        return s.Outcome(kind="entered", figures=figures, names=_customer(customer))

    async def erase_customer(self, tx: Tx, step: s.EraseCustomer, now: datetime) -> s.Outcome:
        await delete_customer(tx, step.customer, now=now)
        return s.Outcome(kind="erased")

    async def enter_order(self, tx: Tx, step: s.EnterOrder, now: datetime) -> s.Outcome:
        draft = OrderDraft(
            source_id=step.source_id,
            customer_id=UNSET if step.customer is None else step.customer,
            lines=_lines(step.lines),
        )
        return await self._store(tx, draft, now)

    async def change_order(self, tx: Tx, step: s.ChangeOrder, now: datetime) -> s.Outcome:
        draft = OrderDraft(
            id=step.order,
            status=UNSET if step.status is None else OrderStatus(step.status),
            lines=UNSET if step.lines is None else _lines(step.lines),
        )
        return await self._store(tx, draft, now)

    async def _store(self, tx: Tx, draft: OrderDraft, now: datetime) -> s.Outcome:
        order = await store_order(tx, draft, now=now)
        assert isinstance(order, Order), "no order of the simulation names coupons"
        undone = await list_redemptions(
            tx, order_id=order.id, kind=RedemptionKind.ROLLBACK, limit=500
        )
        names = {row.id: row.reverses_id for row in undone.items}
        figures = [order.total_minor, order.status.value]
        return s.Outcome(
            kind="stored", figures=figures, names={"order": order.id, "rollbacks": names}
        )


def offer_data(offer: s.Offer) -> dict[str, Any]:
    """The offer as the engine reads it."""
    effects: dict[str, dict[str, Any]] = {
        "amount": {"code": "amount_off", "amount_minor": offer.value},
        "items": {"code": "amount_off", "amount_minor": offer.value, "target": "items"},
        "percent": {"code": "percent_off", "rate_bps": offer.value},
    }
    effect = effects[offer.effect]
    if offer.cap_minor is not None:
        effect["cap_minor"] = offer.cap_minor
    rules: list[dict[str, Any]] = []
    if offer.minimum_minor is not None:
        rules.append({"code": "minimum_spend", "amount_minor": offer.minimum_minor})
    if offer.at_most is not None:
        rules.append({"code": "per_customer_count", "at_most": offer.at_most})
    if offer.first_order:
        rules.append({"code": "first_order"})
    return {"effect": effect, "condition": {"all": rules}}


def _request(step: s.Checkout) -> CheckoutRequest:
    customer = step.customer
    basket = step.basket
    draft = OrderDraft(
        source_id=UNSET if basket.source_id is None else basket.source_id,
        lines=_lines(basket.lines),
    )
    return CheckoutRequest(
        redeemables=tuple(Redeemable(id=code) for code in step.codes),
        order=basket.order or draft,
        customer=customer
        if step.customer_source_id is None
        else CustomerDraft(source_id=step.customer_source_id),
    )


def _lines(lines: list[tuple[int, int]]) -> tuple[OrderLineDraft, ...]:
    return tuple(
        OrderLineDraft(source_id=f"article-{n}", quantity=quantity, unit_price_minor=price)
        for n, (quantity, price) in enumerate(lines)
    )


def _verdicts(validation: Validation) -> list[list[Any]]:
    return [_verdict(attempt) for attempt in validation.attempts]


def _verdict(attempt: Attempt) -> list[Any]:
    code, result = attempt.redeemable.id, attempt.result
    if isinstance(result, Applied):
        assert sum(result.allocation) + result.unallocated_minor == result.total_discount_minor
        return [code, "applied", result.total_discount_minor, []]
    status = "skipped" if isinstance(result, Skipped) else "rejected"
    return [code, status, 0, sorted({reason.code.value for reason in attempt.reasons})]


def _published(publications: list[Publication]) -> s.Outcome:
    return s.Outcome(
        kind="published",
        figures=[[p.code, p.customer_id, p.source_id] for p in publications],
        names={"given": {p.customer_id: [p.voucher_id, p.code] for p in publications}},
    )


def _customer(customer: Customer | None) -> dict[str, str]:
    return {} if customer is None else {"customer": customer.id}
