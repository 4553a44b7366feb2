"""Emptying the outbox: messages are taken, handed to the mail server, and settled one by one.

Delivery is at least once. A message is taken in one transaction and settled in another, because
a mail server takes part in neither: when the process dies between the server's 'OK' and our
commit, the message is sent again after its lease. Both copies carry one Message-ID.

This is the one place outside jobs that opens transactions itself, for the same reason.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from kaquan.customers import list_contactable
from kaquan.outreach.model import MARKETING, Message
from kaquan.outreach.smtp import (
    Delayed,
    MailServer,
    MailServerDown,
    Outcome,
    Refused,
    Sent,
    connect,
    send_message,
)
from kaquan.outreach.store import (
    WITHHELD,
    claim_messages,
    list_withheld,
    update_delayed,
    update_failed,
    update_released,
    update_sent,
)
from kaquan.runtime import Database, Tx

BATCH = 50
LEASE = timedelta(minutes=30)
PAUSE = timedelta(minutes=1)
"""How long the outbox rests when the mail server takes nothing."""
BACKOFF = tuple(timedelta(minutes=pause) for pause in (1, 5, 30, 120, 360, 720, 1440))
MOST_ATTEMPTS = len(BACKOFF) + 1
_WITHDRAWN = "The customer withdrew consent before the message was sent."
_DIED = "Every attempt to send the message ended without an answer."


async def deliver_messages(
    database: Database, project_id: int, *, server: MailServer, clock: Callable[[], datetime]
) -> int:
    """Send the project's due messages until none is left or the mail server fails.

    Returns how many were sent. A passing refusal (4yz) puts a message off with growing pauses, a
    final one (5yz), the last attempt, or consent withdrawn meanwhile fails it with the reason.
    When the server cannot be reached, everything stays queued, with the error, and unblamed.
    """
    sent = 0
    while True:
        async with database.transaction(project_id) as tx:
            batch = await _take(tx, now=clock())
        if batch is None:
            return sent
        if not batch:
            continue
        delivered, all_tried = await _send_batch(
            database, project_id, batch=batch, server=server, clock=clock
        )
        sent += delivered
        if not all_tried:
            return sent


async def _take(tx: Tx, *, now: datetime) -> list[Message] | None:
    """Take due messages, failing at once those that may not be sent any more; None: none due."""
    taken = await claim_messages(tx, limit=BATCH, now=now, until=now + LEASE)
    if not taken:
        return None
    worn_out = {message.id for message in taken if message.attempts > MOST_ATTEMPTS}
    withdrawn: set[str] = set()
    for channel in {message.channel for message in taken}:
        readers = {m.customer_id: m.id for m in taken if m.channel == channel}
        willing = await list_contactable(tx, list(readers), channel=channel, purpose=MARKETING)
        withdrawn |= {m.id for m in taken if m.channel == channel and m.customer_id not in willing}
    withheld = await list_withheld(tx, [m.id for m in taken]) - withdrawn
    await update_failed(tx, sorted(withdrawn), error=_WITHDRAWN)
    await update_failed(tx, sorted(withheld), error=WITHHELD)
    await update_failed(tx, sorted(worn_out - withdrawn - withheld), error=_DIED)
    return [m for m in taken if m.id not in withdrawn | withheld | worn_out]


async def _send_batch(
    database: Database,
    project_id: int,
    *,
    batch: Sequence[Message],
    server: MailServer,
    clock: Callable[[], datetime],
) -> tuple[int, bool]:
    """Send what was taken; returns how many were, and whether all could be tried."""
    sent = tried = 0
    failure: str | None = None
    try:
        async with connect(server) as client:
            for message in batch:
                outcome = await send_message(client, message, server=server)
                async with database.transaction(project_id) as tx:
                    await _settle(tx, message, outcome, now=clock())
                tried += 1
                sent += isinstance(outcome, Sent)
                if isinstance(outcome, Delayed) and outcome.lost:
                    failure = outcome.reason
                    break
    except MailServerDown as error:
        failure = error.message
    if failure is not None:
        async with database.transaction(project_id) as tx:
            ids = [message.id for message in batch[tried:]]
            await update_released(tx, ids, error=failure, due_at=clock() + PAUSE)
    return sent, failure is None


async def _settle(tx: Tx, message: Message, outcome: Outcome, *, now: datetime) -> None:
    match outcome:
        case Sent():
            await update_sent(tx, message.id, now=now)
        case Refused(reason):
            await update_failed(tx, [message.id], error=reason)
        case Delayed(reason) if message.attempts >= MOST_ATTEMPTS:
            error = f"Given up after {message.attempts} attempts: {reason}"
            await update_failed(tx, [message.id], error=error)
        case Delayed(reason):
            due_at = now + BACKOFF[message.attempts - 1]
            await update_delayed(tx, message.id, error=reason, due_at=due_at)
