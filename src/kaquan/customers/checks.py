"""What a person's and an order's values must be like; whatever fails names its field."""

import re
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast

from msgspec import UNSET, UnsetType

from kaquan.runtime import InvalidInput, check_metadata, check_text, check_whole_number, words

Text = TypeVar("Text", bound=str | UnsetType | None)

LONGEST_EMAIL = 254
EARLIEST_BIRTH = date(1900, 1, 1)
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[^@\s,;<>()\[\]\"]+\.[^@\s.,;<>()\[\]\"]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}[0-9]")


def check_email(value: Text, field: str) -> Text:
    """Return an e-mail address that has the shape of one; an empty one is refused."""
    text = check_text(value, field, longest=LONGEST_EMAIL)
    if isinstance(text, str) and not _EMAIL.fullmatch(text):
        message = words(
            "'%(said)s' does not look like an e-mail address (name@example.com).", said=text
        )
        raise InvalidInput(message, field=field)
    return text


def check_phone(value: Text, field: str) -> Text:
    """Return a phone number that has the shape of one: digits, with the usual separators."""
    text = check_text(value, field)
    if isinstance(text, str) and not _PHONE.fullmatch(text):
        message = words(
            "'%(said)s' does not look like a phone number (4 to 32 digits).", said=text[:40]
        )
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
            message = words(
                "A date of birth lies between %(earliest)s and today.", earliest=str(EARLIEST_BIRTH)
            )
            raise InvalidInput(message, field=field)
    return value


def check_amount(value: int, field: str) -> int:
    """Return an amount in minor units: a whole number from 0 to 2^53-1."""
    return check_whole_number(value, field, least=0)


def check_quantity(value: int, field: str) -> int:
    """Return a quantity: a whole number from 1 to 2^53-1."""
    return check_whole_number(value, field, least=1)


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
