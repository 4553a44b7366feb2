"""Amounts that a formula makes personal, with the plain amount to fall back on."""

from collections.abc import Mapping

from kaquan.engine.facts import Facts
from kaquan.engine.formula import parse_formula
from kaquan.engine.formula_value import Failure, evaluate_whole
from kaquan.engine.money import MAX_MINOR
from kaquan.engine.reasons import ParamValue


def check_formula(text: str | None) -> None:
    """Raises InvalidFormula for a text that is no formula."""
    if text is not None:
        parse_formula(text)


def personalise(
    plain: int, formula: str | None, facts: Facts, *, most: int = MAX_MINOR
) -> tuple[int, Mapping[str, ParamValue]]:
    """The formula's number, else the plain one; and how it came about, for the trace.

    Halves round to even, below zero is zero. A formula that has no value for this request (the
    buyer is a guest, say) leaves the plain number, and `formula` tells why.
    """
    if formula is None:
        return plain, {}
    number = evaluate_whole(formula, facts, most=most)
    if isinstance(number, Failure):
        return plain, {"formula": number.key, "value": plain}
    return number, {"formula": "evaluated", "value": number}
