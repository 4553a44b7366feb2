"""``/v1/track`` and its like: the tracking API that clients of Segment's kind speak."""

import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar, cast

import msgspec
from litestar import Router, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.body import StrictBody, read_json
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import DRY, PROBLEMS, TRACKS, Dry, Verb
from kaquan.api.write_key import writer_of
from kaquan.checkout import Batcher, try_again
from kaquan.connectors import (
    LARGEST_BATCH,
    LARGEST_MESSAGE,
    MOST_MESSAGES,
    Message,
    MessageType,
    TrackResult,
    keep_rejects,
    may_share,
    read_message,
    read_sent_at,
    receive_messages,
)
from kaquan.runtime import Database, InvalidInput, KaquanError, Tx, utc_now

BY = "tracking"
"""Who is put down for merges that messages led to."""

_Body = TypeVar("_Body")


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a batch that was not accepted; it is kept as a receipt."""

    index: int
    message_id: str | None
    key: str
    message: str
    field: str | None


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """That messages were received, as Segment says it; ``rejected`` is our own addition."""

    success: bool = True
    rejected: list[Rejected] | UnsetType = UNSET


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one request, checked: what could not be read has its error in its place."""

    given: list[dict[str, Any]]
    read: list[Message | KaquanError]
    alone: bool
    now: datetime


class TrackingBody(StrictBody[_Body]):
    """A body of the tracking API: perhaps gzipped, and as large as it documents, unpacked."""

    def decode_bytes(self, value: bytes) -> Any:
        """Decode the body of the route at hand. Raises InvalidInput."""
        request = cast("AnyRequest", self.asgi_connection)  # pyright: ignore[reportUnknownMemberType]
        largest = cast("int", request.route_handler.opt[_LARGEST])
        raw = value
        if request.headers.get("Content-Encoding", "").strip().lower() == "gzip":
            raw = _unzip(value, largest)
        if len(raw) > largest:
            message = f"The body has more than {largest // 1024} KB."
            raise InvalidInput(message, field="", key="payload_too_large")
        return read_json(raw, dict[str, Any], with_nul=True)


_LARGEST = "largest_body"
_HIGHEST = 1024 * 1024


