"""Balances in memory, moved as the database's triggers will move them."""

from collections.abc import Iterable

from msgspec import structs

from kaquan.ledger.model import Account, AccountKey, Cause, Movement

_OUTSIDE = "@"


def follow_movements(accounts: dict[AccountKey, Account], movements: Iterable[Movement]) -> None:
    """Move the balances of ``accounts`` by movements that are going to be posted.

    An account that is moved into for the first time is opened; one that was not read is left
    alone when something is taken from it.
    """
    for movement in movements:
        if not movement.from_owner.startswith(_OUTSIDE):
            key = AccountKey(movement.from_owner, movement.kind)
            withdrawn = movement.amount if movement.cause is Cause.WITHDRAW else 0
            if key in accounts:
                accounts[key] = _moved(accounts[key], -movement.amount, -withdrawn)
        if not movement.to_owner.startswith(_OUTSIDE):
            key = AccountKey(movement.to_owner, movement.kind)
            issued = movement.amount if movement.cause is Cause.ISSUE else 0
            empty = Account(owner=key.owner, kind=key.kind, balance=0, held=0, granted=0)
            accounts[key] = _moved(accounts.get(key, empty), movement.amount, issued)


def _moved(account: Account, amount: int, granted: int) -> Account:
    return structs.replace(
        account, balance=account.balance + amount, granted=account.granted + granted
    )
