"""Merging two people into one, and undoing it.

Locks are taken in the order of ARCHITECTURE: orders, customers, ledger accounts. No balance is
edited: points and used-up caps change hands by transfers that carry the merge's id.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import structs

from kaquan.customers.merging.model import Before, Merge, MergePreview
from kaquan.customers.model import Customer
from kaquan.customers.people import get_customer, refresh_summaries
from kaquan.customers.sealing import SEALED_TYPES
from kaquan.customers.store.customers import erase_customer_row, update_customer_row
from kaquan.customers.store.duplicates import settle_pair
from kaquan.customers.store.merging import (
    BELONGINGS,
    count_belongings,
    delete_aliases,
    find_merge_of,
    get_merge,
    insert_alias,
    insert_merge,
    join_segments,
    leave_segments,
    list_capped_campaigns,
    list_merges,
    list_static_segments,
    lock_people,
    move_aliases,
    move_belongings,
    release_once,
    restore_claims,
    restore_customer_row,
    restore_once,
    return_aliases,
    update_merge,
    yield_claims,
)
from kaquan.ledger import (
    Account,
    AccountKey,
    AccountKind,
    Cause,
    Movement,
    give_back,
    issue,
    list_accounts,
    list_transfers,
    lock_accounts,
    post_transfers,
)
from kaquan.runtime import InvalidInput, Tx, check_text, new_id

_PROFILE = ("source_id", "name", "email", "phone", "birth_date", "description", "address")
_ALIASES = "aliases"
_LATE = timedelta(hours=1)


async def preview_merge(tx: Tx, survivor: str, merged: str) -> MergePreview:
    """Return what merging the second person into the first would do (ids ours or the merchant's).

    Raises NotFound, and InvalidInput when both are the same person.
    """
    taker, giver = await _find_both(tx, survivor, merged)
    points = AccountKey(giver.id, AccountKind.POINTS)
    account = (await list_accounts(tx, [points])).get(points)
    return MergePreview(
        survivor=taker,
        merged=giver,
        filled=_fill(taker, giver),
        conflicts=tuple(
            name
            for name in _PROFILE
            if getattr(giver, name) is not None
            and getattr(taker, name) not in (None, getattr(giver, name))
        ),
        moves=await count_belongings(tx, giver.id),
        points=0 if account is None else account.available,
    )


async def merge_customers(
    tx: Tx,
    survivor: str,
    merged: str,
    *,
    by: str,
    reason: str,
    score_ppm: int | None = None,
    now: datetime,
) -> Merge:
    """Make the second person part of the first (ids ours or the merchant's) and return the record.

    What was recorded of the second becomes the first's; the first's profile takes over what it
    lacks; the second's ids go on naming the first. Raises NotFound, and InvalidInput when both
    are the same person.
    """
    taker, giver = await _find_both(tx, survivor, merged)
    await lock_people(tx, [taker.id, giver.id])
    # Somebody may have merged one of them while the locks were waited for.
    taker, giver = await _find_both(tx, survivor, merged)
    merge_id = new_id("mrg")
    filled = _fill(taker, giver)
    segments = await list_static_segments(tx, giver.id)
    before = Before(
        merged=msgspec.to_builtins(giver),
        former={name: msgspec.to_builtins(getattr(taker, name)) for name in filled},
        became=msgspec.to_builtins(filled),
        static_segments=segments,
        joined_segments=await join_segments(tx, taker.id, segments, now=now),
        once=await release_once(tx, giver=giver.id, taker=taker.id),
        claims=await yield_claims(tx, giver=giver.id, taker=taker.id),
    )
    moved = {
        kind: keys
        for kind in BELONGINGS
        if (keys := await move_belongings(tx, kind, giver=giver.id, taker=taker.id))
    }
    moved[_ALIASES] = await move_aliases(tx, giver=giver.id, taker=taker.id)
    merge = Merge(
        id=merge_id,
        survivor_id=taker.id,
        merged_id=giver.id,
        reason=check_text(reason, "reason"),
        score_ppm=score_ppm,
        before=before,
        moved=moved,
        merged_by=by,
        merged_at=now,
        undone_by=None,
        undone_at=None,
        sealed_at=None,
    )
    await insert_merge(tx, merge)
    await _unite_profiles(tx, taker, giver, filled=filled, merge_id=merge_id, now=now)
    await _unite_accounts(tx, taker.id, giver.id, merge_id=merge_id, now=now)
    await settle_pair(tx, (taker.id, giver.id), state="merged", by=by, merge_id=merge_id, now=now)
    await refresh_summaries(tx, {taker.id})
    return merge


async def undo_merge(tx: Tx, merge_id: str, *, by: str, now: datetime) -> Merge:
    """Make two people of one again, as they were; what happened since stays with the survivor.

    A profile's field that was changed since keeps its new value. Points that were spent since are
    not taken back. Raises NotFound, and InvalidInput (``merge_stands``) for a merge that was
    undone, is sealed by an erasure, or whose survivor has been merged into another since.
    """
    merge = await get_merge(tx, merge_id)
    await lock_people(tx, [merge.survivor_id, merge.merged_id])
    merge = await get_merge(tx, merge_id)
    await _expect_undoable(tx, merge)
    survivor = await get_customer(tx, merge.survivor_id)
    await _return_profile(tx, survivor, merge.before, now=now)
    profile = merge.before.merged
    await restore_customer_row(tx, merge.merged_id, profile, now=now)
    sealed = {name: profile.get(name) for name in SEALED_TYPES}
    await update_customer_row(tx, merge.merged_id, sealed, now=now)
    for kind in BELONGINGS:
        keys = merge.moved.get(kind)
        if keys:
            await move_belongings(
                tx, kind, giver=merge.survivor_id, taker=merge.merged_id, keys=keys
            )
    await restore_once(tx, merge.before.once)
    await restore_claims(tx, merge.survivor_id, merge.before.claims)
    await leave_segments(tx, merge.survivor_id, merge.before.joined_segments)
    await join_segments(tx, merge.merged_id, merge.before.static_segments, now=now)
    await delete_aliases(tx, merge.id)
    await return_aliases(
        tx, merge.moved.get(_ALIASES, []), giver=merge.survivor_id, taker=merge.merged_id
    )
    await _return_transfers(tx, merge.id, now=now)
    undone = structs.replace(merge, before=Before(), moved={}, undone_by=by, undone_at=now)
    await update_merge(tx, undone)
    # Whoever undoes it says that these are two people: no search shall propose them again.
    pair = (merge.survivor_id, merge.merged_id)
    await settle_pair(tx, pair, state="rejected", by=by, merge_id=None, now=now)
    await refresh_summaries(tx, {merge.survivor_id, merge.merged_id})
    return undone


async def gather_late_rows(tx: Tx, *, now: datetime) -> int:
    """Move what transactions, begun before a merge, recorded of the merged person after it.

    Looks at the merges of the last hour; returns how many rows were moved.
    """
    count = 0
    for merge in (await list_merges(tx, since=now - _LATE, limit=1000)).items:
        if not merge.may_be_undone:
            continue
        left = await count_belongings(tx, merge.merged_id)
        if not any(left.values()):
            continue
        await lock_people(tx, [merge.survivor_id, merge.merged_id])
        moved = dict(merge.moved)
        found = 0
        for kind in BELONGINGS:
            keys = await move_belongings(tx, kind, giver=merge.merged_id, taker=merge.survivor_id)
            found += len(keys)
            moved[kind] = moved.get(kind, []) + keys
        if found:
            await update_merge(tx, structs.replace(merge, moved=moved))
            await refresh_summaries(tx, {merge.survivor_id})
            count += found
    return count


async def _find_both(tx: Tx, survivor: str, merged: str) -> tuple[Customer, Customer]:
    taker, giver = await get_customer(tx, survivor), await get_customer(tx, merged)
    if taker.id == giver.id:
        raise InvalidInput("A person cannot be merged with themselves.", field="merged")
    return taker, giver


def _fill(taker: Customer, giver: Customer) -> dict[str, Any]:
    """The fields that the survivor takes over, with the values that they then have."""
    filled: dict[str, Any] = {
        name: getattr(giver, name)
        for name in _PROFILE
        if getattr(taker, name) is None and getattr(giver, name) is not None
    }
    if giver.metadata.keys() - taker.metadata.keys():
        filled["metadata"] = giver.metadata | taker.metadata
    if giver.created_at < taker.created_at:
        filled["created_at"] = giver.created_at
    return filled


async def _unite_profiles(
    tx: Tx,
    taker: Customer,
    giver: Customer,
    *,
    filled: dict[str, Any],
    merge_id: str,
    now: datetime,
) -> None:
    await erase_customer_row(tx, giver.id, now=now)
    await update_customer_row(tx, taker.id, filled, now=now)
    await insert_alias(tx, giver.id, customer_id=taker.id, merge_id=merge_id)
    if giver.source_id is not None and "source_id" not in filled:
        await insert_alias(tx, giver.source_id, customer_id=taker.id, merge_id=merge_id)


async def _return_profile(tx: Tx, survivor: Customer, before: Before, *, now: datetime) -> None:
    stands = msgspec.to_builtins(survivor)
    back: dict[str, Any] = {
        name: before.former[name]
        for name, value in before.became.items()
        if name != "metadata" and stands[name] == value
    }
    former = before.former.get("metadata", {})
    taken = before.became.get("metadata", {})
    back["metadata"] = {
        key: None
        for key, value in taken.items()
        if key not in former and survivor.metadata.get(key) == value
    }
    await update_customer_row(tx, survivor.id, back, now=now)


async def _unite_accounts(
    tx: Tx, taker_id: str, giver_id: str, *, merge_id: str, now: datetime
) -> None:
    """Move points over, and let what the merged person used of a cap count for the survivor."""
    caps = [
        (
            AccountKey(f"{campaign}/{taker_id}", AccountKind.CUSTOMER_USES),
            AccountKey(f"{campaign}/{giver_id}", AccountKind.CUSTOMER_USES),
        )
        for campaign in await list_capped_campaigns(tx)
    ]
    points = (AccountKey(taker_id, AccountKind.POINTS), AccountKey(giver_id, AccountKind.POINTS))
    accounts = await lock_accounts(tx, sorted({key for pair in [*caps, points] for key in pair}))
    opened: list[Movement] = []
    moves: list[Movement] = []
    given = accounts.get(points[1])
    if given is not None and given.available:
        moves.append(_move(points[1], points[0], given.available, merge_id))
    for mine, theirs in caps:
        other = accounts.get(theirs)
        used = 0 if other is None else other.granted - other.balance
        if other is None or used <= 0:
            continue
        own = accounts.get(mine)
        left = other.granted if own is None else own.available
        if own is None:
            opened.append(issue(mine.owner, mine.kind, other.granted, cause_id=merge_id))
        if min(used, left) > 0:
            moves.append(_move(mine, theirs, min(used, left), merge_id))
    await post_transfers(tx, opened, now=now)
    await post_transfers(tx, moves, now=now)


def _move(giver: AccountKey, taker: AccountKey, amount: int, merge_id: str) -> Movement:
    return Movement(
        from_owner=giver.owner,
        to_owner=taker.owner,
        kind=giver.kind,
        amount=amount,
        cause=Cause.MERGE,
        cause_id=merge_id,
    )


async def _return_transfers(tx: Tx, merge_id: str, *, now: datetime) -> None:
    """Give back what is still there of what a merge moved.

    A cap that the merge opened for the survivor stays open: it is what they would have been given.
    """
    transfers = [one for one in await list_transfers(tx, merge_id) if one.cause is Cause.MERGE]
    accounts: dict[AccountKey, Account] = await lock_accounts(
        tx, sorted({AccountKey(one.to_owner, one.kind) for one in transfers})
    )
    back = [
        give_back(
            one,
            min(one.amount - one.reversed, accounts[AccountKey(one.to_owner, one.kind)].available),
            cause_id=merge_id,
        )
        for one in transfers
    ]
    await post_transfers(tx, [one for one in back if one.amount], now=now)


async def _expect_undoable(tx: Tx, merge: Merge) -> None:
    if merge.undone_at is not None:
        message = "This merge was undone before."
    elif merge.sealed_at is not None:
        message = "The person was erased since; this merge can no longer be undone."
    elif await find_merge_of(tx, merge.survivor_id) is not None:
        message = "The survivor was merged into another person since; undo that merge first."
    else:
        return
    raise InvalidInput(message, field="merge_id", key="merge_stands")
