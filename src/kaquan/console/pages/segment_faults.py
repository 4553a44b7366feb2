"""What is wrong with a rule, in the reader's language and at its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.sentences import say_sentence
from kaquan.runtime import Duplicate, InvalidInput, words

LONGEST_DEFINITION = 1_000_000
_MISSING_NUMBER = N_("A number is missing here.")
_MISSING_WHOLE = N_("A whole number is missing here.")
_MISSING_LIST = N_("A list is missing here.")
_MISFIT = N_("This does not fit here.")
_MISSING_NAME = N_("A name is missing here.")
_INCOMPLETE = N_("This is not complete.")
_TOO_DEEP = N_("The rule is nested too deeply: at most 20 levels.")
_TAKEN = N_("The name “%(name)s” is taken already.")
WORDS: Mapping[str, str] = {
    "'%(operator)s' needs a value.": N_("A value is missing here."),
    "'%(operator)s' takes no value.": N_("No value belongs here."),
    "This must be a text.": N_("A text is missing here."),
    "This must be a number.": _MISSING_NUMBER,
    "This must be a number within ±(2^53-1).": _MISSING_NUMBER,
    "This must be a number of percent.": _MISSING_NUMBER,
    "This must be a whole number from %(low)s to %(high)s.": _MISSING_WHOLE,
    "This must be a whole number within ±(2^53-1).": _MISSING_WHOLE,
    "This must be a list of two: the lowest and the highest.": N_(
        "Both ends are needed: the lowest and the highest."
    ),
    "This must be a list of rules.": _MISSING_LIST,
    "This must be a list of conditions.": _MISSING_LIST,
    "This must be a list of values.": _MISSING_LIST,
    "This must be a list of customers' ids.": _MISSING_LIST,
    "This must be a date such as 2026-05-31.": _MISFIT,
    "This must be true or false.": _MISFIT,
    "This must be a JSON object.": _MISFIT,
    "This must be a date, a time, or an object.": _MISFIT,
    "This must be an object with at_least, at_most or exactly.": _MISFIT,
    "There is no attribute '%(code)s'.%(hint)s": N_("There is no field “%(code)s”.%(hint)s"),
    "A %(kind)s has no property '%(given)s'.%(hint)s": N_("There is no field “%(given)s”.%(hint)s"),
    "There is no operator '%(given)s'.%(hint)s": N_("There is no comparison “%(given)s”.%(hint)s"),
    "There is no segment '%(reference)s'.%(hint)s": N_(
        "There is no segment “%(reference)s”.%(hint)s"
    ),
    " Did you mean '%(name)s'?": N_(" Did you mean “%(name)s”?"),
    "'%(operator)s' does not go with values of type %(kind)s; these do: %(offered)s.": N_(
        "This comparison does not fit the field."
    ),
    "Name the key: %(prefix)s<key>.": _MISSING_NAME,
    'Name the event: "name": "…".': _MISSING_NAME,
    "Say in 'of' which property the %(measure)s is of.": N_("Choose what the figure is of."),
    "A %(measure)s is of numbers; this is of type %(kind)s.": N_(
        "This figure needs a field of numbers."
    ),
    "Distinct values are counted of texts; this is of type %(kind)s.": N_(
        "This figure needs a field of texts."
    ),
    "A %(measure)s always has a value; compare it with 0.": N_(
        "This figure always has a value; compare it with 0."
    ),
    "This must not lie above the end of the sample.": N_("The start lies behind the end."),
    "This must not lie after the end of the window.": N_("The start lies behind the end."),
    "This must be from 0 to 100 percent.": N_("A share lies between 0 and 100 percent."),
    "The segment would contain itself, directly or through other segments.": N_(
        "The segment would contain itself, directly or through other segments."
    ),
    "Rules may be nested %(deepest)s levels deep.": _TOO_DEEP,
    "A definition may have %(most_nodes)s rules.": N_(
        "The rule is too large: at most 1,000 conditions."
    ),
    "There is a segment named '%(name)s' already.": _TAKEN,
    "There is a saved filter named '%(name)s' already.": _TAKEN,
    "A segment's name has 1 to %(longest_name)s characters.": N_(
        "A segment's name has 1 to 255 characters."
    ),
    "A filter's name has 1 to %(longest_name)s characters.": N_(
        "A filter's name has 1 to 100 characters."
    ),
    "This has percent, or from and to.": _INCOMPLETE,
    "This has last_days, last_hours, this, or from and to.": _INCOMPLETE,
    "This has days_ago, hours_ago, or start_of with back.": _INCOMPLETE,
}
"""What the builder says in place of the language's own sentences, which speak of its JSON."""

_NOT_JSON = N_("This is not JSON: line %(line)s, column %(column)s.")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule is wrong, as a path from ``definition``, and why."""

    path: str
    text: str


def fault_of(error: InvalidInput | Duplicate, page: PageView) -> Fault:
    """A refusal as the reader sees it; what has no words of its own is told as it is."""
    path = error.field if isinstance(error, InvalidInput) else "name"
    gettext = translations(page.language).gettext
    return Fault(path=path, text=say_sentence(error.sentence, gettext, instead=WORDS))


def read_definition(text: str) -> Mapping[str, Any]:
    """A definition as it was typed. Raises InvalidInput with line and column of what is no JSON."""
    if len(text) > LONGEST_DEFINITION:
        raise InvalidInput("The rule is too long.", field="definition")
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        message = words(_NOT_JSON, line=error.lineno, column=error.colno)
        raise InvalidInput(message, field="definition") from error
    except RecursionError as error:
        raise InvalidInput(_TOO_DEEP, field="definition") from error
    if not isinstance(given, dict):
        raise InvalidInput("This must be a JSON object.", field="definition")
    return cast("dict[str, Any]", given)
