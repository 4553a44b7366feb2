"""What holds leave free for one request: its own session's and overdue ones are no obstacle."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import structs

from kaquan.checkout.session_model import Session
from kaquan.checkout.store.sessions import delete_locks, list_own_holds
from kaquan.ledger import Account, AccountKey, Hold, end_locked_holds, list_pending_holds
from kaquan.runtime import Tx


async def find_free_holds(
    tx: Tx,
    accounts: Mapping[AccountKey, Account],
    *,
    session: Session | None,
    voucher_ids: Collection[str],
    now: datetime,
) -> tuple[Hold, ...]:
    """Return the holds on these accounts that do not bind: overdue, or the session's own.

    Nothing is asked of the database while nothing is held.
    """
    held = [key for key, account in accounts.items() if account.held]
    if not held:
        return ()
    own = set[str]()
    if session is not None:
        own = await list_own_holds(tx, session.key, sorted(voucher_ids))
    pending = await list_pending_holds(tx, held)
    return tuple(hold for hold in pending if hold.id in own or hold.expires_at <= now)


def without_holds(
    accounts: Mapping[AccountKey, Account], free: Sequence[Hold]
) -> dict[AccountKey, Account]:
    """Return the accounts as they are once these holds have ended."""
    changed = dict(accounts)
    for hold in free:
        key = AccountKey(hold.owner, hold.kind)
        account = changed[key]
        changed[key] = structs.replace(account, held=account.held - hold.amount)
    return changed


async def end_free_holds(
    tx: Tx,
    free: Sequence[Hold],
    *,
    session: Session | None,
    voucher_ids: Collection[str],
    now: datetime,
) -> None:
    """End holds whose accounts are locked, and the session's locks of these vouchers.

    Needs no answer, so it is fit for a pipeline.
    """
    await end_locked_holds(tx, [h for h in free if h.expires_at <= now], "expired")
    await end_locked_holds(tx, [h for h in free if h.expires_at > now], "posted")
    if session is not None:
        await delete_locks(tx, session.key, sorted(voucher_ids))
