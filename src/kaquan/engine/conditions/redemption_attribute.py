"""What came with the redemption itself (核销属性)."""

from typing import ClassVar

from kaquan.engine.conditions.comparison import AttributeCondition, Refusals
from kaquan.engine.conditions.condition import CONDITIONS, Finding
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_REFUSALS = Refusals(
    ReasonCode.REDEMPTION_ATTRIBUTE_DIFFERS,
    ReasonCode.REDEMPTION_ATTRIBUTE_DIFFERS,
    ReasonCode.REDEMPTION_ATTRIBUTE_DIFFERS,
)


@CONDITIONS.register
class RedemptionAttribute(AttributeCondition, frozen=True, kw_only=True):
    """An attribute of the redemption compares with values; what is not noted is none of them."""

    code: ClassVar[str] = "redemption_attribute"

    def check(self, facts: Facts) -> Finding:
        return self.compare(facts.context.redemption_metadata, _REFUSALS)
