"""Entity tags: an answer that has not changed since the caller got it is not sent again."""

import hashlib

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

ETAG, IF_NONE_MATCH = "ETag", "If-None-Match"

_JSON = b"application/json"
_ANY = "*"


def tag_of(body: bytes) -> str:
    """Return the entity tag of an answer's JSON; weak, as it goes out compressed and plain."""
    return f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def is_named(tag: str, given: str) -> bool:
    """Say whether a list of tags, as callers send it, has this one (RFC 9110, weak comparison)."""
    plain = tag.removeprefix("W/")
    names = (one.strip().removeprefix("W/") for one in given.split(","))
    return any(one in (plain, _ANY) for one in names)


def tag_reads(app: ASGIApp) -> ASGIApp:
    """Put tags on what a GET answers in JSON, and answer 304 to who has it (a middleware)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        held: HTTPResponseStartEvent | None = None

        async def tag(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                if message["status"] == 200 and _is_json(message):
                    held = message
                else:
                    await send(message)
                return
            start, held = held, None
            if start is not None and message["type"] == "http.response.body":
                if not message["more_body"]:
                    message["body"] = _tag(scope, start, message["body"])
                await send(start)
            await send(message)

        await app(scope, receive, tag)

    return answer


def _is_json(start: HTTPResponseStartEvent) -> bool:
    return any(
        name == b"content-type" and value.startswith(_JSON) for name, value in start["headers"]
    )


def _tag(scope: Scope, start: HTTPResponseStartEvent, body: bytes) -> bytes:
    """Tag an answer that is about to start, and return what is left to send of its body."""
    headers = MutableScopeHeaders(start)
    tag = headers[ETAG] = tag_of(body)
    given = Headers.from_scope(scope).get(IF_NONE_MATCH)
    if given is None or not is_named(tag, given):
        return body
    start["status"] = 304
    del headers["content-type"]
    del headers["content-length"]
    return b""
