"""Events are numbered when they are committed: none skipped, none twice, in order."""

import asyncio

from blocking import until_somebody_waits_for
from checkout.shop import NOW
from kaquan.customers import (
    CustomerDraft,
    delete_customer,
    upsert_customer,
)
from kaquan.runtime import Database, Project, Tx
from kaquan.webhooks import list_events, number_events
from webhooks.samples import enter, number, subscribe


async def test_a_transaction_that_ends_late_is_not_skipped(
    database: Database, project: Project
) -> None:
    """The slow one draws its id first and commits last."""
    async with database.transaction(project.project_id) as tx:
        await subscribe(tx, "customer.created")
    async with database.transaction(project.project_id) as slow:
        await enter(slow, "slow")
        async with database.transaction(project.project_id) as quick:
            await enter(quick, "quick")
        async with database.transaction(project.project_id) as tx:
            first = await number(tx)
    async with database.transaction(project.project_id) as tx:
        both = await number(tx)
    names = [event.data["customer"]["source_id"] for event in both]
    assert names == ["quick", "slow"]
    assert [event.position for event in both] == [1, 2]
    assert first == both[:1]


async def test_changes_of_one_object_keep_their_order(database: Database, project: Project) -> None:
    """Whoever waits for the other's lock comes later, though its transaction began earlier."""
    async with database.transaction(project.project_id) as tx:
        await subscribe(tx, "customer.updated", "customer.created")
        (anna,) = await enter(tx, "anna")

    async def rename(tx: Tx, name: str) -> None:
        await upsert_customer(tx, CustomerDraft(id=anna, metadata={"name": name}), now=NOW)

    async with database.transaction(project.project_id) as early:
        await enter(early, "bo")
        async with database.transaction(project.project_id) as late:
            await rename(late, "first")
            waiting = asyncio.create_task(rename(early, "second"))
            await until_somebody_waits_for(late)
        await waiting
    async with database.transaction(project.project_id) as tx:
        updated = [e for e in await number(tx) if e.type == "customer.updated"]
    assert len(updated) == 2
    assert updated[0].at <= updated[1].at


async def test_numbers_are_given_once_by_many(database: Database, project: Project) -> None:
    people = [f"person-{number}" for number in range(40)]
    async with database.transaction(project.project_id) as tx:
        await subscribe(tx, "customer.created")

    async def enter_one(name: str) -> None:
        async with database.transaction(project.project_id) as tx:
            await enter(tx, name)

    async def number_some() -> None:
        for _ in range(20):
            async with database.transaction(project.project_id) as tx:
                await number_events(tx, now=NOW, limit=3)

    await asyncio.gather(*(enter_one(name) for name in people), *(number_some() for _ in range(3)))
    async with database.transaction(project.project_id) as tx:
        events = await number(tx)
    assert [event.position for event in events] == list(range(1, len(people) + 1))
    assert sorted(event.data["customer"]["source_id"] for event in events) == sorted(people)


async def test_the_erased_leave_the_log(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await subscribe(tx)
        anna, bo = await enter(tx, "anna", "bo")
        await number(tx)
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(id=anna, email="anna@example.com"), now=NOW)
        await delete_customer(tx, anna, now=NOW)
        events = await number(tx)
        assert [(event.type, event.customer_id) for event in events] == [
            ("customer.created", bo),
            ("customer.updated", anna),
            ("customer.deleted", anna),
        ]
        gone = {"id": anna, "object": "customer"}
        assert [event.data["customer"] for event in events[1:]] == [gone, gone]
        stored = await tx.execute("select data::text from domain_event")
        assert not any("anna@" in row[0] for row in await stored.fetchall())


async def test_another_project_sees_nothing(database: Database, project: Project, tx: Tx) -> None:
    await subscribe(tx)
    await enter(tx, "anna")
    assert await number(tx)
    async with database.transaction() as outside:
        assert await list_events(outside, after=0, limit=10) == []
