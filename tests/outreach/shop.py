"""A shop with an audience and a campaign, for tests of sending."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from kaquan.campaigns import Campaign, CampaignDraft, create_campaign
from kaquan.customers import Customer, CustomerDraft, record_consents, upsert_customer
from kaquan.outreach import (
    EMAIL,
    MARKETING,
    Distribution,
    DistributionStatus,
    EmailTemplate,
    Mailing,
    advance_distribution,
    default_template,
    start_distribution,
)
from kaquan.runtime import Database, JobServices, Tx, run_worker
from kaquan.segments import Segment, create_segment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPRING = CampaignDraft(
    name="Spring",
    offer={"effect": {"code": "amount_off", "amount_minor": 2000}},
    holdout_bps=0,
)
TO_SERVER = Mailing(
    sender="小店 <news@shop.example>", base_url="https://shop.example/", deliver=True
)
TO_OUTBOX = msgspec.structs.replace(TO_SERVER, deliver=False)


class Shop(msgspec.Struct, frozen=True):
    """The customers of an audience, in the order they were added, and what is sent to them."""

    customers: list[Customer]
    campaign: Campaign
    segment: Segment


async def open_shop(
    tx: Tx, emails: Sequence[str | None], *, campaign: CampaignDraft = SPRING
) -> Shop:
    """Enter customers who all consented, a segment of all of them, and a campaign."""
    customers = [
        await upsert_customer(
            tx,
            CustomerDraft(source_id=f"C-{number}", name=f"Person {number}", email=email),
            now=NOW,
        )
        for number, email in enumerate(emails)
    ]
    await consent(tx, customers, granted=True)
    everybody = {"attribute": "source_id", "operator": "has_value"}
    return Shop(
        customers,
        await create_campaign(tx, campaign, now=NOW),
        await create_segment(tx, "everybody", everybody, now=NOW),
    )


async def consent(tx: Tx, customers: Sequence[Customer], *, granted: bool) -> None:
    """Record a decision about marketing by e-mail."""
    await record_consents(
        tx,
        [customer.id for customer in customers],
        channel=EMAIL,
        purpose=MARKETING,
        granted=granted,
        source="test",
        now=NOW,
    )


async def send(
    database: Database,
    project_id: int,
    shop: Shop,
    *,
    mailing: Mailing = TO_SERVER,
    template: EmailTemplate | None = None,
    chunk: int = 500,
) -> Distribution:
    """Start a distribution and advance it to its end."""
    async with database.transaction(project_id) as tx:
        distribution = await start_distribution(
            tx,
            shop.campaign.id,
            shop.segment.id,
            template=template or default_template("en"),
            now=NOW,
        )
    return await finish(database, project_id, distribution, mailing=mailing, chunk=chunk)


async def finish(
    database: Database,
    project_id: int,
    distribution: Distribution,
    *,
    mailing: Mailing = TO_SERVER,
    chunk: int = 500,
) -> Distribution:
    """Advance a distribution to its end, a transaction a chunk."""
    while distribution.status in (DistributionStatus.PENDING, DistributionStatus.RUNNING):
        async with database.transaction(project_id) as tx:
            distribution = await advance_distribution(
                tx, distribution.id, mailing=mailing, now=NOW, chunk=chunk
            )
    return distribution


async def work(url: str, services: JobServices) -> None:
    """Do what is queued, and then what those jobs queued as their last act."""
    for _ in range(2):
        await run_worker(url, services, until_empty=True)
