"""Every limit in the system is an account here; every change of one is a transfer."""

from kaquan.ledger.check import check_ledger
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
    give_back,
    issue,
    post_transfers,
    return_transfers,
    take,
    tally,
    withdraw,
)
from kaquan.ledger.reserve import place_hold, release_expired_holds, release_hold, settle_hold
from kaquan.ledger.store import (
    count_ledger,
    list_account_transfers,
    list_accounts,
    list_transfers,
    lock_accounts,
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
    "give_back",
    "issue",
    "list_account_transfers",
    "list_accounts",
    "list_transfers",
    "lock_accounts",
    "place_hold",
    "post_transfers",
    "release_expired_holds",
    "release_hold",
    "return_transfers",
    "settle_hold",
    "take",
    "tally",
    "withdraw",
]
