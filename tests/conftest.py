"""One embedded PostgreSQL for the whole run, a database a worker, a fresh project a test.

Set ``KAQUAN_TEST_DATABASE_URL`` to run against another server; its user must be allowed to
create databases.
"""

import base64
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from psycopg import sql
from psycopg.conninfo import make_conninfo

from kaquan.runtime import (
    Database,
    Project,
    Tx,
    create_project,
    embedded_postgres,
    migrate,
    open_database,
)

# As an operator sets it; processes that tests start inherit it.
os.environ.setdefault("KAQUAN_MASTER_KEY", base64.b64encode(bytes(32)).decode())

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be of those tests alone that meet the tests' database."""
    parser.addoption(
        "--on-database", action="store_true", help="Only the tests that use the tests' database."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another server cannot change, where that was asked for."""
    if not config.getoption("on_database"):
        return
    meeting = [one for one in items if "postgres_url" in getattr(one, "fixturenames", ())]
    config.hook.pytest_deselected(items=[one for one in items if one not in set(meeting)])
    items[:] = meeting


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Generator[None]:
    """Let hashing a password take no time; how long it takes is argon2's own affair."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("kaquan.trust.passwords._hasher", quick)
        yield


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[str]:
    """The URL of an empty, migrated database that belongs to this test worker."""
    name = f"test_{worker_id}"
    with ExitStack() as stack:
        outside = os.environ.get("KAQUAN_TEST_DATABASE_URL")
        if outside:
            with psycopg.connect(outside, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("drop database if exists {}").format(sql.Identifier(name))
                )
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            url = make_conninfo(outside, dbname=name)
        else:
            url = stack.enter_context(
                embedded_postgres(
                    _shared_folder(tmp_path_factory, worker_id), database=name, durable=False
                )
            )
        migrate(url)
        yield url


def _shared_folder(factory: pytest.TempPathFactory, worker_id: str) -> Path:
    base = factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "server"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(postgres_url: str) -> AsyncGenerator[Database]:
    """A pool on the worker's database, in the application's role."""
    async with open_database(postgres_url, pool_size=20) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def project(database: Database) -> AsyncGenerator[Project]:
    """A project of its own for each test: tests share a database and never see each other."""
    async with database.transaction() as tx:
        opened = await create_project(
            tx,
            "Test shop",
            currency="CNY",
            time_zone="Asia/Shanghai",
            language="en",
            now=NOW,
        )
    yield opened
    await _leave(database, opened)


async def _leave(database: Database, project: Project) -> None:
    """Shut a project and drop its jobs, so that no later test's worker has work with it."""
    async with database.transaction(project.project_id) as tx:
        await tx.execute(
            "update project set closed_at = now() where project_id = current_project()"
        )
        await tx.execute(
            "delete from procrastinate_jobs"
            " where status = 'todo' and (args ->> 'project_id')::bigint = current_project()"
        )


@pytest_asyncio.fixture(loop_scope="session")
async def tx(database: Database, project: Project) -> AsyncGenerator[Tx]:
    """An open transaction of the test's project, committed at the end."""
    async with database.transaction(project.project_id) as opened:
        yield opened
