"""Messages reach a real receiver: signed, once when all goes well, again when it does not."""

import asyncio
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from checkout.shop import NOW
from kaquan.runtime import Database, Project, utc_now
from kaquan.webhooks import (
    FAILING_FOR,
    LEASE,
    PAUSES,
    DeliveryStatus,
    DisabledReason,
    Dispatcher,
    MessageFormat,
    rotate_secret,
)
from webhooks.receiver import Receiver, verify
from webhooks.samples import (
    Clock,
    happen,
    listen,
    log_of,
    open_dispatcher,
    reread,
)


async def test_a_message_is_signed_and_whole(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    await open_dispatcher(database, Clock(utc_now())).drain(project.project_id)
    (got,) = receiver.got
    verify(got, endpoint.secret)
    assert got.path == "/hook"
    assert got.headers["content-type"] == "application/json"
    said = got.said
    assert said["id"] == got.id
    assert (said["type"], said["project_id"]) == ("customer.created", project.id)
    assert said["data"]["customer"]["source_id"] == "anna"
    assert said["source"] == {"id": endpoint.id, "object": "webhook", "target_url": receiver.url}
    assert said["event"] == {
        "id": "ev_000000000001",
        "type": "customer.created",
        "version": 1,
        "position": 1,
        "entity_id": said["data"]["customer"]["id"],
        "created_at": "2026-03-01T12:00:00Z",
    }
    (logged,) = await log_of(database, project, endpoint)
    assert (logged.status, logged.attempts) == (DeliveryStatus.SUCCEEDED, 1)
    assert (logged.id, logged.response_status) == (got.id, 204)


async def test_a_changed_message_does_not_verify(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    await open_dispatcher(database, Clock(utc_now())).drain(project.project_id)
    forged = receiver.got[0]
    forged = type(forged)(forged.path, forged.headers, forged.body.replace(b"anna", b"otto"))
    with pytest.raises(WebhookVerificationError):
        verify(forged, endpoint.secret)


async def test_both_secrets_sign_until_the_overlap_ends(
    database: Database, project: Project, receiver: Receiver
) -> None:
    before = await listen(database, project, receiver.url)
    clock = Clock(utc_now())
    async with database.transaction(project.project_id) as tx:
        rotated = await rotate_secret(tx, before.id, overlap=timedelta(seconds=60), now=clock.now)
    assert rotated.secret != before.secret
    await happen(database, project, "anna")
    await open_dispatcher(database, clock).drain(project.project_id)
    verify(receiver.got[0], rotated.secret)
    verify(receiver.got[0], before.secret)
    clock.turn(timedelta(seconds=61))
    await happen(database, project, "bo")
    await open_dispatcher(database, clock).drain(project.project_id)
    verify(receiver.got[1], rotated.secret)
    with pytest.raises(WebhookVerificationError):
        verify(receiver.got[1], before.secret)


async def test_only_what_was_asked_for_and_all_in_order(
    database: Database, project: Project, receiver: Receiver
) -> None:
    await listen(database, project, receiver.url, "customer.updated", "customer.created")
    people = [f"p{number:02}" for number in range(30)]
    await happen(database, project, *people)
    async with database.transaction(project.project_id) as tx:
        await tx.execute("update customer set description = 'x' where source_id = 'p07'")
        await tx.execute("insert into location (id, name, created_at) values ('l', 'L', now())")
    dispatcher = open_dispatcher(database, Clock())
    await dispatcher.drain(project.project_id)
    positions = sorted(got.said["event"]["position"] for got in receiver.got)
    assert positions == list(range(1, 32))
    assert len({got.id for got in receiver.got}) == 31


async def test_an_ordered_endpoint_waits_for_the_one_that_fails(
    database: Database, project: Project, receiver: Receiver
) -> None:
    await listen(database, project, receiver.url, ordered=True)
    await happen(database, project, "a", "b", "c")
    failures = iter([204, 500])
    receiver.answer = lambda _: next(failures, 204)
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    clock.turn(timedelta(seconds=6))
    await open_dispatcher(database, clock).drain(project.project_id)
    names = [got.said["data"]["customer"]["source_id"] for got in receiver.got]
    assert names == ["a", "b", "b", "c"]


async def test_retries_follow_the_schedule_and_end(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    receiver.answer = lambda _: 500
    clock = Clock()
    pauses: list[timedelta] = []
    logged = None
    for _ in PAUSES:
        await open_dispatcher(database, clock).drain(project.project_id)
        (logged,) = await log_of(database, project, endpoint)
        if logged.due_at is not None:
            pauses.append(logged.due_at - clock.now)
            clock.now = logged.due_at
    assert len(receiver.got) == len(PAUSES) == 10
    assert len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    for pause, meant in zip(pauses, PAUSES[1:], strict=True):
        assert meant * 0.9 <= pause <= meant * 1.1
    assert logged is not None
    assert (logged.status, logged.due_at) == (DeliveryStatus.FAILED, None)
    assert [made.status for made in logged.tries] == [500] * 10


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(302, None, id="a redirect is not followed"),
        pytest.param(429, None, id="too many requests"),
        pytest.param(None, "No answer came within 0.2 seconds.", id="silence"),
    ],
)
async def test_what_counts_as_failed(
    database: Database,
    project: Project,
    receiver: Receiver,
    *,
    status: int | None,
    error: str | None,
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    receiver.answer = lambda _: status
    await open_dispatcher(database, Clock(), timeout_s=0.2).drain(project.project_id)
    assert len(receiver.got) == 1
    (logged,) = await log_of(database, project, endpoint)
    assert logged.status is DeliveryStatus.PENDING
    assert (logged.response_status, logged.error) == (status, error)
    assert (await reread(database, project, endpoint)).failing_since == NOW


async def test_nobody_listens(database: Database, project: Project) -> None:
    endpoint = await listen(database, project, "http://127.0.0.1:9/")
    await happen(database, project, "anna")
    await open_dispatcher(database, Clock()).drain(project.project_id)
    (logged,) = await log_of(database, project, endpoint)
    assert logged.status is DeliveryStatus.PENDING
    assert logged.error is not None
    assert logged.error.startswith("ConnectError")


async def test_private_addresses_are_refused(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url.replace("127.0.0.1", "localhost"))
    await happen(database, project, "anna")
    await Dispatcher(database, private_allowed=False, clock=Clock()).drain(project.project_id)
    (logged,) = await log_of(database, project, endpoint)
    assert logged.error == "AddressRefused: The address is inside a private network."
    assert receiver.got == []


async def test_gone_disables(database: Database, project: Project, receiver: Receiver) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    receiver.answer = lambda _: 410
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    disabled = await reread(database, project, endpoint)
    assert (disabled.active, disabled.disabled_reason) == (False, DisabledReason.GONE)
    await happen(database, project, "bo")
    await open_dispatcher(database, clock).drain(project.project_id)
    (logged,) = await log_of(database, project, endpoint)
    assert logged.status is DeliveryStatus.FAILED


@pytest.mark.parametrize(
    ("failing_for", "disabled"),
    [(FAILING_FOR, True), (FAILING_FOR - timedelta(hours=1), False)],
    ids=["three days", "less"],
)
async def test_long_failure_disables(
    database: Database,
    project: Project,
    receiver: Receiver,
    *,
    failing_for: timedelta,
    disabled: bool,
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    receiver.answer = lambda _: 503
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    async with database.transaction(project.project_id) as tx:
        await tx.execute("update webhook_delivery set attempts = %s", (len(PAUSES) - 1,))
    clock.turn(failing_for)
    await open_dispatcher(database, clock).drain(project.project_id)
    stored = await reread(database, project, endpoint)
    assert stored.active is not disabled
    assert stored.disabled_reason is (DisabledReason.FAILING if disabled else None)


async def test_success_ends_a_failure(
    database: Database, project: Project, receiver: Receiver
) -> None:
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    receiver.answer = lambda _: 500 if len(receiver.got) == 1 else 200
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    assert (await reread(database, project, endpoint)).failing_since == NOW
    clock.turn(timedelta(seconds=6))
    await open_dispatcher(database, clock).drain(project.project_id)
    assert (await reread(database, project, endpoint)).failing_since is None


async def test_cloudevents_structured(
    database: Database, project: Project, receiver: Receiver
) -> None:
    form = MessageFormat.CLOUDEVENTS_STRUCTURED
    endpoint = await listen(database, project, receiver.url, format=form)
    await happen(database, project, "anna")
    await open_dispatcher(database, Clock(utc_now())).drain(project.project_id)
    (got,) = receiver.got
    verify(got, endpoint.secret)
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    said = got.said
    assert said.pop("data")["customer"]["source_id"] == "anna"
    assert said.pop("subject").startswith("cust_")
    assert said == {
        "specversion": "1.0",
        "id": "ev_000000000001",
        "source": f"urn:kaquan:project:{project.id}",
        "type": "kaquan.customer.created",
        "time": "2026-03-01T12:00:00Z",
        "datacontenttype": "application/json",
        "position": 1,
        "dataversion": 1,
    }


async def test_cloudevents_binary(database: Database, project: Project, receiver: Receiver) -> None:
    form = MessageFormat.CLOUDEVENTS_BINARY
    endpoint = await listen(database, project, receiver.url, format=form)
    async with database.transaction(project.project_id) as tx:
        await tx.execute("insert into customer (id, created_at) values ('kund%% ü', %s)", (NOW,))
    await open_dispatcher(database, Clock(utc_now())).drain(project.project_id)
    (got,) = receiver.got
    verify(got, endpoint.secret)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["ce-specversion"] == "1.0"
    assert got.headers["ce-type"] == "kaquan.customer.created"
    assert got.headers["ce-subject"] == "kund%25%20%C3%BC"
    assert set(got.said) == {"customer"}


async def test_the_dead_senders_messages_are_sent_again(
    database: Database, project: Project, receiver: Receiver
) -> None:
    """The receiver got it, and the sender's note of that was lost."""
    endpoint = await listen(database, project, receiver.url)
    await happen(database, project, "anna")
    clock = Clock()
    await open_dispatcher(database, clock).drain(project.project_id)
    async with database.transaction(project.project_id) as tx:
        await tx.execute(
            "update webhook_delivery set status = 'pending', tries = '[]', due_at = %s",
            (clock.now + LEASE,),
        )
    await open_dispatcher(database, clock).drain(project.project_id)
    assert len(receiver.got) == 1
    clock.turn(LEASE)
    await open_dispatcher(database, clock).drain(project.project_id)
    assert [got.id for got in receiver.got] == [receiver.got[0].id] * 2
    (logged,) = await log_of(database, project, endpoint)
    assert (logged.status, logged.attempts) == (DeliveryStatus.SUCCEEDED, 2)


async def test_several_senders_share_the_work(
    database: Database, project: Project, receiver: Receiver
) -> None:
    await listen(database, project, receiver.url)
    await happen(database, project, *(f"p{number}" for number in range(60)))
    clock = Clock()
    await asyncio.gather(
        *(open_dispatcher(database, clock).drain(project.project_id) for _ in range(3))
    )
    await open_dispatcher(database, clock).drain(project.project_id)
    assert len(receiver.got) == 60
    assert len({got.id for got in receiver.got}) == 60


async def test_a_silent_receiver_holds_up_nobody_else(
    database: Database, project: Project, receiver: Receiver
) -> None:
    silent = await listen(database, project, f"{receiver.url}/silent")
    await listen(database, project, receiver.url)
    receiver.answer = lambda got: None if got.path.endswith("silent") else 204
    await happen(database, project, "anna", "bo")
    sending = open_dispatcher(database, Clock()).drain(project.project_id)
    running = asyncio.create_task(sending)
    while sum(got.path == "/hook" for got in receiver.got) < 2:
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    logged = await log_of(database, project, silent)
    assert [one.status for one in logged] == [DeliveryStatus.PENDING] * 2
