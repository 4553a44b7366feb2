"""What the merchant noted of the customer (客户属性)."""

from typing import ClassVar

from kaquan.engine.conditions.comparison import AttributeCondition, Refusals
from kaquan.engine.conditions.condition import CONDITIONS, Finding, unknown
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_REFUSALS = Refusals(
    ReasonCode.CUSTOMER_ATTRIBUTE_DIFFERS,
    ReasonCode.CUSTOMER_ATTRIBUTE_TOO_LOW,
    ReasonCode.CUSTOMER_ATTRIBUTE_TOO_HIGH,
)


@CONDITIONS.register
class CustomerAttribute(AttributeCondition, frozen=True, kw_only=True):
    """An attribute of the customer compares with values; what is not noted is none of them."""

    code: ClassVar[str] = "customer_attribute"

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        if customer.id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        return self.compare(customer.attributes, _REFUSALS)
