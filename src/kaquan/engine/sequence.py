"""In what order the redeemables of a request are worked out."""

from collections.abc import Iterable
from typing import TypeAlias

from kaquan.engine.candidate import Candidate
from kaquan.engine.lanes import LANES, Lane
from kaquan.engine.stacking import Grouping, Sorting, StackingRules
from kaquan.engine.standing import Standing, find_standing

_Number: TypeAlias = tuple[bool, int]
_NO_NUMBER: _Number = (True, 0)
"""What has no number comes after what has one."""


def sort_candidates(
    candidates: Iterable[Candidate], rules: StackingRules, *, grouped: bool
) -> list[Candidate]:
    """Lanes first if the project wants them, then the sorting; equals stay as they were sent.

    `grouped` says that an exclusive redeemable is among them, which puts joint ones last within
    their lane unless the project sorts them together.
    """
    splits = grouped and rules.grouping is Grouping.JOINT_LAST

    def place(candidate: Candidate) -> tuple[int, bool, _Number]:
        return (
            LANES.index(find_lane(candidate)) if rules.by_lane else 0,
            splits and find_standing(candidate, rules) is Standing.JOINT,
            _find_number(candidate, rules.sorting),
        )

    return sorted(candidates, key=place)


def find_lane(candidate: Candidate) -> Lane:
    """The lane it was given, else the one its effect works on."""
    return candidate.offer.effect.lane if candidate.lane is None else candidate.lane


def _find_number(candidate: Candidate, sorting: Sorting) -> _Number:
    match sorting:
        case Sorting.CATEGORY_HIERARCHY:
            numbers = [category.hierarchy for category in candidate.categories]
            return (False, min(numbers)) if numbers else _NO_NUMBER
        case Sorting.PRIORITY:
            return _NO_NUMBER if candidate.priority is None else (False, candidate.priority)
        case Sorting.REQUESTED_ORDER:
            return _NO_NUMBER
