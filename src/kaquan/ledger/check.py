"""Proving that the ledger is whole."""

from kaquan.ledger.model import Discrepancy
from kaquan.ledger.store import list_discrepancies
from kaquan.runtime import Tx


async def check_ledger(tx: Tx) -> list[Discrepancy]:
    """Recompute every balance of the project from its transfers and holds.

    Returns what disagrees; an empty list means that nothing was lost, doubled or invented.
    """
    return await list_discrepancies(tx)
