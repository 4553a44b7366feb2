"""Every limit in the system is an account here; every change of one is a transfer."""

from kaquan.ledger.check import check_ledger
from kaquan.ledger.follow import follow_movements
from kaquan.ledger.model import (
    Account,
    AccountKey,
    AccountKind,
    Cause,
    Discrepancy,
    Hold,
    Movement,
    Transfer,
)
from kaquan.ledger.post import (
    Overdrawn,
    OverReturned,
    expire,
    give_back,
    issue,
    issue_to_each,
    post_to_locked,
    post_transfers,
    take,
    tally,
    withdraw,
)
from kaquan.ledger.reserve import (
    release_expired_holds,
    release_holds,
)
from kaquan.ledger.store import (
    count_ledger,
    end_locked_holds,
    insert_holds,
    list_accounts,
    list_pending_holds,
    list_transfers,
    lock_accounts,
    lock_accounts_below,
)

__all__ = [
    "Account",
    "AccountKey",
    "AccountKind",
    "Cause",
    "Discrepancy",
    "Hold",
    "Movement",
    "OverReturned",
    "Overdrawn",
    "Transfer",
    "check_ledger",
    "count_ledger",
    "end_locked_holds",
    "expire",
    "follow_movements",
    "give_back",
    "insert_holds",
    "issue",
    "issue_to_each",
    "list_accounts",
    "list_pending_holds",
    "list_transfers",
    "lock_accounts",
    "lock_accounts_below",
    "post_to_locked",
    "post_transfers",
    "release_expired_holds",
    "release_holds",
    "take",
    "tally",
    "withdraw",
]
