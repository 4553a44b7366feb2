"""Live membership: customers whom a change or the clock can have moved are looked at again.

At any moment that ``keep_members`` was called for, the stored members are those a full evaluation
would give.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from kaquan.runtime import Tx
from kaquan.segments.audience import check_customers
from kaquan.segments.compile import Compiler
from kaquan.segments.model import Rule, Segment, SegmentKind
from kaquan.segments.references import parse_stored, rules_reachable
from kaquan.segments.settle import open_compiler, settle_members
from kaquan.segments.store.changes import (
    list_crossing,
    list_memberships,
    list_topics,
    list_upkeep,
    lock_upkeep,
    move_members,
    take_changes,
    update_kept_to,
)
from kaquan.segments.store.segments import list_segments
from kaquan.segments.touch import crossing_queries, is_touched

CHUNK = 500
QUEUE_CHUNK = 2_000


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a round of keeping members did; ``more``: the queue was longer than a round takes."""

    settled: int = 0
    customers: int = 0
    entered: int = 0
    left: int = 0
    more: bool = False


async def keep_members(tx: Tx, *, now: datetime, limit: int = QUEUE_CHUNK) -> Kept:
    """Bring the members of all live segments up to ``now``; repeat while there is ``more``.

    New definitions are settled, then queued changes are looked at, then whom the clock moved.
    """
    await lock_upkeep(tx)
    keeper = await _open_keeper(tx, now=now)
    await keeper.settle_new()
    changes = await take_changes(tx, limit=limit)
    await keeper.refresh(changes.topics)
    more = changes.taken == limit
    if not more:
        await keeper.turn_clock()
    return keeper.done(more=more)


class _Keeper:
    def __init__(self, tx: Tx, segments: list[Segment], *, compiler: Compiler) -> None:
        self._tx = tx
        self._all = segments
        self._compiler = compiler
        self._rules: dict[str, Rule] = {}
        self._topics: dict[str, set[str]] = {}
        self._kept_to: dict[str, datetime] = {}
        self._new: list[Segment] = []
        self._settled = self._customers = self._entered = self._left = 0

    @property
    def _now(self) -> datetime:
        return self._compiler.at.now

    async def open(self) -> None:
        by_id = {s.id: s for s in self._all if s.kind is SegmentKind.AUTO_UPDATE}
        self._topics = await list_topics(self._tx)
        for upkeep in await list_upkeep(self._tx):
            segment = by_id[upkeep.segment_id]
            if upkeep.kept_to is None:
                self._new.append(segment)
            else:
                self._rules[segment.id] = parse_stored(segment)
                self._kept_to[segment.id] = upkeep.kept_to

    async def settle_new(self) -> None:
        for segment in self._new:
            await settle_members(self._tx, segment, now=self._now)
            self._settled += 1

    async def refresh(self, changes: Mapping[str, set[str]]) -> None:
        """Look at each customer in the segments that any of the customer's changes can touch."""
        by_topics: dict[frozenset[str], list[str]] = {}
        for customer_id, topics in changes.items():
            by_topics.setdefault(frozenset(topics), []).append(customer_id)
        for topics, customer_ids in by_topics.items():
            touched = [s for s in self._rules if is_touched(self._topics[s], set(topics))]
            await self._look(customer_ids, touched)

    async def turn_clock(self) -> None:
        """Look at whom the clock alone can have moved since each segment was last right."""
        due = [key for key, kept_to in self._kept_to.items() if kept_to < self._now]
        by_customer: dict[str, list[str]] = {}
        for segment_id in due:
            for customer_id in await self._crossed(segment_id):
                by_customer.setdefault(customer_id, []).append(segment_id)
        by_segments: dict[tuple[str, ...], list[str]] = {}
        for customer_id, segment_ids in by_customer.items():
            by_segments.setdefault(tuple(segment_ids), []).append(customer_id)
        for segment_ids, customer_ids in by_segments.items():
            await self._look(customer_ids, segment_ids)
        if due:
            await update_kept_to(self._tx, due, kept_to=self._now)

    def done(self, *, more: bool = False) -> Kept:
        return Kept(
            settled=self._settled,
            customers=self._customers,
            entered=self._entered,
            left=self._left,
            more=more,
        )

    async def _crossed(self, segment_id: str) -> list[str]:
        compiler = self._compiler_of([self._rules[segment_id]])
        since = msgspec.structs.replace(compiler.at, now=self._kept_to[segment_id])
        queries = crossing_queries(self._rules[segment_id], since=since, compiler=compiler)
        if not queries:
            return []
        return await list_crossing(self._tx, queries, parameters=compiler.parameters)

    async def _look(self, customer_ids: Sequence[str], segment_ids: Sequence[str]) -> None:
        if not segment_ids:
            return
        rules = {segment_id: self._rules[segment_id] for segment_id in segment_ids}
        ordered = sorted(customer_ids)
        for start in range(0, len(ordered), CHUNK):
            await self._look_at_few(ordered[start : start + CHUNK], rules)

    async def _look_at_few(self, customer_ids: Sequence[str], rules: Mapping[str, Rule]) -> None:
        compiler = self._compiler_of(rules.values())
        matched = await check_customers(self._tx, customer_ids, rules, compiler=compiler)
        are = {(segment, customer) for customer, keys in matched.items() for segment in keys}
        were = await list_memberships(self._tx, customer_ids, segment_ids=list(rules))
        entered, left = sorted(are - were), sorted(were - are)
        if entered or left:
            await move_members(self._tx, entered=entered, left=left, now=self._now)
        self._customers += len(customer_ids)
        self._entered += len(entered)
        self._left += len(left)

    def _compiler_of(self, rules: Iterable[Rule]) -> Compiler:
        return Compiler(at=self._compiler.at, members=rules_reachable(rules, self._all))


async def _open_keeper(tx: Tx, *, now: datetime) -> _Keeper:
    segments = await list_segments(tx)
    keeper = _Keeper(tx, segments, compiler=await open_compiler(tx, [], segments, now=now))
    await keeper.open()
    return keeper
