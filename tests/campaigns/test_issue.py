"""Making vouchers in numbers: exact counts, whatever collides, fails or is killed."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import JobContext
from procrastinate.jobs import Job

import kaquan.campaigns.issue as issuing
from campaigns.samples import OFFER, make_campaign
from conftest import NOW
from kaquan.campaigns import (
    CodeConfig,
    VoucherChange,
    VoucherDraft,
    VoucherTemplate,
    VoucherUsage,
    add_voucher,
    continue_issue,
    delete_campaign,
    issue_requested_vouchers,
    issue_vouchers,
    list_vouchers,
    request_vouchers,
    update_voucher,
    voucher_usage,
)
from kaquan.ledger import check_ledger, count_ledger
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
    get_action,
    job_queue,
    run_worker,
)

DIGITS = CodeConfig(pattern="D-##", charset="0123456789", public=True)


async def figures(tx: Tx, campaign_id: str) -> tuple[int, int, int]:
    """Vouchers of the campaign; accounts and transfers of the project."""
    vouchers = await list_vouchers(tx, campaign_id=campaign_id, limit=1)
    return vouchers.total, *await count_ledger(tx)


@pytest.mark.parametrize(
    ("quantity", "granted", "accounts"), [(1, 1, 12), (7, 7, 12), (0, 0, 0), (None, None, 0)]
)
async def test_vouchers_and_their_uses(
    tx: Tx, quantity: int | None, granted: int | None, accounts: int
) -> None:
    template = VoucherTemplate(
        code=CodeConfig(pattern="X-########"), quantity=quantity, category="vip", metadata={"a": 1}
    )
    campaign = await make_campaign(tx, voucher_template=template)
    ids = await issue_vouchers(tx, campaign.id, 12, now=NOW)
    page = await list_vouchers(tx, campaign_id=campaign.id, limit=100)
    assert {voucher.id for voucher in page.items} == set(ids)
    assert all(re.fullmatch(r"X-\w{8}", voucher.code) for voucher in page.items)
    assert {(v.category, v.additional_info, v.active) for v in page.items} == {("vip", None, True)}
    usage = await voucher_usage(tx, page.items)
    assert set(usage.values()) == {VoucherUsage(granted=granted, left=granted, used=0)}
    assert await figures(tx, campaign.id) == (12, accounts, accounts)


async def test_taken_codes_are_replaced_until_the_count_is_exact(tx: Tx) -> None:
    campaign = await make_campaign(tx, voucher_template=VoucherTemplate(code=DIGITS))
    taken = {f"D-{number:02}" for number in range(0, 100, 4)}
    for code in taken:
        await add_voucher(tx, VoucherDraft(offer=OFFER, code=code), now=NOW)
    await issue_vouchers(tx, campaign.id, 50, now=NOW)
    page = await list_vouchers(tx, campaign_id=campaign.id, limit=100)
    codes = {voucher.code for voucher in page.items}
    assert len(codes) == 50
    assert not codes & taken
    assert await figures(tx, campaign.id) == (50, 75, 75)


async def test_a_space_that_others_have_filled(tx: Tx) -> None:
    public = CodeConfig(pattern="POSTER", public=True)
    await add_voucher(tx, VoucherDraft(offer=OFFER, code="POSTER"), now=NOW)
    campaign = await make_campaign(tx, voucher_template=VoucherTemplate(code=public))
    with pytest.raises(InvalidInput, match="taken already") as refusal:
        await issue_vouchers(tx, campaign.id, 1, now=NOW)
    assert refusal.value.key == "code_space_too_small"


@pytest.mark.parametrize(
    ("pattern", "days", "first", "second", "refused"),
    [
        ("########", None, 2000, 704, False),
        ("########", None, 2000, 705, True),
        ("########", 73, 2000, 8000, False),
        ("########", 730, 1000, 353, True),
        ("#####", None, 0, 1, True),
        ("#####", 0, 0, 33, False),
        ("#####", 0, 0, 34, True),
    ],
)
async def test_room_for_codes(
    tx: Tx, pattern: str, days: int | None, first: int, second: int, refused: bool
) -> None:
    template = VoucherTemplate(code=CodeConfig(pattern=pattern), quantity=None)
    end = None if days is None else NOW + timedelta(days=days)
    campaign = await make_campaign(tx, voucher_template=template, expires_at=end)
    if first:
        await issue_vouchers(tx, campaign.id, first, now=NOW)
    if not refused:
        assert (await request_vouchers(tx, campaign.id, second, now=NOW)).total == second
        return
    for verb in (issue_vouchers, request_vouchers):
        with pytest.raises(InvalidInput) as refusal:
            await verb(tx, campaign.id, second, now=NOW)
        assert refusal.value.key == "code_space_too_small"


@pytest.mark.parametrize("count", [0, -1, 10_000_001, 2**70, True])
async def test_impossible_count(tx: Tx, count: int) -> None:
    campaign = await make_campaign(tx)
    for verb in (issue_vouchers, request_vouchers):
        with pytest.raises(InvalidInput) as refusal:
            await verb(tx, campaign.id, count, now=NOW)
        assert refusal.value.field == "count"


async def test_unknown_campaign(tx: Tx) -> None:
    with pytest.raises(NotFound):
        await request_vouchers(tx, "camp_none", 5, now=NOW)


async def test_a_thousand_are_made_at_once(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    action = await request_vouchers(tx, campaign.name, 1000, now=NOW)
    assert action == await get_action(tx, action.id)
    assert (action.status, action.done, action.total) == (ActionStatus.DONE, 1000, 1000)
    assert await figures(tx, campaign.id) == (1000, 1000, 1000)


async def test_more_are_made_by_a_job(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        action = await request_vouchers(tx, campaign.id, 12_345, now=NOW)
        assert (action.status, action.done) == (ActionStatus.PENDING, 0)
    await run_worker(postgres_url, JobServices(database, Settings()), until_empty=True)
    async with database.transaction(project.project_id) as tx:
        action = await get_action(tx, action.id)
        assert (action.status, action.done, action.result) == (ActionStatus.DONE, 12_345, None)
        assert await figures(tx, campaign.id) == (12_345, 12_345, 12_345)
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def interrupted(tx: Tx, work: Awaitable[AsyncAction]) -> None:
    """Do the work, and lose it before it is committed."""
    async with tx.transaction():
        assert await work
        raise ZeroDivisionError


async def test_a_request_that_is_rolled_back_leaves_no_job(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        with pytest.raises(ZeroDivisionError):
            await interrupted(tx, request_vouchers(tx, campaign.id, 5000, now=NOW))
    await run_worker(postgres_url, JobServices(database, Settings()), until_empty=True)
    async with database.transaction(project.project_id) as tx:
        assert await figures(tx, campaign.id) == (0, 0, 0)


async def start(database: Database, project: Project, count: int) -> tuple[str, AsyncAction]:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        return campaign.id, await request_vouchers(tx, campaign.id, count, now=NOW)


async def finish(database: Database, project: Project, action_id: str) -> list[int]:
    """Go on to the end, and say how far each step had come."""
    steps: list[int] = []
    status = ActionStatus.RUNNING
    while status is ActionStatus.RUNNING:
        async with database.transaction(project.project_id) as tx:
            action = await continue_issue(tx, action_id, now=NOW)
        status = action.status
        steps.append(action.done)
    assert status is ActionStatus.DONE
    return steps


async def test_a_chunk_that_fails_is_made_again(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "CHUNK", 400)
    campaign_id, action = await start(database, project, 1001)
    async with database.transaction(project.project_id) as tx:
        await continue_issue(tx, action.id, now=NOW)
        with pytest.raises(ZeroDivisionError):
            await interrupted(tx, continue_issue(tx, action.id, now=NOW))
    async with database.transaction(project.project_id) as tx:
        assert await figures(tx, campaign_id) == (400, 400, 400)
    assert await finish(database, project, action.id) == [800, 1001]
    async with database.transaction(project.project_id) as tx:
        assert (await continue_issue(tx, action.id, now=NOW)).done == 1001
        assert await figures(tx, campaign_id) == (1001, 1001, 1001)


async def test_two_workers_on_one_action(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "CHUNK", 300)
    campaign_id, action = await start(database, project, 3000)
    steps = await asyncio.gather(*(finish(database, project, action.id) for _ in range(4)))
    assert sorted({step for taken in steps for step in taken}) == list(range(300, 3001, 300))
    async with database.transaction(project.project_id) as tx:
        assert await figures(tx, campaign_id) == (3000, 3000, 3000)


KILLED_WORKER = """
import asyncio, sys
import kaquan.campaigns.issue as issuing
from kaquan.campaigns import continue_issue
from kaquan.runtime import open_database, utc_now
url, project_id, action_id = sys.argv[1], int(sys.argv[2]), sys.argv[3]
issuing.CHUNK = 250
async def work():
    async with open_database(url) as database:
        while True:
            async with database.transaction(project_id) as tx:
                action = await continue_issue(tx, action_id, now=utc_now())
            if action.status != "running":
                break
