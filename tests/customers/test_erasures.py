"""Erasures outlive the database: what was restored from an older dump forgets again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
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
            assert (again.erased, again.undone) == ((), ())


MERGED: list[tuple[str, tuple[str, ...], str, str, tuple[str, ...]]] = [
    # Of a, b, c and d: what the dump merged (survivor first), who was erased in truth, whose records
    # are left, and which merges.
    ("a part that stood alone when it was erased", ("ab",), "b", "acd", ()),
    ("a survivor who stood alone", ("ab",), "a", "bcd", ()),
    ("one person with all parts", ("ab", "ac"), "abc", "d", ()),
    ("a part of a part, and the others are one again", ("bc", "ab"), "c", "ad", ("ab",)),
    ("a part of many, and the others are one again", ("ab", "ac", "ad"), "c", "a", ("ab", "ad")),
    ("two of three", ("bc", "ab"), "bc", "ad", ()),
    ("somebody else than those who were merged", ("ab",), "c", "ad", ("ab",)),
]


@pytest.mark.parametrize(
    ("merged", "erased", "left", "stand"),
    [pytest.param(*row[1:], id=row[0]) for row in MERGED],
)
async def test_merges_that_the_dump_knows_another_way(
    database: Database,
    project: Project,
    tmp_path: Path,
    *,
    merged: tuple[str, ...],
    erased: str,
    left: str,
    stand: tuple[str, ...],
) -> None:
    async with database.transaction(project.project_id) as tx:
        people = {
            name: await upsert_customer(
                tx,
                CustomerDraft(source_id=name, name=f"Zebra {name}", phone="+8613912345678"),
                now=NOW,
            )
            for name in "abcd"
        }
        for name in people:
            order = OrderDraft(
                source_id=f"o-{name}", customer_id=name, amount_minor=1, metadata={"for": name}
            )
            await create_order(tx, order, now=NOW)
        for number, pair in enumerate(merged):
            at = NOW + timedelta(minutes=number)
            survivor, part = (people[name].id for name in pair)
            await merge_customers(tx, survivor, part, by="Test", reason="same", now=at)
    log = tmp_path / "erasures.jsonl"
    lines = [
        Erasure(project=project.id, customer=people[name].id, thorough=True, at=NOW)
        for name in erased
    ]
    log.write_bytes(msgspec.json.Encoder().encode_lines(lines))
    replayed = await replay_log(database, log, clock=lambda: LATER)
    assert set(replayed.erased) == {people[name].id for name in erased}
    async with database.transaction(project.project_id) as tx:
        assert {one.id for one in (await list_customers(tx)).items} == {
            people[name].id for name in left
        }
        for pair in stand:
            assert (await get_customer(tx, pair[1])).id == people[pair[0]].id
        for name in people:
            order = await get_order(tx, f"o-{name}")
            assert order.metadata == ({} if name in erased else {"for": name}), name
        keys = await list_data_keys(tx, [people[name].id for name in erased])
        assert set(keys.values()) == {None}
    assert (await replay_log(database, log, clock=lambda: LATER)).erased == ()


def test_a_log_survives_a_crash_and_tells_its_faults(tmp_path: Path) -> None:
    log = tmp_path / "erasures.jsonl"
    assert read_erasures(log) == []
    whole = b'{"project":"p","customer":"c","thorough":true,"at":"2026-03-01T12:00:00Z"}\n'
    log.write_bytes(whole + b'{"project":"p","cust')
    assert read_erasures(log) == [Erasure(project="p", customer="c", thorough=True, at=NOW)]
    log.write_bytes(whole + b"nonsense\n")
    with pytest.raises(InvalidInput, match="Line 2"):
        read_erasures(log)
