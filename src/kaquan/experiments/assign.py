"""Choosing an arm: the same customer and campaign always give the same one."""

import hashlib

from kaquan.experiments.model import Arm, Assignment, Experiment, Placement
from kaquan.runtime import InvalidInput, words

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
        message = words("A holdout must be 0 to %(whole_bps)s basis points.", whole_bps=WHOLE_BPS)
        raise InvalidInput(message, field="holdout_bps")
    if _is_below(_fraction(campaign_id, customer_id), holdout_bps):
        return Assignment(Arm.HOLDOUT, holdout_bps / WHOLE_BPS)
    return Assignment(Arm.TREATMENT, (WHOLE_BPS - holdout_bps) / WHOLE_BPS)


def assign_variant(experiment: Experiment, customer_id: str) -> Placement | None:
    """Put a customer into an arm of an experiment; None when its layer keeps the customer out.

    The place within the layer and the arm are drawn by different hashes, so that experiments of
    different layers cross.
    """
    if not is_in_layer(experiment, customer_id):
        return None
    fraction = _fraction(experiment.id, customer_id)
    above = 0
    for arm, weight in zip(experiment.arms, experiment.weights, strict=True):
        above += weight
        if _is_below(fraction, above):
            return Placement(arm.name, weight / WHOLE_BPS)
    message = words(
        "The weights of %(id)s sum to %(above)s, not %(whole_bps)s.",
        id=experiment.id,
        above=above,
        whole_bps=WHOLE_BPS,
    )
    raise AssertionError(message)


def is_in_layer(experiment: Experiment, customer_id: str) -> bool:
    """Whether the customer's place in the layer belongs to the experiment."""
    if experiment.layer is None:
        return True
    fraction = _fraction(f"layer\x00{experiment.layer}", customer_id)
    return _is_below(fraction, experiment.to_bps) and not _is_below(fraction, experiment.from_bps)


def _is_below(fraction: int, bps: int) -> bool:
    return fraction * WHOLE_BPS < bps << _FRACTION_BITS


def _fraction(scope: str, customer_id: str) -> int:
    """The customer's place in the scope: an integer in units of 2**-64."""
    digest = hashlib.sha256(b"\x00".join((_SALT, scope.encode(), customer_id.encode()))).digest()
    return int.from_bytes(digest[: _FRACTION_BITS // 8], "big")
