"""The best combination found so far."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from kaquan.engine.candidate import Candidate
from kaquan.engine.lanes import Lane
from kaquan.engine.sequence import find_lane
from kaquan.engine.steps import Proposal

_Rank: TypeAlias = tuple[int, int, list[datetime], list[int]]
_NEVER = datetime.max.replace(tzinfo=UTC)


def find_benefit(proposal: Proposal) -> int:
    """What a proposal saves the customer, in minor units: paying by other means saves nothing."""
    if find_lane(proposal.candidate) is Lane.PAYMENT:
        return 0
    return proposal.booking.total_minor


class Champion:
    """Keeps the legal set with the largest benefit.

    Of equal ones the smaller wins, then the one whose redeemables expire sooner, then the one
    that was sent first.
    """

    def __init__(self, candidates: Sequence[Candidate], time_zone: str) -> None:
        self._positions = {one.key: position for position, one in enumerate(candidates)}
        self._expiries = {one.key: _find_expiry(one, time_zone) for one in candidates}
        self._chosen: tuple[Candidate, ...] = ()
        self._rank = self._find_rank((), 0)

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """Its redeemables, in the order in which they were sent."""
        return tuple(sorted(self._chosen, key=lambda one: self._positions[one.key]))

    @property
    def benefit_minor(self) -> int:
        """What it saves the customer."""
        return -self._rank[0]

    def could_lose_to(self, most_minor: int, count: int) -> bool:
        """Whether a set of at least `count` that saves at most `most_minor` might be better."""
        return (-most_minor, count) <= self._rank[:2]

    def challenge(self, chosen: Sequence[Candidate], benefit_minor: int) -> bool:
        """Take a legal set in its place if it is better."""
        if not self.could_lose_to(benefit_minor, len(chosen)):
            return False
        rank = self._find_rank(chosen, benefit_minor)
        if rank >= self._rank:
            return False
        self._chosen, self._rank = tuple(chosen), rank
        return True

    def _find_rank(self, chosen: Sequence[Candidate], benefit_minor: int) -> _Rank:
        expiries = sorted(self._expiries[one.key] for one in chosen)
        positions = sorted(self._positions[one.key] for one in chosen)
        return -benefit_minor, len(chosen), expiries, positions


def _find_expiry(candidate: Candidate, time_zone: str) -> datetime:
    _, end = candidate.offer.window.find_bounds(time_zone, claimed_at=candidate.claimed_at)
    return end or _NEVER
