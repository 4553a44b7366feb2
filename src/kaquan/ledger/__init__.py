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
    issue_to_each,
    post_to_locked,
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
    "give_back",
    "issue",
    "issue_to_each",
    "list_account_transfers",
    "list_accounts",
    "list_transfers",
    "lock_accounts",
    "lock_accounts_below",
    "place_hold",
    "post_to_locked",
    "post_transfers",
    "release_expired_holds",
    "release_hold",
    "return_transfers",
    "settle_hold",
    "take",
    "tally",
    "withdraw",
]
