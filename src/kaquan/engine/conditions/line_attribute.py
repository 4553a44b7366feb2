"""What the merchant noted of single lines (明细属性)."""

from typing import ClassVar, Literal

from kaquan.engine.conditions.comparison import AttributeCondition, Refusals
from kaquan.engine.conditions.condition import CONDITIONS, Finding, Verdict, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

_REFUSALS = Refusals(
    ReasonCode.ORDER_ATTRIBUTE_DIFFERS,
    ReasonCode.ORDER_ATTRIBUTE_TOO_LOW,
    ReasonCode.ORDER_ATTRIBUTE_TOO_HIGH,
)


@CONDITIONS.register
class LineAttribute(AttributeCondition, frozen=True, kw_only=True):
    """An attribute of any line in scope, or of every one, compares with values.

    What is not noted is none of them.
    """

    code: ClassVar[str] = "line_attribute"

    lines: Literal["any", "every"] = "any"
    scope: Scope = EVERYTHING

    def check(self, facts: Facts) -> Finding:
        findings = [
            self.compare(facts.cart.lines[index].metadata, _REFUSALS)
            for index in self.scope.indexes(facts.cart)
        ]
        fitting = sum(finding.verdict is Verdict.MET for finding in findings)
        inputs = {"name": self.name, "lines": len(findings), "fitting": fitting}
        if not findings:
            return unmet(inputs, Reason(ReasonCode.NO_MATCHING_ITEMS))
        if fitting == len(findings) or (fitting and self.lines == "any"):
            return met(inputs)
        refusal = next(one.reason for one in findings if one.reason is not None)
        return unmet(inputs, refusal)
