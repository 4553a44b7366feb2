"""Amounts that a formula makes personal, with the plain amount to fall back on."""

from collections.abc import Mapping, Sequence

import msgspec

from kaquan.engine.facts import Facts
from kaquan.engine.formula import check_scope, is_of_items
from kaquan.engine.formula_value import Failure, evaluate_whole
from kaquan.engine.money import MAX_MINOR
from kaquan.engine.reasons import ParamValue


def check_formula(text: str | None, *, per_line: bool = False) -> None:
    """Raises InvalidFormula for a text that is no formula, or asks for lines where none are."""
    if text is not None:
        check_scope(text, per_line=per_line)


def personalise(
    plain: int, formula: str | None, facts: Facts, *, most: int = MAX_MINOR
) -> tuple[int, Mapping[str, ParamValue]]:
    """The formula's number, else the plain one; and how it came about, for the trace.

    Rounded as the project says, below zero is zero. A formula that has no value for this request (the
    buyer is a guest, say) leaves the plain number, and `formula` tells why.
    """
    if formula is None:
        return plain, {}
    number = evaluate_whole(formula, facts, most=most)
    if isinstance(number, Failure):
        return plain, {"formula": number.key, "value": plain}
    return number, {"formula": "evaluated", "value": number}


def personalise_lines(
    plain: int,
    formula: str | None,
    facts: Facts,
    *,
    lines: Sequence[int],
    most: int = MAX_MINOR,
) -> tuple[list[int], Mapping[str, ParamValue]]:
    """The formula's number for each of these lines, else the plain one; and how, for the trace.

    A formula that does not look at lines is worked out once. Of one that does, `formula` tells
    the first reason that a line has for keeping the plain number.
    """
    if formula is None or not is_of_items(formula):
        number, inputs = personalise(plain, formula, facts, most=most)
        return [number] * len(lines), inputs
    each = [
        personalise(plain, formula, msgspec.structs.replace(facts, line=line), most=most)
        for line in lines
    ]
    failed = next((one for _, one in each if one["formula"] != "evaluated"), None)
    return [number for number, _ in each], failed or {"formula": "evaluated"}
