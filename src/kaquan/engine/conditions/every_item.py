"""Nothing but certain goods in the cart (仅限指定商品)."""

from typing import ClassVar

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import Scope


@CONDITIONS.register
class EveryItem(Condition, frozen=True, kw_only=True):
    """Every line is in scope, and there is one at least."""

    code: ClassVar[str] = "every_item"

    scope: Scope

    def check(self, facts: Facts) -> Finding:
        lines = len(facts.cart.lines)
        others = lines - len(self.scope.indexes(facts.cart))
        inputs = {"lines": lines, "others": others}
        if not lines:
            return unmet(inputs, Reason(ReasonCode.NO_MATCHING_ITEMS))
        if others:
            return unmet(inputs, Reason(ReasonCode.OTHER_ITEMS_PRESENT, {"present": others}))
        return met(inputs)
