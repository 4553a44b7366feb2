"""Comparing what the merchant noted of a customer or an order."""

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec

from kaquan.engine.cart import Attributes, AttributeValue
from kaquan.engine.conditions.condition import Condition, Finding, met, unmet
from kaquan.engine.reasons import Reason, ReasonCode

Operator: TypeAlias = Literal[
    "one_of",
    "none_of",
    "contains",
    "starts_with",
    "ends_with",
    "at_least",
    "at_most",
    "present",
    "absent",
]
"""`contains` looks for a part of a text or one of several labels. Numbers compare as numbers."""

Scalar: TypeAlias = str | int | bool

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


class Refusals(msgspec.Struct, frozen=True):
    """What to say of an attribute that differs, is too low, or is too high."""

    differs: ReasonCode
    too_low: ReasonCode
    too_high: ReasonCode


class AttributeCondition(Condition, frozen=True, kw_only=True):
    """The attribute `name` compares with `values` as `operator` says.

    What is not noted is none of any values, and meets only `none_of` and `absent`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    operator: Operator
    values: Annotated[tuple[Scalar, ...], msgspec.Meta(max_length=1_000)] = ()

    def __post_init__(self) -> None:
        match self.operator:
            case "present" | "absent":
                if self.values:
                    raise ValueError("present and absent take no values")
            case "at_least" | "at_most":
                if len(self.values) != 1 or _as_number(self.values[0]) is None:
                    raise ValueError("at_least and at_most take one number")
            case _:
                if not self.values:
                    raise ValueError("values are missing")

    def compare(self, noted: Attributes, refusals: Refusals) -> Finding:
        """Whether it compares so, and if it is a number, how far it is away.

        The trace names the attribute and not its value: it outlives what is noted of a person.
        """
        value = noted.get(self.name)
        inputs = {"name": self.name, "operator": self.operator}
        if self.operator in {"at_least", "at_most"}:
            return self._compare_numbers(value, inputs, refusals)
        if self._holds(value):
            return met(inputs)
        return unmet(inputs, Reason(refusals.differs, {"name": self.name}))

    def _holds(self, value: AttributeValue | None) -> bool:
        texts = set[str]() if value is None else _as_texts(value)
        wanted = {text for one in self.values for text in _as_texts(one)}
        match self.operator:
            case "present":
                return value is not None
            case "absent":
                return value is None
            case "none_of":
                return texts.isdisjoint(wanted)
            case "starts_with":
                return any(text.startswith(tuple(wanted)) for text in texts)
            case "ends_with":
                return any(text.endswith(tuple(wanted)) for text in texts)
            case "contains" if isinstance(value, str):
                return any(part in value for part in wanted)
            case _:
                return not texts.isdisjoint(wanted)

    def _compare_numbers(
        self, value: AttributeValue | None, inputs: dict[str, str], refusals: Refusals
    ) -> Finding:
        present, bound = _as_number(value), _as_number(self.values[0])
        if present is None or bound is None:
            return unmet(inputs, Reason(refusals.differs, {"name": self.name}))
        params = {"name": self.name, "present": f"{present:f}"}
        if self.operator == "at_least" and present < bound:
            params |= {"required": f"{bound:f}", "missing": f"{bound - present:f}"}
            return unmet(inputs, Reason(refusals.too_low, params))
        if self.operator == "at_most" and present > bound:
            params |= {"limit": f"{bound:f}", "excess": f"{present - bound:f}"}
            return unmet(inputs, Reason(refusals.too_high, params))
        return met(inputs)


def _as_texts(value: AttributeValue) -> set[str]:
    if isinstance(value, tuple):
        return set(value)
    if isinstance(value, bool):
        return {"true" if value else "false"}
    return {str(value)}


def _as_number(value: AttributeValue | None) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None
