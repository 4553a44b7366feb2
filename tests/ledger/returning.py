"""Returning everything that a cause moved, for tests that need something returned."""

from datetime import datetime

from kaquan.ledger import OverReturned, Transfer, give_back, list_transfers, post_transfers
from kaquan.runtime import Tx


async def return_transfers(
    tx: Tx, cause_id: str, *, returned_by: str, now: datetime
) -> list[Transfer]:
    """Return whatever is left to return of all transfers that ``cause_id`` made.

    Raises OverReturned when nothing is left. Returns the transfers that were reversed.
    """
    left = [t for t in await list_transfers(tx, cause_id) if t.amount > t.reversed]
    if not left:
        raise OverReturned("All of this was returned before.")
    movements = [give_back(t, t.amount - t.reversed, cause_id=returned_by) for t in left]
    await post_transfers(tx, movements, now=now)
    return left
