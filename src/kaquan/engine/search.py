"""Searches for the legal set with the largest benefit.

A set is legal when all of it is applied. Whether a redeemable applies depends only on those
applied before it, and the order of application is fixed by the rules: sets are therefore paths
through a tree, and a refusal cuts off everything behind it.
"""

from collections.abc import Callable, Sequence
from heapq import nlargest
from itertools import accumulate

import msgspec

from kaquan.engine.bounds import find_most
from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.champion import Champion, find_benefit
from kaquan.engine.run import Run
from kaquan.engine.steps import Refused


class _Path(msgspec.Struct, frozen=True):
    """A legal set on its way: the state behind it, what was taken, and what that saves."""

    run: Run
    taken: tuple[Candidate, ...]
    benefit_minor: int


class _Reach:
    """How much the candidates from a position on add at most, if each adds its figure at most."""

    def __init__(self, figures: Sequence[int | None]) -> None:
        self._tops: list[list[int] | None] = []
        for start in range(len(figures) + 1):
            known = [figure for figure in figures[start:] if figure is not None]
            top = list(accumulate(sorted(known, reverse=True), initial=0))
            self._tops.append(top if len(known) == len(figures) - start else None)

    def find_most(self, path: _Path, start: int, *, places: int) -> int | None:
        """The benefit of the path with the best later ones; None if a figure is not known."""
        top = self._tops[start]
        if top is None:
            return None
        return path.benefit_minor + min(path.run.left_minor, top[min(places, len(top) - 1)])


def search_exactly(
    start: Run, ordered: Sequence[Candidate], *, cart: Cart, places: int, champion: Champion
) -> None:
    """Look at every legal set of at most `places`, except where it cannot beat the champion."""
    reach = _Reach([find_most(candidate, cart) for candidate in ordered])

    def descend(path: _Path, position: int) -> None:
        free = places - len(path.taken)
        for index in range(position, len(ordered) if free else position):
            most = reach.find_most(path, index, places=free) if path.run.has_cart(cart) else None
            if most is not None and not champion.could_lose_to(most, len(path.taken) + 1):
                return
            proposal = path.run.weigh(ordered[index])
            if isinstance(proposal, Refused):
                continue
            taken = (*path.taken, ordered[index])
            benefit = path.benefit_minor + find_benefit(proposal)
            champion.challenge(taken, benefit)
            if free > 1 and index + 1 < len(ordered):
                run = path.run.fork()
                run.grant(proposal)
                descend(_Path(run, taken, benefit), index + 1)

    descend(_Path(start, (), 0), 0)


def search_widely(
    start: Run, ordered: Sequence[Candidate], *, places: int, width: int, champion: Champion
) -> None:
    """Look at some sets only: after each candidate the `width` most promising go on.

    A set promises what it saves, and what the best of the later candidates save on their own.
    That is too much where they get in each other's way, so the `width` that save most so far for
    their number go on as well.
    """
    reach = _Reach([_find_gain(start, candidate) for candidate in ordered])
    paths = [_Path(start, (), 0)]
    for index, candidate in enumerate(ordered):
        longer: list[_Path] = []
        for path in paths:
            proposal = path.run.weigh(candidate)
            if isinstance(proposal, Refused):
                continue
            taken = (*path.taken, candidate)
            benefit = path.benefit_minor + find_benefit(proposal)
            champion.challenge(taken, benefit)
            if len(taken) < places:
                run = path.run.fork()
                run.grant(proposal)
                longer.append(_Path(run, taken, benefit))

        def promise(path: _Path, behind: int = index + 1) -> int:
            most = reach.find_most(path, behind, places=places - len(path.taken))
            return path.benefit_minor if most is None else most

        paths = _keep([*paths, *longer], width=width, promise=promise)


def _keep(paths: Sequence[_Path], *, width: int, promise: Callable[[_Path], int]) -> list[_Path]:
    """The paths that promise most, and of each length some that save most."""
    kept = nlargest(width, paths, key=promise)
    sizes = {len(path.taken) for path in paths}
    for size in sorted(sizes):
        peers = [path for path in paths if len(path.taken) == size]
        kept += nlargest(max(1, width // len(sizes)), peers, key=lambda one: one.benefit_minor)
    return list({id(path): path for path in kept}.values())


def _find_gain(run: Run, candidate: Candidate) -> int:
    proposal = run.weigh(candidate)
    return 0 if isinstance(proposal, Refused) else find_benefit(proposal)
