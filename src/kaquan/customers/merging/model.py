"""The nouns of merging: what a merge would do, and what it did."""

from datetime import datetime
from typing import Any

import msgspec

from kaquan.customers.model import Customer


class MergePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What merging two people would do; nothing has been changed.

    ``filled`` are the profile's fields that the survivor would take over, with their values;
    ``conflicts`` those in which both say something else and the survivor's stays. ``moves`` counts
    the records that change hands, by kind; ``points`` are those of the merged person's account.
    """

    survivor: Customer
    merged: Customer
    filled: dict[str, Any]
    conflicts: tuple[str, ...]
    moves: dict[str, int]
    points: int


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """That a person was merged into another: by whom, why, and whether it was undone.

    ``before`` and ``moved`` are what undoing works from. A ``sealed`` merge cannot be undone: the
    person was erased. ``score_ppm`` is the likelihood in millionths where a search proposed it.
    """

    id: str
    survivor_id: str
    merged_id: str
    reason: str
    score_ppm: int | None
    before: "Before"
    moved: dict[str, list[str]]
    merged_by: str
    merged_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    sealed_at: datetime | None

    @property
    def may_be_undone(self) -> bool:
        """Whether it still stands and is not sealed."""
        return self.undone_at is None and self.sealed_at is None


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """How things were: the merged person's profile, what the survivor's fields were and became.

    ``static_segments`` are those that the merged person was in; ``joined_segments`` those of them
    that the survivor was not. ``once`` are publications that had to give up being their campaign's
    only one for the person, ``claims`` unproven identities that a proven one took the place of.
    """

    merged: dict[str, Any] = {}
    former: dict[str, Any] = {}
    became: dict[str, Any] = {}
    static_segments: list[str] = []
    joined_segments: list[str] = []
    once: list[str] = []
    claims: list[dict[str, Any]] = []
