"""Who bears a discount: split at the redemption, taken back with the goods, never a unit astray."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    open_campaign,
    percent_off,
    redeem_now,
)
from engine.worked_page import NOTHING, read_table, read_worked_part
from kaquan.campaigns import (
    FundingShare,
    InUse,
    create_partner,
    delete_partner,
    get_campaign,
    set_funding,
)
from kaquan.checkout import (
    GoodsBack,
    OfOrder,
    OrderReturn,
    Period,
    ReturnRequest,
    RollBack,
    SettlementQuery,
    check_settlement,
    report_settlement,
    return_goods,
    roll_back,
    split_discount,
)
from kaquan.checkout.settlement import take_off
from kaquan.checkout.settlement_model import SettlementEntry
from kaquan.customers import CustomerDraft
from kaquan.runtime import InvalidInput, Tx

ALL = SettlementQuery(by=None)


async def borne(tx: Tx, query: SettlementQuery = ALL) -> dict[str | None, tuple[int, int, int]]:
    """What was given, taken back and is left, by partner; what stands must add up."""
    assert await check_settlement(tx) == []
    found = await report_settlement(tx, query)
    assert found.discount_minor == sum(one.discount_minor for one in found.lines)
    return {
        one.partner_name: (one.discount_minor, one.returned_minor, one.net_minor)
        for one in found.lines
    }


async def fund(tx: Tx, campaign_id: str, **shares_bps: int) -> None:
    """Let partners, entered on the way, bear shares of a campaign."""
    shares = [
        FundingShare(partner_id=(await create_partner(tx, name, now=NOW)).id, share_bps=bps)
        for name, bps in shares_bps.items()
    ]
    await set_funding(tx, campaign_id, shares, now=NOW)


@pytest.mark.parametrize(
    ("discount", "shares_bps", "amounts"),
    [
        (1000, (4000,), (400, 600)),
        (1000, (3333, 3333), (333, 333, 334)),
        (100, (3334, 3333, 3333), (34, 33, 33)),
        (1, (5000,), (1, 0)),
        (1, (4999,), (0, 1)),
        (10, (10_000,), (10,)),
        (7, (), (7,)),
    ],
)
def test_split(discount: int, shares_bps: Sequence[int], amounts: Sequence[int]) -> None:
    shares = [FundingShare(partner_id=str(i), share_bps=bps) for i, bps in enumerate(shares_bps)]
    assert tuple(amount for _, _, amount in split_discount(discount, shares)) == tuple(amounts)


@given(
    st.integers(1, 10**12),
    st.lists(st.integers(1, 2_000), max_size=5),
    st.lists(st.integers(0, 10**12), max_size=8),
)
def test_any_sequence_of_returns_takes_back_exactly_what_was_borne(
    discount: int, shares_bps: list[int], parts: list[int]
) -> None:
    shares = [FundingShare(partner_id=str(i), share_bps=bps) for i, bps in enumerate(shares_bps)]
    left = [amount for _, _, amount in split_discount(discount, shares)]
    assert sum(left) == discount
    for part in [*parts, discount]:
        back = min(part, sum(left))
        off = take_off([entry(one) for one in left], part)
        assert sum(off) == back
        left = [have - gone for have, gone in zip(left, off, strict=True)]
        assert min(left) >= 0
    assert not any(left)


@pytest.mark.parametrize(
    "row", read_table(read_worked_part("settlement.md")), ids=lambda row: row["shares"]
)
def test_worked_example(row: dict[str, str]) -> None:
    bps = read_figures(row["shares"])
    shares = [FundingShare(partner_id=str(i), share_bps=one) for i, one in enumerate(bps)]
    left = [amount for _, _, amount in split_discount(int(row["discount"]), shares)]
    assert left == read_figures(row["borne"])
    for part, expected in zip(row["comes back"].split("; "), row["left"].split("; "), strict=True):
        off = take_off([entry(one) for one in left], int(part))
        left = [have - gone for have, gone in zip(left, off, strict=True)]
        assert left == read_figures(expected)


def read_figures(text: str) -> list[int]:
    return [] if text == NOTHING else [int(one) for one in text.split(", ")]


def entry(amount_minor: int) -> SettlementEntry:
    return SettlementEntry(
        redemption_id="r_1",
        cause_id="r_1",
        position=0,
        partner_id=None,
        share_bps=1,
        campaign_id="camp_1",
        amount_minor=amount_minor,
        at=NOW,
    )


async def test_the_shares_of_the_redemption_stay_whatever_is_agreed_later(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(1000), redemption_cap=10)
    await fund(tx, campaign.id, Brand=4000, Bank=2500)
    await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
    order = cart(3000, 3000, 3000, source_id="o-1")
    await redeem_now(tx, asking("CODE", order=order))
    assert await borne(tx) == {
        "Bank": (250, 0, 250),
        "Brand": (400, 0, 400),
        None: (350, 0, 350),
    }
    await set_funding(tx, campaign.id, [], now=NOW)
    for sku, brand, bank, own in (
        ("sku_1", 267, 167, 233),
        ("sku_0", 133, 84, 116),
        ("sku_2", 0, 0, 0),
    ):
        request = ReturnRequest(goods=(GoodsBack(source_id=sku, quantity=1),))
        done = await return_goods(tx, OfOrder("o-1"), request, now=NOW)
        assert isinstance(done, OrderReturn)
        left = {name: net for name, (_, _, net) in (await borne(tx)).items()}
        assert left == {"Brand": brand, "Bank": bank, None: own}
    # What is redeemed now is nobody's but the merchant's, and leaves no row.
    await redeem_now(tx, asking("CODE", order=cart(5000)))
    assert (await report_settlement(tx, ALL)).discount_minor == 1000


async def test_a_stack_is_split_by_campaign_and_rolled_back_whole(tx: Tx) -> None:
    first = await open_campaign(tx, percent_off(1000))
    second = await open_campaign(tx, amount_off(501))
    await fund(tx, first.id, Brand=10_000)
    await fund(tx, second.id, Bank=5000)
    await add_code(tx, "A", campaign_id=first.id)
    await add_code(tx, "B", campaign_id=second.id)
    customer = CustomerDraft(source_id="anna")
    done = await redeem_now(tx, asking("A", "B", customer=customer))
    assert await borne(tx) == {"Brand": (1000, 0, 1000), "Bank": (251, 0, 251), None: (250, 0, 250)}
    assert done.parent is not None
    assert isinstance(await roll_back(tx, done.parent.id, now=NOW), RollBack)
    assert await borne(tx) == {"Brand": (1000, 1000, 0), "Bank": (251, 251, 0), None: (250, 250, 0)}


async def test_a_report_by_period_campaign_and_partner(tx: Tx) -> None:
    tea = await open_campaign(tx, amount_off(100), name="Tea")
    rice = await open_campaign(tx, amount_off(300), name="Rice")
    brand = await create_partner(tx, "Brand", now=NOW)
    for campaign, bps in ((tea, 5000), (rice, 10_000)):
        share = FundingShare(partner_id="Brand", share_bps=bps)
        changed = await set_funding(tx, campaign.id, [share], now=NOW)
        assert changed.funding == (FundingShare(partner_id=brand.id, share_bps=bps),)
        assert (await get_campaign(tx, campaign.id)).version == 2
    for code, campaign in (("T", tea), ("R", rice)):
        await add_code(tx, code, campaign_id=campaign.id)
        done = await redeem_now(tx, asking(code))
    await roll_back(tx, done.redemptions[0].id, now=NOW + timedelta(days=31))
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    found = await report_settlement(tx, SettlementQuery())
    assert [
        (one.period, one.campaign_name, one.partner_name, one.redemptions, one.net_minor)
        for one in found.lines
    ] == [
        (march, "Rice", "Brand", 1, 300),
        (march, "Tea", "Brand", 1, 50),
        (march, "Tea", None, 1, 50),
        (april, "Rice", "Brand", 0, -300),
    ]
    assert (found.total, found.discount_minor, found.returned_minor) == (4, 400, 300)
    second = await report_settlement(tx, SettlementQuery(), order="-net", limit=3, page=2)
    assert ([one.net_minor for one in second.lines], second.total) == ([-300], 4)
    for query, expected in (
        (SettlementQuery(by=Period.DAY, until=march), 3),
        (SettlementQuery(since=april), 1),
        (SettlementQuery(by=None, campaign_id=tea.id), 2),
        (SettlementQuery(by=None, partner_id=brand.id), 2),
        (SettlementQuery(by=None, own=False), 2),
        (SettlementQuery(since=date(2026, 5, 1)), 0),
    ):
        assert (await report_settlement(tx, query)).total == expected
    with pytest.raises(InvalidInput):
        await report_settlement(tx, SettlementQuery(since=april, until=march))
    with pytest.raises(InUse):
        await delete_partner(tx, "Brand")


@pytest.mark.parametrize(
    ("shares", "field"),
    [
        ([("Brand", 6000), ("Bank", 4001)], "shares"),
        ([("Brand", 0)], "shares[0].share_bps"),
        ([("Brand", 10_001)], "shares[0].share_bps"),
        ([("Brand", 1), ("Brand", 1)], "shares[1].partner_id"),
        ([("Nobody", 1)], "shares[0].partner_id"),
        ([("Brand", 1)] * 21, "shares"),
    ],
)
async def test_shares_that_cannot_be(tx: Tx, shares: list[tuple[str, int]], field: str) -> None:
    campaign = await open_campaign(tx, amount_off(100))
    for name in ("Brand", "Bank"):
        await create_partner(tx, name, now=NOW)
    said = [FundingShare(partner_id=name, share_bps=bps) for name, bps in shares]
    with pytest.raises(InvalidInput) as refused:
        await set_funding(tx, campaign.id, said, now=NOW)
    assert refused.value.field == field


async def test_the_check_finds_a_share_that_went_astray(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(1000))
    await fund(tx, campaign.id, Brand=4000)
    await add_code(tx, "CODE", campaign_id=campaign.id)
    done = await redeem_now(tx, asking("CODE"))
    assert await check_settlement(tx) == []
    await tx.execute(
        "insert into settlement_entry (redemption_id, cause_id, position, partner_id, share_bps,"
        " campaign_id, amount_minor, at) select redemption_id, 'ret_x', position, partner_id,"
        " share_bps, campaign_id, -500, at from settlement_entry where partner_id is not null"
    )
    (redemption,) = done.redemptions
    assert {(one.subject, one.expected, one.found) for one in await check_settlement(tx)} == {
        (redemption.id, 1000, 500),
        (redemption.id, 0, -100),
    }
