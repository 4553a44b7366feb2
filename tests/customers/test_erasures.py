"""Erasures outlive the database: what was restored from an older dump forgets again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from conftest import NOW
from customers.test_personal_data import ZEBRA, read_all, seen
from kaquan.customers import (
    Customer,
    CustomerDraft,
    OrderDraft,
    create_order,
    delete_customer,
    erase_customer,
    get_customer,
    get_order,
    list_customers,
    merge_customers,
    replay_log,
    upsert_customer,
)
from kaquan.customers.erasures import Erasure, log_erasures, read_erasures
from kaquan.customers.store.data_keys import list_data_keys
from kaquan.runtime import (
    Database,
    InvalidInput,
    Project,
    create_project,
    migrate,
    open_database,
)

LATER = NOW + timedelta(days=1)


@asynccontextmanager
async def _restorable(
    postgres_url: str,
) -> AsyncGenerator[tuple[str, str]]:
    """Two names of databases on the test server that are dropped at the end; the first migrated."""
    names = ("test_erased", "test_restored")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        drop = sql.SQL("drop database if exists {} with (force)")
        for name in names:
            server.execute(drop.format(sql.Identifier(name)))
        server.execute(sql.SQL("create database {}").format(sql.Identifier(names[0])))
        migrate(make_conninfo(postgres_url, dbname=names[0]))
        try:
            yield names
        finally:
            for name in names:
                server.execute(drop.format(sql.Identifier(name)))


async def _fill(database: Database) -> tuple[Project, list[Customer]]:
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Shop", currency="CNY", time_zone="Asia/Shanghai", language="en", now=NOW
        )
        people = [
            await upsert_customer(tx, ZEBRA, now=NOW),
            await upsert_customer(tx, CustomerDraft(source_id="y", name="Zebra Y"), now=NOW),
            await upsert_customer(tx, CustomerDraft(source_id="stays", name="Stays"), now=NOW),
        ]
        order = OrderDraft(
            source_id="o", customer_id="z", amount_minor=500, metadata={"to": "Zebra"}
        )
        await create_order(tx, order, now=NOW)
    return project, people


async def test_a_restored_database_forgets_again(postgres_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log" / "erasures.jsonl"
    async with _restorable(postgres_url) as (erased, restored):
        url, restored_url = (make_conninfo(postgres_url, dbname=n) for n in (erased, restored))
        async with open_database(url, pool_size=2) as database:
            project, people = await _fill(database)
        with psycopg.connect(postgres_url, autocommit=True) as server:
            copy = sql.SQL("create database {} template {}")
            server.execute(copy.format(sql.Identifier(restored), sql.Identifier(erased)))
        async with open_database(url, pool_size=2) as database:
            async with database.transaction(project.project_id) as tx:
                await erase_customer(tx, "z", now=LATER)
                await delete_customer(tx, "y", now=LATER)
            assert await log_erasures(database, log, clock=lambda: LATER) == 2
            assert await log_erasures(database, log, clock=lambda: LATER) == 0
        async with open_database(restored_url, pool_size=2) as database:
            async with database.transaction(project.project_id) as tx:
                assert (await get_customer(tx, "z")).name == "Zebra Quokka"
            replayed = await replay_log(database, log, clock=lambda: LATER)
            assert sorted(replayed.erased) == sorted(one.id for one in people[:2])
            async with database.transaction(project.project_id) as tx:
                assert [one.name for one in (await list_customers(tx)).items] == ["Stays"]
                assert set(await list_data_keys(tx, replayed.erased)) == set(replayed.erased)
                assert seen(await read_all(tx)) == set()
                assert (await get_order(tx, "o")).amount_minor == 500
            again = await replay_log(database, log, clock=lambda: LATER)
            assert (again.erased, again.merged) == ((), ())


async def test_who_is_part_of_another_person_is_reported(
    database: Database, project: Project, tmp_path: Path
) -> None:
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, ZEBRA, now=NOW)
        part = await upsert_customer(tx, CustomerDraft(source_id="y", name="Y"), now=NOW)
        await merge_customers(tx, "z", "y", by="Test", reason="same", now=NOW)
    log = tmp_path / "erasures.jsonl"
    line = b'{"project":"%b","customer":"%b","thorough":true,"at":"2026-03-01T12:00:00Z"}\n'
    log.write_bytes(line % (project.id.encode(), part.id.encode()))
    replayed = await replay_log(database, log, clock=lambda: LATER)
    assert (replayed.erased, replayed.merged) == ((), (part.id,))
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "z")).name == "Zebra Quokka"


def test_a_log_survives_a_crash_and_tells_its_faults(tmp_path: Path) -> None:
    log = tmp_path / "erasures.jsonl"
    assert read_erasures(log) == []
    whole = b'{"project":"p","customer":"c","thorough":true,"at":"2026-03-01T12:00:00Z"}\n'
    log.write_bytes(whole + b'{"project":"p","cust')
    assert read_erasures(log) == [Erasure(project="p", customer="c", thorough=True, at=NOW)]
    log.write_bytes(whole + b"nonsense\n")
    with pytest.raises(InvalidInput, match="Line 2"):
        read_erasures(log)
