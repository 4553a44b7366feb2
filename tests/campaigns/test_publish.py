"""Giving vouchers away: once or again, by pool or by code, and to nobody who may not."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from campaigns.samples import OFFER, make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Activation,
    CampaignCounts,
    CodeConfig,
    NothingToPublish,
    Publication,
    PublishedToAnother,
    SourceIdTaken,
    VoucherDraft,
    VoucherTemplate,
    add_voucher,
    count_campaign_contents,
    disable_campaign,
    disable_voucher,
    get_voucher,
    issue_vouchers,
    list_publications,
    publish_to_customers,
    publish_voucher,
)
from kaquan.ledger import AccountKind, check_ledger, post_transfers, take
from kaquan.runtime import Database, InvalidInput, NotFound, Project, Tx

DAY = timedelta(days=1)
STATIC = {"activation": Activation.STATIC}


async def give(tx: Tx, customer_id: str, **wanted: Any) -> Publication:
    """Publish on the channel of the tests."""
    return await publish_voucher(tx, customer_id=customer_id, channel="test", now=NOW, **wanted)


async def test_a_publication_and_its_voucher(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    (ada,) = await make_customers(tx, 1)
    (voucher_id,) = await issue_vouchers(tx, campaign.id, 1, now=NOW)
    given = await give(
        tx, "person-0", campaign_id="Spring", source_id="order-1", metadata={"why": "birthday"}
    )
    assert [given] == (await list_publications(tx)).items
    assert (given.campaign_id, given.voucher_id) == (campaign.id, voucher_id)
    assert (given.customer_id, given.source_id) == (ada, "order-1")
    assert (given.channel, given.metadata, given.created_at) == ("test", {"why": "birthday"}, NOW)
    voucher = await get_voucher(tx, given.code)
    assert (voucher.holder_id, voucher.published_at) == (ada, NOW)


@pytest.mark.parametrize(
    ("of_campaign", "asked", "same"),
    [
        (True, None, True),
        (True, False, False),
        (False, None, False),
        (False, True, True),
    ],
)
async def test_joining_once(tx: Tx, of_campaign: bool, asked: bool | None, same: bool) -> None:
    campaign = await make_campaign(tx, join_once=of_campaign)
    ada, bo = await make_customers(tx, 2)
    first, again, other = [
        await give(tx, customer, campaign_id=campaign.id, join_once=asked)
        for customer in (ada, ada, bo)
    ]
    assert (again == first) is same
    assert other.code not in (first.code, again.code)
    counts = (await count_campaign_contents(tx, [campaign.id]))[campaign.id]
    assert counts == CampaignCounts(*((2, 2) if same else (3, 3)))


async def test_joining_once_after_several(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    (ada,) = await make_customers(tx, 1)
    first = await give(tx, ada, campaign_id=campaign.id, join_once=False)
    await give(tx, ada, campaign_id=campaign.id, join_once=False)
    assert await give(tx, ada, campaign_id=campaign.id) == first


@pytest.mark.parametrize("join_once", [True, False])
async def test_the_same_source_id(tx: Tx, join_once: bool) -> None:
    campaign = await make_campaign(tx, join_once=join_once)
    other = await make_campaign(tx, name="Other")
    ada, bo = await make_customers(tx, 2)
    first = await give(tx, ada, campaign_id=campaign.id, source_id="s-1")
    assert await give(tx, ada, campaign_id=campaign.id, source_id="s-1") == first
    elsewhere = await give(tx, bo, campaign_id=other.id, source_id="s-1")
    assert elsewhere.code != first.code
    with pytest.raises(SourceIdTaken):
        await give(tx, bo, campaign_id=campaign.id, source_id="s-1")


async def test_a_named_code_has_one_holder(tx: Tx) -> None:
    ada, bo = await make_customers(tx, 2)
    await add_voucher(tx, VoucherDraft(offer=OFFER, code="ONE"), now=NOW)
    await add_voucher(tx, VoucherDraft(offer=OFFER, code="TWO"), now=NOW)
    first = await give(tx, ada, voucher_code="ONE", source_id="s-1")
    assert await give(tx, ada, voucher_code="ONE") == first
    assert await give(tx, ada, voucher_code="ONE", source_id="s-1") == first
    assert (await give(tx, bo, voucher_code="TWO", source_id="s-1")).code == "TWO"
    with pytest.raises(PublishedToAnother):
        await give(tx, bo, voucher_code="ONE")
    assert (await get_voucher(tx, "ONE")).holder_id == ada


async def test_a_named_code_of_a_campaign(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    ada, bo = await make_customers(tx, 2)
    first_id, second_id = sorted(await issue_vouchers(tx, campaign.id, 2, now=NOW))
    named = await give(tx, ada, voucher_code=second_id)
    assert await give(tx, ada, campaign_id=campaign.id) == named
    assert (await give(tx, ada, voucher_code=first_id)).voucher_id == first_id
    assert (await give(tx, bo, campaign_id=campaign.id)).voucher_id not in (first_id, second_id)
    await give(tx, ada, campaign_id=campaign.id, source_id="s-1", join_once=False)
    with pytest.raises(SourceIdTaken):
        await give(tx, ada, voucher_code=first_id, source_id="s-1")


async def used_up(tx: Tx, campaign_id: str, voucher_id: str) -> None:
    movement = take(voucher_id, AccountKind.USES, 1, cause_id=campaign_id)
    await post_transfers(tx, [movement], now=NOW)


async def disabled(tx: Tx, campaign_id: str, voucher_id: str) -> None:
    assert campaign_id
    await disable_voucher(tx, voucher_id, now=NOW)


async def campaign_disabled(tx: Tx, campaign_id: str, voucher_id: str) -> None:
    assert voucher_id
    await disable_campaign(tx, campaign_id, now=NOW)


@pytest.mark.parametrize("spoil", [used_up, disabled, campaign_disabled])
async def test_what_may_not_be_given(
    tx: Tx, spoil: Callable[[Tx, str, str], Awaitable[None]]
) -> None:
    campaign = await make_campaign(tx, **STATIC)
    (ada,) = await make_customers(tx, 1)
    (voucher_id,) = await issue_vouchers(tx, campaign.id, 1, now=NOW)
    await spoil(tx, campaign.id, voucher_id)
    for wanted in ({"campaign_id": campaign.id}, {"voucher_code": voucher_id}):
        with pytest.raises(NothingToPublish) as refusal:
            await give(tx, ada, **wanted)
        assert refusal.value.key == "no_voucher_suitable_for_publication"
    assert (await list_publications(tx)).total == 0


@pytest.mark.parametrize(
    ("starts", "expires", "given"), [(1, 2, True), (-1, 1, True), (-2, -1, False), (-1, 0, False)]
)
async def test_when_it_may_be_given(tx: Tx, starts: int, expires: int, given: bool) -> None:
    campaign = await make_campaign(tx, starts_at=NOW + starts * DAY, expires_at=NOW + expires * DAY)
    (ada,) = await make_customers(tx, 1)
    if given:
        assert (await give(tx, ada, campaign_id=campaign.id)).customer_id == ada
    else:
        with pytest.raises(NothingToPublish):
            await give(tx, ada, campaign_id=campaign.id)


async def test_expired_vouchers_stay_in_the_pool(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    (ada,) = await make_customers(tx, 1)
    draft = VoucherDraft(campaign_id=campaign.id, code="OLD", expires_at=NOW)
    await add_voucher(tx, draft, now=NOW - DAY)
    assert (await give(tx, ada, campaign_id=campaign.id)).code != "OLD"


async def test_who_has_one_keeps_it_when_the_campaign_is_over(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    (ada,) = await make_customers(tx, 1)
    first = await give(tx, ada, campaign_id=campaign.id)
    await disable_campaign(tx, campaign.id, now=NOW)
    assert await give(tx, ada, campaign_id=campaign.id) == first


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({}, InvalidInput),
        ({"campaign_id": "Spring", "voucher_code": "ONE"}, InvalidInput),
        ({"campaign_id": "None"}, NotFound),
        ({"voucher_code": "NONE"}, NotFound),
        ({"voucher_code": "\x00"}, NotFound),
        ({"campaign_id": "Spring", "source_id": ""}, InvalidInput),
        ({"campaign_id": "Spring", "source_id": "x" * 256}, InvalidInput),
        ({"campaign_id": "Spring", "source_id": "\x00"}, InvalidInput),
        ({"campaign_id": "Spring", "metadata": {"a": "\x00"}}, InvalidInput),
        ({"campaign_id": "Spring", "customer_id": "cust_none"}, NotFound),
    ],
)
async def test_bad_input(tx: Tx, wanted: dict[str, Any], error: type[Exception]) -> None:
    await make_campaign(tx)
    (ada,) = await make_customers(tx, 1)
    with pytest.raises(error):
        await give(tx, **{"customer_id": ada, **wanted})
    assert (await list_publications(tx)).total == 0


@pytest.mark.parametrize("stock", [0, 4, 30])
async def test_many_at_once(tx: Tx, stock: int) -> None:
    campaign = await make_campaign(tx)
    customers = await make_customers(tx, 10)
    if stock:
        await issue_vouchers(tx, campaign.id, stock, now=NOW)
    early = await give(tx, customers[3], campaign_id=campaign.id)
    given = await publish_to_customers(
        tx, campaign.id, [*customers, customers[0]], channel="email", now=NOW
    )
    assert [publication.customer_id for publication in given] == customers
    assert len({publication.code for publication in given}) == 10
    assert given[3] == early
    again = await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    assert again == given
    for publication in given:
        assert (await get_voucher(tx, publication.code)).holder_id == publication.customer_id
        found = await list_publications(tx, voucher_id=publication.voucher_id)
        assert found.items == [publication]
    counts = (await count_campaign_contents(tx, [campaign.id]))[campaign.id]
    assert counts == CampaignCounts(vouchers=max(stock, 10), publications=10)


async def test_many_at_once_each_time_another(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    customers = await make_customers(tx, 3)
    for _ in range(2):
        await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    assert (await list_publications(tx, campaign_id=campaign.id)).total == 6


async def test_a_static_pool_gives_all_or_nothing(tx: Tx) -> None:
    campaign = await make_campaign(tx, **STATIC)
    customers = await make_customers(tx, 3)
    await issue_vouchers(tx, campaign.id, 2, now=NOW)
    with pytest.raises(NothingToPublish) as refusal:
        await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    assert refusal.value.details == {"left": 2, "wanted": 3}
    assert await publish_to_customers(tx, campaign.id, [], channel="email", now=NOW) == []
    await publish_to_customers(tx, campaign.id, customers[:2], channel="email", now=NOW)
    assert (await list_publications(tx)).total == 2


async def test_minting_keeps_codes_unguessable(tx: Tx) -> None:
    template = VoucherTemplate(code=CodeConfig(pattern="######"))
    campaign = await make_campaign(tx, voucher_template=template)
    customers = await make_customers(tx, 4)
    with pytest.raises(InvalidInput) as refusal:
        await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    assert refusal.value.key == "code_space_too_small"


async def test_list(tx: Tx) -> None:
    campaign = await make_campaign(tx, join_once=False)
    customers = await make_customers(tx, 5)
    for customer in customers:
        await give(tx, customer, campaign_id=campaign.id, source_id=f"s-{customer}")
    await give(tx, customers[0], campaign_id=campaign.id)
    first = await list_publications(tx, campaign_id=campaign.id, limit=4)
    rest = await list_publications(tx, campaign_id=campaign.id, limit=4, cursor=first.next_cursor)
    ids = [publication.id for publication in first.items + rest.items]
    assert (first.total, len(ids), rest.next_cursor) == (6, 6, None)
    assert ids == sorted(ids, reverse=True)
    second_page = await list_publications(tx, campaign_id=campaign.id, limit=4, page=2)
    assert second_page.items == rest.items
    cases: list[tuple[dict[str, Any], int]] = [
        ({"customer_id": customers[0]}, 2),
        ({"voucher_id": first.items[0].voucher_id}, 1),
        ({"source_id": f"s-{customers[1]}"}, 1),
        ({"source_id": "\x00"}, 0),
    ]
    for filters, total in cases:
        assert (await list_publications(tx, **filters)).total == total


async def test_the_ledger_stays_whole(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        customers = await make_customers(tx, 20)
        await publish_to_customers(tx, campaign.id, customers, channel="email", now=NOW)
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []
