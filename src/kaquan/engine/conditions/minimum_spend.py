"""Minimum spend (满额)."""

from typing import ClassVar

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Basis, Facts
from kaquan.engine.money import PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@CONDITIONS.register
class MinimumSpend(Condition, frozen=True, kw_only=True):
    """The goods in scope, or the order, come to at least an amount."""

    code: ClassVar[str] = "minimum_spend"

    amount_minor: PositiveMinor
    scope: Scope = EVERYTHING
    basis: Basis = "remaining"

    def check(self, facts: Facts) -> Finding:
        spent = facts.spend(self.scope, self.basis)
        inputs = {"required_minor": self.amount_minor, "spent_minor": spent}
        if spent >= self.amount_minor:
            return met(inputs)
        params = {**inputs, "missing_minor": self.amount_minor - spent}
        return unmet(inputs, Reason(ReasonCode.MINIMUM_SPEND_NOT_MET, params))
