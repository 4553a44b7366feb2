"""Many who want the same at the same moment; each race has a twin without the protection."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

import kaquan.campaigns.claim as claiming
from campaigns.samples import OFFER, draw_unprotected, make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Activation,
    NothingToPublish,
    Publication,
    PublishedToAnother,
    VoucherDraft,
    add_voucher,
    issue_vouchers,
    list_publications,
    list_vouchers,
    publish_to_customers,
    publish_voucher,
)
from kaquan.campaigns.store.publications import NewPublication
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, KaquanError, Project, Tx

RIVALS = 12

Draw = Callable[..., Awaitable[list[tuple[str, str]]]]


def meet(monkeypatch: pytest.MonkeyPatch, draw: Draw) -> None:
    """Let all rivals draw before any of them goes on: nobody wins by having been quick."""
    barrier = asyncio.Barrier(RIVALS)

    async def draw_and_wait(*arguments: Any, **named: Any) -> list[tuple[str, str]]:
        drawn = await draw(*arguments, **named)
        await barrier.wait()
        return drawn

    monkeypatch.setattr(claiming, "draw_vouchers", draw_and_wait)


async def compete(
    database: Database, project: Project, wanted: Sequence[dict[str, Any]]
) -> list[Publication | KaquanError]:
    """Publish all of these at once, each in a transaction of its own."""

    async def publish(one: dict[str, Any]) -> Publication | KaquanError:
        try:
            async with database.transaction(project.project_id) as tx:
                return await publish_voucher(tx, channel="test", now=NOW, **one)
        except KaquanError as refusal:
            return refusal

    return await asyncio.gather(*map(publish, wanted))


async def codes_stored(database: Database, project: Project) -> Counter[str]:
    """How often each code was given to somebody."""
    async with database.transaction(project.project_id) as tx:
        page = await list_publications(tx, limit=1000)
    return Counter(publication.code for publication in page.items)


@pytest.mark.parametrize(("draw", "holds"), [(None, True), (draw_unprotected, False)])
async def test_no_two_draw_the_same(
    database: Database,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    draw: Draw | None,
    holds: bool,
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx, activation=Activation.STATIC)
        customers = await make_customers(tx, RIVALS)
        await issue_vouchers(tx, campaign.id, RIVALS, now=NOW)
    meet(monkeypatch, draw or claiming.draw_vouchers)
    wanted = [{"campaign_id": campaign.id, "customer_id": customer} for customer in customers]
    answers = await compete(database, project, wanted)
    assert all(isinstance(answer, Publication) for answer in answers)
    codes = await codes_stored(database, project)
    assert (max(codes.values()) == 1) is holds
    assert (len(codes) == RIVALS) is holds


async def test_a_stock_smaller_than_the_crowd(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx, activation=Activation.STATIC)
        customers = await make_customers(tx, RIVALS)
        await issue_vouchers(tx, campaign.id, 5, now=NOW)
    meet(monkeypatch, claiming.draw_vouchers)
    wanted = [{"campaign_id": campaign.id, "customer_id": customer} for customer in customers]
    answers = await compete(database, project, wanted)
    refused = [answer for answer in answers if isinstance(answer, NothingToPublish)]
    assert len(refused) == RIVALS - 5
    assert list((await codes_stored(database, project)).values()) == [1] * 5


@pytest.mark.parametrize("once", [True, False])
async def test_one_customer_joins_once(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch, once: bool
) -> None:
    """The twin has the campaign's rule, but not the index that enforces it."""
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        (customer,) = await make_customers(tx, 1)
    meet(monkeypatch, claiming.draw_vouchers)
    if not once:
        store = claiming.insert_publications

        async def store_unprotected(tx: Tx, given: Sequence[NewPublication]) -> set[str]:
            return await store(tx, [NewPublication(one.publication, once=False) for one in given])

        monkeypatch.setattr(claiming, "insert_publications", store_unprotected)
    wanted = [{"campaign_id": campaign.id, "customer_id": customer}] * RIVALS
    answers = await compete(database, project, wanted)
    codes = {answer.code for answer in answers if isinstance(answer, Publication)}
    assert len(codes) == (1 if once else RIVALS)
    assert len(await codes_stored(database, project)) == len(codes)
    async with database.transaction(project.project_id) as tx:
        held = await list_vouchers(tx, holder_id=customer)
    assert held.total == len(codes)


@pytest.mark.parametrize("named", [True, False])
async def test_one_source_id(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """The twin sends no source_id, and so is given a voucher each time."""
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx, join_once=False)
        (customer,) = await make_customers(tx, 1)
    meet(monkeypatch, claiming.draw_vouchers)
    one = {"campaign_id": campaign.id, "customer_id": customer}
    wanted = [one | ({"source_id": "retry-1"} if named else {})] * RIVALS
    answers = await compete(database, project, wanted)
    ids = {answer.id for answer in answers if isinstance(answer, Publication)}
    assert len(ids) == (1 if named else RIVALS)
    assert len(await codes_stored(database, project)) == len(ids)


async def test_one_code_wanted_by_many(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_voucher(tx, VoucherDraft(offer=OFFER, code="LAST"), now=NOW)
        customers = await make_customers(tx, RIVALS)
    wanted = [{"voucher_code": "LAST", "customer_id": customer} for customer in customers]
    answers = await compete(database, project, wanted)
    refused = [answer for answer in answers if isinstance(answer, PublishedToAnother)]
    assert len(refused) == RIVALS - 1
    assert await codes_stored(database, project) == {"LAST": 1}


async def test_distributions_that_overlap(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await make_campaign(tx)
        customers = await make_customers(tx, 60)
        await issue_vouchers(tx, campaign.id, 30, now=NOW)

    async def distribute(number: int) -> list[Publication]:
        part = customers[number * 5 :] + customers[: number * 5]
        if number % 2:
            part.reverse()
        async with database.transaction(project.project_id) as tx:
            return await publish_to_customers(tx, campaign.id, part, channel="email", now=NOW)

    answers = await asyncio.gather(*map(distribute, range(RIVALS)))
    by_customer = [{p.customer_id: p.code for p in answer} for answer in answers]
    assert all(answer == by_customer[0] for answer in by_customer)
    codes = await codes_stored(database, project)
    assert len(codes) == 60
    assert max(codes.values()) == 1
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []
