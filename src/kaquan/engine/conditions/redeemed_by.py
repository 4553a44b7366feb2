"""Who redeems for the customer (核销人)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class RedeemedBy(Condition, frozen=True, kw_only=True):
    """One of the named people, partners or keys redeems."""

    code: ClassVar[str] = "redeemed_by"

    redeemer_ids: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        redeemer_id = facts.context.redeemer_id
        inputs = {"redeemer_id": redeemer_id or ""}
        if redeemer_id in self.redeemer_ids:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.WRONG_REDEEMER))
