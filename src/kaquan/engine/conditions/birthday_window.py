"""Around the customer's birthday (生日)."""

from datetime import date, timedelta
from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.calendar_days import find_anniversary, start_of_day
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unknown, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class BirthdayWindow(Condition, frozen=True, kw_only=True):
    """Today is the birthday, or within some days of it, or in its month, in the project's zone.

    Who was born on 29 February has the birthday on 28 February in common years.
    """

    code: ClassVar[str] = "birthday_window"

    days_before: Annotated[int, msgspec.Meta(ge=0, le=180)] = 0
    days_after: Annotated[int, msgspec.Meta(ge=0, le=180)] = 0
    whole_month: bool = False

    def __post_init__(self) -> None:
        if self.whole_month and (self.days_before or self.days_after):
            raise ValueError("give either days or the whole month")

    def check(self, facts: Facts) -> Finding:
        context = facts.context
        if context.customer.id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        birthday = context.customer.birthday
        if birthday is None:
            return unknown(ReasonCode.BIRTHDAY_UNKNOWN)
        today = context.local_now.date()
        # The trace outlives what is known of a person, so it does not tell the birthday.
        inputs = {"today": today.isoformat()}
        windows = [self._window(birthday, today.year + step) for step in (-1, 0, 1, 2)]
        if any(first <= today <= last for first, last in windows):
            return met(inputs)
        opens = min(first for first, _ in windows if first > today)
        starts_at = context.local_iso(start_of_day(opens, context.time_zone))
        return unmet(inputs, Reason(ReasonCode.NOT_BIRTHDAY, {"starts_at": starts_at}))

    def _window(self, birthday: date, year: int) -> tuple[date, date]:
        day = find_anniversary(birthday, year)
        if self.whole_month:
            first = day.replace(day=1)
            return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        return day - timedelta(days=self.days_before), day + timedelta(days=self.days_after)
