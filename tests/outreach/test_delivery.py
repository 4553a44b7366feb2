"""Delivery over real SMTP: what arrives, what is tried again, what is given up, what is lost."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from kaquan.customers import open_sealers
from kaquan.outreach import (
    Distribution,
    MailServer,
    Message,
    MessageCounts,
    MessageStatus,
    count_messages,
    default_template,
    deliver_messages,
    get_message,
    list_messages,
    start_distribution,
    sweep_outbox,
    unsubscribe,
)
from kaquan.outreach.deliver import BACKOFF, BATCH, LEASE, MOST_ATTEMPTS, PAUSE
from kaquan.outreach.store import claim_messages, has_due_messages
from kaquan.runtime import Database, JobServices, Project, Settings
from outreach.mailbox import closed_port, mail_server_at, open_listener, open_mailbox
from outreach.shop import NOW, Shop, consent, open_shop, send, work


class Outbox:
    """A sent campaign and the project's clock."""

    def __init__(self, database: Database, project: Project) -> None:
        self.database = database
        self.project = project
        self.project_id = project.project_id
        self.now = NOW

    async def fill(self, *emails: str) -> tuple[Shop, Distribution]:
        async with self.database.transaction(self.project_id) as tx:
            shop = await open_shop(tx, emails)
        return shop, await send(self.database, self.project_id, shop)

    async def deliver(self, server: MailServer) -> int:
        return await deliver_messages(
            self.database, self.project_id, server=server, clock=lambda: self.now
        )

    async def messages(self) -> dict[str, Message]:
        """All messages by address."""
        async with self.database.transaction(self.project_id) as tx:
            page = await list_messages(tx, limit=1000)
        return {message.address: message for message in page.items}

    async def is_due(self) -> bool:
        async with self.database.transaction(self.project_id) as tx:
            return await has_due_messages(tx, now=self.now)


@pytest.fixture
def outbox(database: Database, project: Project) -> Outbox:
    return Outbox(database, project)


async def test_messages_arrive_once_with_the_headers_of_one_click_unsubscribing(
    outbox: Outbox,
) -> None:
    await outbox.fill("ann@example.com", "bea@example.com")
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == 2
        assert await outbox.deliver(server) == 0
    assert sorted(mailbox.recipients) == ["ann@example.com", "bea@example.com"]
    stored = await outbox.messages()
    for email, raw in zip(mailbox.received, mailbox.raw, strict=True):
        message = stored[str(email["To"])]
        link = str(email["List-Unsubscribe"])
        assert link.startswith("<https://shop.example/u/")
        assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in raw
        assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert email["Message-ID"] == f"<{message.id}@shop.example>"
        assert email["From"].addresses[0].addr_spec == "news@shop.example"
        assert email["From"].addresses[0].display_name == "小店"
        assert email["Date"].datetime == NOW
        assert (message.status, message.attempts, message.sent_at) == (MessageStatus.SENT, 1, NOW)
        body = email.get_body(("html",))
        plain = email.get_body(("plain",))
        assert body is not None
        assert plain is not None
        assert link[1:-1] in body.get_content()
        assert link[1:-1] in plain.get_content()
        assert max(map(len, raw.split(b"\r\n"))) < 998
        assert raw.isascii()


async def test_one_click_withdraws_and_stops_what_is_still_queued(
    outbox: Outbox,
) -> None:
    _, distribution = await outbox.fill("ann@example.com", "bea@example.com")
    ann = (await outbox.messages())["ann@example.com"]
    token = ann.headers["List-Unsubscribe"].strip("<>").rsplit("/", 1)[1]
    async with outbox.database.transaction() as tx:
        link = await unsubscribe(tx, token, now=NOW)
    assert (link.customer_id, link.channel) == (ann.customer_id, "email")
    async with open_mailbox() as (mailbox, server):
        await outbox.deliver(server)
    assert mailbox.recipients == ["bea@example.com"]
    async with outbox.database.transaction(outbox.project_id) as tx:
        message = await get_message(tx, ann.id)
        assert await count_messages(tx, distribution.id) == MessageCounts(sent=1, failed=1)
    assert message.error == "The customer withdrew consent before the message was sent."
    assert not await outbox.is_due()


async def test_a_message_is_judged_by_the_servers_reply(outbox: Outbox) -> None:
    await outbox.fill("unknown@example.com", "busy@example.com", "ann@example.com")
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == 1
        assert mailbox.connections == 1
    stored = await outbox.messages()
    unknown, busy = stored["unknown@example.com"], stored["busy@example.com"]
    assert (unknown.status, unknown.error) == (MessageStatus.FAILED, "550 5.1.1 No such user")
    assert (busy.status, busy.error) == (MessageStatus.QUEUED, "451 4.3.2 Try again later")
    assert (busy.attempts, busy.due_at) == (1, NOW + BACKOFF[0])


