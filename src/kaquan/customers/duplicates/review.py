"""Searching a whole base for duplicates, and deciding about what was found."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from kaquan.customers.duplicates.matching import find_likely
from kaquan.customers.duplicates.model import Decided, DuplicatePair, PairState, PersonRecord
from kaquan.customers.merging.merge import merge_customers
from kaquan.customers.merging.model import Merge
from kaquan.customers.people import get_customer
from kaquan.customers.store.duplicates import (
    enter_pairs,
    get_pair,
    list_pairs,
    list_person_records,
    settle_pair,
)
from kaquan.runtime import (
    ActionStatus,
    Database,
    InvalidInput,
    Tx,
    get_action,
    update_action,
)

ROWS_A_PART = 20_000
PAIRS_A_PART = 5_000
MOST_AT_ONCE = 500


async def run_search(
    database: Database, project_id: int, action_id: str, *, clock: Callable[[], datetime]
) -> None:
    """Compare all customers and put likely pairs into the queue; nobody is merged.

    Half of the progress is reading, half comparing. May be run again after it was stopped.
    """
    async with database.transaction(project_id) as tx:
        action = await get_action(tx, action_id)
    if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
        return
    records: list[PersonRecord] = []
    while True:
        async with database.transaction(project_id) as tx:
            after = records[-1].id if records else ""
            part = await list_person_records(tx, after=after, limit=ROWS_A_PART)
            records += part
            await update_action(
                tx, action_id, status=ActionStatus.RUNNING, done=len(records), now=clock()
            )
        if len(part) < ROWS_A_PART:
            break
    least: int = action.request["least_ppm"]
    found = await asyncio.to_thread(find_likely, records, least_ppm=least)
    added = 0
    for start in range(0, len(found), PAIRS_A_PART):
        async with database.transaction(project_id) as tx:
            added += await enter_pairs(tx, found[start : start + PAIRS_A_PART], now=clock())
    async with database.transaction(project_id) as tx:
        result = {"compared": len(records), "pairs": len(found), "added": added}
        await update_action(
            tx,
            action_id,
            status=ActionStatus.DONE,
            done=2 * len(records),
            result=result,
            now=clock(),
        )


async def accept_pair(
    tx: Tx, first_id: str, second_id: str, *, survivor: str | None = None, by: str, now: datetime
) -> Merge:
    """Merge an open pair: ``survivor`` goes on, else the one who was entered earlier.

    Raises NotFound, and InvalidInput for a pair that is decided or a survivor outside of it.
    """
    pair = await _open_pair(tx, first_id, second_id)
    people = [await get_customer(tx, pair.first_id), await get_customer(tx, pair.second_id)]
    people.sort(key=lambda one: (one.created_at, one.id))
    if survivor is not None:
        if survivor not in (pair.first_id, pair.second_id):
            raise InvalidInput("The survivor is one of the two.", field="survivor")
        people.sort(key=lambda one: one.id != survivor)
    reasons = ", ".join(pair.reasons)
    return await merge_customers(
        tx,
        people[0].id,
        people[1].id,
        by=by,
        reason=f"Found as a duplicate: {reasons}.",
        score_ppm=pair.score_ppm,
        now=now,
    )


async def reject_pair(
    tx: Tx, first_id: str, second_id: str, *, by: str, now: datetime
) -> DuplicatePair:
    """Decide that two are not one person; no later search proposes them again.

    Raises NotFound, and InvalidInput for a pair that is decided.
    """
    pair = await _open_pair(tx, first_id, second_id)
    ids = (pair.first_id, pair.second_id)
    await settle_pair(tx, ids, state="rejected", by=by, merge_id=None, now=now)
    return await get_pair(tx, *ids)


async def accept_pairs(
    tx: Tx, *, least_ppm: int, limit: int = MOST_AT_ONCE, by: str, now: datetime
) -> Decided:
    """Merge open pairs from a likelihood on, the likeliest first, ``limit`` at most.

    Of three records of one person the first merge settles one pair; the others then name the
    survivor by an old id and are passed over until they are found again. Raises InvalidInput.
    """
    if not 1 <= limit <= MOST_AT_ONCE:
        message = f"From 1 to {MOST_AT_ONCE} pairs at once."
        raise InvalidInput(message, field="limit")
    found = await list_pairs(tx, least_ppm=least_ppm, limit=limit)
    return await _accept_each(tx, found.items, by=by, now=now)


async def _accept_each(
    tx: Tx, pairs: Sequence[DuplicatePair], *, by: str, now: datetime
) -> Decided:
    merged: set[str] = set()
    decided = 0
    for pair in pairs:
        if pair.first_id in merged or pair.second_id in merged:
            continue
        merge = await accept_pair(tx, pair.first_id, pair.second_id, by=by, now=now)
        merged.add(merge.merged_id)
        decided += 1
    return Decided(decided=decided, passed_over=len(pairs) - decided)


async def _open_pair(tx: Tx, first_id: str, second_id: str) -> DuplicatePair:
    pair = await get_pair(tx, first_id, second_id, lock=True)
    if pair.state is not PairState.OPEN:
        message = f"This pair was decided before ({pair.state})."
        raise InvalidInput(message, field="state", key="pair_decided")
    return pair
