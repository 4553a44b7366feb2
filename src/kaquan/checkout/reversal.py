"""Giving back what a redemption took out of the ledger."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import structs

from kaquan.campaigns import list_vouchers_by_id
from kaquan.checkout.model import Redemption
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Movement,
    Transfer,
    give_back,
    issue,
    lock_accounts,
    post_transfers,
)
from kaquan.runtime import Tx

MONEY = frozenset({AccountKind.BUDGET, AccountKind.VALUE, AccountKind.POINTS})
"""Kinds that go back in part, with the discount; the others count uses, which go back whole."""


async def list_limited(tx: Tx, redemptions: Sequence[Redemption]) -> set[str]:
    """Return the ids of the vouchers that have a number of uses by now."""
    ids = {one.voucher_id for one in redemptions if one.voucher_id is not None}
    vouchers = await list_vouchers_by_id(tx, sorted(ids))
    return {voucher.id for voucher in vouchers if voucher.quantity is not None}


def reverse(
    transfer: Transfer, amount: int, *, limited: Collection[str], cause_id: str
) -> list[Movement]:
    """Return what gives ``amount`` of a transfer back."""
    movements = [give_back(transfer, amount, cause_id=cause_id)]
    if transfer.kind is AccountKind.USED and transfer.to_owner in limited:
        # Taken while the voucher had no limit, and so not out of its uses: now it has.
        movements.append(issue(transfer.to_owner, AccountKind.USES, amount, cause_id=cause_id))
    return movements


async def post_reversals(tx: Tx, movements: Sequence[Movement], *, now: datetime) -> None:
    """Post what gives something back. Points that were earned and spent since stay spent."""
    keys = {
        AccountKey(owner, one.kind)
        for one in movements
        for owner in (one.from_owner, one.to_owner)
        if not owner.startswith("@")
    }
    accounts = await lock_accounts(tx, sorted(keys))
    held: list[Movement] = []
    for one in movements:
        account = accounts.get(AccountKey(one.from_owner, one.kind))
        if account is None or one.kind not in MONEY:
            held.append(one)
        elif account.available > 0:
            amount = min(one.amount, account.available)
            held.append(structs.replace(one, amount=amount))
            key = AccountKey(one.from_owner, one.kind)
            accounts[key] = structs.replace(account, balance=account.balance - amount)
    await post_transfers(tx, held, now=now)
