"""Certain stores (指定门店)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import (
    CONDITIONS,
    Condition,
    Finding,
    Verdict,
    met,
    unmet,
)
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class AtLocation(Condition, frozen=True, kw_only=True):
    """The order is at one of the locations; where it is unknown, nobody can say."""

    code: ClassVar[str] = "at_location"

    location_ids: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        location_id = facts.context.location_id
        if location_id is None:
            return Finding(Verdict.UNKNOWN, {}, Reason(ReasonCode.LOCATION_REQUIRED))
        inputs = {"location_id": location_id}
        if location_id in self.location_ids:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.WRONG_LOCATION))
