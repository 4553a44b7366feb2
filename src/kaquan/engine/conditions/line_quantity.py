"""Units on single lines between bounds (单品件数)."""

from typing import Annotated, ClassVar, Literal

import msgspec

from kaquan.engine.conditions.bounds import Bounds, check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, Verdict, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

_BOUNDS = Bounds(too_low=ReasonCode.ITEMS_MISSING, too_high=ReasonCode.TOO_MANY_ITEMS)


@CONDITIONS.register
class LineQuantity(Condition, frozen=True, kw_only=True):
    """The units on any line in scope, or on every one, are at least or at most so many."""

    code: ClassVar[str] = "line_quantity"

    at_least: Annotated[int, msgspec.Meta(ge=1)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0)] | None = None
    lines: Literal["any", "every"] = "any"
    scope: Scope = EVERYTHING

    def __post_init__(self) -> None:
        check_bounds(self.at_least, self.at_most)

    def check(self, facts: Facts) -> Finding:
        findings = [
            _BOUNDS.check(
                facts.cart.lines[index].quantity, at_least=self.at_least, at_most=self.at_most
            )
            for index in self.scope.indexes(facts.cart)
        ]
        if not findings:
            return unmet({"lines": 0}, Reason(ReasonCode.NO_MATCHING_ITEMS))
        # Of any the best line tells, of every the worst; of equals the first.
        pick = max if self.lines == "any" else min
        return pick(findings, key=_verdict)


def _verdict(finding: Finding) -> Verdict:
    return finding.verdict
