"""Settings, webhooks: which programs are told of what happens, and with which secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from itertools import groupby
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.pages.words_of_webhooks import FORMATS, REFUSALS, endpoint_badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_transaction, read_form
from kaquan.runtime import InvalidInput, Settings, utc_now
from kaquan.webhooks import (
    EVENT_TYPES,
    MOST_ENDPOINTS,
    Endpoint,
    EndpointDraft,
    MessageFormat,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_subscribers,
    rotate_secret,
    update_endpoint,
    write_secret,
)

WEBHOOKS_PATH = "/console/settings/webhooks"
_ONE = f"{WEBHOOKS_PATH}/{{webhook_id:str}}"
_USUAL = MessageFormat.STANDARD
_OVERLAPS = {"24": timedelta(days=1), "0": timedelta(0), "168": timedelta(days=7)}
_GROUPS = [
    (word, [one.name for one in some])
    for word, some in groupby(
        sorted(EVENT_TYPES, key=lambda one: one.name), lambda one: one.name.partition(".")[0]
    )
]

AnyRequest = Request[Any, Any, Any]


@get(WEBHOOKS_PATH, include_in_schema=False)
async def show_webhooks(request: AnyRequest) -> Response[str]:
    """All webhooks, the oldest first."""
    async with page_transaction(request) as tx:
        found = await list_subscribers(tx, limit=MOST_ENDPOINTS, page=1)
    rows = [(one, endpoint_badge(one)) for one in found.items]
    return render(request, "pages/webhooks.html", rows=rows)


@get(f"{WEBHOOKS_PATH}/new", include_in_schema=False)
async def show_new_webhook(request: AnyRequest) -> Response[str]:
    """The form of a new webhook."""
    return _show_form(request, None)


@post(WEBHOOKS_PATH, include_in_schema=False)
async def add_webhook(request: AnyRequest) -> Response[str]:
    """Subscribe an address, and show the secret, this once."""
    given, events = await _read(request)
    try:
        async with page_transaction(request) as tx:
            endpoint = await create_endpoint(
                tx,
                _draft(given, events, active=True),
                private_allowed=_private_allowed(request),
                now=utc_now(),
            )
    except InvalidInput as error:
        return _show_form(request, None, given=given, events=events, error=error)
    return _show_form(request, endpoint, fresh=True)


@get(_ONE, include_in_schema=False)
async def show_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """One webhook: what it asks for, its secret, and what else can be done with it."""
    async with page_transaction(request) as tx:
        endpoint = await get_endpoint(tx, webhook_id)
    return _show_form(request, endpoint)


@post(_ONE, include_in_schema=False)
async def save_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """Change a webhook, switch it on or off."""
    given, events = await _read(request)
    async with page_transaction(request) as tx:
        stored = await get_endpoint(tx, webhook_id)
    try:
        async with page_transaction(request) as tx:
            await update_endpoint(
                tx,
                webhook_id,
                _draft(given, events, active=given["active"] == "yes"),
                private_allowed=_private_allowed(request),
                now=utc_now(),
            )
    except InvalidInput as error:
        return _show_form(request, stored, given=given, events=events, error=error)
    return redirect(f"{WEBHOOKS_PATH}/{webhook_id}", notice=say(request, N_("Saved.")))


@post(f"{_ONE}/rotate", include_in_schema=False)
async def rotate_webhook_secret(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """Make a new secret and show it, this once; the former one signs along for a while."""
    given = await read_form(request, "overlap")
    async with page_transaction(request) as tx:
        stored = await get_endpoint(tx, webhook_id)
    if given["overlap"] not in _OVERLAPS:
        error = InvalidInput(REFUSALS["overlap"], field="overlap")
        return _show_form(request, stored, error=error)
    async with page_transaction(request) as tx:
        endpoint = await rotate_secret(
            tx, webhook_id, overlap=_OVERLAPS[given["overlap"]], now=utc_now()
        )
    return _show_form(request, endpoint, fresh=True)


@post(f"{_ONE}/delete", include_in_schema=False)
async def remove_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """Delete a webhook with its log."""
    async with page_transaction(request) as tx:
        await delete_endpoint(tx, webhook_id)
    return redirect(WEBHOOKS_PATH, notice=say(request, N_("The webhook is deleted.")))


def explain(request: AnyRequest, error: InvalidInput) -> dict[str, str]:
    """How a refusal is told at the field of the form that it names."""
    field = error.field.partition("[")[0].partition(".")[0]
    words = REFUSALS.get(error.key) or REFUSALS.get(field) or error.message
    return {field: say(request, words)}


def say(request: AnyRequest, text: str) -> str:
    """A text in the reader's language."""
    return translations(page_of(request).language).gettext(text)


async def _read(request: AnyRequest) -> tuple[dict[str, str], tuple[str, ...]]:
    given = await read_form(request, "url", "description", "format", "ordered", "active")
    events = (await request.form()).getall("events", [])
    return given, tuple(str(one) for one in events)


def _draft(given: Mapping[str, str], events: tuple[str, ...], *, active: bool) -> EndpointDraft:
    return EndpointDraft(
        url=given["url"],
        description=given["description"] or None,
        events=events,
        active=active,
        format=next((one for one in MessageFormat if one == given["format"]), _USUAL),
        ordered=given["ordered"] == "yes",
    )


def _private_allowed(request: AnyRequest) -> bool:
    settings: Settings = request.app.state.settings
    return settings.webhook_private_networks


def _show_form(
    request: AnyRequest,
    endpoint: Endpoint | None,
    *,
    given: Mapping[str, str] | None = None,
    events: tuple[str, ...] | None = None,
    error: InvalidInput | None = None,
    fresh: bool = False,
) -> Response[str]:
    known = _known(endpoint)
    wanted = events if events is not None else (() if endpoint is None else endpoint.events)
    response = render(
        request,
        "pages/webhook.html",
        status_code=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        endpoint=endpoint,
        badge=None if endpoint is None else endpoint_badge(endpoint),
        secret=write_secret(endpoint.secret) if endpoint is not None and fresh else None,
        given=known if given is None else given,
        wanted=wanted,
        groups=_GROUPS,
        formats=[(one.value, say(request, text)) for one, text in FORMATS.items()],
        errors={} if error is None else explain(request, error),
        now=utc_now(),
    )
    if fresh:
        response.headers["Cache-Control"] = "no-store"
    return response


def _known(endpoint: Endpoint | None) -> dict[str, str]:
    if endpoint is None:
        return {"url": "", "description": "", "format": _USUAL, "ordered": "", "active": "yes"}
    return {
        "url": endpoint.url,
        "description": endpoint.description or "",
        "format": endpoint.format,
        "ordered": "yes" if endpoint.ordered else "",
        "active": "yes" if endpoint.active else "",
    }
