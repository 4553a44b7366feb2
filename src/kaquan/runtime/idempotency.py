"""Doing a thing once: the first answer to a key is the answer to every repetition of it."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime.database import Tx
from kaquan.runtime.errors import InvalidInput, KaquanError
from kaquan.runtime.store import RememberedAnswer, find_answer, insert_answer, try_lock_key

REMEMBERED_FOR = timedelta(days=30)
SHORTEST_KEY, LONGEST_KEY = 16, 255


class KeyReused(KaquanError):
    """The idempotency key was used before with another request."""

    key = "idempotency_key_reused"


class KeyInFlight(KaquanError):
    """A request with the same idempotency key is being answered right now."""

    key = "idempotency_key_in_flight"


class Answer(msgspec.Struct, frozen=True):
    """What goes back on the wire; ``lasting`` answers are remembered, others may be retried."""

    status: int
    body: bytes
    lasting: bool
    replayed: bool = False


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
    key of the wrong length, KeyReused when the key came with another request before, and
    KeyInFlight while another transaction works on the same key.
    """
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        message = f"Idempotency-Key must have {SHORTEST_KEY} to {LONGEST_KEY} characters."
        raise InvalidInput(message, field="Idempotency-Key")
    if not await try_lock_key(tx, route, key):
        message = "A request with this Idempotency-Key is still being answered."
        raise KeyInFlight(message, retry_after_s=1)
    fingerprint = hashlib.sha256(route.encode() + b"\n" + request).digest()
    known = await find_answer(tx, route, key, since=now - REMEMBERED_FOR)
    if known is not None:
        if known.fingerprint != fingerprint:
            message = "This Idempotency-Key was used with another request."
            raise KeyReused(message)
        return Answer(known.status, known.body, lasting=True, replayed=True)
    answer = await produce()
    if answer.lasting:
        remembered = RememberedAnswer(fingerprint, answer.status, answer.body)
        await insert_answer(tx, route, key, answer=remembered, now=now)
    return answer
