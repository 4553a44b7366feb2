"""Requests that move value: with an ``Idempotency-Key`` they happen once, however often sent."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.params import HeaderParameter
from psycopg import errors as postgres

from kaquan.api.call import Call
from kaquan.api.problems import PROBLEM_MEDIA_TYPE, AnyRequest, Problem
from kaquan.checkout import Contended
from kaquan.runtime import Answer, InvalidInput, Tx, answer_once

REPLAYED = "Idempotency-Replayed"
ATTEMPTS = 4
LONGEST_PAUSE_S = 0.02
_CHANCE = random.SystemRandom()
LOST_RACES = (
    Contended,
    postgres.DeadlockDetected,
    postgres.SerializationFailure,
    postgres.UniqueViolation,
)

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

    async def attempt() -> Answer:
        async with call.transaction() as tx:
            if key is None:
                return await produce(tx)
            return await _produce_once(request, call, key, tx=tx, produce=produce)

    answer = await _try_again(attempt)
    failed = answer.status >= HTTPStatus.BAD_REQUEST
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=PROBLEM_MEDIA_TYPE if failed else MediaType.JSON,
        headers={REPLAYED: "true"} if answer.replayed else None,
    )


async def _try_again(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Attempt a transaction up to ``ATTEMPTS`` times, as long as others get in its way.

    A duplicate that rooms know of is a Duplicate; what the database alone refused as one is two
    transactions that entered the same thing at once.
    """
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except LOST_RACES:
            # Contenders that waited for each other shall not all come back at once.
            await asyncio.sleep(_CHANCE.uniform(0, LONGEST_PAUSE_S * number))
    return await attempt()


async def _produce_once(
    request: AnyRequest,
    call: Call,
    key: str,
    *,
    tx: Tx,
    produce: Callable[[Tx], Awaitable[Answer]],
) -> Answer:
    if not key.isprintable():
        message = "Idempotency-Key must consist of printable characters."
        raise InvalidInput(message, field="Idempotency-Key")
    scope = request.scope
    address = scope["raw_path"] + b"?" + scope["query_string"] + b"\n"
    return await answer_once(
        tx,
        key,
        route=f"{request.method} {scope['path_template']}",
        request=address + await request.body(),
        produce=lambda: produce(tx),
        now=call.now,
    )
