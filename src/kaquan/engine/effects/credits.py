"""What a request pays with, of what is left on a card."""

from typing import NamedTuple

from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


class Credits(NamedTuple):
    """What is left on the card, and how much of it is wanted: all of it unless the request says."""

    balance: int
    wanted: int


def read_credits(facts: Facts) -> Credits | Reason:
    """Return what is left and wanted, or why nothing can be: the card is empty, or 0 is asked for.

    More may be wanted than is left.
    """
    balance = facts.balance or 0
    if facts.credits is None:
        return Credits(balance, balance) if balance else Reason(ReasonCode.BALANCE_EMPTY)
    if facts.credits < 1:
        return Reason(ReasonCode.CREDITS_INVALID)
    return Credits(balance, facts.credits)
