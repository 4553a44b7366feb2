"""The log of exposures: many at once, and the first assignment stays."""

import asyncio

import psycopg
import pytest

from conftest import NOW
from kaquan.campaigns import CampaignDraft, create_campaign
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.experiments import (
    Arm,
    Assignment,
    ExposureCounts,
    assign_arm,
    count_exposures,
    find_exposure,
    list_exposures,
    record_exposures,
)
from kaquan.runtime import Database, Project, Tx

OFFER = {"effect": {"code": "amount_off", "amount_minor": 100}}
TREATED, HELD = Assignment(Arm.TREATMENT, 0.9), Assignment(Arm.HOLDOUT, 0.1)


async def prepare(tx: Tx, customers: int) -> tuple[str, list[str]]:
    campaign = await create_campaign(tx, CampaignDraft(name="Spring", offer=OFFER), now=NOW)
    people = [
        await upsert_customer(tx, CustomerDraft(source_id=f"c{number}"), now=NOW)
        for number in range(customers)
    ]
    return campaign.id, sorted(person.id for person in people)


async def test_first_assignment_stays(tx: Tx) -> None:
    campaign_id, (ada, bo, chen) = await prepare(tx, 3)
    assert await record_exposures(tx, campaign_id, [(ada, TREATED), (bo, HELD)], now=NOW) == {
        ada: TREATED,
        bo: HELD,
    }
    again = await record_exposures(tx, campaign_id, [(bo, TREATED), (chen, TREATED)], now=NOW)
    assert again == {bo: HELD, chen: TREATED}
    assert await count_exposures(tx, campaign_id) == ExposureCounts(treatment=2, holdout=1)


async def test_reading_the_log(tx: Tx) -> None:
    campaign_id, people = await prepare(tx, 5)
    await record_exposures(tx, campaign_id, [(person, TREATED) for person in people], now=NOW)
    first = await list_exposures(tx, campaign_id, limit=3)
    rest = await list_exposures(tx, campaign_id, limit=3, after=first[-1].customer_id)
    assert [exposure.customer_id for exposure in first + rest] == people
    found = await find_exposure(tx, campaign_id, people[0])
    assert found is not None
    assert found == first[0]
    assert found.assignment == TREATED
    assert await find_exposure(tx, campaign_id, "cust_none") is None


async def test_nothing_to_record(tx: Tx) -> None:
    campaign_id, _ = await prepare(tx, 0)
    assert await record_exposures(tx, campaign_id, [], now=NOW) == {}
    assert (await count_exposures(tx, campaign_id)).total == 0


async def test_the_same_customer_twice_in_one_call(tx: Tx) -> None:
    campaign_id, (ada,) = await prepare(tx, 1)
    assert await record_exposures(tx, campaign_id, [(ada, HELD), (ada, HELD)], now=NOW) == {
        ada: HELD
    }


async def test_unknown_customer_is_refused_by_the_database(tx: Tx) -> None:
    campaign_id, _ = await prepare(tx, 0)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with tx.transaction():
            await record_exposures(tx, campaign_id, [("cust_none", HELD)], now=NOW)


async def test_many_recorders_at_once_agree(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign_id, people = await prepare(tx, 200)

    async def record(share_bps: int) -> dict[str, Assignment]:
        given = [
            (person, assign_arm(campaign_id, person, holdout_bps=share_bps)) for person in people
        ]
        if share_bps % 2000:
            given.reverse()
        async with database.transaction(project.project_id) as tx:
            return await record_exposures(tx, campaign_id, given, now=NOW)

    answers = await asyncio.gather(*(record(share_bps) for share_bps in range(1000, 9000, 1000)))
    assert all(answer == answers[0] for answer in answers)
    async with database.transaction(project.project_id) as tx:
        assert (await count_exposures(tx, campaign_id)).total == len(people)
