"""Endpoints: who is told of what, and the secrets that sign it."""

import base64
import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from kaquan.runtime import InvalidInput, Page, Tx, new_id
from kaquan.webhooks.address import is_public
from kaquan.webhooks.catalogue import TYPES_BY_NAME
from kaquan.webhooks.model import DisabledReason, Endpoint, EndpointDraft, MessageFormat
from kaquan.webhooks.store.endpoints import (
    delete_endpoint_row,
    get_endpoint,
    insert_endpoint,
    list_endpoints,
    update_endpoint_row,
)

MOST_ENDPOINTS = 50
LONGEST_URL = 2_000
LONGEST_DESCRIPTION = 1_000
USUAL_OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=30)
_SECRET_BYTES = 32
_PREFIX = "whsec_"


async def create_endpoint(
    tx: Tx, draft: EndpointDraft, *, private_allowed: bool, now: datetime
) -> Endpoint:
    """Add an endpoint with a secret of its own; events from here on are told to it.

    ``private_allowed`` lets it be a plain or internal address. Raises InvalidInput naming what is
    wrong, also when there are as many endpoints as a project may have.
    """
    if draft.url is UNSET:
        raise InvalidInput("'url' is missing.", field="url")
    if (await list_endpoints(tx, limit=1)).total >= MOST_ENDPOINTS:
        message = f"A project has {MOST_ENDPOINTS} webhooks at most."
        raise InvalidInput(message, field="", key="too_many_webhooks")
    plain = Endpoint(
        id=new_id("wh"),
        url="",
        description=None,
        events=(),
        active=True,
        format=MessageFormat.STANDARD,
        ordered=False,
        secret=os.urandom(_SECRET_BYTES),
        former_secret=None,
        former_until=None,
        disabled_reason=None,
        failing_since=None,
        created_at=now,
        updated_at=None,
    )
    endpoint = _apply(plain, draft, private_allowed=private_allowed)
    await insert_endpoint(tx, endpoint)
    return endpoint


async def update_endpoint(
    tx: Tx, endpoint_id: str, draft: EndpointDraft, *, private_allowed: bool, now: datetime
) -> Endpoint:
    """Change what is said of an endpoint. Enabled again, it goes on with what waits for it.

    Events that happen while it is disabled make no messages; a replay of that period does. Raises
    NotFound and InvalidInput.
    """
    stored = await get_endpoint(tx, endpoint_id, lock=True)
    changed = _apply(stored, draft, private_allowed=private_allowed)
    changed = msgspec.structs.replace(changed, updated_at=now)
    await update_endpoint_row(tx, changed)
    return changed


async def rotate_secret(
    tx: Tx, endpoint_id: str, *, overlap: timedelta = USUAL_OVERLAP, now: datetime
) -> Endpoint:
    """Give an endpoint a new secret; until ``overlap`` is over the one before signs too.

    A still older one is dropped at once. Raises NotFound, InvalidInput for an overlap that is
    negative or longer than 30 days.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        message = f"The overlap is 0 to {LONGEST_OVERLAP.total_seconds():.0f} seconds."
        raise InvalidInput(message, field="overlap_s")
    stored = await get_endpoint(tx, endpoint_id, lock=True)
    rotated = msgspec.structs.replace(
        stored,
        secret=os.urandom(_SECRET_BYTES),
        former_secret=stored.secret,
        former_until=now + overlap,
        updated_at=now,
    )
    await update_endpoint_row(tx, rotated)
    return rotated


async def delete_endpoint(tx: Tx, endpoint_id: str) -> None:
    """Drop an endpoint with its log; raises NotFound."""
    await get_endpoint(tx, endpoint_id, lock=True)
    await delete_endpoint_row(tx, endpoint_id)


async def list_subscribers(tx: Tx, *, limit: int, page: int) -> Page[Endpoint]:
    """Return a page of the endpoints, the oldest first."""
    return await list_endpoints(tx, limit=limit, offset=(page - 1) * limit)


def write_secret(secret: bytes) -> str:
    """Write a secret as Standard Webhooks has it: ``whsec_`` and Base64."""
    return _PREFIX + base64.b64encode(secret).decode("ascii")


def _apply(stored: Endpoint, draft: EndpointDraft, *, private_allowed: bool) -> Endpoint:
    said = {
        name: value
        for name in ("url", "description", "events", "format", "ordered")
        if (value := getattr(draft, name)) is not UNSET
    }
    if draft.url is not UNSET:
        _check_url(draft.url, private_allowed=private_allowed)
    if isinstance(draft.description, str) and len(draft.description) > LONGEST_DESCRIPTION:
        message = f"'description' has {LONGEST_DESCRIPTION} characters at most."
        raise InvalidInput(message, field="description")
    if draft.events is not UNSET:
        said["events"] = _check_events(draft.events)
    changed = msgspec.structs.replace(stored, **said)
    if draft.active is UNSET or draft.active == stored.active:
        return changed
    return msgspec.structs.replace(
        changed,
        active=draft.active,
        disabled_reason=None if draft.active else DisabledReason.ASKED,
        failing_since=None,
    )


def _check_events(events: Sequence[str]) -> tuple[str, ...]:
    for place, name in enumerate(events):
        if name not in TYPES_BY_NAME:
            message = f"There is no event '{name[:80]}'."
            raise InvalidInput(message, field=f"events[{place}]", key="unknown_event")
    return tuple(dict.fromkeys(events))


def _check_url(url: str, *, private_allowed: bool) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    schemes = {"https", "http"} if private_allowed else {"https"}
    if (
        not host
        or parts.scheme not in schemes
        or len(url) > LONGEST_URL
        or not (url.isascii() and url.isprintable())
        or " " in url
    ):
        message = f"'url' must be an {' or '.join(sorted(schemes))} address in ASCII."
        raise InvalidInput(message, field="url", key="invalid_url")
    if parts.username is not None or parts.password is not None or parts.fragment:
        message = "'url' may hold neither a user, nor a password, nor a fragment."
        raise InvalidInput(message, field="url", key="invalid_url")
    if not private_allowed and _is_private_literal(host):
        message = "'url' is an address inside a private network."
        raise InvalidInput(message, field="url", key="private_address")


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
