"""What the merchant noted of the order (订单属性)."""

from typing import ClassVar

from kaquan.engine.conditions.comparison import AttributeCondition, Refusals
from kaquan.engine.conditions.condition import CONDITIONS, Finding
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_REFUSALS = Refusals(
    ReasonCode.ORDER_ATTRIBUTE_DIFFERS,
    ReasonCode.ORDER_ATTRIBUTE_TOO_LOW,
    ReasonCode.ORDER_ATTRIBUTE_TOO_HIGH,
)


@CONDITIONS.register
class OrderAttribute(AttributeCondition, frozen=True, kw_only=True):
    """An attribute of the order compares with values; what is not noted is none of them."""

    code: ClassVar[str] = "order_attribute"

    def check(self, facts: Facts) -> Finding:
        return self.compare(facts.cart.metadata, _REFUSALS)
