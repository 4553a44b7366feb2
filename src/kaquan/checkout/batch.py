"""Batches: requests of one project that arrive together share one transaction.

A request that finds nothing under way starts at once. While a batch is under way the next ones
gather, for ``PATIENCE_S`` at most: then a second batch starts beside the first. Only while both
are at work does a request wait longer, and whichever ends first takes all that gathered.

A batch whose transaction fails leaves nothing behind, and each of its requests is tried by itself:
one that cannot be carried out gets its own error, and its neighbours never know.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

import psycopg
from psycopg import errors as postgres
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from kaquan.checkout.again import LOST_RACES, try_again
from kaquan.checkout.model import Contended
from kaquan.runtime import Apart, Database, Tx

PATIENCE_S = 0.005
LARGEST_BATCH = 128
BATCHES_AT_ONCE = 2
LONERS_AT_ONCE = 4
"""Requests tried by themselves, each in a transaction of its own, beside the batches."""

BATCH_LOCK_TIMEOUT_MS = 1_000
LONE_LOCK_TIMEOUT_MS = 10_000
"""A batch gives up soon: a lock that stays taken shall hold up whoever needs it, and no others."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiting(Generic[Item, Result]):
    def __init__(
        self, item: Item, answer: "asyncio.Future[Result]", names: frozenset[str], since: float
    ) -> None:
        self.item = item
        self.answer = answer
        self.names = names
        self.since = since

    def settle(self, result: Result | Exception) -> None:
        if self.answer.done():  # Whoever asked has gone.
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class Batcher(Generic[Item, Result]):
    """Carries items out in batches, project by project.

    ``carry_out`` gets an open transaction, in pipeline mode, and the items of one batch; it
    returns a result or an exception for each, and whatever it raises undoes the batch.
    """

    def __init__(
        self,
        database: Database,
        carry_out: Callable[[Tx, Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Prepare for any number of projects."""
        self._database = database
        self._carry_out = carry_out
        self._patience_s = patience_s
        self._lanes: dict[int, _Lane[Item, Result]] = {}

    async def submit(
        self, project_id: int, item: Item, *, names: Iterable[str] = (), lone: bool = False
    ) -> Result:
        """Return the item's result once it is committed, or raise its exception.

        Items that share one of ``names`` are not under way at the same time. A ``lone`` one is
        carried out by itself. Giving up waiting changes nothing for others.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        waiting = _Waiting(item, answer, frozenset(names), loop.time())
        lane = self._lanes.get(project_id)
        if lane is None:
            lane = self._lanes[project_id] = _Lane(self, project_id)
        lane.add(waiting, lone=lone)
        return await answer

    async def drain(self) -> None:
        """Return once everything that was handed in is answered."""
        while self._lanes:
            running = [task for lane in self._lanes.values() for task in lane.running]
            if running:
                await asyncio.wait(running)
            else:
                await asyncio.sleep(0)

    async def carry_out(
        self, project_id: int, items: Sequence[Item], *, lock_timeout_ms: int
    ) -> Sequence[Result | Exception]:
        """Carry items out in one transaction; one whose items all failed leaves nothing behind."""
        results: Sequence[Result | Exception] = ()
        try:
            async with self._database.batch(project_id, lock_timeout_ms=lock_timeout_ms) as tx:
                results = await self._carry_out(tx, items)
                if all(isinstance(result, Exception) for result in results):
                    raise _NothingToKeep
        except _NothingToKeep:
            pass
        return results

    def waits_until(self, since: float) -> float:
        """When somebody who came at ``since`` has waited long enough for company."""
        return since + self._patience_s

    def leave(self, project_id: int) -> None:
        """Forget a project that nobody is waiting for."""
        del self._lanes[project_id]


class _NothingToKeep(Exception):
    pass


class _Lane(Generic[Item, Result]):
    """What waits and what is under way of one project."""

    def __init__(self, batcher: Batcher[Item, Result], project_id: int) -> None:
        self.running: dict[asyncio.Task[None], frozenset[str]] = {}
        self._batcher = batcher
        self._project_id = project_id
        self._gathering: deque[_Waiting[Item, Result]] = deque()
        self._loners: deque[_Waiting[Item, Result]] = deque()
        self._alone: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._is_waking = False

    def add(self, waiting: _Waiting[Item, Result], *, lone: bool) -> None:
        (self._loners if lone else self._gathering).append(waiting)
        # Not at once: what the event loop reads in the same turn goes along.
        self._wake()

    def _wake(self) -> None:
        """Start what can be started, after what the event loop is at."""
        if not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._start_what_can)

    def _wake_at(self, moment: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(moment, self._wake)

    def _start_what_can(self) -> None:
        self._is_waking = False
        while self._loners and len(self._alone) < LONERS_AT_ONCE:
            task = self._start([self._loners.popleft()], lone=True)
            self._alone.add(task)
        while self._gathering and len(self.running) - len(self._alone) < BATCHES_AT_ONCE:
            enough = self._batcher.waits_until(self._gathering[0].since)
            full = len(self._gathering) >= LARGEST_BATCH
            if self.running and not full and asyncio.get_running_loop().time() < enough:
                self._wake_at(enough)
                return
            batch = self._gather()
            if not batch:
                return
            self._start(batch, lone=False)
        if not (self.running or self._gathering or self._loners):
            if self._alarm is not None:
                self._alarm.cancel()
            self._batcher.leave(self._project_id)

    def _gather(self) -> list[_Waiting[Item, Result]]:
        """Take who may go together, in the order in which they came."""
        taken = set[str]().union(*self.running.values())
        batch: list[_Waiting[Item, Result]] = []
        left: deque[_Waiting[Item, Result]] = deque()
        for waiting in self._gathering:
            if len(batch) < LARGEST_BATCH and not waiting.names & taken:
                batch.append(waiting)
                taken |= waiting.names
            else:
                left.append(waiting)
        self._gathering = left
        return batch

    def _start(self, batch: list[_Waiting[Item, Result]], *, lone: bool) -> asyncio.Task[None]:
        work = self._carry_out(batch, lone=lone)
        task = asyncio.get_running_loop().create_task(work)
        self.running[task] = frozenset[str]().union(*(waiting.names for waiting in batch))
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[None]) -> None:
        del self.running[task]
        self._alone.discard(task)
        self._wake()

    async def _carry_out(self, batch: Sequence[_Waiting[Item, Result]], *, lone: bool) -> None:
        items = [waiting.item for waiting in batch]
        timeout_ms = LONE_LOCK_TIMEOUT_MS if lone else BATCH_LOCK_TIMEOUT_MS

        async def attempt() -> Sequence[Result | Exception]:
            return await self._batcher.carry_out(
                self._project_id, items, lock_timeout_ms=timeout_ms
            )

        try:
            results = await (try_again(attempt) if len(batch) == 1 else attempt())
        except Exception as error:
            self._take_apart(batch, error, lone=lone)
            return
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, Apart):
                self._loners.append(waiting)
            else:
                waiting.settle(result)

    def _take_apart(
        self, batch: Sequence[_Waiting[Item, Result]], error: Exception, *, lone: bool
    ) -> None:
        """Let those who may fare better by themselves go on, and tell the others."""
        blocked = isinstance(error, postgres.LockNotAvailable)
        if not lone and (blocked or (len(batch) > 1 and not _is_outage(error))):
            self._loners.extend(batch)
            return
        if blocked:
            busy = Contended("Others are working on the same objects for too long.")
            busy.__cause__ = error
            error = busy
        for waiting in batch:
            waiting.settle(error)


def _is_outage(error: Exception) -> bool:
    """Whether nobody would do better alone: and what was under way may even have happened."""
    if isinstance(error, (*LOST_RACES, postgres.LockNotAvailable)):
        return False
    return isinstance(error, (psycopg.OperationalError, PoolClosed, PoolTimeout, TooManyRequests))
