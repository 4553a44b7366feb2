"""Keeping decisions measurable: a small known chance of every arm for everybody."""

import msgspec
import numpy as np

from kaquan.insight.uplift import Flags, Floats, Ints


class Explored(msgspec.Struct, frozen=True, kw_only=True):
    """The arm to send, and the chance (rows × arms) that each had: log it, or nothing is learnt."""

    arm: Ints
    propensity: Floats


def explore(
    choice: Ints, *, arms: int, floor: float, seed: int, allowed: Flags | None = None
) -> Explored:
    """Follow ``choice``, but give every arm at least the chance ``floor``.

    A chance of zero leaves an arm's effect unknowable for good: the certificate of the next plan
    needs every arm to have been possible. ``floor`` is from 0 to 1 / arms; arms that ``allowed``
    (rows × arms) closes to a customer have no chance.
    """
    propensity = spread_chances(choice, arms=arms, floor=floor, allowed=allowed)
    draw = np.random.default_rng(seed).random(len(choice))
    # Divided by the sum, the last open arm's bound is 1 whatever was rounded on the way.
    bounds = np.cumsum(propensity, axis=1)
    arm = (draw[:, None] >= bounds / bounds[:, -1:]).sum(axis=1)
    return Explored(arm=arm.astype(np.int64), propensity=propensity)


def spread_chances(
    choice: Ints, *, arms: int, floor: float, allowed: Flags | None = None
) -> Floats:
    """Return every arm's chance, rows × arms: ``floor`` for each open arm, the rest for the chosen.

    Raises ValueError for a floor that leaves nothing, and for a choice that is closed.
    """
    if not 0 <= floor * arms <= 1:
        message = f"the floor must be from 0 to {1 / arms:g}, not {floor:g}"
        raise ValueError(message)
    rows = np.arange(len(choice))
    open_arms = np.ones((len(choice), arms), dtype=np.bool_) if allowed is None else allowed
    if not open_arms[rows, choice].all():
        raise ValueError("an arm was chosen that is closed to the customer")
    propensity = np.where(open_arms, floor, 0.0)
    propensity[rows, choice] += 1 - floor * open_arms.sum(axis=1)
    return propensity


def blend(figures: Floats, *, floor: float, allowed: Flags | None = None) -> Floats:
    """Return what choosing each arm amounts to once it is explored around, rows × arms.

    ``figures`` are values, costs or other uses of the arms themselves. As the floor is spent
    whatever is chosen, limits kept by what this returns are kept by the explored plan.
    """
    open_arms = np.ones(figures.shape, dtype=np.bool_) if allowed is None else allowed
    floors = floor * np.where(open_arms, figures, 0.0).sum(axis=1, keepdims=True)
    return floors + (1 - floor * open_arms.sum(axis=1, keepdims=True)) * figures
