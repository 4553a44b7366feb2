"""Requests that move value: with an ``Idempotency-Key`` they happen once, however often sent."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.params import HeaderParameter

from kaquan.api.call import Call
from kaquan.api.problems import PROBLEM_MEDIA_TYPE, AnyRequest, Problem
from kaquan.checkout import try_again
from kaquan.runtime import Answer, InvalidInput, OnceKey, Tx, answer_key, read_once_key

REPLAYED = "Idempotency-Replayed"

IdempotencyKey: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="16 to 255 characters; a repeated request with the same key gets the first"
        " answer again and changes nothing.",
    ),
]


def succeed(body: msgspec.Struct) -> Answer:
    """Make an answer that lasts out of what went well."""
    return Answer(HTTPStatus.OK, msgspec.json.encode(body), lasting=True)


def refuse(problem: Problem) -> Answer:
    """Make an answer that lasts out of a refusal for business reasons."""
    return Answer(problem.status, msgspec.json.encode(problem), lasting=True)


async def move_value(
    request: AnyRequest,
    call: Call,
    key: str | None,
    *,
    produce: Callable[[Tx], Awaitable[Answer]],
) -> Response[Any]:
    """Answer by ``produce`` in one transaction, or from memory when ``key`` was seen before.

    What is remembered commits together with what was done. A refusal is an answer too: what it
    wrote (the failed attempt) is kept. A transaction that lost against another one leaves nothing
    behind and is tried again.
    """
    once = await name_once(request, key)

    async def attempt() -> Answer:
        async with call.transaction() as tx:
            if once is None:
                return await produce(tx)
            return await answer_key(tx, once, produce=lambda: produce(tx), now=call.now)

    return respond(await try_again(attempt))


async def name_once(request: AnyRequest, key: str | None) -> OnceKey | None:
    """Name what is done once under the key of a request, if it has one. Raises InvalidInput."""
    if key is None:
        return None
    if not key.isprintable():
        message = "Idempotency-Key must consist of printable characters."
        raise InvalidInput(message, field="Idempotency-Key")
    scope = request.scope
    address = scope["raw_path"] + b"?" + scope["query_string"] + b"\n"
    return read_once_key(
        key,
        route=f"{request.method} {scope['path_template']}",
        request=address + await request.body(),
    )


def respond(answer: Answer) -> Response[Any]:
    """Put an answer on the wire; one from memory says so in a header."""
    failed = answer.status >= HTTPStatus.BAD_REQUEST
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=PROBLEM_MEDIA_TYPE if failed else MediaType.JSON,
        headers={REPLAYED: "true"} if answer.replayed else None,
    )
