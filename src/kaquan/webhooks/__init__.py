"""Events out: what happened, told in order to whoever subscribed."""

from kaquan.webhooks import jobs
from kaquan.webhooks.catalogue import EVENT_TYPES, MEMBERS, TEST_EVENT, TYPES_BY_NAME, EventType
from kaquan.webhooks.dispatch import (
    FAILING_FOR,
    LEASE,
    PAUSES,
    WEBHOOK_FEEDS,
    Dispatcher,
    dispatch_forever,
)
from kaquan.webhooks.endpoints import (
    LONGEST_OVERLAP,
    MOST_ENDPOINTS,
    USUAL_OVERLAP,
    create_endpoint,
    delete_endpoint,
    list_subscribers,
    rotate_secret,
    update_endpoint,
    write_secret,
)
from kaquan.webhooks.log import (
    get_logged,
    list_log,
    replay_delivery,
    replay_events,
    send_test,
)
from kaquan.webhooks.model import (
    Delivery,
    DeliveryStatus,
    DisabledReason,
    DomainEvent,
    Endpoint,
    EndpointDraft,
    MessageFormat,
    Try,
)
from kaquan.webhooks.record import number_events
from kaquan.webhooks.store.deliveries import DELIVERY_FILTERS
from kaquan.webhooks.store.endpoints import get_endpoint
from kaquan.webhooks.store.events import delete_events, list_events

__all__ = [
    "DELIVERY_FILTERS",
    "EVENT_TYPES",
    "FAILING_FOR",
    "LEASE",
    "LONGEST_OVERLAP",
    "MEMBERS",
    "MOST_ENDPOINTS",
    "PAUSES",
    "TEST_EVENT",
    "TYPES_BY_NAME",
    "USUAL_OVERLAP",
    "WEBHOOK_FEEDS",
    "Delivery",
    "DeliveryStatus",
    "DisabledReason",
    "Dispatcher",
    "DomainEvent",
    "Endpoint",
    "EndpointDraft",
    "EventType",
    "MessageFormat",
    "Try",
    "create_endpoint",
    "delete_endpoint",
    "delete_events",
    "dispatch_forever",
    "get_endpoint",
    "get_logged",
    "jobs",
    "list_events",
    "list_log",
    "list_subscribers",
    "number_events",
    "replay_delivery",
    "replay_events",
    "rotate_secret",
    "send_test",
    "update_endpoint",
    "write_secret",
]
