"""A message on the wire: the event in the endpoint's format, signed by Standard Webhooks.

Headers are those of the Standard Webhooks specification 1.0: ``webhook-id``, which stays the same
however often a message is sent, ``webhook-timestamp`` of this sending, and ``webhook-signature``
with a signature by each secret that holds. ``x-voucherify-signature`` is for receivers that were
written for the dialect: HMAC-SHA256 of the body under the text of the secret, in hexadecimal.
CloudEvents are version 1.0, in the structured or the binary content mode of its HTTP binding.
"""

import hashlib
import hmac
import math
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from standardwebhooks.webhooks import Webhook

from kaquan.webhooks.endpoints import write_secret
from kaquan.webhooks.model import Claimed, DomainEvent, Endpoint, MessageFormat

USER_AGENT = "Kaquan-Webhooks/1"
_CLOUDEVENTS = "application/cloudevents+json; charset=utf-8"
_JSON = "application/json"
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class Message(msgspec.Struct, frozen=True):
    """What is sent: headers and the bytes of the body."""

    headers: dict[str, str]
    body: bytes


def write_message(
    claimed: Claimed, endpoint: Endpoint, *, project_id: str, now: datetime
) -> Message:
    """Write an event for an endpoint; ``now`` is the time of this sending."""
    event = claimed.event
    match endpoint.format:
        case MessageFormat.STANDARD:
            headers, body = {"content-type": _JSON}, _envelope(claimed, endpoint, project_id)
        case MessageFormat.CLOUDEVENTS_STRUCTURED:
            headers = {"content-type": _CLOUDEVENTS}
            body = attributes_of(event, project_id) | {"data": event.data}
        case MessageFormat.CLOUDEVENTS_BINARY:
            said = attributes_of(event, project_id)
            headers = {"content-type": said.pop("datacontenttype")}
            headers |= {f"ce-{name}": quote(str(value), _PLAIN) for name, value in said.items()}
            body = event.data
    raw = msgspec.json.encode(body)
    return Message(headers | _sign(claimed.id, raw, endpoint, now=now), raw)


def attributes_of(event: DomainEvent, project_id: str) -> dict[str, Any]:
    """Return the CloudEvents attributes of an event; ``position`` and ``dataversion`` are ours."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"urn:kaquan:project:{project_id}",
        "type": f"kaquan.{event.type}",
        "subject": event.entity_id,
        "time": event.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": _JSON,
        "position": event.position,
        "dataversion": event.version,
    }


def _envelope(claimed: Claimed, endpoint: Endpoint, project_id: str) -> dict[str, Any]:
    return {
        "id": claimed.id,
        "project_id": project_id,
        "created_at": claimed.created_at,
        "type": claimed.type,
        "data": claimed.data,
        "source": {"id": endpoint.id, "object": "webhook", "target_url": endpoint.url},
        "event": {
            "id": claimed.event.id,
            "type": claimed.type,
            "version": claimed.version,
            "position": claimed.position,
            "entity_id": claimed.entity_id,
            "created_at": claimed.at,
        },
    }


def _sign(message_id: str, body: bytes, endpoint: Endpoint, *, now: datetime) -> dict[str, str]:
    secrets = [endpoint.secret]
    if endpoint.former_secret and endpoint.former_until and now < endpoint.former_until:
        secrets.append(endpoint.former_secret)
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, now, text) for secret in secrets]
    key = write_secret(endpoint.secret).encode()
    return {
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(math.floor(now.timestamp())),
        "webhook-signature": " ".join(signatures),
        "x-voucherify-signature": hmac.new(key, body, hashlib.sha256).hexdigest(),
    }
