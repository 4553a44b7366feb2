"""The nouns of the demo: how to get in, and what each step did."""

from typing import TypeAlias

import msgspec

Figures: TypeAlias = dict[str, int]
"""Named counts and amounts (minor units) that a step reports."""


class DemoAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the demo is served, how to sign in, and the key its examples use."""

    address: str
    email: str
    password: str
    app_id: str
    app_token: str


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a step did: how many rows of what, in how many seconds, and what else is to be said."""

    rows: int
    seconds: float
    figures: Figures = {}


class DemoState(msgspec.Struct, frozen=True, kw_only=True):
    """What the project remembers of the demo; ``households`` None means all of them.

    ``steps`` are the finished ones, by name.
    """

    households: int | None
    steps: dict[str, StepReport] = {}
