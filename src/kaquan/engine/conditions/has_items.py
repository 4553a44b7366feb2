"""Certain goods in the cart (指定商品)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@CONDITIONS.register
class HasItems(Condition, frozen=True, kw_only=True):
    """At least so many units of the goods in scope are in the cart."""

    code: ClassVar[str] = "has_items"

    scope: Scope = EVERYTHING
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1

    def check(self, facts: Facts) -> Finding:
        lines = facts.cart.lines
        present = sum(lines[index].quantity for index in self.scope.indexes(facts.cart))
        inputs = {"required": self.quantity, "present": present}
        if present >= self.quantity:
            return met(inputs)
        params = {**inputs, "missing": self.quantity - present}
        return unmet(inputs, Reason(ReasonCode.ITEMS_MISSING, params))

    def negated_reason(self, finding: Finding) -> Reason:
        present = finding.inputs["present"]
        params = {"limit": self.quantity - 1, "present": present}
        return Reason(ReasonCode.EXCLUDED_ITEMS_PRESENT, params)
