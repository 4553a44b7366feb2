"""Keeping decisions measurable: a small known chance of every arm for everybody."""

import msgspec
import numpy as np

from kaquan.insight.uplift import Floats, Ints


class Explored(msgspec.Struct, frozen=True, kw_only=True):
    """The arm to send, and the chance (rows × arms) that each had: log it, or nothing is learnt."""

    arm: Ints
    propensity: Floats


def explore(choice: Ints, *, arms: int, floor: float, seed: int) -> Explored:
    """Follow ``choice``, but give every arm at least the chance ``floor``.

    A chance of zero leaves an arm's effect unknowable for good: the certificate of the next plan
    needs every arm to have been possible. ``floor`` is from 0 to 1 / arms.
    """
    if not 0 <= floor * arms <= 1:
        message = f"the floor must be from 0 to {1 / arms:g}, not {floor:g}"
        raise ValueError(message)
    propensity = np.full((len(choice), arms), floor)
    propensity[np.arange(len(choice)), choice] += 1 - floor * arms
    draw = np.random.default_rng(seed).random(len(choice))
    # The last bound is 1 whatever was rounded on the way.
    arm = (draw[:, None] >= np.cumsum(propensity, axis=1)[:, :-1]).sum(axis=1)
    return Explored(arm=arm.astype(np.int64), propensity=propensity)
