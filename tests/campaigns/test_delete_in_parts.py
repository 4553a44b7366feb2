"""Campaigns of many vouchers are deleted part by part, whatever happens in between."""

import pytest

from campaigns.samples import make_campaign
from checkout.shop import asking
from conftest import NOW
from kaquan.campaigns import (
    issue_vouchers,
    list_campaigns,
    list_vouchers_by_id,
    recover_from_bin,
    request_deletion,
    request_purge,
)
from kaquan.campaigns.delete_in_parts import continue_deletion
from kaquan.checkout import Redeemed, redeem
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import (
    ActionStatus,
    Database,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
    all_of,
    list_bin_entries,
    run_worker,
)

COUNT, PART = 7, 3


async def open_campaign(tx: Tx, *, used: bool = False) -> tuple[str, list[str]]:
    """A campaign of seven vouchers, one of them perhaps redeemed."""
    campaign = await make_campaign(tx, budget_minor=50_000)
    ids = sorted(await issue_vouchers(tx, campaign.id, COUNT, now=NOW))  # parts go by id
    if used:
        code = (await list_vouchers_by_id(tx, ids[:1]))[0].code
        assert isinstance(await redeem(tx, asking(code), now=NOW), Redeemed)
    return campaign.id, ids


async def count_rows(tx: Tx) -> tuple[int, int]:
    """How many vouchers anybody can find, and how many rows there are."""
    cursor = await tx.execute(
        "select (select count(*) from voucher), (select count(*) from voucher_ever)"
    )
    return await cursor.fetchone() or (0, 0)


async def test_parts_follow_one_another(tx: Tx) -> None:
    campaign_id, _ = await open_campaign(tx)
    action = await request_deletion(tx, campaign_id, at_once=COUNT - 1, now=NOW)
    assert (action.status, action.total) == (ActionStatus.PENDING, COUNT)
    again = await request_deletion(tx, campaign_id, at_once=COUNT - 1, now=NOW)
    assert again.id == action.id
    seen = [
        ((one := await continue_deletion(tx, action.id, limit=PART, now=NOW)).status, one.done)
        + (await count_rows(tx))
        for _ in range(4)
    ]
    assert seen == [
        (ActionStatus.RUNNING, 3, 4, 7),
        (ActionStatus.RUNNING, 6, 1, 7),
        (ActionStatus.DONE, 7, 0, 7),
        (ActionStatus.DONE, 7, 0, 7),
    ]
    assert (await list_campaigns(tx, limit=9)).items == []
    (entry,) = (await list_bin_entries(tx, condition=all_of([]), limit=9)).items
    await recover_from_bin(tx, entry.id, now=NOW)
    assert await count_rows(tx) == (7, 7)
    assert await check_ledger(tx) == []


@pytest.mark.parametrize(("used", "rows"), [(False, 0), (True, 3)])
@pytest.mark.parametrize("from_bin", [False, True])
async def test_for_good(tx: Tx, *, used: bool, rows: int, from_bin: bool) -> None:
    """A part that history names stays in its place, hidden; nothing is left on its accounts."""
    campaign_id, ids = await open_campaign(tx, used=used)
    action = await request_deletion(tx, campaign_id, force=not from_bin, at_once=0, now=NOW)
    while action.status is not ActionStatus.DONE:
        action = await continue_deletion(tx, action.id, limit=PART, now=NOW)
    if from_bin:
        (entry,) = (await list_bin_entries(tx, condition=all_of([]), limit=9)).items
        purge = await request_purge(tx, entry.id, at_once=0, now=NOW)
        assert purge is not None
        action = purge
        while action.status is not ActionStatus.DONE:
            action = await continue_deletion(tx, action.id, limit=PART, now=NOW)
    assert action.done == action.total
    assert await count_rows(tx) == (0, rows)
    assert (await list_bin_entries(tx, condition=all_of([]), limit=9)).items == []
    keys = [AccountKey(one, AccountKind.USES) for one in ids]
    keys.append(AccountKey(campaign_id, AccountKind.BUDGET))
    assert {one.balance for one in (await list_accounts(tx, keys)).values()} == {0}
    assert await check_ledger(tx) == []


async def test_out_of_the_bin_halfway_ends_it(tx: Tx) -> None:
    campaign_id, ids = await open_campaign(tx)
    action = await request_deletion(tx, campaign_id, at_once=0, now=NOW)
    await continue_deletion(tx, action.id, limit=PART, now=NOW)
    (entry,) = (await list_bin_entries(tx, condition=all_of([]), limit=9)).items
    await recover_from_bin(tx, entry.id, now=NOW)
    failed = await continue_deletion(tx, action.id, limit=PART, now=NOW)
    assert (failed.status, (failed.result or {})["key"]) == (ActionStatus.FAILED, "not_found")
    assert len(await list_vouchers_by_id(tx, ids)) == COUNT
    assert await count_rows(tx) == (COUNT, COUNT)


async def test_a_job_does_it(database: Database, project: Project, postgres_url: str) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign_id, _ = await open_campaign(tx)
        await request_deletion(tx, campaign_id, force=True, at_once=0, now=NOW)
    await run_worker(postgres_url, JobServices(database, Settings()), until_empty=True)
    async with database.transaction(project.project_id) as tx:
        assert await count_rows(tx) == (0, 0)
        with pytest.raises(NotFound):
            await request_deletion(tx, campaign_id, now=NOW)
