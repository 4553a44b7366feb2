"""Choosing an arm: the same customer and campaign always give the same one."""

import hashlib

from kaquan.experiments.model import Arm, Assignment
from kaquan.runtime import InvalidInput

WHOLE_BPS = 10_000

_SALT = b"kaquan.experiments/1"
_FRACTION_BITS = 64


def assign_arm(campaign_id: str, customer_id: str, *, holdout_bps: int) -> Assignment:
    """Put a customer of a campaign into an arm; ``holdout_bps`` of 10,000 are held out.

    The first 64 bits of SHA-256 over salt, campaign and customer are a fraction of 1; below
    the holdout's share the customer is held out. Raising the share only ever moves customers
    from treatment to holdout. docs/algorithms/assignment.md has the rule with examples. Raises
    InvalidInput for a share outside 0 to 10,000.
    """
    if not 0 <= holdout_bps <= WHOLE_BPS:
        message = f"A holdout must be 0 to {WHOLE_BPS} basis points."
        raise InvalidInput(message, field="holdout_bps")
    if _fraction(campaign_id, customer_id) * WHOLE_BPS < holdout_bps << _FRACTION_BITS:
        return Assignment(Arm.HOLDOUT, holdout_bps / WHOLE_BPS)
    return Assignment(Arm.TREATMENT, (WHOLE_BPS - holdout_bps) / WHOLE_BPS)


def _fraction(campaign_id: str, customer_id: str) -> int:
    """The customer's place in the campaign: an integer in units of 2**-64."""
    digest = hashlib.sha256(
        b"\x00".join((_SALT, campaign_id.encode(), customer_id.encode()))
    ).digest()
    return int.from_bytes(digest[: _FRACTION_BITS // 8], "big")
