"""Arguments of offers as the texts of a form, and back, with every fault at its field.

A field's name is the path to its argument, with dots: `effect.tiers.0.off_minor`. How many rows a
list has stands under its name and `#`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec

from kaquan.console.language import N_
from kaquan.console.pages.argument_shapes import LISTED, NAMED, Shape
from kaquan.runtime import Sentence, minor_digits, words

NOT_A_NUMBER = N_("This must be a number.")
NOT_WHOLE = N_("This must be a whole number.")
NEEDED = N_("This is needed.")
TOO_SMALL = N_("At least %(least)s.")
TOO_LARGE = N_("At most %(most)s.")
TOO_FINE = N_("This has more decimals than the currency.")
TOO_LONG = N_("At most %(most)s characters.")
NO_DAY = N_("This is no date.")
NO_GOODS = N_("There are no goods with the id “%(given)s”.")
NO_PAIR = N_("Each line needs a name, a colon, and values: color: red, blue")
NO_JSON = N_("This is no JSON.")
NO_CHOICE = N_("Choose one.")
NO_CLOCK = N_("Write the time as 09:30; the end of a day is 24:00.")

CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00", re.ASCII)

LARGEST = Decimal(2**53 - 1)
MOST_ROWS = 100


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What texts are read by: the project's money and time, and its goods.

    ``goods`` are ids by what people write for them, ``goods_names`` the other way round.
    """

    currency: str
    zone: str
    goods: Mapping[str, str] = {}
    goods_names: Mapping[str, str] = {}


class Reader:
    """Reads a form's texts; ``faults`` collects what is wrong, by the name of the field."""

    def __init__(self, given: Mapping[str, str], terms: Terms) -> None:
        self.given = given
        self.terms = terms
        self.faults: dict[str, Sentence] = {}

    def text(self, name: str) -> str:
        """What was typed into a field."""
        return self.given.get(name, "").strip()

    def fault(self, name: str, key: str, /, **params: object) -> None:
        """Note what is wrong with a field; the first fault stands."""
        self.faults.setdefault(name, words(key, **params))

    def arguments(self, shapes: Iterable[Shape], prefix: str) -> dict[str, Any]:
        """The arguments that were typed; what is left empty is left out."""
        found: dict[str, Any] = {}
        for shape in shapes:
            value = self._argument(shape, f"{prefix}.{shape.key}")
            if value is not None:
                found[shape.key] = value
        return found

    def number(self, name: str, *, scale: int, least: int | None, most: int | None) -> int | None:
        """A number times 10**scale, which has to be whole then; None for nothing."""
        text = self.text(name).replace(",", "")
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            return self.fault(name, NOT_A_NUMBER)
        if abs(value) > LARGEST:
            return self.fault(name, TOO_LARGE, most=plain_number(int(LARGEST), scale))
        scaled = value.scaleb(scale)
        if scaled != scaled.to_integral_value():
            return self.fault(name, TOO_FINE if scale else NOT_WHOLE)
        if least is not None and scaled < least:
            return self.fault(name, TOO_SMALL, least=plain_number(least, scale))
        if most is not None and scaled > most:
            return self.fault(name, TOO_LARGE, most=plain_number(most, scale))
        return int(scaled)

    def _argument(self, shape: Shape, name: str) -> Any:
        if shape.kind == "group":
            return self._group(shape, name)
        if shape.kind == "rows":
            return self._rows(shape, name)
        if shape.kind == "days":
            return self._days(shape, name)
        if shape.kind == "flag":
            ticked = self.text(name) == "yes"
            return None if ticked == bool(shape.default) else ticked
        if not self.text(name):
            return self.fault(name, NEEDED) if shape.required else None
        return self._scalar(shape, name)

    def _group(self, shape: Shape, name: str) -> dict[str, Any] | None:
        # Of a group that may be left out nothing is needed until something is typed.
        within = Reader(self.given, self.terms)
        found = within.arguments(shape.fields, name)
        missing = all(fault.key == NEEDED for fault in within.faults.values())
        if not (found or shape.required) and missing:
            return None
        self.faults = within.faults | self.faults
        return found

    def _scalar(self, shape: Shape, name: str) -> Any:
        text = self.text(name)
        match shape.kind:
            case "money" | "percent" | "times" | "whole":
                scale = scale_of(shape, self.terms)
                return self.number(name, scale=scale, least=shape.least, most=shape.most)
            case "choice":
                if text not in shape.choices:
                    return self.fault(name, NO_CHOICE)
                return None if text == shape.default else text
            case "many":
                return self._many(shape, name)
            case "pairs":
                return self._pairs(name)
            case "date":
                return self._date(name)
            case "moment":
                return self._moment(name)
            case "clock":
                if not CLOCK.fullmatch(text):
                    return self.fault(name, NO_CLOCK)
                return text.zfill(5)
            case "json":
                return self.json(name)
            case _:
                if shape.longest is not None and len(text) > shape.longest:
                    return self.fault(name, TOO_LONG, most=shape.longest)
                if shape.key not in NAMED:
                    return text
                return self.terms.goods.get(text) or self.fault(name, NO_GOODS, given=text[:100])

    def json(self, name: str) -> Any:
        """A JSON text."""
        try:
            return json.loads(self.text(name))
        except (ValueError, RecursionError):
            return self.fault(name, NO_JSON)

    def _many(self, shape: Shape, name: str) -> list[str] | None:
        found = split_list(self.text(name))
        if shape.key in LISTED:
            for one in found:
                if one not in self.terms.goods:
                    return self.fault(name, NO_GOODS, given=one[:100])
            found = [self.terms.goods[one] for one in found]
        return sorted(set(found)) if shape.key != "values" else found

    def _pairs(self, name: str) -> dict[str, list[str]] | None:
        found: dict[str, list[str]] = {}
        for line in self.text(name).splitlines():
            key, colon, rest = line.replace("：", ":").partition(":")
            values = split_list(rest)
            if line.strip() and not (colon and key.strip() and values):
                return self.fault(name, NO_PAIR)
            if values:
                found[key.strip()] = sorted({*found.get(key.strip(), ()), *values})
        return found

    def _days(self, shape: Shape, name: str) -> list[int] | None:
        ticked = [day for day in range(1, 8) if self.text(f"{name}.{day}") == "yes"]
        if not ticked:
            return self.fault(name, NEEDED)
        return None if ticked == list(shape.default) else ticked

    def _date(self, name: str) -> str | None:
        try:
            return date.fromisoformat(self.text(name)).isoformat()
        except ValueError:
            return self.fault(name, NO_DAY)

    def _moment(self, name: str) -> str | None:
        try:
            local = datetime.fromisoformat(self.text(name))
            aware = local.replace(tzinfo=ZoneInfo(self.terms.zone)) if not local.tzinfo else local
            return aware.astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            return self.fault(name, NO_DAY)

    def _rows(self, shape: Shape, name: str) -> list[Any] | None:
        rows = range(row_count(self.given, name))
        found = [self.arguments(shape.fields, f"{name}.{index}") for index in rows]
        if not found and shape.required:
            return self.fault(name, NEEDED)
        return found or None


