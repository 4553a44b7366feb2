"""Doing a thing once: the first answer to a key is the answer to every repetition of it."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime.database import Tx
from kaquan.runtime.errors import InvalidInput, KaquanError
from kaquan.runtime.store import (
    RememberedAnswer,
    delete_answers,
    insert_answers,
    look_up_answers,
)

REMEMBERED_FOR = timedelta(days=30)
FORGET_AT_ONCE = 5_000
SHORTEST_KEY, LONGEST_KEY = 16, 255


class KeyReused(KaquanError):
    """The idempotency key was used before with another request."""

    key = "idempotency_key_reused"


class KeyInFlight(KaquanError):
    """A request with the same idempotency key is being answered right now."""

    key = "idempotency_key_in_flight"


class AnswerErased(KaquanError):
    """What was answered to this key told of a person who was erased; it is not done again."""

    key = "idempotency_answer_erased"


class Answer(msgspec.Struct, frozen=True):
    """What goes back on the wire; ``lasting`` answers are remembered, others may be retried."""

    status: int
    body: bytes
    lasting: bool
    replayed: bool = False


class OnceKey(msgspec.Struct, frozen=True):
    """An idempotency key on a route, with a fingerprint of the request that it came with."""

    route: str
    key: str
    fingerprint: bytes


def read_once_key(key: str, *, route: str, request: bytes) -> OnceKey:
    """Make an OnceKey. Raises InvalidInput for a key of the wrong length."""
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        message = f"Idempotency-Key must have {SHORTEST_KEY} to {LONGEST_KEY} characters."
        raise InvalidInput(message, field="Idempotency-Key")
    return OnceKey(route, key, hashlib.sha256(route.encode() + b"\n" + request).digest())


async def find_first_answers(
    tx: Tx, keys: Sequence[OnceKey], *, now: datetime
) -> list[Answer | KeyReused | KeyInFlight | AnswerErased | None]:
    """Take keys for this transaction and return what was answered to each before.

    None where there is nothing yet: then the answer that follows has to be remembered in ``tx``.
    KeyReused stands for a key that came with another request before, KeyInFlight for one that
    another transaction is working on, and AnswerErased for one whose answer was erased.
    """
    if not keys:
        return []
    found = await look_up_answers(
        tx, [(one.route, one.key) for one in keys], since=now - REMEMBERED_FOR
    )
    answers: list[Answer | KeyReused | KeyInFlight | AnswerErased | None] = []
    for one, (free, known) in zip(keys, found, strict=True):
        if not free:
            message = "A request with this Idempotency-Key is still being answered."
            answers.append(KeyInFlight(message, retry_after_s=1))
        elif known is None:
            answers.append(None)
        elif known.fingerprint != one.fingerprint:
            answers.append(KeyReused("This Idempotency-Key was used with another request."))
        elif known.body is None:
            message = "The answer to this Idempotency-Key told of a person who was erased since."
            answers.append(AnswerErased(message))
        else:
            answers.append(Answer(known.status, known.body, lasting=True, replayed=True))
    return answers


async def remember_answers(
    tx: Tx, answers: Sequence[tuple[OnceKey, Answer]], *, now: datetime
) -> None:
    """Keep those of the answers that last; nothing is waited for, so it is fit for a pipeline."""
    lasting = [
        (key.route, key.key, RememberedAnswer(key.fingerprint, answer.status, answer.body))
        for key, answer in answers
        if answer.lasting
    ]
    if lasting:
        await insert_answers(tx, lasting, now=now)


async def forget_answers(
    tx: Tx, after: tuple[str, str] = ("", ""), *, now: datetime, limit: int = FORGET_AT_ONCE
) -> tuple[str, str] | None:
    """Delete those of the next ``limit`` answers that are not remembered any more.

    In the order of routes and keys, behind ``after``, so that no index by age has to be kept up by
    every request. Returns where the next call goes on, and None at the end.
    """
    return await delete_answers(tx, after, before=now - REMEMBERED_FOR, limit=limit)


async def answer_once(
    tx: Tx,
    key: str,
    *,
    route: str,
    request: bytes,
    produce: Callable[[], Awaitable[Answer]],
    now: datetime,
) -> Answer:
    """Answer ``request`` by ``produce`` the first time and from memory afterwards.

    The memory commits together with what ``produce`` did in ``tx``. Raises InvalidInput for a
    key of the wrong length, KeyReused when the key came with another request before, AnswerErased
    when the answer was erased, and KeyInFlight while another transaction works on the same key.
    """
    once = read_once_key(key, route=route, request=request)
    return await answer_key(tx, once, produce=produce, now=now)


async def answer_key(
    tx: Tx, once: OnceKey, *, produce: Callable[[], Awaitable[Answer]], now: datetime
) -> Answer:
    """Do what ``answer_once`` does, for a key that was read already."""
    (known,) = await find_first_answers(tx, [once], now=now)
    if isinstance(known, KaquanError):
        raise known
    if known is not None:
        return known
    answer = await produce()
    await remember_answers(tx, [(once, answer)], now=now)
    return answer
