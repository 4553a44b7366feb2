"""Single vouchers: adding, changing, listing, ending, and what is true of one."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET

from campaigns.samples import OFFER, make_campaign, make_customers, make_project
from conftest import NOW
from kaquan.campaigns import (
    CampaignChange,
    CodeConfig,
    GrantBelowUse,
    VoucherChange,
    VoucherDraft,
    VoucherTemplate,
    VoucherUsage,
    Window,
    add_voucher,
    delete_voucher,
    disable_voucher,
    effective_offer,
    effective_window,
    enable_voucher,
    find_voucher,
    get_voucher,
    issue_vouchers,
    list_vouchers,
    publish_voucher,
    update_campaign,
    update_voucher,
    voucher_usage,
)
from kaquan.engine import AmountOff
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    check_ledger,
    post_transfers,
    take,
    tally,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx
from ledger.holding import place_hold

DAY = timedelta(days=1)


def alone(**fields: Any) -> VoucherDraft:
    """A draft of a voucher outside campaigns."""
    complete: dict[str, Any] = {"offer": OFFER, **fields}
    return VoucherDraft(**complete)


async def test_standing_alone(tx: Tx) -> None:
    voucher = await add_voucher(tx, alone(code="WELCOME 10", quantity=3), now=NOW)
    assert voucher == await get_voucher(tx, "WELCOME 10") == await get_voucher(tx, voucher.id)
    assert (voucher.campaign_id, voucher.campaign_name, voucher.metadata) == (None, None, {})
    usage = await voucher_usage(tx, [voucher])
    assert usage[voucher.id] == VoucherUsage(granted=3, left=3, used=0)
    assert effective_offer(voucher, None).effect == AmountOff(amount_minor=500)


async def test_of_a_campaign(tx: Tx) -> None:
    template = VoucherTemplate(
        code=CodeConfig(pattern="SPRING-########"), quantity=2, category="vip", metadata={"a": 1}
    )
    campaign = await make_campaign(tx, voucher_template=template)
    draft = VoucherDraft(campaign_id="Spring", metadata={"b": 2})
    voucher = await add_voucher(tx, draft, now=NOW)
    assert voucher.code.startswith("SPRING-")
    assert (voucher.campaign_id, voucher.campaign_name) == (campaign.id, "Spring")
    assert (voucher.quantity, voucher.category) == (2, "vip")
    assert voucher.metadata == {"a": 1, "b": 2}
    assert effective_offer(voucher, campaign).id == campaign.id


@pytest.mark.parametrize(
    ("given", "granted"), [(UNSET, 1), (None, None), (0, 0), (1, 1), (10**9, 10**9)]
)
async def test_quantity(tx: Tx, given: Any, granted: int | None) -> None:
    voucher = await add_voucher(tx, alone(code="Q", quantity=given), now=NOW)
    usage = await voucher_usage(tx, [voucher])
    assert usage[voucher.id] == VoucherUsage(granted=granted, left=granted, used=0)


@pytest.mark.parametrize(
    ("fields", "field", "key"),
    [
        ({"offer": None}, "offer", "invalid_payload"),
        (
            {"offer": {"effect": {"code": "amount_off"}}},
            "offer.effect.amount_minor",
            "invalid_offer",
        ),
        ({"code": ""}, "code", "invalid_payload"),
        ({"code": " A"}, "code", "invalid_payload"),
        ({"code": "A\nB"}, "code", "invalid_voucher"),
        ({"code": "A\x00"}, "code", "invalid_payload"),
        ({"code": "\ud800"}, "code", "invalid_payload"),
        ({"code": "x" * 129}, "code", "invalid_voucher"),
        ({"code_config": CodeConfig(length=3)}, "code_config.length", "code_space_too_small"),
        ({"quantity": -1}, "quantity", "invalid_payload"),
        ({"quantity": 2**40}, "quantity", "invalid_payload"),
        ({"starts_at": NOW, "expires_at": NOW - DAY}, "expires_at", "invalid_payload"),
        ({"category": "x" * 300}, "category", "invalid_payload"),
        ({"metadata": {"a": object()}}, "metadata", "invalid_payload"),
    ],
)
async def test_refused_draft(tx: Tx, fields: dict[str, Any], field: str, key: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await add_voucher(tx, alone(**fields), now=NOW)
    assert refusal.value.field == field
    assert refusal.value.key == key
    assert (await list_vouchers(tx)).total == 0


async def test_a_code_exists_once(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    await add_voucher(tx, alone(code="ONE"), now=NOW)
    with pytest.raises(Duplicate):
        await add_voucher(tx, VoucherDraft(campaign_id=campaign.id, code="ONE"), now=NOW)
    assert (await add_voucher(tx, alone(code="one"), now=NOW)).code == "one"


async def test_another_project_has_codes_of_its_own(database: Database, tx: Tx) -> None:
    mine = await add_voucher(tx, alone(code="SHARED"), now=NOW)
    neighbour = await make_project(database)
    async with database.transaction(neighbour.project_id) as elsewhere:
        assert await find_voucher(elsewhere, mine.id) is None
        theirs = await add_voucher(elsewhere, alone(code="SHARED"), now=NOW)
    assert (await get_voucher(tx, "SHARED")).id == mine.id != theirs.id


@pytest.mark.parametrize("missing", ["NONE", "", "\x00", "\ud800", "x" * 10_000])
async def test_unknown_voucher(tx: Tx, missing: str) -> None:
    assert await find_voucher(tx, missing) is None
    with pytest.raises(NotFound):
        await get_voucher(tx, missing)
    with pytest.raises(NotFound):
        await update_voucher(tx, missing, VoucherChange(active=False), now=NOW)
    with pytest.raises(NotFound):
        await delete_voucher(tx, missing, now=NOW)


@pytest.mark.parametrize(
    ("voucher", "campaign", "expected"),
    [
        ((None, None), (None, None), (None, None)),
        ((1, None), (None, 9), (1, 9)),
        ((1, 5), (3, 9), (3, 5)),
        ((3, 9), (1, 5), (3, 5)),
        ((4, 6), (1, 9), (4, 6)),
    ],
)
async def test_effective_window(
    tx: Tx,
    voucher: tuple[int | None, int | None],
    campaign: tuple[int | None, int | None],
    expected: tuple[int | None, int | None],
) -> None:
    def window(days: tuple[int | None, int | None]) -> dict[str, Any]:
        starts, ends = days
        return {
            "starts_at": None if starts is None else NOW + starts * DAY,
            "expires_at": None if ends is None else NOW + ends * DAY,
        }

    parent = await make_campaign(tx, **window(campaign))
    child = await add_voucher(tx, VoucherDraft(campaign_id=parent.id, **window(voucher)), now=NOW)
    assert effective_window(child, parent) == Window(**window(expected))


async def test_a_window_outside_the_campaigns_is_refused(tx: Tx) -> None:
    campaign = await make_campaign(tx, expires_at=NOW)
    with pytest.raises(InvalidInput, match="never be used"):
        await add_voucher(tx, VoucherDraft(campaign_id=campaign.id, starts_at=NOW), now=NOW)


async def test_a_campaign_may_be_changed_until_nothing_is_left(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    voucher = await add_voucher(
        tx, VoucherDraft(campaign_id=campaign.id, starts_at=NOW + DAY), now=NOW
    )
    campaign = await update_campaign(tx, campaign.id, CampaignChange(expires_at=NOW), now=NOW)
    window = effective_window(voucher, campaign)
    assert window.is_empty
    assert not any(
        window.has_started(moment) and not window.has_ended(moment)
        for moment in (NOW - DAY, NOW, NOW + DAY, NOW + 2 * DAY)
    )


@pytest.mark.parametrize(
    ("first", "used", "tallied", "changes", "expected"),
    [
        (3, 1, 0, [5], VoucherUsage(granted=5, left=4, used=1)),
        (3, 1, 0, [1], VoucherUsage(granted=1, left=0, used=1)),
        (3, 1, 0, [None], VoucherUsage(granted=None, left=None, used=1)),
        (3, 1, 0, [None, 4], VoucherUsage(granted=4, left=3, used=1)),
        (None, 0, 2, [5], VoucherUsage(granted=5, left=3, used=2)),
        (None, 0, 2, [2], VoucherUsage(granted=2, left=0, used=2)),
        (None, 0, 2, [5, 6], VoucherUsage(granted=6, left=4, used=2)),
        (0, 0, 0, [2], VoucherUsage(granted=2, left=2, used=0)),
    ],
)
async def test_quantity_changes(
    tx: Tx,
    first: int | None,
    used: int,
    tallied: int,
    changes: list[int | None],
    expected: VoucherUsage,
) -> None:
    voucher = await add_voucher(tx, alone(code="Q", quantity=first), now=NOW)
    if used:
        movement = take(voucher.id, AccountKind.USES, used, cause_id="r_1")
        await post_transfers(tx, [movement], now=NOW)
    if tallied:
        await post_transfers(tx, [tally(voucher.id, tallied, cause_id="r_1")], now=NOW)
    for quantity in changes:
        voucher = await update_voucher(tx, "Q", VoucherChange(quantity=quantity), now=NOW)
    assert voucher == await get_voucher(tx, "Q")
    assert (await voucher_usage(tx, [voucher]))[voucher.id] == expected


async def test_quantity_below_what_is_used(tx: Tx) -> None:
    limited = await add_voucher(tx, alone(code="L", quantity=3), now=NOW)
    key = AccountKey(limited.id, AccountKind.USES)
    await post_transfers(tx, [take(*_of(key), 1, cause_id="r_1")], now=NOW)
    await place_hold(tx, "hold_1", key, amount=1, cause_id="r_2", now=NOW)
    unlimited = await add_voucher(tx, alone(code="U", quantity=None), now=NOW)
    await post_transfers(tx, [tally(unlimited.id, 2, cause_id="r_1")], now=NOW)
    for code in ("L", "U"):
        with pytest.raises(GrantBelowUse) as refusal:
            async with tx.transaction():
                await update_voucher(tx, code, VoucherChange(quantity=1), now=NOW)
        assert refusal.value.details == {"used": 2, "wanted": 1}
    assert (await voucher_usage(tx, [limited]))[limited.id] == VoucherUsage(3, 1, 1)


def _of(key: AccountKey) -> tuple[str, AccountKind]:
    return key.owner, key.kind


async def test_other_changes(tx: Tx) -> None:
    await add_voucher(tx, alone(code="C", category="old"), now=NOW)
    later = NOW + DAY
    offer = {"effect": {"code": "percent_off", "rate_bps": 1000}}
    change = VoucherChange(offer=offer, category=None, expires_at=later, metadata={"x": 1})
    voucher = await update_voucher(tx, "C", change, now=later)
    assert voucher == await get_voucher(tx, "C")
    assert (voucher.category, voucher.expires_at, voucher.updated_at) == (None, later, later)
    assert effective_offer(voucher, None).effect.code == "percent_off"
    with pytest.raises(InvalidInput):
        await update_voucher(tx, "C", VoucherChange(offer=None), now=NOW)
    assert not (await disable_voucher(tx, "C", now=NOW)).active
    assert (await enable_voucher(tx, "C", now=NOW)).active


async def test_deleting(tx: Tx) -> None:
    (customer,) = await make_customers(tx, 1)
    await add_voucher(tx, alone(code="FREE", quantity=2), now=NOW)
    given = await add_voucher(tx, alone(code="GIVEN"), now=NOW)
    await publish_voucher(tx, voucher_code="GIVEN", customer_id=customer, channel="test", now=NOW)
    for code in ("FREE", "GIVEN"):
        await delete_voucher(tx, code, now=NOW)
        assert await find_voucher(tx, code) is None
    assert await find_voucher(tx, given.id) is None


async def test_the_ledger_stays_whole(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_voucher(tx, alone(code="A", quantity=5), now=NOW)
        await update_voucher(tx, "A", VoucherChange(quantity=2), now=NOW)
        await add_voucher(tx, alone(code="B", quantity=5), now=NOW)
        await delete_voucher(tx, "B", now=NOW)
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({"order": "code"}, ["A1", "A2", "B1", "b_2"]),
        ({"order": "-code"}, ["b_2", "B1", "A2", "A1"]),
        ({"order": "code", "search": "A"}, ["A1", "A2"]),
        ({"order": "code", "search": "b%"}, []),
        ({"order": "code", "active": False}, ["B1"]),
        ({"order": "code", "limit": 2}, ["A1", "A2"]),
        ({"order": "code", "limit": 2, "page": 2}, ["B1", "b_2"]),
        ({"order": "code", "limit": 2, "cursor": "A1"}, ["A2", "B1"]),
        ({"order": "-code", "limit": 2, "cursor": "A2"}, ["A1"]),
        ({"cursor": "\x00"}, []),
    ],
)
async def test_list(tx: Tx, asked: dict[str, Any], codes: list[str]) -> None:
    for code in ("b_2", "A1", "B1", "A2"):
        await add_voucher(tx, alone(code=code, active=code != "B1"), now=NOW)
    assert [voucher.code for voucher in (await list_vouchers(tx, **asked)).items] == codes


async def test_walking_through_all_of_a_campaign(tx: Tx) -> None:
    campaign, other = await make_campaign(tx), await make_campaign(tx, name="Other")
    issued = await issue_vouchers(tx, campaign.id, 23, now=NOW)
    await issue_vouchers(tx, other.id, 5, now=NOW)
    seen: list[str] = []
    cursor = None
    while True:
        page = await list_vouchers(tx, campaign_id=campaign.id, limit=10, cursor=cursor)
        assert page.total == 23
        seen += [voucher.id for voucher in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(issued, reverse=True)


async def test_vouchers_of_a_holder(tx: Tx) -> None:
    ada, bo = await make_customers(tx, 2)
    campaign = await make_campaign(tx)
    mine = await publish_voucher(
        tx, campaign_id=campaign.id, customer_id=ada, channel="test", now=NOW
    )
    await publish_voucher(tx, campaign_id=campaign.id, customer_id=bo, channel="test", now=NOW)
    held = await list_vouchers(tx, holder_id=ada)
    assert [voucher.code for voucher in held.items] == [mine.code]
