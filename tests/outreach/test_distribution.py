"""Distributions: who gets what, what is counted, and what is left when one is killed."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from kaquan.campaigns import (
    Activation,
    CampaignChange,
    issue_vouchers,
    list_publications,
    update_campaign,
)
from kaquan.experiments import Arm, assign_arm, count_exposures, list_exposures
from kaquan.outreach import (
    Distribution,
    DistributionStatus,
    EmailTemplate,
    MessageCounts,
    MessageStatus,
    advance_distribution,
    count_messages,
    default_template,
    get_distribution,
    get_message,
    list_distributions,
    list_messages,
    resume_distribution,
    start_distribution,
)
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
)
from outreach.shop import NOW, SPRING, TO_OUTBOX, TO_SERVER, consent, finish, open_shop, send, work


def addresses(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


async def test_counts_say_who_was_held_out_published_and_reached(
    database: Database, project: Project
) -> None:
    emails = [*addresses(60), None, "p@trailing-.example.com", "ünï@example.com", "a@例え.jp"]
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, emails, campaign=replace(SPRING, holdout_bps=3000))
        await consent(tx, shop.customers[:10], granted=False)
    distribution = await send(database, project.project_id, shop, chunk=7)

    arms = {
        customer.id: assign_arm(shop.campaign.id, customer.id, holdout_bps=3000).arm
        for customer in shop.customers
    }
    treated = {customer_id for customer_id, arm in arms.items() if arm is Arm.TREATMENT}
    assert 0 < len(treated) < 64
    unreachable = {customer.id for customer in (*shop.customers[:10], *shop.customers[60:63])}
    async with database.transaction(project.project_id) as tx:
        exposures = await list_exposures(tx, shop.campaign.id, limit=100)
        publications = await list_publications(tx, campaign_id=shop.campaign.id, limit=100)
        messages = await list_messages(tx, distribution_id=distribution.id, limit=100)
        counts = await count_messages(tx, distribution.id)
    assert {e.customer_id: e.arm for e in exposures} == arms
    assert {p.customer_id for p in publications.items} == treated
    assert {m.customer_id for m in messages.items} == treated - unreachable
    assert (distribution.status, distribution.audience) == (DistributionStatus.DONE, 64)
    assert distribution.held_out == 64 - len(treated)
    assert distribution.published == len(treated)
    assert distribution.unreachable == len(treated & unreachable)
    assert counts == MessageCounts(queued=messages.total)


async def test_a_message_holds_the_readers_own_coupon(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(
            tx,
            addresses(2),
            campaign=replace(
                SPRING, expires_at=NOW.replace(month=6, day=1, hour=16) - timedelta(days=1)
            ),
        )
    distribution = await send(database, project.project_id, shop)
    async with database.transaction(project.project_id) as tx:
        page = await list_messages(tx, distribution_id=distribution.id, limit=10)
        assert all(message.html == "" for message in page.items)
        publications = await list_publications(tx, campaign_id=shop.campaign.id, limit=10)
        for publication in publications.items:
            [listed] = [m for m in page.items if m.customer_id == publication.customer_id]
            message = await get_message(tx, listed.id)
            assert message.voucher_id == publication.voucher_id
            for part in (message.html, message.plain):
                assert publication.code in part
                assert "¥20 off" in part
                assert "Valid until 31 May 2026" in part
                assert "https://shop.example/w/" in part
                assert "https://shop.example/u/" in part
            assert message.address in {c.email for c in shop.customers}
            assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert {p.customer_id for p in publications.items} == {c.id for c in shop.customers}


async def test_without_a_mail_server_messages_are_kept(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(3))
    distribution = await send(database, project.project_id, shop, mailing=TO_OUTBOX)
    async with database.transaction(project.project_id) as tx:
        assert await count_messages(tx, distribution.id) == MessageCounts(kept=3)


class Killed(Exception):
    """Stands for the end of the process: the transaction never commits."""


async def test_a_distribution_killed_in_any_chunk_goes_on_and_doubles_nothing(
    database: Database, project: Project
) -> None:
    """Each chunk is done once in a transaction that dies, and then again."""
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(23), campaign=replace(SPRING, holdout_bps=2000))
        distribution = await start_distribution(
            tx, "Spring", "everybody", template=default_template("zh"), now=NOW
        )
    deaths = 0
    while distribution.status is not DistributionStatus.DONE:
        with pytest.raises(Killed):
            await _advance_and_die(database, project, distribution)
        deaths += 1
        async with database.transaction(project.project_id) as tx:
            distribution = await _advance(tx, distribution)
    assert deaths == 5
    async with database.transaction(project.project_id) as tx:
        again = await _advance(tx, distribution)
        exposures = await count_exposures(tx, shop.campaign.id)
        publications = await list_publications(tx, campaign_id=shop.campaign.id, limit=100)
        messages = await list_messages(tx, distribution_id=distribution.id, limit=100)
    assert again == distribution
    assert (exposures.total, distribution.audience) == (23, 23)
    assert exposures.holdout == distribution.held_out
    assert publications.total == messages.total == distribution.published == exposures.treatment
    assert len({message.customer_id for message in messages.items}) == messages.total


async def test_a_second_distribution_reminds_the_same_people_of_the_same_coupon(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(20), campaign=replace(SPRING, holdout_bps=5000))
    first = await send(database, project.project_id, shop)
    async with database.transaction(project.project_id) as tx:
        await update_campaign(tx, shop.campaign.id, CampaignChange(holdout_bps=0), now=NOW)
    second = await send(database, project.project_id, shop)
    assert (second.held_out, second.published) == (first.held_out, first.published)
    async with database.transaction(project.project_id) as tx:
        publications = await list_publications(tx, campaign_id=shop.campaign.id, limit=100)
        listed = await list_distributions(tx, campaign_id=shop.campaign.id, limit=10)
    assert publications.total == first.published
    assert {d.id for d in listed} == {first.id, second.id}


async def test_a_template_that_fails_for_one_reader_fails_that_message_only(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(2))
        await tx.execute(
            """update customer set metadata = '{"pet": "cat"}' where source_id = 'C-1'"""
        )
    body = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        "{% if customer.source_id == 'C-1001' %}sample{% else %}{{ customer.metadata.pet }}"
        "{% endif %}{{ unsubscribe_url }}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    template = EmailTemplate(subject="Hello", mjml=body)
    distribution = await send(database, project.project_id, shop, template=template)
    async with database.transaction(project.project_id) as tx:
        counts = await count_messages(tx, distribution.id)
        page = await list_messages(
            tx, distribution_id=distribution.id, status=MessageStatus.FAILED, limit=10
        )
    assert counts == MessageCounts(queued=1, failed=1)
    assert page.items[0].customer_id == shop.customers[0].id
    assert "there is no 'pet'" in (page.items[0].error or "")


async def test_the_outbox_is_paged_from_new_to_old(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(5))
    distribution = await send(database, project.project_id, shop)
    seen: list[str] = []
    cursor: str | None = None
    async with database.transaction(project.project_id) as tx:
        while True:
            page = await list_messages(tx, distribution_id=distribution.id, after=cursor, limit=2)
            assert page.total == 5
            seen += [message.id for message in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5


class Unfit(NamedTuple):
    name: str
    change: CampaignChange
    says: str


UNFIT = [
    Unfit("switched off", CampaignChange(active=False), "The campaign is switched off."),
    Unfit("over", CampaignChange(expires_at=NOW), "The campaign is over."),
]


@pytest.mark.parametrize("case", UNFIT, ids=lambda case: case.name)
async def test_a_campaign_that_cannot_be_used_is_not_sent(tx: Tx, case: Unfit) -> None:
    shop = await open_shop(tx, addresses(1))
    await update_campaign(tx, shop.campaign.id, case.change, now=NOW)
    with pytest.raises(InvalidInput) as caught:
        await start_distribution(
            tx, shop.campaign.id, shop.segment.id, template=default_template("en"), now=NOW
        )
    assert caught.value.message == case.says
    assert await list_distributions(tx, limit=1) == []


async def test_unknown_names_are_not_found(tx: Tx) -> None:
    shop = await open_shop(tx, addresses(1))
    template = default_template("en")
    with pytest.raises(NotFound):
        await start_distribution(tx, "nowhere", shop.segment.id, template=template, now=NOW)
    with pytest.raises(NotFound):
        await start_distribution(tx, shop.campaign.id, "nobody", template=template, now=NOW)
    for read in (get_distribution, get_message):
        with pytest.raises(NotFound):
            await read(tx, "nothing")


async def test_the_job_fails_a_distribution_that_runs_out_of_codes_and_resumes_it(
    database: Database, project: Project, postgres_url: str
) -> None:
    """Without codes nothing is half-done; with codes it goes on where it stopped."""
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(
            tx, addresses(4), campaign=replace(SPRING, activation=Activation.STATIC)
        )
        await issue_vouchers(tx, shop.campaign.id, 3, now=NOW)
        started = await start_distribution(
            tx, shop.campaign.id, shop.segment.id, template=default_template("en"), now=NOW
        )
    services = JobServices(database, Settings(mail_from="Shop <news@shop.example>"))
    await work(postgres_url, services)
    async with database.transaction(project.project_id) as tx:
        failed = await get_distribution(tx, started.id)
        assert (await count_exposures(tx, shop.campaign.id)).total == 0
        assert (failed.status, failed.published) == (DistributionStatus.FAILED, 0)
        assert failed.error == "The campaign 'Spring' has 3 vouchers left to give."
        await issue_vouchers(tx, shop.campaign.id, 1, now=NOW)
        await resume_distribution(tx, started.id, now=NOW)
    await work(postgres_url, services)
    async with database.transaction(project.project_id) as tx:
        done = await get_distribution(tx, started.id)
        counts = await count_messages(tx, started.id)
    assert (done.status, done.error, done.published) == (DistributionStatus.DONE, None, 4)
    assert counts == MessageCounts(kept=4)


async def test_a_fault_that_stays_fails_the_distribution_at_the_last_try(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(2))
        started = await start_distribution(
            tx, shop.campaign.id, shop.segment.id, template=default_template("en"), now=NOW
        )
        await tx.execute("""update campaign set offer = '{"effect": {"code": "unheard of"}}'""")
    services = JobServices(database, Settings(mail_from="Shop <news@shop.example>"))
    tries = ((0, DistributionStatus.PENDING, None), (10, DistributionStatus.FAILED, "An internal"))
    for attempts, status, error in tries:
        async with await AsyncConnection.connect(postgres_url, autocommit=True) as owner:
            await owner.execute(
                "update jobs.procrastinate_jobs set attempts = %s, scheduled_at = null"
                " where status = 'todo' and (args ->> 'project_id')::bigint = %s",
                (attempts, project.project_id),
            )
        await work(postgres_url, services)
        async with database.transaction(project.project_id) as tx:
            stands = await get_distribution(tx, started.id)
        assert stands.status is status
        assert (stands.error or "").startswith(error or "")


async def test_an_audience_of_nobody_is_done_at_once(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, [])
    distribution = await send(database, project.project_id, shop)
    assert (distribution.status, distribution.audience) == (DistributionStatus.DONE, 0)


async def test_a_full_last_chunk_is_not_the_end_of_the_books(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, addresses(6))
        started = await start_distribution(
            tx, shop.campaign.id, shop.segment.id, template=default_template("en"), now=NOW
        )
    done = await finish(database, project.project_id, started, chunk=3)
    assert (done.audience, done.published) == (6, 6)


async def _advance(tx: Tx, distribution: Distribution) -> Distribution:
    return await advance_distribution(tx, distribution.id, mailing=TO_SERVER, now=NOW, chunk=5)


async def _advance_and_die(
    database: Database, project: Project, distribution: Distribution
) -> None:
    async with database.transaction(project.project_id) as tx:
        await _advance(tx, distribution)
        raise Killed