def scale_of(shape: Shape, terms: Terms) -> int:
    """How many decimals a number's text may have more than the number."""
    match shape.kind:
        case "money":
            return minor_digits(terms.currency)
        case "percent":
            return 2
        case "times":
            return 4
        case _:
            return 0


def row_count(given: Mapping[str, str], name: str) -> int:
    """How many rows a list has in the form."""
    text = given.get(f"{name}#", "")
    return min(int(text), MOST_ROWS) if text.isdecimal() and len(text) < 4 else 0


def split_list(text: str) -> list[str]:
    """The entries of a list that are written one a line or with commas between, each once."""
    for mark in ("，", "、", "\n", "\r"):
        text = text.replace(mark, ",")
    return list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))


def write_arguments(
    shapes: Iterable[Shape], prefix: str, data: Mapping[str, Any], terms: Terms
) -> dict[str, str]:
    """The texts that mean these arguments; what is not there shows its default."""
    texts: dict[str, str] = {}
    for shape in shapes:
        name = f"{prefix}.{shape.key}"
        value = data.get(shape.key, shape.default)
        if shape.kind == "group":
            texts |= write_arguments(shape.fields, name, value or {}, terms)
        elif shape.kind == "rows":
            rows = cast("list[Mapping[str, Any]]", value or ([{}] if shape.required else []))
            texts[f"{name}#"] = str(len(rows))
            for index, row in enumerate(rows):
                texts |= write_arguments(shape.fields, f"{name}.{index}", row, terms)
        elif shape.kind == "days":
            texts |= {f"{name}.{day}": "yes" for day in cast("list[int]", value)}
        elif value not in (None, [], {}):
            texts[name] = _write(shape, value, terms)
    return texts


def _write(shape: Shape, value: Any, terms: Terms) -> str:
    match shape.kind:
        case "money" | "percent" | "times" | "whole":
            return plain_number(value, scale_of(shape, terms))
        case "flag":
            return "yes" if value else ""
        case "many":
            some = [_text(one) for one in value]
            if shape.key in LISTED:
                some = [terms.goods_names.get(one, one) for one in some]
            return "\n".join(some)
        case "pairs":
            return "\n".join(f"{key}: {', '.join(some)}" for key, some in value.items())
        case "moment":
            local = datetime.fromisoformat(value).astimezone(ZoneInfo(terms.zone))
            return f"{local:%Y-%m-%dT%H:%M}"
        case "json":
            return json.dumps(value, ensure_ascii=False)
        case _:
            return terms.goods_names.get(value, value) if shape.key in NAMED else str(value)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def plain_number(value: int, scale: int) -> str:
    """The number without its scale, and without decimals that say nothing: 1050 at 2 is 10.5."""
    text = f"{Decimal(value).scaleb(-scale):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
