"""A shop with a little of everything that the console's pages show."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    VoucherDraft,
    add_voucher,
    create_campaign,
    publish_voucher,
)
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, redeem, roll_back
from kaquan.customers import (
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    create_order,
    record_consent,
    upsert_customer,
)
from kaquan.outreach import (
    EMAIL,
    MARKETING,
    DistributionStatus,
    Mailing,
    Message,
    advance_distribution,
    default_template,
    list_messages,
    start_distribution,
)
from kaquan.runtime import Database, Project, Tx
from kaquan.segments import Segment, create_segment, score_rfm
from kaquan.trust import Role, User, create_user

PASSWORD = "correct horse battery"
LONG_NAME = "春节🎊 满减 for those who <b>stay</b> & come back " + "again " * 30
OFF_100: dict[str, Any] = {
    "effect": {"code": "threshold_off", "tiers": [{"spend_minor": 10_000, "off_minor": 1000}]}
}
TO_OUTBOX = Mailing(
    sender="Shop <news@shop.example>", base_url="http://shop.example", deliver=False
)


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What was entered: `regular` bought, redeemed, was refused and undid; `newcomer` did nothing.

    `code` is the voucher of `regular`; the campaign has another, which nobody holds.
    """

    project: Project
    people: dict[Role, User]
    regular: Customer
    newcomer: Customer
    campaign: Campaign
    quiet_campaign: Campaign
    segment: Segment
    order: Order
    message: Message
    code: str


async def open_shop(database: Database, project: Project, *, now: datetime) -> Shop:
    """Fill a project by the rooms' own verbs."""
    async with database.transaction(project.project_id) as tx:
        people = {role: await _hire(tx, project, role, now=now) for role in Role}
        regular = await _enter(tx, "林晓 🧧 Lin Xiao", "C-1", now=now)
        newcomer = await _enter(tx, None, "C-2", now=now)
        order = await _buy(tx, regular, now=now)
        campaign = await _campaign(tx, LONG_NAME.strip(), now=now, budget_minor=500_000)
        quiet = await _campaign(tx, "Nothing yet", now=now, active=False)
        code = await _use(tx, campaign, regular, now=now)
        await add_voucher(tx, VoucherDraft(campaign_id=campaign.id, code="STOCK-1"), now=now)
        rule = {"any": [{"attribute": "order_count", "operator": "at_least", "value": 1}]}
        segment = await create_segment(tx, "Buyers 买家", rule, now=now)
        message = await _write(tx, campaign, segment, now=now)
        await score_rfm(tx, as_of=now)
    return Shop(
        project=project,
        people=people,
        regular=regular,
        newcomer=newcomer,
        campaign=campaign,
        quiet_campaign=quiet,
        segment=segment,
        order=order,
        message=message,
        code=code,
    )


async def _hire(tx: Tx, project: Project, role: Role, *, now: datetime) -> User:
    email = f"{role}-{project.project_id}@shop.example"
    return await create_user(tx, email, password=PASSWORD, name=f"{role} 林", role=role, now=now)


async def _enter(tx: Tx, name: str | None, source_id: str, *, now: datetime) -> Customer:
    draft = CustomerDraft(
        source_id=source_id, name=name, email=f"{source_id}@shop.example", metadata={"level": "A"}
    )
    customer = await upsert_customer(tx, draft, now=now)
    await record_consent(
        tx,
        customer.id,
        channel=EMAIL,
        purpose=MARKETING,
        granted=True,
        source="checkout form",
        now=now,
    )
    return customer


async def _buy(tx: Tx, customer: Customer, *, now: datetime) -> Order:
    """An order a day for a month; returns the latest."""
    drafts = [
        OrderDraft(
            source_id=f"O-{days}",
            customer_id=customer.id,
            status=OrderStatus.PAID,
            lines=(OrderLineDraft(source_id="tea", quantity=2, unit_price_minor=5_000),),
            placed_at=now - timedelta(days=days),
        )
        for days in range(30, 0, -1)
    ]
    return [await create_order(tx, draft, now=now) for draft in drafts][-1]


async def _campaign(tx: Tx, name: str, *, now: datetime, **fields: Any) -> Campaign:
    draft = CampaignDraft(
        name=name,
        offer=OFF_100,
        holdout_bps=0,
        starts_at=now - timedelta(days=40),
        expires_at=now + timedelta(days=40),
        **fields,
    )
    return await create_campaign(tx, draft, now=now)


async def _use(tx: Tx, campaign: Campaign, customer: Customer, *, now: datetime) -> str:
    """Refused below the threshold, redeemed above it, undone, and redeemed again."""
    given = await publish_voucher(
        tx, campaign_id=campaign.id, customer_id=customer.id, channel=EMAIL, now=now
    )

    async def at_checkout(amount_minor: int) -> Any:
        request = CheckoutRequest(
            redeemables=(Redeemable(id=given.code),),
            order=OrderDraft(amount_minor=amount_minor, status=OrderStatus.PAID),
            customer=customer.id,
        )
        return await redeem(tx, request, now=now)

    await at_checkout(7_650)
    first = await at_checkout(12_000)
    assert isinstance(first, Redeemed)
    await roll_back(tx, first.redemptions[0].id, reason="wrong till", now=now)
    assert isinstance(await at_checkout(15_000), Redeemed)
    return given.code


async def _write(tx: Tx, campaign: Campaign, segment: Segment, *, now: datetime) -> Message:
    sending = await start_distribution(
        tx, campaign.id, segment.id, template=default_template("zh"), now=now
    )
    while sending.status in (DistributionStatus.PENDING, DistributionStatus.RUNNING):
        sending = await advance_distribution(tx, sending.id, mailing=TO_OUTBOX, now=now)
    return (await list_messages(tx, distribution_id=sending.id, limit=1)).items[0]
