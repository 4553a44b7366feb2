"""What is wrong with a rule, in the reader's language and at its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.runtime import Duplicate, InvalidInput

LONGEST_DEFINITION = 1_000_000
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"'\w+' needs a value\.", N_("A value is missing here.")),
        (r"'\w+' takes no value\.", N_("No value belongs here.")),
        (r"This must be a text\.", N_("A text is missing here.")),
        (r"This must be a number.*", N_("A number is missing here.")),
        (r"This must be a whole number.*", N_("A whole number is missing here.")),
        (r"This must be a list of two.*", N_("Both ends are needed: the lowest and the highest.")),
        (r"This must be a list of .*", N_("A list is missing here.")),
        (r"This must be (?:a date|true|an object|a JSON).*", N_("This does not fit here.")),
        (
            r"(?:There is no attribute|A \w+ has no property) '(?P<name>.*?)'\.(?P<hint>.*)",
            N_("There is no field “%(name)s”.%(hint)s"),
        ),
        (
            r"There is no operator '(?P<name>.*?)'\.(?P<hint>.*)",
            N_("There is no comparison “%(name)s”.%(hint)s"),
        ),
        (
            r"There is no segment '(?P<name>.*?)'\.(?P<hint>.*)",
            N_("There is no segment “%(name)s”.%(hint)s"),
        ),
        (
            r"'\w+' does not go with values of type .*",
            N_("This comparison does not fit the field."),
        ),
        (r"Name the (?:key|event).*", N_("A name is missing here.")),
        (r"Say in 'of' which property.*", N_("Choose what the figure is of.")),
        (r"A \w+ is of numbers.*", N_("This figure needs a field of numbers.")),
        (r"Distinct values are counted of texts.*", N_("This figure needs a field of texts.")),
        (r"A \w+ always has a value.*", N_("This figure always has a value; compare it with 0.")),
        (r"This must not lie (?:above|after).*", N_("The start lies behind the end.")),
        (r"This must be from 0 to 100 percent\.", N_("A share lies between 0 and 100 percent.")),
        (
            r"The segment would contain itself.*",
            N_("The segment would contain itself, directly or through other segments."),
        ),
        (r"Rules may be nested .*", N_("The rule is nested too deeply: at most 20 levels.")),
        (r"A definition may have .*", N_("The rule is too large: at most 1,000 conditions.")),
        (
            r"There is a (?:segment|saved filter) named '(?P<name>.*)' already\.",
            N_("The name “%(name)s” is taken already."),
        ),
        (r"A segment's name has .*", N_("A segment's name has 1 to 255 characters.")),
        (r"A filter's name has .*", N_("A filter's name has 1 to 100 characters.")),
        (
            r"(?:This has percent|This has last_days|This has days_ago).*",
            N_("This is not complete."),
        ),
        (
            r"This is not JSON: line (?P<line>\d+), column (?P<column>\d+)\.",
            N_("This is not JSON: line %(line)s, column %(column)s."),
        ),
    )
)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule is wrong, as a path from ``definition``, and why."""

    path: str
    text: str


def fault_of(error: InvalidInput | Duplicate, page: PageView) -> Fault:
    """A refusal as the reader sees it; what has no words of its own is told as it is."""
    say = translations(page.language).gettext
    path = error.field if isinstance(error, InvalidInput) else "name"
    for pattern, text in _SENTENCES:
        found = pattern.fullmatch(error.message)
        if found is not None:
            given = {name: value or "" for name, value in found.groupdict().items()}
            return Fault(path=path, text=say(text) % given if given else say(text))
    return Fault(path=path, text=error.message)


def read_definition(text: str) -> Mapping[str, Any]:
    """A definition as it was typed. Raises InvalidInput with line and column of what is no JSON."""
    if len(text) > LONGEST_DEFINITION:
        raise InvalidInput("The rule is too long.", field="definition")
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"This is not JSON: line {error.lineno}, column {error.colno}."
        raise InvalidInput(message, field="definition") from error
    except RecursionError as error:
        raise InvalidInput("Rules may be nested 20 levels deep.", field="definition") from error
    if not isinstance(given, dict):
        raise InvalidInput("This must be a JSON object.", field="definition")
    return cast("dict[str, Any]", given)
