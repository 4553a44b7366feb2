"""Letting a run repeat itself: all chance comes from one seed, all time from one clock."""

import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
EPOCH = datetime.fromtimestamp(0, UTC)


class Clock:
    """Simulated time. It only moves forward, mostly a little and now and then by days."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.moment = START

    def tick(self) -> None:
        """Let time pass until the next step."""
        leap = self._chance.random()
        if leap < 0.0015:
            passed = timedelta(days=self._chance.uniform(1, 12))
        elif leap < 0.015:
            passed = timedelta(hours=self._chance.uniform(0.5, 20))
        else:
            passed = SECOND * self._chance.uniform(0.01, 120)
        # Whole milliseconds: what a database keeps, and what identifiers sort by.
        self.moment += round(passed / MILLISECOND) * MILLISECOND

    def on_some_server(self) -> datetime:
        """The time as the server sees it that answers: some are a few seconds slow."""
        slow = self._chance.random() < 0.1
        return self.moment - SECOND * self._chance.randint(1, 4) if slow else self.moment

    def time_ns(self) -> int:
        """The moment, for whoever asks the system's clock."""
        return (self.moment - EPOCH) // MILLISECOND * 1_000_000


@contextmanager
def repeatable(seed: int, clock: Clock) -> Generator[None]:
    """Let identifiers and codes come from the seed and the clock while the block lasts."""
    noise = random.Random(f"noise {seed}")
    with patch.object(os, "urandom", noise.randbytes), patch.object(time, "time_ns", clock.time_ns):
        yield
