"""Campaigns, vouchers and customers that the tests start from."""

from datetime import datetime
from typing import Any

from conftest import NOW
from kaquan.campaigns import Campaign, CampaignDraft, create_campaign
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import Database, Project, Tx, create_project

OFFER: dict[str, Any] = {"effect": {"code": "amount_off", "amount_minor": 500}}


async def make_campaign(tx: Tx, name: str = "Spring", **fields: Any) -> Campaign:
    """A campaign of the offer above."""
    fields = {"offer": OFFER, "open_to_holdout": True} | fields
    return await create_campaign(tx, CampaignDraft(name=name, **fields), now=NOW)


async def make_customers(tx: Tx, count: int) -> list[str]:
    """New customers; returns their ids in the order of making."""
    return [
        (await upsert_customer(tx, CustomerDraft(source_id=f"person-{number}"), now=NOW)).id
        for number in range(count)
    ]


async def draw_unprotected(
    tx: Tx, campaign_id: str, count: int, *, now: datetime
) -> list[tuple[str, str]]:
    """What drawing codes from a pool would be without locking what is drawn."""
    assert now
    cursor = await tx.execute(
        "select id, code from voucher where campaign_id = %s and holder_id is null"
        " order by id limit %s",
        (campaign_id, count),
    )
    return await cursor.fetchall()


async def make_project(database: Database) -> Project:
    """Another project, beside the test's own."""
    async with database.transaction() as tx:
        return await create_project(
            tx, "Neighbour", currency="EUR", time_zone="UTC", language="en", now=NOW
        )
