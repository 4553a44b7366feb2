"""Messages are sent again on request, and tests on demand."""

from datetime import UTC, datetime, timedelta

from checkout.shop import NOW
from kaquan.runtime import Database, Project
from kaquan.webhooks import (
    DeliveryStatus,
    EndpointDraft,
    replay_delivery,
    replay_events,
    send_test,
    update_endpoint,
)
from webhooks.receiver import Receiver
from webhooks.samples import (
    Clock,
    happen,
    listen,
    log_of,
    number,
    open_dispatcher,
)


async def test_replay_of_one(database: Database, project: Project, receiver: Receiver) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    (sent,) = await log_of(database, project, endpoint)
    async with database.transaction(project.project_id) as tx:
        again = await replay_delivery(tx, endpoint.id, sent.id, now=clock.now)
    assert again.status is DeliveryStatus.PENDING
    await open_dispatcher(database, clock).drain(project.project_id)
    assert [got.id for got in receiver.got] == [sent.id] * 2
    (logged,) = await log_of(database, project, endpoint)
    assert (logged.attempts, len(logged.tries)) == (1, 2)


async def test_replay_of_a_period_fills_what_was_missed(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url)
    clock = Clock()
    await happen(database, project, "before")
    await open_dispatcher(database, clock).drain(project.project_id)

    async def switch(*, active: bool) -> None:
        async with database.transaction(project.project_id) as tx:
            await update_endpoint(
                tx,
                endpoint.id,
                EndpointDraft(active=active),
                private_allowed=True,
                now=clock.now,
            )

    await switch(active=False)
    await happen(database, project, "meanwhile")
    await open_dispatcher(database, clock).drain(project.project_id)
    await switch(active=True)
    await open_dispatcher(database, clock).drain(project.project_id)
    assert len(receiver.got) == 1
    end = NOW + timedelta(seconds=1)
    async with database.transaction(project.project_id) as tx:
        assert (
            await replay_events(tx, endpoint.id, start=NOW, end=end, failed_only=True, now=NOW) == 0
        )
        assert await replay_events(tx, endpoint.id, start=NOW, end=end, now=NOW) == 2
    await open_dispatcher(database, clock).drain(project.project_id)
    names = [got.said["data"]["customer"]["source_id"] for got in receiver.got]
    assert sorted(names) == ["before", "before", "meanwhile"]


async def test_a_test_event_goes_to_one_endpoint(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url, "voucher.created")
    await listen(database, project, f"{receiver.url}/other")
    async with database.transaction(project.project_id) as tx:
        sent = await send_test(tx, endpoint.id, now=NOW)
        assert [event.type for event in await number(tx)] == ["webhook.test"]
    await open_dispatcher(database, Clock()).drain(project.project_id)
    (got,) = receiver.got
    assert (got.path, got.id, got.said["type"]) == ("/hook", sent.id, "webhook.test")
    assert datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC) == NOW
