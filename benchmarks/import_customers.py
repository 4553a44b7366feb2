"""How fast customers and order lines come out of CSV files, and how little memory that takes.

The product's own path, as ``kaquan import`` goes it: the file read, its cells cleaned and checked,
merged into what is known, orders put together from their lines, customers' summaries kept, with
every index, constraint and row policy. The baseline: a bare COPY of the same file into a plain
table of texts without index or constraint. Both in the same run, ended by a commit.

Prints one line of JSON: ``ratio`` is of customers, ``orders_ratio`` of order lines; ``peak_mib``
is the process's resident memory at its highest, ``peak_of_tenth_mib`` that after files of a tenth
of the size. Sizes: ``python -m benchmarks.import_customers [customers] [orders]``, by default
100,000 customers and 200,000 orders of ten lines.
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
from typing import NamedTuple

import numpy as np
import psycopg
from psycopg import sql

from kaquan.customers import Mapping, PathImport, Subject, import_path
from kaquan.runtime import (
    ActionStatus,
    Database,
    create_project,
    embedded_postgres,
    migrate,
    open_database,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINES_AN_ORDER = 10
CUSTOMER_COLUMNS = ("id", "name", "phone", "email", "birthday", "city", "level")
LINE_COLUMNS = ("order_id", "order_date", "customer_id", "product_id", "quantity", "unit_price")
FAMILY, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"


class Rates(NamedTuple):
    """Seconds of our import and of the bare COPY, for customers and for order lines."""

    customers: float
    customers_bare: float
    lines: float
    lines_bare: float


def main() -> None:
    """Run a tenth, then the whole, and print the ratios and the memory."""
    quick = bool(os.environ.get("KAQUAN_BENCH_QUICK"))
    given = [int(number) for number in sys.argv[1:3]]
    customers, orders = given or ((5_000, 1_000) if quick else (100_000, 200_000))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "server") as url:
            migrate(url)
            measure(url, folder, customers // 10, orders // 10)
            peak_of_tenth = peak_mib()
            rates = measure(url, folder, customers, orders)
    lines = orders * LINES_AN_ORDER
    result = {
        "name": "import_customers",
        "value": round(customers / rates.customers),
        "baseline": round(customers / rates.customers_bare),
        "ratio": round(rates.customers_bare / rates.customers, 3),
        "unit": "customers/s",
        "customers": customers,
        "lines": lines,
        "lines_per_s": round(lines / rates.lines),
        "orders_ratio": round(rates.lines_bare / rates.lines, 3),
        "peak_mib": peak_mib(),
        "peak_of_tenth_mib": peak_of_tenth,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def peak_mib() -> int:
    """Return the highest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(url: str, folder: Path, customers: int, orders: int) -> Rates:
    """Write both files, import them into a fresh project, and COPY them."""
    people, lines = folder / "people.csv", folder / "lines.csv"
    write_file(people, CUSTOMER_COLUMNS, customer_rows(customers))
    write_file(lines, LINE_COLUMNS, line_rows(orders, customers))
    people_bare = bare_copy(url, people, CUSTOMER_COLUMNS)
    lines_bare = bare_copy(url, lines, LINE_COLUMNS)
    own = asyncio.run(own_import(url, people, lines))
    return Rates(own[0], people_bare, own[1], lines_bare)


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


def bare_copy(url: str, path: Path, columns: tuple[str, ...]) -> float:
    """Return the seconds that a COPY of the file and its commit take."""
    with psycopg.connect(url) as connection:
        connection.execute("drop table if exists bare")
        described = sql.SQL(", ").join(
            sql.SQL("{} text").format(sql.Identifier(name)) for name in columns
        )
        connection.execute(sql.SQL("create table bare ({})").format(described))
        connection.commit()
        started = time.perf_counter()
        with (
            path.open("rb") as file,
            connection.cursor() as cursor,
            cursor.copy("copy bare from stdin (format csv, header)") as copy,
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
