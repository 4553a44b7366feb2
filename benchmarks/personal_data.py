"""What it costs that personal data is sealed: customers written and read, with and without.

The product's own paths on one server, in turns: a bulk load (COPY and merge), customers entered
one by one as the API enters them, and pages of 1,000 read as lists and exports read them. Without:
the same code with a vault that seals nothing and whose digests are the values themselves; so what
is compared is the work of the ciphers and the size of what they make.

Also: opening a project's keys, which the master key wraps, against reading their rows alone, as a
process does every ten minutes a project; and erasing people, with and without exports of
everybody waiting to be fetched, which are searched for them.

Prints one line of JSON: for each path customers a second, the same without, and the ratio; the
bytes that a customer takes in the table (without indexes); microseconds and milliseconds. Size: ``python -m
benchmarks.personal_data [customers]``, by default 20,000.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from kaquan.customers import (
    CustomerDraft,
    erase_customer,
    list_customers,
    load_customers,
    upsert_customer,
)
from kaquan.runtime import (
    Database,
    Tx,
    append_to_file,
    create_file,
    create_project,
    embedded_postgres,
    migrate,
    open_database,
    project_memory,
)
from kaquan.trust import VAULT_MEMORY, DataKey, Vault, open_vault

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAMILY, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"
TURNS = 3
PAGE = 1_000
OPENINGS = 500
ERASED = 20
FILES = 5
_FOREVER = float("inf")


class OpenKey(DataKey):
    """A key that seals nothing."""

    def __init__(self) -> None:
        """Make a key of zeros."""
        super().__init__(bytes(64))

    def seal(self, text: str, place: str) -> str:
        """Return the text."""
        return text

    def unseal(self, sealed: str, place: str) -> str:
        """Return the text."""
        return sealed


class OpenVault(Vault):
    """A vault whose keys seal nothing and whose digests are the values."""

    def __init__(self) -> None:
        """Make a vault with a key of zeros."""
        super().__init__({1: bytes(32)}, bytes(32))
        self._key = OpenKey()

    def make_keys(self, owners: Any) -> list[tuple[str, DataKey]]:
        """Return the key that seals nothing for everybody."""
        return [(f"1.{owner}", self._key) for owner in owners]

    def open(self, wrapped: str, owner: str) -> DataKey:
        """Return the key that seals nothing."""
        return self._key

    def blind(self, kind: str, text: str) -> str:
        """Return the text."""
        return text

    def token(self, kind: str, text: str) -> int:
        """Return a number for the text."""
        return hash(text)


class Shop:
    """A project whose personal data is sealed, or one whose is not."""

    def __init__(self, database: Database, project_id: int, *, sealed: bool) -> None:
        """Describe a project."""
        self.database = database
        self.project_id = project_id
        self.sealed = sealed
        self.turn = 0
        self.first = 0

    async def work(self, do: Callable[[Tx], Awaitable[object]]) -> float:
        """Return the seconds that something takes in a transaction, with its commit."""
        started = time.perf_counter()
        async with self.database.transaction(self.project_id) as tx:
            if not self.sealed:
                project_memory(tx)[VAULT_MEMORY] = OpenVault(), _FOREVER
            await open_vault(tx)
            await do(tx)
        return time.perf_counter() - started


def main() -> None:
    """Measure in turns and print."""
    quick = bool(os.environ.get("KAQUAN_BENCH_QUICK"))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else (2_000 if quick else 20_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder) as url:
            migrate(url)
            sys.stdout.write(json.dumps(asyncio.run(measure(url, count))) + "\n")


async def measure(url: str, count: int) -> dict[str, object]:
    """Return the figures."""
    rates: dict[str, dict[bool, list[float]]] = {}
    async with open_database(url) as database:
        shops = [await open_shop(database, sealed=sealed) for sealed in (True, False)]
        for _ in range(TURNS):
            for shop in shops:
                for path, rate in (await take_turn(shop, count)).items():
                    rates.setdefault(path, {}).setdefault(shop.sealed, []).append(rate)
        sizes = [row_bytes(url, shop.project_id) for shop in shops]
        keys = await open_keys(shops[0])
        erasures = await erase_people(shops[0], count)
    result: dict[str, object] = {"name": "personal_data", "customers": count, "turns": TURNS}
    for path, found in rates.items():
        ours, theirs = statistics.median(found[True]), statistics.median(found[False])
        result[path] = {
            "value": round(ours),
            "baseline": round(theirs),
            "ratio": round(ours / theirs, 3),
        }
    written: Any = result["load"]
    return result | {
        "ratio": written["ratio"],
        "unit": "customers/s",
        "row_bytes": sizes[0],
        "row_bytes_open": sizes[1],
        "open_keys_us": keys,
        "erase_ms": erasures,
    }


async def open_shop(database: Database, *, sealed: bool) -> Shop:
    """Make a project."""
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Benchmark", currency="CNY", time_zone="Asia/Shanghai", language="zh", now=NOW
        )
    return Shop(database, project.project_id, sealed=sealed)


async def take_turn(shop: Shop, count: int) -> dict[str, float]:
    """Return customers a second: loaded, entered one by one, and read."""
    shop.turn += 1
    shop.first = first = shop.turn * count
    table = people(first, count)
    singles = [draft(first + count * 100 + number) for number in range(count // 20)]

    async def load(tx: Tx) -> None:
        await load_customers(tx, table, now=NOW)

    async def enter(tx: Tx) -> None:
        for one in singles:
            await upsert_customer(tx, one, now=NOW)

    async def read(tx: Tx) -> None:
        cursor = None
        for _ in range(count // PAGE):
            page = await list_customers(tx, limit=PAGE, cursor=cursor)
            cursor = page.next_cursor

    return {
        "load": count / await shop.work(load),
        "enter": len(singles) / await shop.work(enter),
        "read": count // PAGE * PAGE / await shop.work(read),
    }


async def open_keys(shop: Shop) -> dict[str, float]:
    """Return the microseconds of reading and unwrapping a project's keys, and of reading alone."""
    spent: dict[str, list[float]] = {"value": [], "baseline": []}
    async with shop.database.transaction(shop.project_id) as tx:
        for _ in range(OPENINGS):
            started = time.perf_counter()
            await open_vault(tx, afresh=True)
            read = time.perf_counter()
            cursor = await tx.execute(
                "select project_id, purpose, key, master from project_key"
                " where starts_with(purpose, %s)",
                ("personal ",),
            )
            await cursor.fetchall()
            spent["value"].append(read - started)
            spent["baseline"].append(time.perf_counter() - read)
    return {name: round(statistics.median(each) * 1e6) for name, each in spent.items()}


