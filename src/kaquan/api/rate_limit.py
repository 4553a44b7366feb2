"""Limits of a key's requests, told in the headers of the IETF's draft of RateLimit fields.

A key may have a number of requests a minute; without one nothing is counted. Each web process
counts by itself, in memory, so a key gets up to as many times its limit as there are processes,
and no request waits for the database because of it. Windows are fixed and a minute long.
"""

from datetime import datetime, timedelta
from typing import cast

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from kaquan.runtime import KaquanError
from kaquan.trust import Caller

WINDOW = timedelta(minutes=1)
MOST_KEYS = 10_000
POLICY = "key"

_STATE = "kaquan_rate_limit"


class RateExceeded(KaquanError):
    """The key has sent as many requests as it may in this minute."""

    key = "too_many_requests"


class Allowance(msgspec.Struct, frozen=True):
    """What a key may send: ``limit`` a minute, ``left`` of them, for ``seconds`` to come."""

    limit: int
    left: int
    seconds: int


class RequestCounter:
    """Counts of this process, by key, for the minute that each began with."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[datetime, int]] = {}

    def count(self, key_id: str, limit: int, *, now: datetime) -> Allowance:
        """Count one more request. Raises RateExceeded beyond the limit."""
        began, sent = self._counts.get(key_id, (now, 0))
        if not timedelta(0) <= now - began < WINDOW:
            began, sent = now, 0
        if key_id not in self._counts and len(self._counts) >= MOST_KEYS:
            del self._counts[next(iter(self._counts))]
        seconds = max(1, round((began + WINDOW - now).total_seconds()))
        if sent >= limit:
            message = f"This key may send {limit} requests a minute."
            raise RateExceeded(message, retry_after_s=seconds)
        self._counts[key_id] = began, sent + 1
        return Allowance(limit, limit - sent - 1, seconds)


def limit_requests(scope: Scope, caller: Caller, *, now: datetime) -> None:
    """Count a request of a key that has a limit. Raises RateExceeded."""
    limit = caller.requests_per_minute
    if limit is None:
        return
    counter = cast("RequestCounter", scope["litestar_app"].state.request_counter)
    try:
        allowance = counter.count(caller.key_id, limit, now=now)
    except RateExceeded as error:
        wait = error.details["retry_after_s"]
        assert isinstance(wait, int)
        scope["state"][_STATE] = Allowance(limit, 0, wait)
        raise
    scope["state"][_STATE] = allowance


async def tell_allowance(message: Message, scope: Scope) -> None:
    """Put what is left of a key's limit on the answer (a hook before sending)."""
    if message["type"] != "http.response.start":
        return
    allowance = scope["state"].get(_STATE)
    if isinstance(allowance, Allowance):
        headers = MutableScopeHeaders(message)
        window = int(WINDOW.total_seconds())
        headers["RateLimit-Policy"] = f'"{POLICY}";q={allowance.limit};w={window}'
        headers["RateLimit"] = f'"{POLICY}";r={allowance.left};t={allowance.seconds}'