async def test_refused_content_fails_the_message(outbox: Outbox) -> None:
    await outbox.fill("ann@example.com")
    (message,) = (await outbox.messages()).values()
    async with outbox.database.transaction(outbox.project_id) as tx:
        sealer = (await open_sealers(tx, [message.customer_id]))[message.customer_id]
        subject = sealer.seal_text("forbidden", f"message.subject {message.id}")
        await tx.execute("update message set subject = %s", (subject,))
    async with open_mailbox() as (_, server):
        await outbox.deliver(server)
    ann = (await outbox.messages())["ann@example.com"]
    assert (ann.status, ann.error) == (MessageStatus.FAILED, "554 5.7.1 Content rejected")


async def test_a_passing_refusal_is_tried_with_growing_pauses_and_given_up(
    outbox: Outbox,
) -> None:
    await outbox.fill("busy@example.com")
    pauses: list[timedelta] = []
    async with open_mailbox() as (_, server):
        for attempt in range(1, MOST_ATTEMPTS + 1):
            assert await outbox.is_due()
            await outbox.deliver(server)
            busy = (await outbox.messages())["busy@example.com"]
            assert busy.attempts == attempt
            if busy.due_at is not None:
                pauses.append(busy.due_at - outbox.now)
                outbox.now = busy.due_at - timedelta(seconds=1)
                assert not await outbox.is_due()
                outbox.now = busy.due_at
    assert pauses == list(BACKOFF)
    busy = (await outbox.messages())["busy@example.com"]
    assert busy.status is MessageStatus.FAILED
    assert busy.error == "Given up after 8 attempts: 451 4.3.2 Try again later"


class Down(NamedTuple):
    name: str
    says: str
    answers: bytes | None = None
    listens: bool = True
    security: str = "none"
    sender: str = "news@shop.example"
    is_mailbox: bool = False


