"""Migrations: once, however many processes start, and never on a server that is too old."""

import os
import subprocess
import sys
from collections.abc import Generator
from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from kaquan.runtime import Unavailable, migrate

PROGRAM = "import sys; from kaquan.runtime import migrate; print(migrate(sys.argv[1]))"
# Test processes share a server.
NAMES = (f"migrated_{os.getpid()}_{number}" for number in count())


@pytest.fixture
def empty_url(postgres_url: str) -> Generator[str]:
    """The URL of a database in which nothing was ever done."""
    name = sql.Identifier(next(NAMES))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        yield make_conninfo(postgres_url, dbname=name.as_string().strip('"'))
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


def _schema(url: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema in ('kaquan', 'jobs') order by 1, 2"
        ).fetchall()


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    revision = migrate(empty_url)
    # A database that is there already is not shown to Alembic, which said where it ends.
    assert revision == sys.modules[migrate.__module__].NEWEST
    before = _schema(empty_url)
    assert migrate(empty_url) == revision
    assert _schema(empty_url) == before
    assert len(before) > 100


def test_processes_that_start_together_migrate_once(empty_url: str, postgres_url: str) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, empty_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [start.communicate() for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    assert said[0][0] == said[1][0] != ""
    assert _schema(empty_url) == _schema(postgres_url)


def test_a_failed_migration_leaves_nothing_half_done(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("create schema kaquan")
        connection.execute("create table kaquan.message (in_the_way integer)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_url)
    assert _schema(empty_url) == [("message", "in_the_way", "integer")]


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        migrate("postgresql://nobody@/nothing?host=/nonexistent&connect_timeout=2")


def test_a_server_that_is_too_old(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A server of that age cannot be had from a package, so the bar is raised above the one at hand.
    monkeypatch.setattr(sys.modules[migrate.__module__], "OLDEST_SUPPORTED", 990000)
    with pytest.raises(Unavailable, match="needs PostgreSQL 99 or later"):
        migrate(empty_url)
    assert _schema(empty_url) == []
