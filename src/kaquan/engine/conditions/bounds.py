"""A number between bounds, with how far outside it is."""

from collections.abc import Mapping

import msgspec

from kaquan.engine.conditions.condition import Finding, met, unmet
from kaquan.engine.reasons import ParamValue, Reason, ReasonCode


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What to say below `at_least` and above `at_most`; of a money number `unit` is `_minor`.

    `noun` names the number itself in the parameters of both reasons.
    """

    too_low: ReasonCode
    too_high: ReasonCode
    noun: str = "present"
    unit: str = ""

    def check(self, number: int, *, at_least: int | None, at_most: int | None) -> Finding:
        """Whether the number lies between; a bound that is None is none."""
        noun = f"{self.noun}{self.unit}"
        bounds = {f"at_least{self.unit}": at_least, f"at_most{self.unit}": at_most}
        inputs: Mapping[str, ParamValue] = {
            noun: number,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        }
        if at_least is not None and number < at_least:
            low = {f"required{self.unit}": at_least, noun: number}
            low[f"missing{self.unit}"] = at_least - number
            return unmet(inputs, Reason(self.too_low, low))
        if at_most is not None and number > at_most:
            high = {f"limit{self.unit}": at_most, noun: number}
            high[f"excess{self.unit}"] = number - at_most
            return unmet(inputs, Reason(self.too_high, high))
        return met(inputs)


def check_bounds(at_least: int | None, at_most: int | None) -> None:
    """Raises ValueError unless there is a bound and the lower is not above the upper."""
    if at_least is None and at_most is None:
        raise ValueError("needs at_least, at_most or both")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError("at_least cannot exceed at_most")
