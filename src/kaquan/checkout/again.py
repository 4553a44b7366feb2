"""Trying a transaction again that lost against another one."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg import errors as postgres

from kaquan.checkout.model import Contended

ATTEMPTS = 4
LONGEST_PAUSE_S = 0.02
LOST_RACES = (
    Contended,
    postgres.DeadlockDetected,
    postgres.SerializationFailure,
    postgres.UniqueViolation,
)
"""A duplicate that rooms know of is a Duplicate; what the database alone refused as one is two
transactions that entered the same thing at once."""

_CHANCE = random.SystemRandom()

Result = TypeVar("Result")


async def try_again(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Attempt a transaction up to ``ATTEMPTS`` times, as long as others get in its way."""
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except LOST_RACES:
            # Contenders that waited for each other shall not all come back at once.
            await asyncio.sleep(_CHANCE.uniform(0, LONGEST_PAUSE_S * number))
    return await attempt()
