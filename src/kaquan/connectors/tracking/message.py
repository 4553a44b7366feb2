"""Messages of the tracking API: what they may be, and when what they tell of happened."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import msgspec

from kaquan.runtime import InvalidInput, check_reference, check_text, check_time, new_id

LARGEST_MESSAGE = 32 * 1024
LARGEST_BATCH = 500 * 1024
MOST_MESSAGES = 2_500
LONGEST_MESSAGE_ID = 100
LATENCY = timedelta(seconds=5)
"""A clock that differs by less is taken as right: that long a request may be under way."""

_LONGEST_ID = 240


class MessageType(StrEnum):
    """The calls of Segment's spec."""

    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A checked message; ``values`` are its properties, or the traits of identify and group."""

    type: MessageType
    id: str
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    group_id: str | None
    event: str
    values: dict[str, Any]
    at: datetime


def read_message(given: Mapping[str, Any], *, sent_at: datetime | None, now: datetime) -> Message:
    """Return a message as it is meant. Raises InvalidInput with the member that is wrong.

    ``sent_at`` is the sender's clock when it sent the request: as much as that is off is taken
    off the message's timestamp (Segment's rule: received less sent plus original). Without a
    timestamp it happened now; without a message id it gets one and cannot be told from a repeat.
    """
    kind = _read_type(given)
    user_id, anonymous_id = _read_id(given, "userId"), _read_id(given, "anonymousId")
    previous_id = _read_id(given, "previousId") if kind is MessageType.ALIAS else None
    if kind is MessageType.ALIAS and (user_id is None or previous_id is None):
        name = "userId" if user_id is None else "previousId"
        message = f"An alias call needs '{name}'."
        raise InvalidInput(message, field=name, key="no_alias_ids")
    if user_id is None and anonymous_id is None:
        message = "Either 'userId' or 'anonymousId' is needed."
        raise InvalidInput(message, field="userId", key="no_user_anon_id")
    group_id = _read_id(given, "groupId") if kind is MessageType.GROUP else None
    if kind is MessageType.GROUP and group_id is None:
        raise InvalidInput("A group call needs 'groupId'.", field="groupId", key="no_group_id")
    member = "traits" if kind in (MessageType.IDENTIFY, MessageType.GROUP) else "properties"
    values = _read_object(given, member)
    for name in ("name", "category"):
        if kind in (MessageType.PAGE, MessageType.SCREEN) and given.get(name) is not None:
            values = {name: _read_text(given, name), **values}
    return Message(
        type=kind,
        id=_read_message_id(given),
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        group_id=group_id,
        event=_read_event(given, kind),
        values=values if group_id is None else {**values, "group_id": group_id},
        at=_read_moment(given, sent_at, now=now),
    )


def read_sent_at(given: Mapping[str, Any]) -> datetime | None:
    """Return when a request was sent by the sender's clock, if it says so. Raises InvalidInput."""
    return _read_time(given, "sentAt")


_EVENT_NAMES = {
    MessageType.PAGE: "Page Viewed",
    MessageType.SCREEN: "Screen Viewed",
    MessageType.GROUP: "Group Joined",
}


def _read_type(given: Mapping[str, Any]) -> MessageType:
    try:
        return MessageType(given.get("type", ""))
    except ValueError as error:
        message = f"'type' must be one of {', '.join(MessageType)}."
        raise InvalidInput(message, field="type", key="unknown_type") from error


def _read_event(given: Mapping[str, Any], kind: MessageType) -> str:
    if kind is not MessageType.TRACK:
        return _EVENT_NAMES.get(kind, "")
    name = _read_text(given, "event")
    if not name:
        raise InvalidInput("A track call needs 'event'.", field="event", key="no_event")
    return check_text(name, "event", longest=300)


def _read_message_id(given: Mapping[str, Any]) -> str:
    told = _read_id(given, "messageId")
    if told is not None and len(told) > LONGEST_MESSAGE_ID:
        message = f"'messageId' has at most {LONGEST_MESSAGE_ID} characters."
        raise InvalidInput(message, field="messageId")
    return told or new_id("msg")


def _read_id(given: Mapping[str, Any], name: str) -> str | None:
    """Ids are texts; numbers, which some libraries send, are taken as they are written."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        message = f"'{name}' must be a text."
        raise InvalidInput(message, field=name)
    text = str(value).strip()
    if len(text) > _LONGEST_ID:
        message = f"'{name}' has at most {_LONGEST_ID} characters."
        raise InvalidInput(message, field=name)
    return check_reference(text, name) if text else None


def _read_text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        message = f"'{name}' must be a text."
        raise InvalidInput(message, field=name)
    return check_text(value or "", name)


def _read_object(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name)
    if value is not None and not isinstance(value, dict):
        message = f"'{name}' must be an object."
        raise InvalidInput(message, field=name)
    return cast("dict[str, Any]", value or {})


def _read_time(given: Mapping[str, Any], name: str) -> datetime | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        message = f"'{name}' must be a time in ISO 8601, such as 2026-03-01T08:00:00.000Z."
        raise InvalidInput(message, field=name) from error
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return check_time(aware, name).astimezone(UTC)


def _read_moment(given: Mapping[str, Any], sent_at: datetime | None, *, now: datetime) -> datetime:
    original = _read_time(given, "originalTimestamp") or _read_time(given, "timestamp")
    if original is None:
        return now
    sent = _read_time(given, "sentAt") or sent_at
    if sent is None or abs(now - sent) < LATENCY:
        return original
    try:
        return check_time(original + (now - sent), "timestamp")
    except OverflowError as error:
        raise InvalidInput("This time cannot be.", field="timestamp") from error
