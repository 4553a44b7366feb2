"""What the request says once, such as where it comes from, being one of some values."""

from collections.abc import Collection

import msgspec

from kaquan.engine.conditions.condition import Finding, met, unknown, unmet
from kaquan.engine.reasons import Reason, ReasonCode


class OneOf(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about, by its `name`, and the refusals without it and with a wrong one."""

    name: str
    missing: ReasonCode
    wrong: ReasonCode

    def check(self, said: str | None, allowed: Collection[str]) -> Finding:
        """Whether what is said is one of the allowed values; where it is not said, nobody knows."""
        if said is None:
            return unknown(self.missing)
        inputs = {self.name: said}
        return met(inputs) if said in allowed else unmet(inputs, Reason(self.wrong))
