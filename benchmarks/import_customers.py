"""How fast customers and order lines come out of CSV files, and how little memory that takes.

The product's own path, as ``kaquan import`` goes it: the file read, its cells cleaned and checked,
merged into what is known, orders put together from their lines, customers' summaries kept. The
baseline: a bare COPY, in the server's binary form and past the row policies, of the very rows that
the import stored into the same tables with the same indexes, constraints and triggers. Both start
with empty tables, end with a commit, and run one after the other on the same server, in three rounds.

Prints one line of JSON: ``ratio`` is of customers, ``orders_ratio`` of order lines. What our work
costs on top of a table without any index is told by ``text_ratio`` and ``text_orders_ratio``: there
the baseline is a COPY of the file into a table of texts, which checks, finds and indexes nothing.
``peak_mib`` is the process's resident memory at its highest, ``peak_of_tenth_mib`` that after files
of a tenth of the size. Sizes: ``python -m benchmarks.import_customers [customers] [orders]``, by
default 100,000 customers and 20,000 orders of ten lines.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg import sql

from kaquan.customers import Mapping, PathImport, Subject, import_path
from kaquan.runtime import (
    ActionStatus,
    Database,
    calm_collector,
    create_project,
    embedded_postgres,
    migrate,
    open_database,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 3
LINES_AN_ORDER = 10
CUSTOMER_COLUMNS = ("id", "name", "phone", "email", "birthday", "city", "level")
LINE_COLUMNS = ("order_id", "order_date", "customer_id", "product_id", "quantity", "unit_price")
FAMILY, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"


class Rates(NamedTuple):
    """Seconds: our import, COPY of the stored rows, COPY of the file's texts."""

    own: float
    same: float
    texts: float


