"""A lake in a folder, and copying to it as the worker does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insight.copying import copy_lake
from kaquan.insight.lake import Storage, Synced, sync_lake
from kaquan.runtime import Database, Project

NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
Sync = Callable[[], Awaitable[Synced]]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "lake"))


@pytest.fixture
def sync(database: Database, project: Project, storage: Storage) -> Sync:
    async def copy() -> Synced:
        return await copy_lake(database, project.project_id, storage, now=NOW)

    return copy


@pytest.fixture
def try_once(database: Database, project: Project, storage: Storage) -> Sync:
    async def copy() -> Synced:
        async with database.transaction(project.project_id) as tx:
            return await sync_lake(tx, storage, now=NOW)

    return copy
