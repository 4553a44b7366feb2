"""From the traits of Segment's spec to what our customer file knows."""

from datetime import date, datetime
from typing import Any, cast

from msgspec import UNSET, UnsetType

from kaquan.customers import CustomerDraft
from kaquan.runtime import InvalidInput

_NAMED = frozenset(
    {"name", "firstName", "lastName", "email", "phone", "birthday", "description", "address", "id"}
)
_SNAKE = {"first_name": "firstName", "last_name": "lastName"}


def draft_person(user_id: str, traits: dict[str, Any]) -> CustomerDraft:
    """Return what traits say about a person: the reserved ones as fields, others as metadata.

    null takes a value away. Raises InvalidInput with the trait that is no such thing.
    """
    given = {_SNAKE.get(name, name): value for name, value in traits.items()}
    rest = {name: value for name, value in given.items() if name not in _NAMED}
    return CustomerDraft(
        source_id=user_id,
        name=_name(given),
        email=_text(given, "email"),
        phone=_text(given, "phone"),
        description=_text(given, "description"),
        birth_date=_birthday(given),
        address=_address(given),
        metadata=rest or UNSET,
    )


def _name(given: dict[str, Any]) -> str | UnsetType | None:
    if "name" in given:
        return _text(given, "name")
    parts = [_text(given, name) for name in ("firstName", "lastName") if name in given]
    if not parts:
        return UNSET
    return " ".join(part for part in parts if isinstance(part, str) and part) or None


def _text(given: dict[str, Any], name: str) -> str | UnsetType | None:
    if name not in given:
        return UNSET
    value = given[name]
    if value is not None and not isinstance(value, str):
        raise InvalidInput("This trait must be a text.", field=f"traits.{name}")
    return (value or "").strip() or None


def _birthday(given: dict[str, Any]) -> date | UnsetType | None:
    text = _text(given, "birthday")
    if not isinstance(text, str):
        return text
    try:
        return datetime.fromisoformat(text).date()
    except ValueError as error:
        message = "A birthday is a date in ISO 8601, such as 1990-02-28."
        raise InvalidInput(message, field="traits.birthday") from error


def _address(given: dict[str, Any]) -> dict[str, Any] | UnsetType | None:
    if "address" not in given:
        return UNSET
    value = given["address"]
    if value is None or value == {}:
        return None
    if isinstance(value, str):
        return {"line_1": value}
    if not isinstance(value, dict):
        raise InvalidInput("An address is an object.", field="traits.address")
    names = {"street": "line_1", "postalCode": "postal_code"}
    return {names.get(k, k): v for k, v in cast("dict[str, Any]", value).items()}
