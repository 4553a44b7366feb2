"""A programme with members and orders in a line each."""

from datetime import UTC, datetime
from typing import Any

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    Voucher,
    VoucherTemplate,
    create_campaign,
    get_voucher,
    publish_voucher,
)
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    create_order,
    upsert_customer,
)
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.loyalty import (
    Basis,
    EarningRule,
    EarningRuleDraft,
    EarningTerms,
    create_earning_rules,
    settle_points,
)
from kaquan.runtime import Tx

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAYS = {"effect": {"code": "points_payment", "points": 100, "worth_minor": 50}}


async def open_programme(tx: Tx, name: str = "Tea club", *, points: int = 0) -> Campaign:
    """A programme whose cards start with so many points."""
    template = VoucherTemplate(quantity=None, balance=points)
    draft = CampaignDraft(name=name, offer=PAYS, voucher_template=template, join_once=True)
    return await create_campaign(tx, draft, now=NOW)


async def join(tx: Tx, programme: Campaign, source_id: str) -> tuple[Customer, Voucher]:
    """A customer and their card."""
    customer = await upsert_customer(tx, CustomerDraft(source_id=source_id), now=NOW)
    given = await publish_voucher(
        tx, campaign_id=programme.id, customer_id=customer.id, channel="TEST", now=NOW
    )
    return customer, await get_voucher(tx, given.voucher_id)


async def add_rule(
    tx: Tx, programme: Campaign, basis: Basis, points: int, *, every: int = 1, **more: Any
) -> EarningRule:
    """A rule about paid orders unless ``event`` names another one."""
    fields = {"event": more.pop("event", "order.paid")}
    named = ("starts_at", "expires_at", "active", "pending_days", "expiry")
    fields |= {k: more.pop(k) for k in named if k in more}
    terms = EarningTerms(basis=basis, points=points, every=every, **more)
    (rule,) = await create_earning_rules(
        tx, programme.id, [EarningRuleDraft(terms=terms, **fields)], now=NOW
    )
    return rule


async def buy(tx: Tx, customer: Customer, *amounts_minor: int, **more: Any) -> Order:
    """A paid order with a line of two pieces for each amount, its points settled."""
    lines = tuple(
        OrderLineDraft(source_id=f"line_{place}", quantity=2, amount_minor=amount)
        for place, amount in enumerate(amounts_minor)
    )
    more.setdefault("status", OrderStatus.PAID)
    draft = OrderDraft(customer_id=customer.id, lines=lines, **more)
    order = await create_order(tx, draft, now=NOW)
    await settle_points(tx, order.id, now=NOW)
    return order


async def points_on(tx: Tx, card: Voucher) -> int:
    """The points on a card; the ledger must be whole."""
    assert await check_ledger(tx) == []
    key = AccountKey(card.id, AccountKind.POINTS)
    account = (await list_accounts(tx, [key])).get(key)
    return 0 if account is None else account.balance
