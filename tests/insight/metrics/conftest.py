"""Asking metrics of a project's lake, copied first."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from insight.copying import copy_lake
from kaquan.insight.lake import Storage
from kaquan.insight.metrics import Answer, Engine, Question, answer_metrics, get_metric, read_source
from kaquan.runtime import Database, Project, Settings

NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
MARCH = Question(since=date(2026, 3, 1), until=date(2026, 3, 31))
Ask = Callable[..., Awaitable[dict[str, Answer]]]
Open = Callable[[], Awaitable[Engine]]


@pytest.fixture
def opened(database: Database, project: Project, tmp_path: Path) -> Open:
    async def copy_and_open() -> Engine:
        storage = Storage(str(tmp_path / "lake"))
        await copy_lake(database, project.project_id, storage, now=NOW)
        async with database.snapshot(project.project_id) as tx:
            source = await read_source(tx)
        return Engine(Settings(), storage, source)

    return copy_and_open


@pytest.fixture
def ask(opened: Open) -> Ask:
    async def copy_and_ask(*ids: str, question: Question = MARCH) -> dict[str, Answer]:
        with await opened() as engine:
            return answer_metrics(engine, [get_metric(one) for one in ids], question)

    return copy_and_ask
