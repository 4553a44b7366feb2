"""Certain weekdays and hours (限时段)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.weekly_hours import WeeklyHours, find_opening, is_open


@CONDITIONS.register
class AtHours(Condition, frozen=True, kw_only=True):
    """It is within one of the weekly hours, on the clocks of the project's zone."""

    code: ClassVar[str] = "at_hours"

    hours: Annotated[tuple[WeeklyHours, ...], msgspec.Meta(min_length=1, max_length=50)]

    def check(self, facts: Facts) -> Finding:
        context = facts.context
        inputs = {"local_time": context.local_now.isoformat()}
        if is_open(self.hours, context.local_now):
            return met(inputs)
        opens_at = context.local_iso(find_opening(self.hours, context.now, context.time_zone))
        return unmet(inputs, Reason(ReasonCode.OUTSIDE_HOURS, {"opens_at": opens_at}))
