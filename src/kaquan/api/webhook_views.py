"""Webhooks on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import Call
from kaquan.api.values import Address, Identifier, LongText
from kaquan.runtime import InvalidInput, Settings
from kaquan.trust import Caller
from kaquan.webhooks import (
    Delivery,
    DomainEvent,
    Endpoint,
    EndpointDraft,
    EventType,
    MessageFormat,
    Try,
    write_secret,
)

FormatName = Literal["standard", "cloudevents_structured", "cloudevents_binary"]
EventNames = Annotated[tuple[Identifier, ...], Meta(max_length=200)]


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a webhook: a member left out stays. No ``events`` are all of them."""

    url: Address | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    events: EventNames | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    format: FormatName | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as answered. ``secret`` is shown once, when it is made."""

    id: str
    url: str
    description: str | None
    events: tuple[str, ...]
    active: bool
    disabled_reason: str | None
    format: FormatName
    ordered: bool
    former_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime | None
    secret: str | UnsetType = UNSET
    object: Literal["webhook"] = "webhook"


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the webhooks."""

    data: list[WebhookView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class RotateBody(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds the secret before the new one goes on signing, a day unless told."""

    overlap_s: Annotated[int, Meta(ge=0, le=2_592_000)] = 86_400


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to send again: the events of a period, or of these only those that were given up."""

    start: datetime
    end: datetime
    failed_only: bool = False


class ReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages are sent again."""

    messages: int
    object: Literal["webhook_replay"] = "webhook_replay"


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the log. ``attempts`` counts since it was last sent anew, ``tries`` has all."""

    id: str
    webhook_id: str
    event_id: str
    event: str
    position: int
    status: Literal["pending", "succeeded", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    response_status: int | None
    error: str | None
    tries: tuple[Try, ...]
    created_at: datetime
    updated_at: datetime
    object: Literal["webhook_delivery"] = "webhook_delivery"


class DeliveryDetail(DeliveryView, frozen=True, kw_only=True):
    """A message of the log with what it says."""

    entity_id: str
    happened_at: datetime
    data: dict[str, Any]


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the log."""

    data: list[DeliveryView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class EventTypeView(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of event."""

    name: str
    version: int
    meaning: str
    members: tuple[str, ...]
    object: Literal["event_type"] = "event_type"


class EventTypeList(msgspec.Struct, frozen=True, kw_only=True):
    """All kinds of events."""

    data: list[EventTypeView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def draft_endpoint(body: WebhookBody) -> EndpointDraft:
    """Map what a caller says."""
    return EndpointDraft(
        url=body.url,
        description=body.description,
        events=body.events,
        active=body.active,
        format=UNSET if body.format is UNSET else MessageFormat(body.format),
        ordered=body.ordered,
    )


def view_webhook(endpoint: Endpoint, call: Call, *, with_secret: bool = False) -> WebhookView:
    """Map an endpoint to the wire."""
    until = endpoint.former_until
    return WebhookView(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        events=endpoint.events,
        active=endpoint.active,
        disabled_reason=endpoint.disabled_reason,
        format=endpoint.format.value,
        ordered=endpoint.ordered,
        former_secret_until=until if until is not None and until > call.now else None,
        failing_since=endpoint.failing_since,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
        secret=write_secret(endpoint.secret) if with_secret else UNSET,
    )


def view_delivery(delivery: Delivery) -> DeliveryView:
    """Map a message to the wire."""
    return DeliveryView(**_delivery_members(delivery))


def view_detail(delivery: Delivery, event: DomainEvent) -> DeliveryDetail:
    """Map a message to the wire with what it says."""
    return DeliveryDetail(
        **_delivery_members(delivery),
        entity_id=event.entity_id,
        happened_at=event.at,
        data=event.data,
    )


def _delivery_members(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "event": delivery.type,
        "position": delivery.position,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.due_at,
        "response_status": delivery.response_status,
        "error": delivery.error,
        "tries": delivery.tries,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    }


def view_event_type(one: EventType) -> EventTypeView:
    """Map a kind of event to the wire."""
    return EventTypeView(
        name=one.name, version=one.version, meaning=one.meaning, members=one.members
    )


def require_offset(moment: datetime, field: str) -> datetime:
    """Return a moment that says which zone it is told in; raises InvalidInput."""
    if moment.tzinfo is None:
        message = f"'{field}' needs an offset, as in 2026-05-31T16:00:00Z."
        raise InvalidInput(message, field=field)
    return moment


def private_allowed(request: Request[Any, Caller, Any]) -> bool:
    """Say whether webhooks may go into private networks here."""
    settings: Settings = request.app.state.settings
    return settings.webhook_private_networks
