"""What every condition is."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ParamValue, Reason, ReasonCode
from kaquan.engine.registry import Registry


class Verdict(IntEnum):
    """Three-valued (Kleene): "not first order" must not hold for a guest of whom nothing is known.

    With these numbers all-of is the minimum, any-of the maximum, and not is 2 minus it.
    """

    UNMET = 0
    UNKNOWN = 1
    MET = 2


class Finding(msgspec.Struct, frozen=True):
    """What a condition found: `reason` is set unless the verdict is MET."""

    verdict: Verdict
    inputs: Mapping[str, ParamValue] = {}
    reason: Reason | None = None


class Condition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One rule about a request: pure, its fields are its arguments.

    ``message`` is what the merchant wants to be said when it is not met.
    """

    code: ClassVar[str]

    message: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None

    def check(self, facts: Facts) -> Finding:
        """Whether the rule holds, what was looked at, and if not, how far away it is."""
        raise NotImplementedError

    def negated_reason(self, finding: Finding) -> Reason:
        """The refusal when this rule must not hold and does."""
        return Reason(ReasonCode.EXCLUDED_BY_RULE, {"condition": self.code})


CONDITIONS: Registry[Condition] = Registry("condition")


def met(inputs: Mapping[str, ParamValue]) -> Finding:
    """The rule holds."""
    return Finding(Verdict.MET, inputs)


def unmet(inputs: Mapping[str, ParamValue], reason: Reason) -> Finding:
    """The rule does not hold."""
    return Finding(Verdict.UNMET, inputs, reason)


def unknown(missing: ReasonCode) -> Finding:
    """Nobody can say whether the rule holds, for want of something."""
    return Finding(Verdict.UNKNOWN, {}, Reason(missing))
