"""Settings, sources: the shop systems that post to us."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from msgspec import UNSET

from kaquan.connectors import (
    Mapping,
    Signing,
    Source,
    SourceDraft,
    SourceKind,
    create_source,
    delete_source,
    get_source,
    list_sources,
    update_source,
)
from kaquan.console.language import N_
from kaquan.console.pages.webhooks import explain, say
from kaquan.console.pages.words_of_webhooks import REFUSALS, SYSTEMS, source_badge
from kaquan.console.render import redirect, render
from kaquan.console.session import page_transaction, read_form
from kaquan.runtime import InvalidInput, utc_now

SOURCES_PATH = "/console/settings/sources"
_ONE = f"{SOURCES_PATH}/{{source_id:str}}"
_MOST = 100

AnyRequest = Request[Any, Any, Any]


@get(SOURCES_PATH, include_in_schema=False)
async def show_sources(request: AnyRequest) -> Response[str]:
    """All sources, the oldest first."""
    return await _show(request)


@post(SOURCES_PATH, include_in_schema=False)
async def add_source(request: AnyRequest) -> Response[str]:
    """Add a system; how it signs and what its posts mean are its kind's to begin with."""
    given = await read_form(request, "kind", "name", "secret")
    kind = next((one for one in SourceKind if one == given["kind"]), SourceKind.CUSTOM)
    draft = SourceDraft(name=given["name"], secret=given["secret"] or UNSET)
    try:
        async with page_transaction(request) as tx:
            source = await create_source(tx, kind, draft, now=utc_now())
    except InvalidInput as error:
        return await _show(request, given=given, error=error)
    return redirect(f"{SOURCES_PATH}/{source.id}", notice=say(request, N_("Saved.")))


@get(_ONE, include_in_schema=False)
async def show_source(request: AnyRequest, source_id: FromPath[str]) -> Response[str]:
    """One source: where it posts to, how it signs, what its posts mean."""
    return await _show_one(request, source_id)


@post(_ONE, include_in_schema=False)
async def save_source(request: AnyRequest, source_id: FromPath[str]) -> Response[str]:
    """Change a source; a secret that is left empty stays."""
    given = await read_form(
        request, "name", "secret", "public_keys", "active", "signing", "mapping"
    )
    try:
        draft = SourceDraft(
            name=given["name"],
            active=given["active"] == "yes",
            secret=given["secret"] or UNSET,
            public_keys=given["public_keys"] or None,
            signing=_read(given["signing"], Signing, "signing"),
            mapping=_read(given["mapping"], Mapping, "mapping"),
        )
        async with page_transaction(request) as tx:
            await update_source(tx, source_id, draft, now=utc_now())
    except InvalidInput as error:
        return await _show_one(request, source_id, given=given, error=error)
    return redirect(f"{SOURCES_PATH}/{source_id}", notice=say(request, N_("Saved.")))


@post(f"{_ONE}/delete", include_in_schema=False)
async def remove_source(request: AnyRequest, source_id: FromPath[str]) -> Response[str]:
    """Delete a source with its receipts."""
    async with page_transaction(request) as tx:
        await delete_source(tx, source_id)
    return redirect(SOURCES_PATH, notice=say(request, N_("The source is deleted.")))


def _read(text: str, kind: type[Any], field: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInput(REFUSALS[field], field=field) from error


async def _show(
    request: AnyRequest,
    *,
    given: dict[str, str] | None = None,
    error: InvalidInput | None = None,
) -> Response[str]:
    async with page_transaction(request) as tx:
        found = await list_sources(tx, limit=_MOST)
    return render(
        request,
        "pages/sources.html",
        status_code=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        rows=[(one, source_badge(one.active)) for one in found.items],
        systems=SYSTEMS,
        kinds=[(one.value, say(request, text)) for one, text in SYSTEMS.items()],
        given=given or {"kind": "", "name": "", "secret": ""},
        errors={} if error is None else explain(request, error),
    )


async def _show_one(
    request: AnyRequest,
    source_id: str,
    *,
    given: dict[str, str] | None = None,
    error: InvalidInput | None = None,
) -> Response[str]:
    async with page_transaction(request) as tx:
        source = await get_source(tx, source_id)
    return render(
        request,
        "pages/source.html",
        status_code=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        source=source,
        badge=source_badge(source.active),
        system=SYSTEMS[source.kind],
        address=f"{request.base_url}in/{source.id}",
        given=_known(source) if given is None else given,
        errors={} if error is None else explain(request, error),
    )


def _known(source: Source) -> dict[str, str]:
    return {
        "name": source.name,
        "secret": "",
        "public_keys": source.public_keys or "",
        "active": "yes" if source.active else "",
        "signing": _write(source.signing),
        "mapping": _write(source.mapping),
    }


def _write(value: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
