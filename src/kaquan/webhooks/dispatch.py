"""Sending: events are numbered, messages taken, posted and noted, for all projects at once.

Delivery is at least once. A message is taken in one transaction and noted in another, since the
receiver takes part in neither: when the process dies in between, the message is sent again after
its lease, under the same ``webhook-id``. Any number of processes may send; each message is one's.
Each endpoint has a task of its own, so that a slow one holds up nobody else.

Like the outbox of e-mail this opens transactions itself, for the same reason.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from kaquan.runtime import Database, Tx, get_project, utc_now
from kaquan.webhooks.envelope import write_message
from kaquan.webhooks.model import (
    Claimed,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    Note,
    Try,
)
from kaquan.webhooks.record import CHUNK, number_events
from kaquan.webhooks.sender import TIMEOUT_S, Sender
from kaquan.webhooks.store.deliveries import claim_deliveries, note_tries
from kaquan.webhooks.store.endpoints import (
    disable_endpoints,
    find_endpoint,
    list_feeds,
    list_ids_with_due,
    note_health,
)

WEBHOOK_FEEDS = "webhook-feeds"
BATCH = 100
LEASE = timedelta(minutes=3)
"""Longer than a batch can take: its messages are sent 32 at a time, 20 seconds each at most."""

PAUSES = tuple(
    timedelta(seconds=pause)
    for pause in (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""How long each attempt comes after the one before (Standard Webhooks' schedule, ten in all)."""

JITTER = 0.1
FAILING_FOR = timedelta(days=3)
"""A message given up disables its endpoint when that has taken nothing for so long."""

_GONE = 410
_REST_S = 0.5
_MOST_SENDING = 20

_log = structlog.stdlib.get_logger("kaquan.webhooks")


class Dispatcher:
    """Numbers and sends for every project with subscribers, as long as it runs."""

    def __init__(
        self,
        database: Database,
        *,
        private_allowed: bool,
        clock: Callable[[], datetime] = utc_now,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Prepare; ``private_allowed`` lets messages go to private networks as well."""
        self._database = database
        self._private_allowed = private_allowed
        self._clock = clock
        self._timeout_s = timeout_s
        self._sending: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._free = asyncio.Semaphore(_MOST_SENDING)

    async def run(self) -> None:
        """Number and send until cancelled; a passing trouble is logged and survived."""
        try:
            while True:
                try:
                    await self._look(await self._list_projects())
                except Exception:
                    _log.exception("webhook_dispatch_failed")
                await asyncio.sleep(_REST_S)
        finally:
            for task in self._sending.values():
                task.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def drain(self, project_id: int) -> None:
        """Number and send for one project until nothing of it is due any more."""
        while await self._look([project_id]):
            await asyncio.gather(*self._sending.values())

    async def _list_projects(self) -> list[int]:
        async with self._database.transaction(lookup=WEBHOOK_FEEDS) as tx:
            return await list_feeds(tx)

    async def _look(self, projects: Sequence[int]) -> bool:
        """Number what waits, and see to it that whatever is due is being sent."""
        for project_id in projects:
            await self._number(project_id)
            async with self._database.transaction(project_id) as tx:
                due = await list_ids_with_due(tx, now=self._clock())
            for endpoint_id in due:
                self._start(project_id, endpoint_id)
        return bool(self._sending)

    async def _number(self, project_id: int) -> None:
        numbered = CHUNK
        while numbered == CHUNK:
            async with self._database.transaction(project_id) as tx:
                numbered = await number_events(tx, now=self._clock())

    def _start(self, project_id: int, endpoint_id: str) -> None:
        key = (project_id, endpoint_id)
        if key not in self._sending:
            task = asyncio.create_task(self._send_all(project_id, endpoint_id))
            self._sending[key] = task
            task.add_done_callback(lambda _: self._sending.pop(key))

    async def _send_all(self, project_id: int, endpoint_id: str) -> None:
        async with self._free:
            sender = Sender(private_allowed=self._private_allowed, timeout_s=self._timeout_s)
            try:
                while await self._send_batch(sender, project_id, endpoint_id):
                    pass
            except Exception:
                _log.exception("webhook_sending_failed", webhook=endpoint_id)
            finally:
                await sender.close()

    async def _send_batch(self, sender: Sender, project_id: int, endpoint_id: str) -> bool:
        async with self._database.transaction(project_id) as tx:
            endpoint = await find_endpoint(tx, endpoint_id)
            if endpoint is None or not endpoint.active:
                return False
            now = self._clock()
            batch = await claim_deliveries(tx, endpoint, limit=BATCH, lease=LEASE, now=now)
            name = (await get_project(tx)).id
        if not batch:
            return False
        tries = await asyncio.gather(
            *(self._send(sender, claimed, endpoint, name) for claimed in batch)
        )
        async with self._database.transaction(project_id) as tx:
            await settle(tx, endpoint, batch, tries, now=self._clock())
        return True

    async def _send(
        self, sender: Sender, claimed: Claimed, endpoint: Endpoint, project_name: str
    ) -> Try:
        now = self._clock()
        message = write_message(claimed, endpoint, project_id=project_name, now=now)
        return await sender.send(endpoint.url, message, at=now)


async def settle(
    tx: Tx,
    endpoint: Endpoint,
    batch: Sequence[Claimed],
    tries: Sequence[Try],
    *,
    now: datetime,
) -> None:
    """Note how each message of a batch went; an endpoint that is gone is disabled, and so is one
    that has taken nothing for days when a message to it is given up."""
    notes = [_note(claimed, made) for claimed, made in zip(batch, tries, strict=True)]
    await note_tries(tx, notes, now=now)
    taken = [note for note in notes if note.status is DeliveryStatus.SUCCEEDED]
    await note_health(
        tx, endpoint.id, succeeded=bool(taken), failed=len(taken) < len(notes), now=now
    )
    reason = _why_disabled(endpoint, notes, now=now)
    if reason is not None:
        await disable_endpoints(tx, [endpoint.id], reason=reason, now=now)
        _log.warning("webhook_disabled", webhook=endpoint.id, url=endpoint.url, reason=reason.value)


def _note(claimed: Claimed, made: Try) -> Note:
    due_at = None
    if made.status is not None and 200 <= made.status < 300:
        status = DeliveryStatus.SUCCEEDED
    elif made.status == _GONE or claimed.attempts >= len(PAUSES):
        status = DeliveryStatus.FAILED
    else:
        status, due_at = DeliveryStatus.PENDING, made.at + _pause(claimed.attempts)
    return Note(id=claimed.id, attempts=claimed.attempts, status=status, due_at=due_at, made=made)


def _pause(attempts: int) -> timedelta:
    return PAUSES[attempts] * secrets.SystemRandom().uniform(1 - JITTER, 1 + JITTER)


def _why_disabled(
    endpoint: Endpoint, notes: Sequence[Note], *, now: datetime
) -> DisabledReason | None:
    if any(note.made.status == _GONE for note in notes):
        return DisabledReason.GONE
    given_up = any(note.status is DeliveryStatus.FAILED for note in notes)
    taken = any(note.status is DeliveryStatus.SUCCEEDED for note in notes)
    since = endpoint.failing_since
    if given_up and not taken and since is not None and now - since >= FAILING_FOR:
        return DisabledReason.FAILING
    return None


async def dispatch_forever(database: Database, *, private_allowed: bool) -> None:
    """Number and send for all projects until cancelled."""
    await Dispatcher(database, private_allowed=private_allowed).run()
