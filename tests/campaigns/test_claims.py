"""Fetching vouchers in a rush: stock, so many each, and when."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.samples import make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Activation,
    CampaignChange,
    Claim,
    ClaimRule,
    GrantBelowUse,
    Publication,
    claim_vouchers,
    delete_campaign,
    get_claim_rule,
    issue_vouchers,
    publish_to_customers,
    publish_voucher,
    set_claim_rule,
    update_campaign,
)
from kaquan.ledger import check_ledger
from kaquan.runtime import InvalidInput, KaquanError, Tx

HOUR = timedelta(hours=1)


async def claim(
    tx: Tx, campaign: str, customers: list[str], **more: Any
) -> list[Publication | KaquanError]:
    """Let customers claim in one batch; the ledger must be whole afterwards."""
    claims = [
        Claim(campaign=campaign, customer_id=one, channel="test", at=NOW, **more)
        for one in customers
    ]
    given = await claim_vouchers(tx, claims)
    assert await check_ledger(tx) == []
    return given


def tell(given: list[Publication | KaquanError]) -> list[str]:
    """Results in a word each."""
    return ["given" if isinstance(one, Publication) else one.key for one in given]


async def test_first_come_first_served(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    customers = await make_customers(tx, 5)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=3), now=NOW)
    given = await claim(tx, campaign.name, customers)
    assert tell(given) == ["given"] * 3 + ["claim_stock_exhausted"] * 2
    codes = {one.code for one in given if isinstance(one, Publication)}
    assert len(codes) == 3
    assert (await get_claim_rule(tx, campaign.id)).left == 0


@pytest.mark.parametrize(
    ("rule", "asks", "results"),
    [
        ({}, [0, 0, 1], ["given", "given", "given"]),
        ({"per_customer": 1}, [0, 0, 1], ["given", "claim_limit_reached", "given"]),
        ({"per_customer": 2}, [0, 0, 0], ["given", "given", "claim_limit_reached"]),
        ({"per_customer": 2, "stock": 2}, [0, 0, 1], ["given", "given", "claim_stock_exhausted"]),
        ({"stock": 0}, [0], ["claim_stock_exhausted"]),
        ({"opens_at": NOW}, [0], ["given"]),
        ({"opens_at": NOW + HOUR}, [0], ["claim_not_open"]),
        ({"closes_at": NOW + HOUR}, [0], ["given"]),
        ({"closes_at": NOW}, [0], ["claim_closed"]),
        ({"opens_at": NOW - 2 * HOUR, "closes_at": NOW - HOUR}, [0], ["claim_closed"]),
    ],
)
async def test_a_rule(tx: Tx, rule: dict[str, Any], asks: list[int], results: list[str]) -> None:
    campaign = await make_campaign(tx, join_once=False)
    customers = await make_customers(tx, 2)
    await set_claim_rule(tx, campaign.id, ClaimRule(**rule), now=NOW)
    assert tell(await claim(tx, campaign.id, [customers[one] for one in asks])) == results


async def test_so_many_each_over_several_batches(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    (customer,) = await make_customers(tx, 1)
    await set_claim_rule(tx, campaign.id, ClaimRule(per_customer=2), now=NOW)
    results = [tell(await claim(tx, campaign.id, [customer])) for _ in range(3)]
    assert results == [["given"], ["given"], ["claim_limit_reached"]]


async def test_the_pool_is_a_stock_too(tx: Tx) -> None:
    campaign = await make_campaign(tx, activation=Activation.STATIC, join_once=False)
    customers = await make_customers(tx, 3)
    await issue_vouchers(tx, campaign.id, 2, now=NOW)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=9), now=NOW)
    given = await claim(tx, campaign.id, customers)
    assert tell(given) == ["given", "given", "no_voucher_suitable_for_publication"]
    assert (await get_claim_rule(tx, campaign.id)).left == 7


async def test_who_joins_once_gets_the_same_again(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    first, second = await make_customers(tx, 2)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=2), now=NOW)
    given = await claim(tx, campaign.id, [first, first, second, first])
    assert tell(given) == ["given"] * 4
    assert given[0] == given[1] == given[3]
    assert await claim(tx, campaign.id, [first]) == [given[0]]
    assert (await get_claim_rule(tx, campaign.id)).left == 0


async def test_a_source_id_is_one_publication(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    first, second = await make_customers(tx, 2)
    given = await claim(tx, campaign.id, [first, first, second], source_id="retry")
    assert tell(given) == ["given", "given", "duplicate_source_id"]
    assert given[0] == given[1]
    again = await claim(tx, campaign.id, [first, second], source_id="retry")
    assert again[0] == given[0]
    assert tell(again) == ["given", "duplicate_source_id"]


async def test_campaigns_side_by_side(tx: Tx) -> None:
    full, empty = await make_campaign(tx), await make_campaign(tx, name="Autumn")
    (customer,) = await make_customers(tx, 1)
    await set_claim_rule(tx, empty.id, ClaimRule(stock=0), now=NOW)
    claims = [
        Claim(campaign=named, customer_id=customer, channel="test", at=NOW)
        for named in (empty.id, "nowhere", full.name, full.id)
    ]
    given = await claim_vouchers(tx, claims)
    assert tell(given) == ["claim_stock_exhausted", "not_found", "given", "given"]
    assert given[2] == given[3]


async def test_what_is_over_gives_nothing(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    customers = await make_customers(tx, 1)
    await update_campaign(tx, campaign.id, CampaignChange(active=False), now=NOW)
    assert tell(await claim(tx, campaign.id, customers)) == ["no_voucher_suitable_for_publication"]


async def test_the_merchants_own_sending_is_not_bound(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    customers = await make_customers(tx, 2)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=0), now=NOW)
    sent = await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    assert len(sent) == 2
    with pytest.raises(KaquanError, match="are gone"):
        await publish_voucher(
            tx,
            campaign_id=campaign.id,
            customer_id=customers[0],
            join_once=False,
            channel="test",
            now=NOW,
        )


async def test_a_stock_is_changed_by_what_was_fetched(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    customers = await make_customers(tx, 3)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=5), now=NOW)
    await claim(tx, campaign.id, customers)
    assert (await set_claim_rule(tx, campaign.id, ClaimRule(stock=4), now=NOW)).left == 1
    with pytest.raises(GrantBelowUse):
        await set_claim_rule(tx, campaign.id, ClaimRule(stock=2), now=NOW)


async def test_a_stock_goes_with_its_campaign(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    await set_claim_rule(tx, campaign.id, ClaimRule(stock=5), now=NOW)
    await delete_campaign(tx, campaign.id, now=NOW)
    assert await check_ledger(tx) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"stock": -1},
        {"stock": 2**60},
        {"per_customer": 0},
        {"opens_at": NOW, "closes_at": NOW},
        {"opens_at": NOW, "closes_at": NOW - HOUR},
    ],
)
async def test_rules_that_are_none(tx: Tx, rule: dict[str, Any]) -> None:
    campaign = await make_campaign(tx)
    with pytest.raises(InvalidInput):
        await set_claim_rule(tx, campaign.id, ClaimRule(**rule), now=NOW)