DOWN = [
    Down("nobody listens", "Error connecting to 127.0.0.1", listens=False),
    Down("hangs up", "cannot be used", answers=b""),
    Down("busy greeting", "421 Too many connections", answers=b"421 Too many connections\r\n"),
    Down("not a mail server", "cannot be used", answers=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    Down("says nothing", "imed out"),
    Down("offers no encryption", "STARTTLS", security="starttls", is_mailbox=True),
    Down(
        "refuses the sender",
        "refuses the sender banned@shop.example: 550 5.7.1 Sender not allowed",
        sender="banned@shop.example",
        is_mailbox=True,
    ),
]


@pytest.mark.parametrize("case", DOWN, ids=lambda case: case.name)
async def test_a_dead_server_leaves_all_queued_with_the_reason_and_unblamed(
    outbox: Outbox, case: Down
) -> None:
    await outbox.fill("ann@example.com", "bea@example.com")
    if case.is_mailbox:
        async with open_mailbox() as (_, server):
            assert await outbox.deliver(_as(server, case)) == 0
    elif case.listens:
        async with open_listener(answers=case.answers) as server:
            assert await outbox.deliver(_as(server, case)) == 0
    else:
        assert await outbox.deliver(_as(mail_server_at(await closed_port()), case)) == 0
    for message in (await outbox.messages()).values():
        assert (message.status, message.attempts) == (MessageStatus.QUEUED, 0)
        assert case.says in (message.error or "")
        assert message.due_at == NOW + PAUSE
    outbox.now = NOW + PAUSE
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == 2
    assert len(mailbox.received) == 2
    assert {message.error for message in (await outbox.messages()).values()} == {None}


async def test_a_dropped_connection_blames_the_message_it_happened_to(outbox: Outbox) -> None:
    await outbox.fill("drop@example.com", "ann@example.com")
    async with open_mailbox() as (mailbox, server):
        await outbox.deliver(server)
        dropped = (await outbox.messages())["drop@example.com"]
        assert (dropped.status, dropped.attempts) == (MessageStatus.QUEUED, 1)
        assert (dropped.error or "").startswith("The connection to the mail server was lost")
        outbox.now += PAUSE
        await outbox.deliver(server)
    assert mailbox.recipients == ["ann@example.com"]


async def test_what_a_killed_delivery_had_taken_is_sent_after_its_lease(outbox: Outbox) -> None:
    await outbox.fill("ann@example.com", "bea@example.com")
    async with outbox.database.transaction(outbox.project_id) as tx:
        taken = await claim_messages(tx, limit=BATCH, now=NOW, until=NOW + LEASE)
    assert len(taken) == 2
    async with open_mailbox() as (mailbox, server):
        outbox.now = NOW + LEASE - timedelta(seconds=1)
        assert await outbox.deliver(server) == 0
        outbox.now = NOW + LEASE
        assert await outbox.deliver(server) == 2
    assert sorted(mailbox.recipients) == ["ann@example.com", "bea@example.com"]


async def test_a_message_that_kills_every_delivery_is_given_up(outbox: Outbox) -> None:
    await outbox.fill("ann@example.com")
    for _ in range(MOST_ATTEMPTS):
        async with outbox.database.transaction(outbox.project_id) as tx:
            await claim_messages(tx, limit=BATCH, now=outbox.now, until=outbox.now + LEASE)
        outbox.now += LEASE
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == 0
    ann = (await outbox.messages())["ann@example.com"]
    assert ann.status is MessageStatus.FAILED
    assert ann.error == "Every attempt to send the message ended without an answer."
    assert mailbox.received == []


async def test_two_deliveries_at_once_never_take_the_same_message(outbox: Outbox) -> None:
    await outbox.fill(*(f"p{number}@example.com" for number in range(30)))
    async with outbox.database.transaction(outbox.project_id) as one:
        first = await claim_messages(one, limit=20, now=NOW, until=NOW + LEASE)
        async with outbox.database.transaction(outbox.project_id) as other:
            second = await claim_messages(other, limit=20, now=NOW, until=NOW + LEASE)
    assert (len(first), len(second)) == (20, 10)
    assert not {m.id for m in first} & {m.id for m in second}


async def test_more_than_a_batch_is_sent_over_several_connections(outbox: Outbox) -> None:
    await outbox.fill(*(f"p{number}@example.com" for number in range(BATCH + 3)))
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == BATCH + 3
        assert mailbox.connections == 2
    assert len(set(mailbox.recipients)) == BATCH + 3


async def test_a_batch_of_which_nothing_may_be_sent_does_not_stop_the_rest(
    outbox: Outbox,
) -> None:
    shop, _ = await outbox.fill(*(f"p{number:03}@example.com" for number in range(BATCH + 1)))
    async with outbox.database.transaction(outbox.project_id) as tx:
        await consent(tx, shop.customers[:BATCH], granted=False)
        await tx.execute(
            "update message set due_at = due_at - interval '1 hour' where customer_id = any(%s)",
            ([customer.id for customer in shop.customers[:BATCH]],),
        )
    async with open_mailbox() as (mailbox, server):
        assert await outbox.deliver(server) == 1
    assert mailbox.recipients == [f"p{BATCH:03}@example.com"]


async def test_the_jobs_send_a_distribution_from_start_to_end(
    database: Database, project: Project, postgres_url: str
) -> None:
    """The queue is one for all projects, so that messages of other tests may be sent as well."""
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, [f"{project.id}@example.com"])
        template = default_template("en")
        started = await start_distribution(
            tx, shop.campaign.id, shop.segment.id, template=template, now=NOW
        )
    async with open_mailbox() as (mailbox, server):
        settings = Settings(
            smtp_host=server.host,
            smtp_port=server.port,
            smtp_security="none",
            mail_from=server.sender,
            public_url="https://shop.example",
        )
        services = JobServices(database, settings)
        await work(postgres_url, services)
    assert mailbox.recipients.count(f"{project.id}@example.com") == 1
    async with database.transaction(project.project_id) as tx:
        assert await count_messages(tx, started.id) == MessageCounts(sent=1)


async def test_the_sweep_sends_what_became_due_since(outbox: Outbox, postgres_url: str) -> None:
    """Nothing else asks for these: the job of their distribution ran without a mail server."""
    address = f"{outbox.project_id}@sweep.example"
    await outbox.fill(address)
    await work(postgres_url, JobServices(outbox.database, Settings()))
    async with open_mailbox() as (mailbox, server):
        settings = Settings(
            smtp_host=server.host,
            smtp_port=server.port,
            smtp_security="none",
            mail_from=server.sender,
        )
        services = JobServices(outbox.database, settings)
        await sweep_outbox(services, outbox.project)
        await work(postgres_url, services)
    assert mailbox.recipients.count(address) == 1


def _as(server: MailServer, case: Down) -> MailServer:
    security = "starttls" if case.security == "starttls" else "none"
    return replace(server, security=security, sender=case.sender, timeout_s=0.3)
