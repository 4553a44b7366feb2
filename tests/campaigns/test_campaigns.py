"""Creating, changing, listing and ending campaigns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.samples import OFFER, make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Campaign,
    CampaignChange,
    CampaignCounts,
    CampaignDraft,
    CodeConfig,
    GrantBelowUse,
    VoucherTemplate,
    count_campaign_contents,
    create_campaign,
    delete_campaign,
    disable_campaign,
    enable_campaign,
    find_campaign,
    find_voucher,
    get_campaign,
    issue_vouchers,
    list_campaigns,
    list_vouchers,
    publish_voucher,
    update_campaign,
)
from kaquan.ledger import (
    Account,
    AccountKey,
    AccountKind,
    check_ledger,
    issue,
    list_accounts,
    post_transfers,
    take,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx
from ledger.holding import place_hold

NAIVE = datetime(2026, 3, 1)  # noqa: DTZ001 (a time without a zone is what is refused)


async def account(tx: Tx, owner: str, kind: AccountKind) -> Account | None:
    key = AccountKey(owner, kind)
    return (await list_accounts(tx, [key])).get(key)


async def budget_left(tx: Tx, campaign: Campaign) -> int:
    found = await account(tx, campaign.id, AccountKind.BUDGET)
    return found.available if found else 0


async def test_what_is_created_is_what_is_read(tx: Tx) -> None:
    template = VoucherTemplate(
        code=CodeConfig(pattern="SPRING-########"), quantity=3, metadata={"batch": 1}
    )
    campaign = await make_campaign(
        tx,
        name="  Spring 春 ",
        voucher_template=template,
        budget_minor=100_000,
        per_customer_cap=2,
        starts_at=NOW,
        expires_at=NOW + timedelta(days=30),
        metadata={"owner": "Ada"},
    )
    assert campaign.name == "Spring 春"
    assert await get_campaign(tx, campaign.id) == campaign
    assert await get_campaign(tx, "Spring 春") == campaign
    assert campaign.offer["id"] == campaign.id
    assert (campaign.holdout_bps, campaign.join_once, campaign.version) == (1000, True, 1)
    assert await budget_left(tx, campaign) == 100_000


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"offer": {}}, "offer.effect"),
        ({"offer": {"effect": {"code": "free_money"}}}, "offer.effect.code"),
        ({"offer": []}, "offer"),
        ({"offer": OFFER | {"surprise": 1}}, "offer.surprise"),
        ({"budget_minor": -1}, "budget_minor"),
        ({"budget_minor": 2**53}, "budget_minor"),
        ({"budget_minor": True}, "budget_minor"),
        ({"per_customer_cap": 0}, "per_customer_cap"),
        ({"holdout_bps": -1}, "holdout_bps"),
        ({"holdout_bps": 10_001}, "holdout_bps"),
        ({"starts_at": NAIVE}, "starts_at"),
        ({"expires_at": datetime(9999, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"starts_at": NOW, "expires_at": NOW}, "expires_at"),
        ({"voucher_template": VoucherTemplate(quantity=-1)}, "quantity"),
        ({"voucher_template": VoucherTemplate(quantity=10**10)}, "quantity"),
        (
            {"voucher_template": VoucherTemplate(code=CodeConfig(charset="A"))},
            "code_config.charset",
        ),
        ({"metadata": {"a": "\x00"}}, "metadata"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata"),
    ],
)
async def test_refused_draft(tx: Tx, fields: dict[str, Any], field: str) -> None:
    complete: dict[str, Any] = {"name": "Spring", "offer": OFFER, **fields}
    draft = CampaignDraft(**complete)
    with pytest.raises(InvalidInput) as refusal:
        await create_campaign(tx, draft, now=NOW)
    assert refusal.value.field == field
    assert (await list_campaigns(tx)).total == 0


async def test_a_name_is_taken_once(tx: Tx) -> None:
    await make_campaign(tx)
    other = await make_campaign(tx, name="Autumn")
    with pytest.raises(Duplicate):
        await make_campaign(tx)
    with pytest.raises(Duplicate):
        await update_campaign(tx, other.id, CampaignChange(name="Spring"), now=NOW)
    assert (await get_campaign(tx, other.id)).name == "Autumn"


async def test_a_change_touches_what_is_named_only(tx: Tx) -> None:
    before = await make_campaign(tx, description="old", metadata={"a": 1})
    later = NOW + timedelta(hours=1)
    after = await update_campaign(
        tx, before.name, CampaignChange(description=None, name="Summer"), now=later
    )
    assert after == await get_campaign(tx, before.id)
    assert (after.description, after.name, after.metadata) == (None, "Summer", {"a": 1})
    assert (after.version, after.updated_at) == (2, later)


async def test_a_refused_change_changes_nothing(tx: Tx) -> None:
    before = await make_campaign(tx, expires_at=NOW)
    with pytest.raises(InvalidInput):
        await update_campaign(tx, before.id, CampaignChange(starts_at=NOW), now=NOW)
    assert await get_campaign(tx, before.id) == before


async def test_enabling_and_disabling(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    assert not (await disable_campaign(tx, campaign.id, now=NOW)).active
    assert (await enable_campaign(tx, campaign.id, now=NOW)).active


@pytest.mark.parametrize("missing", ["camp_none", "", "\x00", "\ud800", "x" * 10_000])
async def test_unknown_campaign(tx: Tx, missing: str) -> None:
    assert await find_campaign(tx, missing) is None
    with pytest.raises(NotFound):
        await update_campaign(tx, missing, CampaignChange(active=False), now=NOW)
    with pytest.raises(NotFound):
        await delete_campaign(tx, missing, now=NOW)


async def test_an_id_wins_over_a_name(tx: Tx) -> None:
    first = await make_campaign(tx)
    await make_campaign(tx, name=first.id)
    assert (await get_campaign(tx, first.id)).name == "Spring"


@pytest.mark.parametrize(
    ("spent", "held", "changes", "left"),
    [
        (0, 0, [1500], 1500),
        (300, 0, [400], 100),
        (300, 0, [300], 0),
        (300, 100, [400], 0),
        (300, 0, [None], 0),
        (300, 0, [None, 1000], 700),
        (0, 0, [0], 0),
        (0, 0, [0, 50], 50),
    ],
)
async def test_budget_changes(
    tx: Tx, spent: int, held: int, changes: list[int | None], left: int
) -> None:
    campaign = await make_campaign(tx, budget_minor=1000)
    key = AccountKey(campaign.id, AccountKind.BUDGET)
    if spent:
        movement = take(campaign.id, AccountKind.BUDGET, spent, cause_id="r_1")
        await post_transfers(tx, [movement], now=NOW)
    if held:
        await place_hold(tx, "hold_1", key, amount=held, cause_id="r_2", now=NOW)
    for budget in changes:
        await update_campaign(tx, campaign.id, CampaignChange(budget_minor=budget), now=NOW)
    assert await budget_left(tx, campaign) == left


@pytest.mark.parametrize(("spent", "held", "budget"), [(300, 0, 299), (300, 100, 399), (1, 0, 0)])
async def test_budget_below_what_is_used(tx: Tx, spent: int, held: int, budget: int) -> None:
    campaign = await make_campaign(tx, budget_minor=1000)
    key = AccountKey(campaign.id, AccountKind.BUDGET)
    movement = take(campaign.id, AccountKind.BUDGET, spent, cause_id="r_1")
    await post_transfers(tx, [movement], now=NOW)
    if held:
        await place_hold(tx, "hold_1", key, amount=held, cause_id="r_2", now=NOW)
    with pytest.raises(GrantBelowUse) as refusal:
        async with tx.transaction():
            await update_campaign(tx, campaign.id, CampaignChange(budget_minor=budget), now=NOW)
    assert refusal.value.details == {"used": spent + held, "wanted": budget}
    assert (await get_campaign(tx, campaign.id)).budget_minor == 1000
    assert await budget_left(tx, campaign) == 1000 - spent - held


@pytest.mark.parametrize(
    ("cap", "used", "new_caps", "left"),
    [
        (3, 1, [5], 4),
        (3, 1, [2], 1),
        (3, 2, [1], 0),
        (3, 3, [1, 4], 1),
        (3, 1, [None, 3], 2),
    ],
)
async def test_cap_changes(
    tx: Tx, cap: int, used: int, new_caps: list[int | None], left: int
) -> None:
    campaign = await make_campaign(tx, per_customer_cap=cap)
    owner, kind = f"{campaign.id}/cust_1", AccountKind.CUSTOMER_USES
    neighbour = f"{campaign.id}0/cust_1"
    opened = [issue(name, kind, cap, cause_id=name) for name in (owner, neighbour)]
    await post_transfers(tx, opened, now=NOW)
    await post_transfers(tx, [take(owner, kind, used, cause_id="r_1")], now=NOW)
    for new_cap in new_caps:
        change = CampaignChange(per_customer_cap=new_cap)
        await update_campaign(tx, campaign.id, change, now=NOW)
    found = await account(tx, owner, kind)
    untouched = await account(tx, neighbour, kind)
    assert found is not None
    assert untouched is not None
    assert (found.balance, untouched.balance) == (left, cap)


async def test_counts(tx: Tx) -> None:
    full, empty = await make_campaign(tx), await make_campaign(tx, name="Empty")
    ada, bo = await make_customers(tx, 2)
    await issue_vouchers(tx, full.id, 5, now=NOW)
    for customer in (ada, bo):
        await publish_voucher(
            tx, campaign_id=full.id, customer_id=customer, channel="test", now=NOW
        )
    assert await count_campaign_contents(tx, [full.id, empty.id]) == {
        full.id: CampaignCounts(vouchers=5, publications=2),
        empty.id: CampaignCounts(vouchers=0, publications=0),
    }


@pytest.mark.parametrize(
    ("asked", "names", "total"),
    [
        ({}, ["Apple 1", "100% off_x", "Pear", "apple 2"], 4),
        ({"order": "created_at"}, ["apple 2", "Pear", "100% off_x", "Apple 1"], 4),
        ({"order": "name"}, ["100% off_x", "Apple 1", "apple 2", "Pear"], 4),
        ({"order": "-name"}, ["Pear", "apple 2", "Apple 1", "100% off_x"], 4),
        ({"order": "expires_at"}, ["apple 2", "Pear", "Apple 1", "100% off_x"], 4),
        ({"search": "APPLE"}, ["Apple 1", "apple 2"], 2),
        ({"search": "%"}, ["100% off_x"], 1),
        ({"search": "_"}, ["100% off_x"], 1),
        ({"search": "\x00"}, [], 0),
        ({"active": False}, ["Pear"], 1),
        ({"limit": 3, "page": 1}, ["Apple 1", "100% off_x", "Pear"], 4),
        ({"limit": 3, "page": 2}, ["apple 2"], 4),
        ({"limit": 3, "page": 3}, [], 4),
    ],
)
async def test_list(tx: Tx, asked: dict[str, Any], names: list[str], total: int) -> None:
    ends = {"apple 2": 1, "Pear": 2}
    for number, name in enumerate(["apple 2", "Pear", "100% off_x", "Apple 1"]):
        end = NOW + timedelta(days=ends[name]) if name in ends else None
        draft = CampaignDraft(name=name, offer=OFFER, expires_at=end, active=name != "Pear")
        await create_campaign(tx, draft, now=NOW + timedelta(seconds=number))
    page = await list_campaigns(tx, **asked)
    if asked.get("order") == "expires_at":
        assert [campaign.name for campaign in page.items[:2]] == names[:2]
    else:
        assert [campaign.name for campaign in page.items] == names
    assert page.total == total


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"order": "budget"}, "order"),
        ({"order": "name; drop table campaign"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"page": 0}, "page"),
        ({"page": 10**12}, "page"),
    ],
)
async def test_refused_list(tx: Tx, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await list_campaigns(tx, **asked)
    assert refusal.value.field == field


async def test_deleting_for_good_gives_everything_back(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(
            tx, budget_minor=900, voucher_template=VoucherTemplate(quantity=2)
        )
        (voucher_id, *_) = await issue_vouchers(tx, campaign.id, 3, now=NOW)
        await delete_campaign(tx, campaign.id, force=True, now=NOW)
        assert await find_campaign(tx, campaign.id) is None
        assert await find_voucher(tx, voucher_id) is None
        uses = await account(tx, voucher_id, AccountKind.USES)
        assert uses is not None
        assert (uses.balance, uses.granted) == (0, 0)
        assert await budget_left(tx, campaign) == 0
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def test_a_deleted_campaign_keeps_what_it_may_come_back_with(tx: Tx) -> None:
    campaign = await make_campaign(tx, budget_minor=900)
    (customer,) = await make_customers(tx, 1)
    await issue_vouchers(tx, campaign.id, 3, now=NOW)
    await publish_voucher(
        tx, campaign_id=campaign.id, customer_id=customer, channel="test", now=NOW
    )
    await delete_campaign(tx, campaign.id, now=NOW)
    assert await find_campaign(tx, campaign.name) is None
    assert (await list_vouchers(tx, campaign_id=campaign.id)).total == 0
    assert await budget_left(tx, campaign) == 900