asyncio.run(work())
"""


@pytest.mark.slow
async def test_a_worker_killed_at_any_moment(
    database: Database, project: Project, postgres_url: str
) -> None:
    campaign_id, action = await start(database, project, 8000)
    source = Path(__file__).parents[2] / "src"
    seen = 0
    for _ in range(3):
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", KILLED_WORKER, postgres_url, str(project.project_id), action.id),
            env=os.environ | {"PYTHONPATH": str(source)},
        )
        done = seen
        while done == seen and worker.returncode is None:
            async with database.transaction(project.project_id) as tx:
                done = (await get_action(tx, action.id)).done
        worker.send_signal(signal.SIGKILL)
        assert await worker.wait() == -signal.SIGKILL
        async with database.transaction(project.project_id) as tx:
            # Waits for the killed worker's transaction to end, one way or the other.
            seen = (await get_action(tx, action.id, lock=True)).done
            assert (await figures(tx, campaign_id))[0] == seen
        assert 0 < seen < 8000
    await finish(database, project, action.id)
    async with database.transaction(project.project_id) as tx:
        assert await figures(tx, campaign_id) == (8000, 8000, 8000)
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def test_a_refusal_ends_the_action_as_failed(
    database: Database, project: Project, postgres_url: str
) -> None:
    campaign_id, action = await start(database, project, 5000)
    async with database.transaction(project.project_id) as tx:
        await delete_campaign(tx, campaign_id, now=NOW)
    await run_worker(postgres_url, JobServices(database, Settings()), until_empty=True)
    async with database.transaction(project.project_id) as tx:
        failed = await get_action(tx, action.id)
        assert (failed.status, failed.done) == (ActionStatus.FAILED, 0)
        assert failed.result is not None
        assert failed.result["key"] == "not_found"
        assert await continue_issue(tx, action.id, now=NOW) == failed


@pytest.mark.parametrize(
    ("attempts", "status"), [(0, ActionStatus.PENDING), (9, ActionStatus.PENDING), (10, "failed")]
)
async def test_a_fault_is_recorded_at_the_last_attempt(
    database: Database,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    attempts: int,
    status: str,
) -> None:
    async def broken(*_: Any, **__: Any) -> list[str]:
        raise psycopg.OperationalError("the disk is full")

    monkeypatch.setattr(issuing, "issue_vouchers", broken)
    _, action = await start(database, project, 5000)
    context = JobContext(
        app=job_queue,
        job=Job(
            id=1,
            queue="default",
            lock=None,
            queueing_lock=None,
            task_name=issue_requested_vouchers.name,
            attempts=attempts,
        ),
        start_timestamp=0,
        abort_reason=lambda: None,
        additional_context={"services": JobServices(database, Settings())},
    )
    with pytest.raises(psycopg.OperationalError):
        await issue_requested_vouchers.func(
            context, project_id=project.project_id, action_id=action.id
        )
    async with database.transaction(project.project_id) as tx:
        found = await get_action(tx, action.id)
    assert found.status == status
    assert "disk" not in str(found.result)


async def test_a_voucher_made_by_a_campaign_can_be_changed_alone(tx: Tx) -> None:
    campaign = await make_campaign(tx)
    (first, second) = await issue_vouchers(tx, campaign.id, 2, now=NOW)
    await update_voucher(tx, first, VoucherChange(quantity=5), now=NOW)
    page = await list_vouchers(tx, campaign_id=campaign.id)
    usage = await voucher_usage(tx, page.items)
    assert (usage[first].left, usage[second].left) == (5, 1)
