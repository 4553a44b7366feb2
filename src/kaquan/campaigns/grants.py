"""Keeping the ledger's accounts in step with the limits that people set."""

from datetime import datetime

from kaquan.campaigns.errors import GrantBelowUse
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    end_locked_holds,
    issue,
    list_pending_holds,
    lock_accounts,
    lock_accounts_below,
    post_transfers,
    withdraw,
)
from kaquan.runtime import Tx


async def change_grant(
    tx: Tx, key: AccountKey, granted: int | None, *, taken_elsewhere: int = 0, now: datetime
) -> None:
    """Make what was granted to an account ``granted`` in all, by issuing or taking back.

    ``taken_elsewhere`` of it was used before the account existed. None ends the limit: what is
    left is taken back, so that a later limit counts what was used under this one, and what is
    reserved binds nobody any more. Raises GrantBelowUse when more than that is used or reserved.
    """
    account = (await lock_accounts(tx, [key])).get(key)
    available = account.available if account else 0
    if granted is None and account is not None and account.held:
        await end_locked_holds(tx, await list_pending_holds(tx, [key]), "released")
        available = account.balance
    so_far = account.granted if account else 0
    change = -available if granted is None else granted - taken_elsewhere - so_far
    if change < -available:
        used = so_far - available + taken_elsewhere
        message = f"{used} of this is used or reserved already; the limit cannot be lower."
        raise GrantBelowUse(message, used=used, wanted=granted)
    if change:
        move = issue if change > 0 else withdraw
        movement = move(key.owner, key.kind, abs(change), cause_id=key.owner)
        await post_transfers(tx, [movement], now=now)


async def change_customer_caps(tx: Tx, campaign_id: str, cap: int, *, now: datetime) -> None:
    """Let every customer whose account is open have what ``cap`` leaves after what they used.

    Whoever used more than the new cap has nothing left; what a checkout holds stays held.
    """
    accounts = await lock_accounts_below(tx, campaign_id, AccountKind.CUSTOMER_USES)
    movements = [
        (issue if change > 0 else withdraw)(
            account.owner, account.kind, abs(change), cause_id=campaign_id
        )
        for account in accounts
        if (
            change := max(cap - (account.granted - account.balance), account.held) - account.balance
        )
    ]
    await post_transfers(tx, movements, now=now)
