"""What a decision looked at and did, kept with every attempt. JSON by msgspec, both ways."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from kaquan.engine.reasons import ParamValue, Reason
from kaquan.engine.stacking import StackingRules

Status: TypeAlias = Literal["applied", "rejected", "skipped"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was checked; `path` leads to it: `condition.all[0]`, `limits`, `stacking`."""

    path: str
    code: str
    passed: bool
    inputs: Mapping[str, ParamValue] = {}
    reason: Reason | None = None

    @staticmethod
    def of(
        path: str,
        code: str,
        reason: Reason | None,
        *,
        inputs: Mapping[str, ParamValue] | None = None,
    ) -> "Check":
        """A check that passed unless there is a reason."""
        return Check(path, code, reason is None, inputs or {}, reason)


class EffectStep(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an effect worked on and gave, in minor units.

    `items_minor` and `shares_minor` are per line: item-level money, and the line's share of the
    order-level money. `unallocated_minor` is order-level money that no line carries.
    """

    code: str
    inputs: Mapping[str, ParamValue] = {}
    order_minor: int = 0
    items_minor: tuple[int, ...] = ()
    shares_minor: tuple[int, ...] = ()
    unallocated_minor: int = 0
    reason: Reason | None = None


class CandidateTrace(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The way of one candidate through the decision; without checks it was not looked at."""

    key: str
    offer_id: str
    status: Status
    checks: tuple[Check, ...] = ()
    effect: EffectStep | None = None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A whole decision: when, on what, under which stacking rules, and each candidate's way.

    `candidates` stand in the order in which they were worked out.
    """

    decided_at: datetime
    currency: str
    amount_minor: int
    line_keys: tuple[str, ...]
    rules: StackingRules = StackingRules()
    candidates: tuple[CandidateTrace, ...]
