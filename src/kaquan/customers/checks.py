"""What a value must be like before it is stored; whatever fails names its field."""

import re
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.runtime import InvalidInput

MAX_MINOR = 2**53 - 1
"""The largest amount that JSON readers of every language keep exact (RFC 8259, section 6)."""

LONGEST_REFERENCE = 255
LONGEST_NAME = 255
LONGEST_EMAIL = 254
LONGEST_TEXT = 4096
LARGEST_METADATA_BYTES = 64 * 1024
EARLIEST_BIRTH = date(1900, 1, 1)
EARLIEST_TIME = datetime.fromisoformat("1900-01-01T00:00:00+00:00")
LATEST_TIME = datetime.fromisoformat("3000-01-01T00:00:00+00:00")

_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[^@\s,;<>()\[\]\"]+\.[^@\s.,;<>()\[\]\"]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}[0-9]")
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
        message = f"This has {len(text)} characters; at most {longest} are accepted."
        raise InvalidInput(message, field=field)
    return cast("Text", text)


def check_name(value: Text, field: str) -> Text:
    """Return a name or title: one line of at most 255 characters."""
    text = check_text(value, field, longest=LONGEST_NAME)
    if isinstance(text, str) and len(text.splitlines()) > 1:
        raise InvalidInput("A name stands on one line.", field=field)
    return text


def check_reference(value: Text, field: str) -> Text:
    """Return a merchant's own id unchanged: 1 to 255 characters, no surrounding blanks."""
    if not isinstance(value, str):
        return value
    _check_characters(value, field)
    if not 1 <= len(value) <= LONGEST_REFERENCE:
        message = f"An id of your own has 1 to {LONGEST_REFERENCE} characters."
        raise InvalidInput(message, field=field)
    if value != value.strip():
        raise InvalidInput("An id may not begin or end with a blank.", field=field)
    return value


def check_email(value: Text, field: str) -> Text:
    """Return an e-mail address that has the shape of one; an empty one is refused."""
    text = check_text(value, field, longest=LONGEST_EMAIL)
    if isinstance(text, str) and not _EMAIL.fullmatch(text):
        message = f"'{text}' does not look like an e-mail address (name@example.com)."
        raise InvalidInput(message, field=field)
    return text


def check_phone(value: Text, field: str) -> Text:
    """Return a phone number that has the shape of one: digits, with the usual separators."""
    text = check_text(value, field)
    if isinstance(text, str) and not _PHONE.fullmatch(text):
        message = f"'{text[:40]}' does not look like a phone number (4 to 32 digits)."
        raise InvalidInput(message, field=field)
    return text


def check_birth_date(
    value: date | UnsetType | None, field: str, *, now: datetime
) -> date | UnsetType | None:
    """Return a date on which a living person can have been born."""
    if isinstance(value, date):
        # Somewhere on earth it is tomorrow already.
        latest = (now + timedelta(hours=14)).date()
        if not EARLIEST_BIRTH <= value <= latest:
            message = f"A date of birth lies between {EARLIEST_BIRTH} and today."
            raise InvalidInput(message, field=field)
    return value


def check_time(value: datetime, field: str) -> datetime:
    """Return a moment that carries its zone and lies in a sane century."""
    if value.tzinfo is None:
        raise InvalidInput("A time needs its offset, such as 2026-03-01T08:00:00Z.", field=field)
    if not EARLIEST_TIME <= value <= LATEST_TIME:
        raise InvalidInput("A time lies between the years 1900 and 3000.", field=field)
    return value


def check_amount(value: int, field: str) -> int:
    """Return an amount in minor units: a whole number from 0 to 2^53-1."""
    return _check_number(value, field, least=0)


def check_quantity(value: int, field: str) -> int:
    """Return a quantity: a whole number from 1 to 2^53-1."""
    return _check_number(value, field, least=1)


def check_metadata(value: object, field: str) -> dict[str, Any]:
    """Return a JSON object of at most 64 KiB that PostgreSQL can store."""
    if not isinstance(value, dict):
        raise InvalidInput("This must be a JSON object.", field=field)
    try:
        written = msgspec.json.encode(cast("dict[Any, Any]", value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput("This cannot be written as JSON.", field=field) from error
    if len(written) > LARGEST_METADATA_BYTES:
        message = f"This is {len(written)} bytes of JSON; at most {LARGEST_METADATA_BYTES} fit."
        raise InvalidInput(message, field=field)
    if _ESCAPED_NUL.search(written):
        raise InvalidInput("The character U+0000 cannot be stored.", field=field)
    return cast("dict[str, Any]", value)


def check_optional_metadata(value: object, field: str) -> Any:
    """Like check_metadata, but let UNSET and None pass."""
    return value if value is None or value is UNSET else check_metadata(value, field)


def check_attributes(value: object, field: str) -> dict[str, Any]:
    """Return attributes of a product: texts, whole numbers, booleans or lists of texts."""
    attributes = check_metadata(value, field)
    for name, item in attributes.items():
        is_list = isinstance(item, list) and all(
            isinstance(part, str) for part in cast("list[object]", item)
        )
        if not (is_list or isinstance(item, str | int)):
            message = "An attribute is a text, a whole number, a boolean or a list of texts."
            raise InvalidInput(message, field=f"{field}.{name}")
    return attributes


def merge_metadata(old: dict[str, Any], given: dict[str, Any] | UnsetType) -> dict[str, Any]:
    """Return ``old`` with the given keys set; a key given as None is removed."""
    if isinstance(given, UnsetType):
        return old
    return {key: value for key, value in (old | given).items() if value is not None}


def _check_number(value: int, field: str, *, least: int) -> int:
    # bool is an int to Python, and True units of something is a mistake.
    if type(value) is not int or not least <= value <= MAX_MINOR:
        message = f"This must be a whole number from {least} to {MAX_MINOR}."
        raise InvalidInput(message, field=field)
    return value


def _check_characters(text: str, field: str) -> None:
    if _CONTROL.search(text):
        raise InvalidInput("Control characters are not accepted.", field=field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("This is not valid Unicode text.", field=field) from error
