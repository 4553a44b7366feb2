"""Certain stores (指定门店)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding
from kaquan.engine.conditions.one_of import OneOf
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_ASKED = OneOf(
    name="location_id", missing=ReasonCode.LOCATION_REQUIRED, wrong=ReasonCode.WRONG_LOCATION
)


@CONDITIONS.register
class AtLocation(Condition, frozen=True, kw_only=True):
    """The order is at one of the locations; where it is unknown, nobody can say."""

    code: ClassVar[str] = "at_location"

    location_ids: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        return _ASKED.check(facts.context.location_id, self.location_ids)