def main() -> None:
    """Run a tenth, then the whole, and print the ratios and the memory."""
    calm_collector()  # as the worker does
    quick = bool(os.environ.get("KAQUAN_BENCH_QUICK"))
    given = [int(number) for number in sys.argv[1:3]]
    customers, orders = given or ((5_000, 1_000) if quick else (100_000, 20_000))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "server") as url:
            migrate(url)
            measure(url, folder, customers // 10, orders // 10)
            peak_of_tenth = peak_mib()
            # In turns, and the best of each counts: what else the machine does should hit both alike.
            rounds = [measure(url, folder, customers, orders) for _ in range(ROUNDS)]
    people, rows = (best([one[which] for one in rounds]) for which in (0, 1))
    lines = orders * LINES_AN_ORDER
    result = {
        "name": "import_customers",
        "value": round(customers / people.own),
        "baseline": round(customers / people.same),
        "ratio": round(people.same / people.own, 3),
        "unit": "customers/s",
        "customers": customers,
        "lines": lines,
        "lines_per_s": round(lines / rows.own),
        "orders_ratio": round(rows.same / rows.own, 3),
        "text_ratio": round(people.texts / people.own, 3),
        "text_orders_ratio": round(rows.texts / rows.own, 3),
        "peak_mib": peak_mib(),
        "peak_of_tenth_mib": peak_of_tenth,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def best(rounds: list[Rates]) -> Rates:
    """Return the least seconds of each kind."""
    return Rates(*(min(seconds) for seconds in zip(*rounds, strict=True)))


def peak_mib() -> int:
    """Return the highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(url: str, folder: Path, customers: int, orders: int) -> tuple[Rates, Rates]:
    """Write both files and import them into a fresh project; COPY what came of that, and the files."""
    people, lines = folder / "people.csv", folder / "lines.csv"
    write_file(people, CUSTOMER_COLUMNS, customer_rows(customers))
    write_file(lines, LINE_COLUMNS, line_rows(orders, customers))
    people_texts = copy_texts(url, people, CUSTOMER_COLUMNS)
    lines_texts = copy_texts(url, lines, LINE_COLUMNS)
    own = asyncio.run(own_import(url, people, lines))
    same = copy_same(url, folder)
    return Rates(own[0], same[0], people_texts), Rates(own[1], same[1], lines_texts)


async def own_import(url: str, people: Path, lines: Path) -> tuple[float, float]:
    """Return the seconds that each file takes, looked at, guessed, checked and stored."""
    async with open_database(url) as database:
        async with database.transaction() as tx:
            project = await create_project(
                tx, "Benchmark", currency="CNY", time_zone="Asia/Shanghai", language="zh", now=NOW
            )
        first = await timed(database, project.project_id, Subject.CUSTOMERS, people)
        second = await timed(database, project.project_id, Subject.ORDERS, lines)
    return first, second


async def timed(database: Database, project_id: int, subject: Subject, path: Path) -> float:
    """Import a file and return the seconds; every row must have been accepted."""
    mapping = None
    if subject is Subject.CUSTOMERS:
        fields = {"source_id": "id", "birth_date": "birthday", "address.city": "city"}
        fields |= {name: name for name in ("name", "phone", "email")}
        mapping = Mapping(fields=fields, metadata={"level": "level"})
    asked = PathImport(subject=subject, path=path, mapping=mapping)
    started = time.perf_counter()
    _, action = await import_path(database, project_id, asked, clock=lambda: NOW)
    elapsed = time.perf_counter() - started
    if action.status is not ActionStatus.DONE or (action.result or {})["failed_count"]:
        raise RuntimeError(action.result)
    return elapsed


def copy_same(url: str, folder: Path) -> list[float]:
    """Return the seconds that a COPY of the stored customers, and of the orders, takes.

    The tables are emptied for it, and are empty afterwards.
    """
    path = folder / "rows"
    tables = ("customer", "orders")
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = kaquan")
        parts: dict[str, sql.Composed] = {}
        for table in tables:
            found = connection.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and not attisdropped and attgenerated = '' order by attnum",
                (table,),
            )
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found.fetchall())
            parts[table] = sql.SQL("{} ({})").format(sql.Identifier(table), names)
            with (
                path.with_suffix(f".{table}").open("wb") as file,
                connection.cursor() as cursor,
                cursor.copy(
                    sql.SQL("copy {} to stdout (format binary)").format(parts[table])
                ) as copy,
            ):
                for part in copy:
                    file.write(part)
        connection.execute("truncate customer, orders cascade")
        connection.commit()
        seconds = [
            copy_file(
                connection,
                path.with_suffix(f".{table}"),
                sql.SQL("copy {} from stdin (format binary)").format(parts[table]),
            )
            for table in tables
        ]
        connection.execute("truncate customer, orders cascade")
        connection.commit()
        return seconds


def copy_texts(url: str, path: Path, columns: tuple[str, ...]) -> float:
    """Return the seconds that a COPY of a file into a table of texts takes."""
    with psycopg.connect(url) as connection:
        connection.execute("drop table if exists bare")
        described = sql.SQL(", ").join(
            sql.SQL("{} text").format(sql.Identifier(name)) for name in columns
        )
        connection.execute(sql.SQL("create table bare ({})").format(described))
        connection.commit()
        return copy_file(connection, path, sql.SQL("copy bare from stdin (format csv, header)"))


def copy_file(
    connection: psycopg.Connection[Any], path: Path, statement: sql.SQL | sql.Composed
) -> float:
    """Return the seconds that handing a file to a COPY, and the commit, take."""
    started = time.perf_counter()
    with (
        path.open("rb") as file,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        while part := file.read(1 << 18):
            copy.write(part)
    connection.commit()
    return time.perf_counter() - started


def write_file(path: Path, columns: tuple[str, ...], rows: Iterator[str]) -> None:
    """Write a CSV file row by row."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(rows)


def customer_rows(count: int) -> Iterator[str]:
    """Yield members as a till exports them."""
    random = np.random.default_rng(20260101)
    start = datetime(1950, 1, 1, tzinfo=UTC)
    for number in range(count):
        family, first, second, day = random.integers(0, (10, 10, 10, 20_000)).tolist()
        born = (start + timedelta(days=day)).date()
        yield (
            f"m{number},{FAMILY[family]}{GIVEN[first]}{GIVEN[second]},138{number:08},"
            f"m{number}@example.com,{born},上海,{'金' if day % 3 else '银'}\n"
        )


def line_rows(orders: int, customers: int) -> Iterator[str]:
    """Yield lines of orders, those of one order together, in the order of time."""
    random = np.random.default_rng(20260102)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    step = timedelta(days=700) / orders
    for number in range(orders):
        placed = (start + step * number).strftime("%Y-%m-%d %H:%M:%S")
        customer = int(random.integers(0, customers))
        products = random.integers(0, 40_000, LINES_AN_ORDER).tolist()
        prices = random.integers(50, 9_000, LINES_AN_ORDER).tolist()
        for product, price in zip(products, prices, strict=True):
            yield (
                f"o{number},{placed},m{customer},p{product},{1 + price % 3},"
                f"{price // 100}.{price % 100:02}\n"
            )


if __name__ == "__main__":
    main()
