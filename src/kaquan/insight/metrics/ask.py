"""Asking for figures from where nothing may wait: DuckDB works in a thread beside the server's."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from kaquan.insight.lake import lake_of
from kaquan.insight.metrics.engine import Engine, Source
from kaquan.insight.metrics.model import Question
from kaquan.runtime import Project, Settings

Found = TypeVar("Found")
USUAL_DAYS = 30


async def work_out(settings: Settings, source: Source, ask: Callable[[Engine], Found]) -> Found:
    """Return what ``ask`` finds on an engine of its own. Raises InvalidInput as ``Engine`` does."""

    def answer() -> Found:
        with Engine(settings, lake_of(settings), source) as engine:
            return ask(engine)

    return await asyncio.to_thread(answer)


def usual_window(project: Project, *, now: datetime) -> Question:
    """Return the thirty days up to today, of the project's calendar."""
    today = now.astimezone(project.zone).date()
    return Question(since=today - timedelta(days=USUAL_DAYS - 1), until=today)
