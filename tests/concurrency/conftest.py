"""A database whose limits nobody guards, for the twins of races, which must be lost."""

from collections.abc import AsyncGenerator, Generator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from concurrency.races import CONTENDERS
from kaquan.runtime import Database, migrate, open_database


@pytest.fixture
def unprotected_url(postgres_url: str) -> Generator[str]:
    """The URL of a database like the others, without the constraints that guard limits."""
    name = f"{conninfo_to_dict(postgres_url)['dbname']}_unprotected"
    url = make_conninfo(postgres_url, dbname=name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            migrate(url)
            with psycopg.connect(url) as owner:
                owner.execute("set search_path = kaquan")
                owner.execute("alter table account drop constraint account_not_overdrawn")
                owner.execute("alter table transfer drop constraint transfer_not_returned_twice")
                owner.execute("drop index redemption_rolled_back_once")
                owner.execute(
                    "alter table redemption drop constraint redemption_not_returned_twice"
                )
            yield url
        finally:
            connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            )


@pytest.fixture
async def unprotected(unprotected_url: str) -> AsyncGenerator[Database]:
    """A pool on a database without the constraints that guard limits."""
    async with open_database(unprotected_url, pool_size=CONTENDERS + 2) as database:
        yield database
