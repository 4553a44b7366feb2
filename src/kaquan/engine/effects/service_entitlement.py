"""A right to a service (服务权益): visits, a booking."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.benefits import ServiceGranted
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import Count
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.reasons import Reason, ReasonCode


@EFFECTS.register
class ServiceEntitlement(Effect, frozen=True, kw_only=True):
    """So many visits of a service, usable for `valid_days`; no money comes off."""

    code: ClassVar[str] = "service_entitlement"

    service_id: Annotated[str, msgspec.Meta(min_length=1)]
    visits: Count = 1
    valid_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None

    @property
    def lane(self) -> Lane:
        """The order as a whole."""
        return Lane.ORDER

    def apply(self, facts: Facts) -> Outcome | Reason:
        if facts.context.customer.id is None:
            return Reason(ReasonCode.CUSTOMER_REQUIRED)
        grant = ServiceGranted(
            service_id=self.service_id, visits=self.visits, valid_days=self.valid_days
        )
        return Outcome(grants=(grant,), inputs={"visits": self.visits})
