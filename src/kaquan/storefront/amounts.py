"""Amounts as people type them at a till: decimal comma or point, full-width digits, signs."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from kaquan.runtime import MAX_MINOR, minor_digits


class AmountProblem(Enum):
    """Why a text is not an amount that a cart can come to."""

    MISSING = "missing"
    NOT_A_NUMBER = "not_a_number"
    TOO_PRECISE = "too_precise"
    AMBIGUOUS = "ambiguous"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"


# Between thousands people and spreadsheets put blanks and apostrophes; NFKC makes the narrow and
# the non-breaking blank a plain one.
_IGNORED = str.maketrans("", "", " '’_")
_SIGN = re.compile(r"^(?:[A-Z]{3}|[^\w\s.,+-])|(?:[A-Z]{3}|[^\w\s.,+-]|元)$", re.IGNORECASE)
_SHAPE = re.compile(r"^-?[0-9.,]*[0-9][0-9.,]*$", re.ASCII)
_GROUPED = re.compile(r"^[0-9]{1,3}(?:[.,][0-9]{3})+$")
_LONGEST = 40


def parse_amount(text: str, *, currency: str) -> int | AmountProblem:
    """Read an amount above zero in the currency's major units; returns minor units.

    The last comma or point is the decimal one, and others before it part thousands. A lone comma
    before exactly three digits parts thousands, too; but what people of two countries would read
    in two ways is AMBIGUOUS and never guessed: `1.234` where the currency has two decimals,
    `1,234` where it has three.
    """
    if not text.strip():
        return AmountProblem.MISSING
    plain = unicodedata.normalize("NFKC", text).replace("。", ".").strip()
    plain = _SIGN.sub("", plain).translate(_IGNORED)
    if len(plain) > _LONGEST or not _SHAPE.match(plain):
        return AmountProblem.NOT_A_NUMBER
    digits = minor_digits(currency)
    parts = _split(plain.removeprefix("-"), digits)
    if isinstance(parts, AmountProblem):
        return parts
    whole, decimals = parts
    if len(decimals) > digits:
        return AmountProblem.TOO_PRECISE
    amount_minor = int(whole or "0") * 10**digits + int(decimals.ljust(digits, "0") or "0")
    if plain.startswith("-") or amount_minor == 0:
        return AmountProblem.NOT_POSITIVE
    return amount_minor if amount_minor <= MAX_MINOR else AmountProblem.TOO_LARGE


def _split(plain: str, digits: int) -> tuple[str, str] | AmountProblem:
    """Whole part and decimals of a text of digits, commas and points."""
    marks = {mark for mark in ",." if mark in plain}
    if not marks:
        return plain, ""
    if len(marks) == 2:
        return _split_grouped(plain, mark=max(marks, key=plain.rindex))
    mark = marks.pop()
    if plain.count(mark) > 1:
        return _ungrouped(plain)
    if _GROUPED.match(plain) and not plain.startswith("0"):
        if (mark, digits) in {(".", 1), (".", 2), (",", 3)}:
            return AmountProblem.AMBIGUOUS
        if mark == ",":
            return _ungrouped(plain)
    whole, _, decimals = plain.partition(mark)
    return whole, decimals


def _split_grouped(plain: str, *, mark: str) -> tuple[str, str] | AmountProblem:
    whole, _, decimals = plain.rpartition(mark)
    if mark in whole:
        return AmountProblem.NOT_A_NUMBER
    grouped = _ungrouped(whole)
    return grouped if isinstance(grouped, AmountProblem) else (grouped[0], decimals)


def _ungrouped(whole: str) -> tuple[str, str] | AmountProblem:
    if not _GROUPED.match(whole):
        return AmountProblem.NOT_A_NUMBER
    return re.sub(r"[.,]", "", whole), ""
