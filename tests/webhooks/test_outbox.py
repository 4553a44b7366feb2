"""What happens becomes events: all that was asked for, committed, in order, and nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec
import pytest

from checkout.shop import NOW, add_code, amount_off, asking, open_campaign
from kaquan.campaigns import (
    CampaignChange,
    CampaignKind,
    OwnerKind,
    RuleDraft,
    StackChange,
    StackDraft,
    TierChange,
    TierDraft,
    VoucherChange,
    adjust_balance,
    assign_rule,
    create_rule,
    create_stack,
    create_tier,
    delete_campaign,
    delete_rule,
    delete_tier,
    delete_voucher,
    disable_campaign,
    disable_voucher,
    enable_voucher,
    issue_vouchers,
    publish_voucher,
    update_campaign,
    update_stack,
    update_tier,
    update_voucher,
)
from kaquan.checkout import Redeemed, redeem, roll_back
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    create_order,
    delete_customer,
    record_consent,
    record_event,
    update_order,
    upsert_customer,
)
from kaquan.runtime import Tx
from kaquan.segments import create_segment, keep_members
from kaquan.webhooks import TYPES_BY_NAME, delete_endpoint
from webhooks.samples import enter, number, subscribe

OFFER = amount_off(500)
GIFT: dict[str, Any] = {"effect": {"code": "stored_value"}}
POINTS: dict[str, Any] = {"effect": {"code": "points_payment", "points": 1, "worth_minor": 1}}
NAMED_LI: dict[str, Any] = {"attribute": "name", "operator": "is", "value": "Li"}
ORDERED = ["customer.order.created", "customer.order.paid"]


class Stage(msgspec.Struct, frozen=True):
    """What is there before anybody listens."""

    anna: str
    campaign: str
    empty: str
    promotion: str
    tier: str
    spare_tier: str
    stack: str
    rule: str
    order: str
    redemption: str


async def set_stage(tx: Tx) -> Stage:
    """A shop in which everything that can be changed exists."""
    anna, *_ = await enter(tx, "anna")
    campaign = await open_campaign(tx, OFFER, name="Spring")
    empty = await open_campaign(tx, OFFER, name="Empty")
    promotion = await open_campaign(tx, OFFER, name="Promotion", kind=CampaignKind.PROMOTION)
    tiers = [
        await create_tier(tx, promotion.id, TierDraft(name=name, offer=OFFER), now=NOW)
        for name in ("Tier", "Spare")
    ]
    stack = await create_stack(
        tx, promotion.id, StackDraft(name="Stack", tier_ids=(tiers[0].id,)), now=NOW
    )
    rule = await create_rule(tx, RuleDraft(name="Rule"), now=NOW)
    for code, offer in (("SOLO", OFFER), ("USED", OFFER), ("DONE", OFFER)):
        await add_code(tx, code, offer=offer, quantity=1)
    await add_code(tx, "OFF", offer=OFFER, active=False)
    await add_code(tx, "GIFT", offer=GIFT, balance=1_000)
    await add_code(tx, "CARD", offer=POINTS, balance=100)
    await issue_vouchers(tx, campaign.id, 2, now=NOW)
    order = await create_order(tx, OrderDraft(customer_id=anna, amount_minor=900), now=NOW)
    await redeem(tx, asking("USED"), now=NOW)
    done = await redeem(tx, asking("DONE"), now=NOW)
    assert isinstance(done, Redeemed)
    return Stage(
        anna=anna,
        campaign=campaign.id,
        empty=empty.id,
        promotion=promotion.id,
        tier=tiers[0].id,
        spare_tier=tiers[1].id,
        stack=stack.id,
        rule=rule.id,
        order=order.id,
        redemption=done.redemptions[0].id,
    )


Deed: TypeAlias = Callable[[Tx, Stage], Awaitable[object]]


async def _segment(tx: Tx, stage: Stage) -> None:
    await create_segment(tx, "People called Li", NAMED_LI, now=NOW)
    await keep_members(tx, now=NOW)
    for name in ("Li", "Anna"):
        await upsert_customer(tx, CustomerDraft(id=stage.anna, name=name), now=NOW)
        await keep_members(tx, now=NOW)


async def _assign(tx: Tx, stage: Stage) -> None:
    await assign_rule(tx, stage.rule, OwnerKind.VOUCHER, "SOLO", now=NOW)


async def _consent(tx: Tx, stage: Stage, *, granted: bool) -> None:
    await record_consent(
        tx,
        stage.anna,
        channel="email",
        purpose="marketing",
        granted=granted,
        source="form",
        now=NOW,
    )


CASES: list[tuple[str, Deed, list[str]]] = [
    (
        "redeem",
        lambda tx, s: redeem(tx, asking("SOLO"), now=NOW),
        [*ORDERED, "redemption.succeeded"],
    ),
    ("refuse", lambda tx, s: redeem(tx, asking("USED"), now=NOW), ["redemption.failed"]),
    (
        "redeem two",
        lambda tx, s: redeem(tx, asking("SOLO", "GIFT"), now=NOW),
        [*ORDERED, "redemption.succeeded", "redemption.succeeded"],
    ),
    (
        "roll back",
        lambda tx, s: roll_back(tx, s.redemption, now=NOW),
        ["redemption.rollback.succeeded", "customer.order.canceled"],
    ),
    (
        "publish",
        lambda tx, s: publish_voucher(
            tx, campaign_id=s.campaign, customer_id=s.anna, channel="api", now=NOW
        ),
        ["publication.succeeded", "voucher.published"],
    ),
    ("add a voucher", lambda tx, s: add_code(tx, "NEW", offer=OFFER), ["voucher.created"]),
    (
        "generate",
        lambda tx, s: issue_vouchers(tx, s.campaign, 50, now=NOW),
        ["campaign.vouchers.added"],
    ),
    (
        "change a voucher",
        lambda tx, s: update_voucher(
            tx, "SOLO", VoucherChange(metadata={"shelf": "A"}, active=False), now=NOW
        ),
        ["voucher.updated", "voucher.disabled"],
    ),
    ("disable", lambda tx, s: disable_voucher(tx, "SOLO", now=NOW), ["voucher.disabled"]),
    ("enable", lambda tx, s: enable_voucher(tx, "OFF", now=NOW), ["voucher.enabled"]),
    ("enable again", lambda tx, s: enable_voucher(tx, "SOLO", now=NOW), []),
    ("delete a voucher", lambda tx, s: delete_voucher(tx, "SOLO", now=NOW), ["voucher.deleted"]),
    (
        "top up a gift card",
        lambda tx, s: adjust_balance(tx, "GIFT", 200, now=NOW),
        ["voucher.gift.balance_added"],
    ),
    (
        "take points",
        lambda tx, s: adjust_balance(tx, "CARD", -20, now=NOW),
        ["voucher.loyalty_card.transaction.created", "voucher.loyalty_card.points_added"],
    ),
    (
        "start a campaign",
        lambda tx, s: open_campaign(tx, OFFER, name="New"),
        ["campaign.created"],
    ),
    (
        "change a campaign",
        lambda tx, s: update_campaign(tx, s.campaign, CampaignChange(description="x"), now=NOW),
        ["campaign.updated"],
    ),
    (
        "stop a campaign",
        lambda tx, s: disable_campaign(tx, s.campaign, now=NOW),
        ["campaign.disabled"],
    ),
    (
        "delete a campaign",
        lambda tx, s: delete_campaign(tx, s.empty, now=NOW),
        ["campaign.deleted"],
    ),
    (
        "add a tier",
        lambda tx, s: create_tier(tx, s.promotion, TierDraft(name="New", offer=OFFER), now=NOW),
        ["campaign.promotion_tier.created"],
    ),
    (
        "rename a tier",
        lambda tx, s: update_tier(tx, s.tier, TierChange(name="Better"), now=NOW),
        ["campaign.promotion_tier.updated"],
    ),
    (
        "stop a tier",
        lambda tx, s: update_tier(tx, s.tier, TierChange(active=False), now=NOW),
        ["campaign.promotion_tier.disabled"],
    ),
    (
        "delete a tier",
        lambda tx, s: delete_tier(tx, s.spare_tier),
        ["campaign.promotion_tier.deleted"],
    ),
    (
        "rename a stack",
        lambda tx, s: update_stack(tx, s.promotion, s.stack, StackChange(name="Pile"), now=NOW),
        ["campaign.promotion_stack.updated"],
    ),
    ("enter a customer", lambda tx, s: enter(tx, "bo"), ["customer.created"]),
    (
        "change a customer",
        lambda tx, s: upsert_customer(tx, CustomerDraft(id=s.anna, name="Li"), now=NOW),
        ["customer.updated"],
    ),
    (
        "say nothing new",
        lambda tx, s: upsert_customer(tx, CustomerDraft(id=s.anna, name="Anna"), now=NOW),
        [],
    ),
    (
        "erase a customer",
        lambda tx, s: delete_customer(tx, s.anna, now=NOW),
        ["customer.deleted"],
    ),
    ("consent", lambda tx, s: _consent(tx, s, granted=True), ["customer.consents.given"]),
    ("revoke", lambda tx, s: _consent(tx, s, granted=False), ["customer.consents.revoked"]),
    (
        "a custom event",
        lambda tx, s: record_event(tx, s.anna, "viewed", metadata={"page": "home"}, now=NOW),
        ["customer.custom_event"],
    ),
    (
        "enter and leave a segment",
        _segment,
        [
            "customer.updated",
            "customer.segment.entered",
            "customer.updated",
            "customer.segment.left",
        ],
    ),
    (
        "order and pay at once",
        lambda tx, s: create_order(
            tx, OrderDraft(amount_minor=1, status=OrderStatus.PAID), now=NOW
        ),
        ["customer.order.created", "customer.order.paid"],
    ),
    (
        "change an order",
        lambda tx, s: update_order(tx, s.order, OrderDraft(amount_minor=950), now=NOW),
        ["customer.order.updated"],
    ),
    (
        "pay an order",
        lambda tx, s: update_order(tx, s.order, OrderDraft(status=OrderStatus.PAID), now=NOW),
        ["customer.order.paid"],
    ),
    (
        "cancel an order",
        lambda tx, s: update_order(tx, s.order, OrderDraft(status=OrderStatus.CANCELED), now=NOW),
        ["customer.order.canceled"],
    ),
    (
        "make a rule",
        lambda tx, s: create_rule(tx, RuleDraft(name="New"), now=NOW),
        ["business_validation_rule.created"],
    ),
    ("assign a rule", _assign, ["business_validation_rule.assignment.created"]),
    (
        "delete a rule",
        lambda tx, s: delete_rule(tx, s.rule, now=NOW),
        ["business_validation_rule.deleted"],
    ),
]


@pytest.mark.parametrize(("deed", "types"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_what_happens_is_told(tx: Tx, deed: Deed, types: list[str]) -> None:
    stage = await set_stage(tx)
    await subscribe(tx)
    await deed(tx, stage)
    events = await number(tx)
    assert [event.type for event in events] == types
    assert [event.position for event in events] == list(range(1, len(types) + 1))
    for event in events:
        kind = TYPES_BY_NAME[event.type]
        assert set(event.data) == set(kind.members)
        subject = event.data[kind.subject]
        assert subject["object"]
        assert subject.get("id", event.entity_id) == event.entity_id


async def test_data_shows_the_objects(tx: Tx) -> None:
    stage = await set_stage(tx)
    await subscribe(tx, "redemption.succeeded", "voucher.gift.balance_added", "voucher.deleted")
    request = asking("SOLO", customer=CustomerDraft(id=stage.anna))
    await redeem(tx, request, now=NOW)
    await adjust_balance(tx, "GIFT", 200, now=NOW)
    deleted = await add_code(tx, "BRIEF", offer=OFFER)
    await delete_voucher(tx, "BRIEF", now=NOW)
    redeemed, topped_up, gone = (event.data for event in await number(tx))
    assert redeemed["redemption"]["total_discount_amount"] == 500
    assert redeemed["voucher"]["code"] == "SOLO"
    assert redeemed["voucher"]["type"] == "DISCOUNT_VOUCHER"
    assert redeemed["customer"]["name"] == "Anna"
    assert redeemed["campaign"] is None
    assert redeemed["order"]["total_amount"] == 9_500
    assert redeemed["order"]["items"][0]["quantity"] == 1
    assert (topped_up["amount"], topped_up["voucher"]["type"]) == (200, "GIFT_VOUCHER")
    assert gone["voucher"] == {"id": deleted.id, "code": "BRIEF", "object": "voucher"}


async def test_nothing_is_written_that_nobody_asked_for(tx: Tx) -> None:
    async def written() -> list[str]:
        cursor = await tx.execute("select type from event_outbox order by id")
        return [row[0] for row in await cursor.fetchall()]

    await enter(tx, "before")
    assert await written() == []
    endpoint = await subscribe(tx, "customer.updated")
    ids = await enter(tx, "during")
    await upsert_customer(tx, CustomerDraft(id=ids[0], name="Changed"), now=NOW)
    assert await written() == ["customer.updated"]
    await delete_endpoint(tx, endpoint.id)
    await enter(tx, "after")
    assert await written() == ["customer.updated"]