async def erase_people(shop: Shop, count: int) -> dict[str, float]:
    """Return the milliseconds of an erasure beside FILES exports of ``count`` people, and beside none."""
    spent = {"baseline": await erase_some(shop, 0)}
    rows = b"".join(
        f"{number},{name_of(number)},m{number}@elsewhere.example,+86139{number % 10**8:08}\n".encode()
        for number in range(count)
    )
    async with shop.database.transaction(shop.project_id) as tx:
        for number in range(FILES):
            await append_to_file(tx, await create_file(tx, f"{number}.csv", now=NOW), rows)
    spent["value"] = await erase_some(shop, ERASED)
    return {name: round(each * 1e3, 1) for name, each in spent.items()} | {
        "searched_mb": round(FILES * len(rows) / 1e6, 1)
    }


async def erase_some(shop: Shop, first: int) -> float:
    """Erase ERASED people, the first ones of the first load, and return the median seconds."""
    spent: list[float] = []
    for number in range(first, first + ERASED):

        async def erase(tx: Tx, name: str = f"m{shop.first + number}") -> None:
            await erase_customer(tx, name, now=NOW)

        spent.append(await shop.work(erase))
    return statistics.median(spent)


def people(first: int, count: int) -> pa.Table:
    """Return customers as a load takes them."""
    numbers = range(first, first + count)
    return pa.table(
        {
            "source_id": [f"m{number}" for number in numbers],
            "name": [name_of(number) for number in numbers],
            "email": [f"m{number}@example.com" for number in numbers],
            "phone": [f"+86138{number % 10**8:08}" for number in numbers],
            "address": [
                json.dumps({"city": "上海", "line_1": f"{number}号", "postal_code": "200000"})
                for number in numbers
            ],
        }
    )


def draft(number: int) -> CustomerDraft:
    """Return a customer as the API takes one."""
    return CustomerDraft(
        source_id=f"m{number}",
        name=name_of(number),
        email=f"m{number}@example.com",
        phone=f"+86138{number % 10**8:08}",
        address={"city": "上海", "line_1": f"{number}号", "postal_code": "200000"},
    )


def name_of(number: int) -> str:
    """Return one of a thousand names."""
    return FAMILY[number % 10] + GIVEN[number // 10 % 10] + GIVEN[number // 100 % 10]


def row_bytes(url: str, project_id: int) -> int:
    """Return how many bytes a customer's row takes on average."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select avg(pg_column_size(c.*)) from kaquan.customer c where c.project_id = %s",
            (project_id,),
        ).fetchone()
    assert found is not None
    return round(found[0])


if __name__ == "__main__":
    main()
