"""The lake has what is committed, once, whatever the order of commits and the runs that died."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from pyarrow import parquet

from insight.copying import copy_lake
from insight.lake.conftest import NOW, Sync
from insight.rows import Attempt, Sale, add_attempt, add_campaign, add_customers, add_sale, publish
from kaquan.insight.lake import (
    TABLES,
    Storage,
    check_lake,
    compact_lake,
    lake_arrow_schema,
    list_files,
    sync_lake,
)
from kaquan.runtime import Database, InvalidInput, Project

PARQUET: Any = parquet
ARROW: Any = pa


async def _read(database: Database, project: Project, storage: Storage, table: str) -> list[Any]:
    async with database.transaction(project.project_id) as tx:
        files = await list_files(tx, [table])
    parts = [PARQUET.read_table(storage.address(one.path), partitioning=None) for one in files]
    return ARROW.concat_tables(parts).to_pylist() if parts else []


async def _sell(database: Database, project: Project, at: datetime, amount: int) -> str:
    async with database.transaction(project.project_id) as tx:
        return await add_sale(tx, Sale(customer_id=None, at=at, amount=amount))


async def test_the_first_run_copies_what_was_there_and_later_ones_what_changed(
    database: Database, project: Project, storage: Storage, sync: Sync, try_once: Sync
) -> None:
    old = datetime(2025, 6, 3, 18, 30, tzinfo=UTC)
    await _sell(database, project, old, 100)
    await _sell(database, project, old + timedelta(days=9), 200)
    await _sell(database, project, NOW, 300)
    assert (await try_once()).waiting
    first = await sync()
    assert (first.waiting, first.rows) == (False, 3)
    rows = await _read(database, project, storage, "orders")
    # 18:30 UTC is half past two of the next day in Shanghai.
    assert [(row["amount_minor"], str(row["day"]), row["hour"]) for row in rows] == [
        (100, "2025-06-04", 2),
        (200, "2025-06-13", 2),
        (300, "2026-03-18", 12),
    ]
    async with database.transaction(project.project_id) as tx:
        spans = [(str(one.low), str(one.high)) for one in await list_files(tx, ["orders"])]
    assert spans == [("2025-06-01", "2025-07-01"), ("2026-03-18", "2026-03-19")]
    assert (await sync()).files == 0
    await _sell(database, project, NOW, 400)
    again = await sync()
    assert (again.files, again.rows) == (2, 2), "the day of orders, and of their lines"
    amounts = [row["amount_minor"] for row in await _read(database, project, storage, "orders")]
    assert sorted(amounts) == [100, 200, 300, 400]


async def test_a_late_commit_is_not_skipped(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    await sync()
    async with database.transaction(project.project_id) as late:
        await add_sale(late, Sale(customer_id=None, at=NOW, amount=1))
        await _sell(database, project, NOW, 10)
        await sync()
        assert len(await _read(database, project, storage, "orders")) == 1
    await sync()
    assert len(await _read(database, project, storage, "orders")) == 2


async def test_the_first_copy_waits_for_what_began_before_the_triggers_noted(
    database: Database, project: Project, storage: Storage, sync: Sync, try_once: Sync
) -> None:
    async with database.transaction(project.project_id) as early:
        await add_sale(early, Sale(customer_id=None, at=NOW, amount=1))
        assert (await try_once()).waiting
        assert (await try_once()).waiting, "the early transaction has noted nothing and still runs"
    assert not (await sync()).waiting
    assert len(await _read(database, project, storage, "orders")) == 1


async def test_a_run_that_dies_leaves_the_lake_as_it_was(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    await sync()
    await _sell(database, project, NOW, 7)
    async with database.transaction(project.project_id) as tx:
        await sync_lake(tx, storage, now=NOW)
        await tx.rollback()
    assert await _read(database, project, storage, "orders") == []
    await sync()
    assert len(await _read(database, project, storage, "orders")) == 1
    async with database.transaction(project.project_id) as tx:
        before = len(storage.list_paths(f"schema=1/project={project.id}"))
        await compact_lake(tx, storage, now=NOW)
        after = storage.list_paths(f"schema=1/project={project.id}")
        known = {one.path for one in await list_files(tx, list(TABLES))}
    assert (before > len(after), set(after)) == (True, known)


async def test_the_first_copy_waits_for_nobody_in_another_database(
    database: Database, project: Project, sync: Sync, try_once: Sync, postgres_url: str
) -> None:
    await _sell(database, project, NOW, 100)
    elsewhere = make_conninfo(postgres_url, dbname="postgres")
    async with await AsyncConnection.connect(elsewhere) as other:
        await other.execute("select pg_current_xact_id()")
        assert (await try_once()).waiting
        assert not (await sync()).waiting


async def test_returns_rollbacks_and_erasure_reach_the_copy(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_customers(tx, "ada", at=NOW)
        campaign = await add_campaign(tx)
        voucher = await publish(tx, campaign, "ada", at=NOW)
        used = await add_attempt(tx, Attempt(campaign_id=campaign, voucher_id=voucher, at=NOW))
        await tx.execute(
            "insert into event (id, customer_id, name, at, created_at)"
            " values ('ev', 'ada', 'seen', %(at)s, %(at)s)",
            {"at": NOW},
        )
    await sync()
    assert [row["stands"] for row in await _read(database, project, storage, "redemption")] == [
        True
    ]
    assert len(await _read(database, project, storage, "event")) == 1
    async with database.transaction(project.project_id) as tx:
        back = Attempt(
            campaign_id=campaign, voucher_id=voucher, at=NOW, kind="rollback", reverses_id=used
        )
        await add_attempt(tx, back)
        await tx.execute("update customer set erased_at = %s where id = 'ada'", (NOW,))
        await tx.execute("delete from event where customer_id = 'ada'")
    await sync()
    rows = await _read(database, project, storage, "redemption")
    assert {row["id"]: row["stands"] for row in rows}[used] is False
    assert [row["erased"] for row in await _read(database, project, storage, "customer")] == [True]
    assert await _read(database, project, storage, "event") == []
    async with database.transaction(project.project_id) as tx:
        later = NOW + timedelta(minutes=11)
        await compact_lake(tx, storage, now=later)
    left = storage.list_paths(f"schema=1/project={project.id}")
    assert [path for path in left if "/event/" in path] == []


async def test_no_file_has_a_column_about_a_person() -> None:
    told = {"name", "email", "phone", "birth_date", "address", "metadata", "description"}
    for table in ("customer", "orders", "redemption", "publication", "message", "voucher"):
        assert not told & set(lake_arrow_schema(table).names), table


async def test_compaction_makes_a_month_of_its_days(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    await sync()
    for day in (1, 2, 30):
        await _sell(database, project, datetime(2026, 1, day, tzinfo=UTC), day)
    await sync()
    async with database.transaction(project.project_id) as tx:
        assert len(await list_files(tx, ["orders"])) == 3
        assert await compact_lake(tx, storage, now=NOW) == 1
        (file,) = await list_files(tx, ["orders"])
    assert (str(file.low), str(file.high), file.row_count) == ("2026-01-01", "2026-02-01", 3)
    await _sell(database, project, datetime(2026, 1, 9, tzinfo=UTC), 5)
    await sync()
    assert len(await _read(database, project, storage, "orders")) == 4


async def test_the_check_names_what_is_missing(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    await _sell(database, project, NOW, 7)
    await sync()
    async with database.snapshot(project.project_id) as tx:
        assert await check_lake(tx, storage) == []
        (file,) = await list_files(tx, ["orders"])
        storage.delete(file.path)
        (fault,) = await check_lake(tx, storage)
    assert (fault.subject, fault.what) == (file.path, "is missing")


async def test_another_time_zone_copies_everything_anew(
    database: Database, project: Project, storage: Storage, sync: Sync
) -> None:
    await _sell(database, project, datetime(2026, 3, 17, 20, tzinfo=UTC), 7)
    await sync()
    async with database.transaction(project.project_id) as tx:
        await tx.execute("update project set time_zone = 'UTC'")
    await sync()
    assert [str(row["day"]) for row in await _read(database, project, storage, "orders")] == [
        "2026-03-17"
    ]


async def test_a_lake_may_lie_anywhere_that_fsspec_knows(
    database: Database, project: Project
) -> None:
    memory = Storage(f"memory://lake-{project.id}")
    await _sell(database, project, NOW, 7)
    assert (await copy_lake(database, project.project_id, memory, now=NOW)).rows == 1
    async with database.transaction(project.project_id) as tx:
        assert await check_lake(tx, memory) == []
    with pytest.raises(InvalidInput, match="KAQUAN_LAKE"):
        Storage("nowhere://bucket")
