"""Nouns: who is told, what is told, and how the telling went."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class MessageFormat(StrEnum):
    """How an event is put into a request."""

    STANDARD = "standard"
    CLOUDEVENTS_STRUCTURED = "cloudevents_structured"
    CLOUDEVENTS_BINARY = "cloudevents_binary"


class DisabledReason(StrEnum):
    """Why an endpoint gets nothing: by request, after a 410, after days of failures."""

    ASKED = "asked"
    GONE = "gone"
    FAILING = "failing"


class DeliveryStatus(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber. ``events`` are the types it asked for; none means all of them.

    After a rotation ``former_secret`` signs too, until ``former_until``.
    """

    id: str
    url: str
    description: str | None
    events: tuple[str, ...]
    active: bool
    format: MessageFormat
    ordered: bool
    secret: bytes
    former_secret: bytes | None
    former_until: datetime | None
    disabled_reason: DisabledReason | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime | None

    def wants(self, event_type: str) -> bool:
        """Say whether the endpoint asked for events of a type."""
        return not self.events or event_type in self.events


class EndpointDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an endpoint; UNSET leaves a member as it is, or as it is by default."""

    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    format: MessageFormat | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, as it waits for its number."""

    id: int
    type: str
    entity_id: str
    customer_id: str | None
    facts: dict[str, Any] | None
    at: datetime


class DomainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, numbered, with the objects it happened to."""

    position: int
    type: str
    version: int
    entity_id: str
    customer_id: str | None
    data: dict[str, Any]
    at: datetime

    @property
    def id(self) -> str:
        """The event's name."""
        return event_id(self.position)


class Try(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sending of a message: when, how long it took, and how it ended."""

    at: datetime
    took_ms: int
    status: int | None = None
    error: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event to an endpoint; ``due_at`` is null when nothing is left to do."""

    id: str
    endpoint_id: str
    position: int
    type: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    response_status: int | None
    error: str | None
    tries: tuple[Try, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def event_id(self) -> str:
        """The event's name."""
        return event_id(self.position)


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A message taken for sending and its event; ``attempts`` counts this one."""

    id: str
    attempts: int
    created_at: datetime
    position: int
    type: str
    version: int
    entity_id: str
    customer_id: str | None
    data: dict[str, Any]
    at: datetime

    @property
    def event(self) -> DomainEvent:
        """The event of the message."""
        return DomainEvent(
            position=self.position,
            type=self.type,
            version=self.version,
            entity_id=self.entity_id,
            customer_id=self.customer_id,
            data=self.data,
            at=self.at,
        )


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What to write down of a message that was sent."""

    id: str
    attempts: int
    status: DeliveryStatus
    due_at: datetime | None
    made: Try


def event_id(position: int) -> str:
    """Name an event by its position, so that names sort as positions do."""
    return f"ev_{position:012d}"
