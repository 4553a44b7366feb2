"""One embedded PostgreSQL for the whole run, a database a worker, a fresh project a test.

Set ``KAQUAN_TEST_DATABASE_URL`` to run against another server; its user must be allowed to
create databases.
"""

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

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


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
async def project(database: Database) -> Project:
    """A project of its own for each test: tests share a database and never see each other."""
    async with database.transaction() as tx:
        return await create_project(
            tx,
            "Test shop",
            currency="CNY",
            time_zone="Asia/Shanghai",
            language="en",
            now=NOW,
        )


@pytest_asyncio.fixture(loop_scope="session")
async def tx(database: Database, project: Project) -> AsyncGenerator[Tx]:
    """An open transaction of the test's project, committed at the end."""
    async with database.transaction(project.project_id) as opened:
        yield opened