def _unzip(value: bytes, largest: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        raw = unpacker.decompress(value, largest + 1)
    except zlib.error as error:
        raise InvalidInput("The body is not gzip.", field="") from error
    if len(raw) <= largest and not unpacker.eof:
        raise InvalidInput("The gzipped body has no end.", field="")
    return raw


def _receives(path: str, summary: str, largest: int) -> Callable[[Verb], HTTPRouteHandler]:
    """A route of the tracking API; its body has at most so many bytes, unpacked."""
    return post(
        path,
        summary=summary,
        opt={DRY: Dry.NEVER, TRACKS: True, _LARGEST: largest},
        dto=TrackingBody,
        return_dto=None,
        status_code=HTTPStatus.OK,
        responses=PROBLEMS,
        request_max_body_size=_HIGHEST,
    )


@_receives("/identify", "Identify a user", LARGEST_MESSAGE)
async def identify(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Say who a user is; what the visitor ``anonymousId`` did so far becomes theirs."""
    return await _receive_one(request, data, MessageType.IDENTIFY)


@_receives("/track", "Track an event", LARGEST_MESSAGE)
async def track(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Tell that somebody did something; events of the e-commerce spec also change orders."""
    return await _receive_one(request, data, MessageType.TRACK)


@_receives("/page", "Track a page view", LARGEST_MESSAGE)
async def page(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Tell that somebody looked at a page: an event ``Page Viewed``."""
    return await _receive_one(request, data, MessageType.PAGE)


@_receives("/screen", "Track a screen view", LARGEST_MESSAGE)
async def screen(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Tell that somebody looked at a screen of an app: an event ``Screen Viewed``."""
    return await _receive_one(request, data, MessageType.SCREEN)


@_receives("/group", "Track joining a group", LARGEST_MESSAGE)
async def group(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Tell that somebody belongs to a group: an event ``Group Joined``."""
    return await _receive_one(request, data, MessageType.GROUP)


@_receives("/alias", "Join two ids", LARGEST_MESSAGE)
async def alias(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Say that ``previousId`` and ``userId`` are the same person, who is one from here on."""
    return await _receive_one(request, data, MessageType.ALIAS)


@_receives("/batch", "Send many messages", LARGEST_BATCH)
async def batch(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """Send up to 2,500 messages; those that are wrong are kept apart and named in the answer."""
    return await _receive_many(request, data)


@_receives("/import", "Send many messages of the past", LARGEST_BATCH)
async def import_messages(data: JSONBody[dict[str, Any]], request: AnyRequest) -> Received:
    """The same as a batch, under the name that older clients use for what is long past."""
    return await _receive_many(request, data)


def tracking_router() -> Router:
    """Routes of the tracking API."""
    return Router(
        path="/",
        route_handlers=[identify, track, page, screen, group, alias, batch, import_messages],
        tags=["Tracking"],
    )


async def answer_tracking(tx: Tx, items: Sequence[Sent]) -> Sequence[Received | Exception]:
    """Carry out what several requests sent, in one transaction."""
    messages = [one for item in items for one in item.read if isinstance(one, Message)]
    done = iter(await receive_messages(tx, messages, by=BY, now=items[0].now) if messages else [])
    answers: list[Received | Exception] = []
    for item in items:
        results: list[TrackResult] = [
            next(done) if isinstance(one, Message) else one for one in item.read
        ]
        rejects = [
            (index, item.given[index], result)
            for index, result in enumerate(results)
            if isinstance(result, KaquanError)
        ]
        if item.alone and rejects:
            answers.append(rejects[0][2])
            continue
        if rejects:
            await keep_rejects(tx, [(given, error) for _, given, error in rejects], now=item.now)
        answers.append(
            Received(rejected=[_view(*one) for one in rejects]) if rejects else Received()
        )
    return answers


def _view(index: int, given: dict[str, Any], error: KaquanError) -> Rejected:
    field = error.details.get("field")
    named = given.get("messageId")
    return Rejected(
        index=index,
        message_id=named if isinstance(named, str) else None,
        key=error.key,
        message=error.message,
        field=f"batch[{index}].{field}" if isinstance(field, str) and field else None,
    )


async def _receive_one(request: AnyRequest, data: dict[str, Any], kind: MessageType) -> Received:
    now = utc_now()
    caller = await writer_of(request, data)
    message = read_message(data | {"type": kind.value}, sent_at=None, now=now)
    sent = Sent(given=[data], read=[message], alone=True, now=now)
    return await _hand_in(request, caller.project_id, sent)


async def _receive_many(request: AnyRequest, data: dict[str, Any]) -> Received:
    now = utc_now()
    caller = await writer_of(request, data)
    given = _read_batch(data)
    sent_at = read_sent_at(data)
    read: list[Message | KaquanError] = []
    for one in given:
        try:
            if len(msgspec.json.encode(one)) > LARGEST_MESSAGE:
                message = f"A message has at most {LARGEST_MESSAGE // 1024} KB."
                raise InvalidInput(message, field="", key="message_too_large")
            read.append(read_message(one, sent_at=sent_at, now=now))
        except InvalidInput as error:
            read.append(error)
    if not read:
        return Received()
    return await _hand_in(
        request, caller.project_id, Sent(given=given, read=read, alone=False, now=now)
    )


def _read_batch(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a batch, with what it says for all of them."""
    found = data.get("batch")
    if not isinstance(found, list):
        raise InvalidInput("'batch' must be a list of messages.", field="batch")
    listed = cast("list[object]", found)
    if len(listed) > MOST_MESSAGES:
        message = f"A batch has at most {MOST_MESSAGES} messages."
        raise InvalidInput(message, field="batch", key="too_many_messages")
    given: list[dict[str, Any]] = []
    for index, one in enumerate(listed):
        if not isinstance(one, dict):
            raise InvalidInput("A message must be an object.", field=f"batch[{index}]")
        given.append(cast("dict[str, Any]", one))
    return given


async def _hand_in(request: AnyRequest, project_id: int, sent: Sent) -> Received:
    """Carry a request out together with others, or by itself if it has to wait for answers."""
    if all(may_share(one) for one in sent.read if isinstance(one, Message)):
        batcher = cast("Batcher[Sent, Received]", request.app.state.tracking)
        return await batcher.submit(project_id, sent)
    database = cast("Database", request.app.state.database)

    async def attempt() -> Received:
        async with database.transaction(project_id, actor=BY) as tx:
            (answer,) = await answer_tracking(tx, [sent])
            if isinstance(answer, Exception):
                raise answer
            return answer

    return await try_again(attempt)
