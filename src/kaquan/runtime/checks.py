"""What a value must be like before it is stored; whatever fails names its field."""

import re
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UnsetType

from kaquan.runtime.errors import InvalidInput, words

MAX_MINOR = 2**53 - 1
"""The largest amount that JSON readers of every language keep exact (RFC 8259, section 6)."""

LONGEST_NAME = 255
LONGEST_REFERENCE = 255
LONGEST_TEXT = 4096
LARGEST_METADATA_BYTES = 64 * 1024
EARLIEST_TIME = datetime.fromisoformat("1900-01-01T00:00:00+00:00")
LATEST_TIME = datetime.fromisoformat("3000-01-01T00:00:00+00:00")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# An escaped NUL in written-out JSON: \u0000 behind an even number of backslashes.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

Text = TypeVar("Text", bound=str | UnsetType | None)


def check_text(value: Text, field: str, *, longest: int = LONGEST_TEXT) -> Text:
    """Return the text without surrounding blanks; refuse control characters and excess length."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    _check_characters(text, field)
    if len(text) > longest:
        message = words(
            "This has %(length)s characters; at most %(longest)s are accepted.",
            length=len(text),
            longest=longest,
        )
        raise InvalidInput(message, field=field)
    return cast("Text", text)


def check_name(value: Text, field: str) -> Text:
    """Return a name or title: one line of at most 255 characters."""
    text = check_text(value, field, longest=LONGEST_NAME)
    if isinstance(text, str) and len(text.splitlines()) > 1:
        raise InvalidInput("A name stands on one line.", field=field)
    return text


def check_reference(value: Text, field: str) -> Text:
    """Return a merchant's own id or code unchanged: 1 to 255 characters, no surrounding blanks."""
    if not isinstance(value, str):
        return value
    _check_characters(value, field)
    if not 1 <= len(value) <= LONGEST_REFERENCE:
        message = words(
            "An id or code of your own has 1 to %(longest)s characters.", longest=LONGEST_REFERENCE
        )
        raise InvalidInput(message, field=field)
    if value != value.strip():
        raise InvalidInput("An id or code may not begin or end with a blank.", field=field)
    return value


def check_time(value: datetime, field: str) -> datetime:
    """Return a moment that carries its zone and lies in a sane century."""
    if value.tzinfo is None:
        raise InvalidInput("A time needs its offset, such as 2026-03-01T08:00:00Z.", field=field)
    if not EARLIEST_TIME <= value <= LATEST_TIME:
        raise InvalidInput("A time lies between the years 1900 and 3000.", field=field)
    return value


def check_whole_number(value: int, field: str, *, least: int, most: int = MAX_MINOR) -> int:
    """Return a whole number within bounds."""
    # bool is an int to Python, and True units of something is a mistake.
    if type(value) is not int or not least <= value <= most:
        message = words(
            "This must be a whole number from %(least)s to %(most)s.", least=least, most=most
        )
        raise InvalidInput(message, field=field)
    return value


def check_metadata(
    value: object, field: str, *, largest: int = LARGEST_METADATA_BYTES
) -> dict[str, Any]:
    """Return a JSON object of at most ``largest`` bytes (64 KiB) that PostgreSQL can store."""
    if not isinstance(value, dict):
        raise InvalidInput("This must be a JSON object.", field=field)
    try:
        written = msgspec.json.encode(cast("dict[Any, Any]", value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput("This cannot be written as JSON.", field=field) from error
    if len(written) > largest:
        message = words(
            "This is %(size)s bytes of JSON; at most %(largest)s fit.",
            size=len(written),
            largest=largest,
        )
        raise InvalidInput(message, field=field)
    if _ESCAPED_NUL.search(written):
        raise InvalidInput("The character U+0000 cannot be stored.", field=field)
    return cast("dict[str, Any]", value)


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can compare with this text; nothing is stored under any other."""
    if "\x00" in text:
        return False
    try:
        # UTF-8 has no place for half a surrogate pair, and neither has PostgreSQL.
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_characters(text: str, field: str) -> None:
    if _CONTROL.search(text):
        raise InvalidInput("Control characters are not accepted.", field=field)
    if not is_storable(text):
        raise InvalidInput("This is not valid Unicode text.", field=field)
