"""Attempts on their way to the database: gathered in the process, written in chunks.

A validation answers without waiting for its trace to be stored. What a process gathered is written
a quarter of a second later, and before it ends; a process that is killed loses what it had not
written yet. The memory is bounded: above it attempts are counted and dropped, and the log says so.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog
from msgspec import structs

from kaquan.checkout.again import try_again
from kaquan.checkout.kept import OfferReferences
from kaquan.checkout.store.attempts import insert_attempts, lock_people, upsert_offers
from kaquan.checkout.tried import AttemptRow, Tried, write_rows
from kaquan.experiments import insert_arms
from kaquan.runtime import Database, Tx

MOST_WAITING = 20_000
PAUSE_S = 0.25
_CHUNK = 100
_MOST_OFFERS = 5_000

_log = structlog.stdlib.get_logger("kaquan.attempts")


class AttemptGatherer:
    """Keeps a process's attempts until they are written; one of them serves all projects."""

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        """Gather for ``database``, at most ``most_waiting`` codes at a time; with 0, none at all."""
        self._database = database
        self._most = most_waiting
        self._waiting: list[tuple[int, Tried]] = []
        self._codes = 0
        self._references = OfferReferences()
        self._stored_offers: OrderedDict[tuple[int, str], date] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsaid = 0
        self.dropped = 0
        """Codes of attempts that were not kept since the process began."""

    def keep(self, project_id: int, tried: Tried) -> None:
        """Keep an attempt, to be written soon; never waits."""
        count = len(tried.codes)
        if not (self._most and count):
            return
        if self._codes + count > self._most:
            self._drop(count)
            return
        self._codes += count
        self._waiting.append((project_id, tried))
        loop = asyncio.get_running_loop()
        if self._writer is None or self._writer.done() or self._loop is not loop:
            self._loop = loop
            self._writer = loop.create_task(self._write_soon())

    async def flush(self) -> None:
        """Write what is waiting; what the database refuses is counted, logged and dropped."""
        waiting, self._waiting, self._codes = self._waiting, [], 0
        if self._unsaid:
            _log.warning("attempts_dropped", count=self._unsaid, dropped=self.dropped)
            self._unsaid = 0
        for start in range(0, len(waiting), _CHUNK):
            chunk = sorted(waiting[start : start + _CHUNK], key=itemgetter(0))
            for project_id, group in groupby(chunk, key=itemgetter(0)):
                await self._write(project_id, [tried for _, tried in group])

    async def close(self) -> None:
        """Write what is left; to be called while the database is still open."""
        if self._writer is not None and self._loop is asyncio.get_running_loop():
            self._writer.cancel()
        self._writer = None
        await self.flush()

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(PAUSE_S)
            # Once begun, a chunk is finished even if this task is called off.
            await asyncio.shield(self.flush())

    async def _write(self, project_id: int, attempts: Sequence[Tried]) -> None:
        offers: dict[str, dict[str, Any]] = {}
        rows: list[AttemptRow] = []
        day = attempts[-1].at.date()
        try:
            for tried in attempts:
                rows += write_rows(tried, self._references, offers)
            fresh = {
                reference: data
                for reference, data in offers.items()
                if self._stored_offers.get((project_id, reference)) != day
            }
            # Whoever merges or erases several people can be met in a circle.
            await try_again(lambda: self._store(project_id, attempts, rows, fresh=fresh))
        except Exception as error:  # One bad chunk must not end the writing.
            count = sum(len(tried.codes) for tried in attempts)
            self._drop(count)
            _log.warning("attempts_not_written", count=count, error=str(error))
            return
        for reference in fresh:
            self._stored_offers[project_id, reference] = day
        while len(self._stored_offers) > _MOST_OFFERS:
            self._stored_offers.popitem(last=False)

    async def _store(
        self,
        project_id: int,
        attempts: Sequence[Tried],
        rows: Sequence[AttemptRow],
        *,
        fresh: dict[str, dict[str, Any]],
    ) -> None:
        now = attempts[-1].at
        async with self._database.transaction(project_id) as tx:
            if fresh:
                await upsert_offers(tx, fresh, seen_on=now.date())
            kept = await _of_people_known(tx, rows)
            await insert_attempts(tx, kept)
            known = {row.customer_id for row in kept}
            met = {pair: arm for one in attempts for pair, arm in one.met if pair[1] in known}
            if met:
                await insert_arms(tx, list(met.items()), now=now)

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._unsaid += count


async def _of_people_known(tx: Tx, rows: Sequence[AttemptRow]) -> list[AttemptRow]:
    """Leave out who was erased since, and tell of who was merged into another as that person."""
    told = {row.customer_id for row in rows if row.customer_id is not None}
    known = await lock_people(tx, sorted(told)) if told else {}
    # Whom they were merged into may be erased as well.
    survivors = set(known.values()) - told
    standing = (await lock_people(tx, sorted(survivors))).keys() if survivors else set[str]()
    return [
        row if row.customer_id is None else structs.replace(row, customer_id=known[row.customer_id])
        for row in rows
        if row.customer_id is None or known.get(row.customer_id) in (standing | told)
    ]
