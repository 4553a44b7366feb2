"""How long each metric takes over a lake of N order lines, on DuckDB.

The lake is made by DuckDB in the schema that copying writes, three years in files of a month. Each
metric is asked for the latest thirty days and as a series of all days. ``value`` is the slowest
metric's median in milliseconds; the limit is 1,000 at 20 million lines. ``ratio`` is by how much
four of them are slower than the same figure written by hand for DuckDB on the same files, connection
and all: what Ibis costs. Prints one line of JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.sizes import QUICK
from kaquan.insight.lake import TABLES, LakeFile, Storage, lake_arrow_schema
from kaquan.insight.metrics import (
    METRICS,
    Dimension,
    Engine,
    Grain,
    Question,
    Source,
    answer_metrics,
    get_metric,
)
from kaquan.runtime import Settings

LINES = 200_000 if QUICK else 2_000_000
LINES_AN_ORDER = 5
MONTHS = 36
START = date(2023, 1, 1)
ROUNDS = 3
LIMIT_MS = 1_000
_CLOCK = '"at", "at"::date as day, hour("at")::smallint as hour'
_ROWS = {
    "orders": (
        1,
        (
            "select 'ord_' || n as id, 'cust_' || hash(n) % {customers} as customer_id,"
            " 'loc_' || n % 40 as location_id, 'PAID' as status, true as paid,"
            " 3000 + n % 9000 as amount_minor, 2800 + n % 8000 as total_minor,"
            " 200 + n % 1000 as discount_minor, {clock}"
        ),
    ),
    "order_line": (
        LINES_AN_ORDER,
        (
            "select 'ord_' || n // 5 as order_id, n % 5 as line_no,"
            " 'cust_' || hash(n // 5) % {customers} as customer_id,"
            " 'loc_' || n // 5 % 40 as location_id, true as paid, 'prod_' || n * 7 % 20000 as product_id,"
            " 'sku' || n % 20000 as source_id, 1 + n % 3 as quantity, 600 + n % 1800 as amount_minor,"
            " n % 200 as discount_minor, {clock}"
        ),
    ),
    "publication": (
        0.4,
        (
            "select 'pub_' || n as id, 'camp_' || n % 50 as campaign_id, 'v_' || n as voucher_id,"
            " 'cust_' || hash(n) % {customers} as customer_id, 'email' as channel,"
            " n % 9 = 0 as claimed, {clock}"
        ),
    ),
    "voucher": (
        0.5,
        (
            "select 'v_' || n as id, 'camp_' || n % 50 as campaign_id,"
            " 'cust_' || hash(n) % {customers} as customer_id, true as active,"
            ' "at" + interval 30 day as expires_at, ("at" + interval 30 day)::date as expires_on, {clock}'
        ),
    ),
    "redemption": (
        0.15,
        (
            "select 'r_' || n as id, 'redemption' as kind, 'SUCCESS' as result,"
            " null::varchar as failure_code, 'v_' || n as voucher_id, 'camp_' || n % 50 as campaign_id,"
            " 'cust_' || hash(n) % {customers} as customer_id, 'ord_' || n * 6 as order_id,"
            " 'loc_' || n % 40 as location_id, 'API' as channel, n % 50 > 0 as stands,"
            " n % 50 = 0 as came_back, 200 + n % 1000 as discount_minor,"
            " 3000 + n % 9000 as order_amount_minor, {clock}"
        ),
    ),
    "customer": (
        0.1,
        "select 'cust_' || n as id, false as erased, {clock}",
    ),
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kaquan-bench-") as folder:
        source = fill_lake(Path(folder), chosen.lines)
        print(json.dumps({"name": "metrics", "lines": chosen.lines, **run(Path(folder), source)}))


def run(folder: Path, source: Source) -> dict[str, Any]:
    """Ask everything; returns the figures."""
    storage, last = Storage(str(folder)), _end() - timedelta(days=1)
    month = Question(since=last - timedelta(days=29), until=last)
    series = Question(since=START, until=last, grain=Grain.DAY)

    def ask(name: str, question: Question) -> Callable[[], Any]:
        def answer() -> Any:
            with Engine(Settings(), storage, source) as engine:
                return answer_metrics(engine, [get_metric(name)], question)

        return answer

    taken = {f"{name}": _median_ms(ask(name, month)) for name in METRICS}
    taken |= {f"{name} by day": _median_ms(ask(name, series)) for name in METRICS}
    products = Question(since=START, until=last, by=Dimension.PRODUCT)
    taken["goods_revenue by product"] = _median_ms(ask("goods_revenue", products))
    slowest = max(taken, key=lambda name: taken[name])
    ours = {
        "revenue by day": taken["revenue by day"],
        "goods_revenue by day": taken["goods_revenue by day"],
        "usage_rate": _median_ms(ask("usage_rate", Question(since=START, until=last))),
        "coupon_revenue": _median_ms(ask("coupon_revenue", Question(since=START, until=last))),
    }
    theirs = {name: _median_ms(_by_hand(folder, source, name)) for name in ours}
    return {
        "value": round(taken[slowest]),
        "slowest": slowest,
        "median_ms": round(statistics.median(taken.values())),
        "limit": LIMIT_MS,
        "unit": "ms",
        "ratio": {name: round(ours[name] / theirs[name], 2) for name in ours},
        "over_limit": sorted(name for name, ms in taken.items() if ms > LIMIT_MS),
    }


def fill_lake(folder: Path, lines: int) -> Source:
    """Write three years of facts in the lake's schema, a file a month."""
    orders = lines // LINES_AN_ORDER
    connection = duckdb.connect()
    files: dict[str, list[LakeFile]] = {}
    bounds = [_month(at) for at in range(MONTHS + 1)]
    seconds = int((bounds[-1] - bounds[0]).total_seconds())
    for table, (share, query) in _ROWS.items():
        count = int(orders * share)
        schema = lake_arrow_schema(table)
        for low, high in pairwise(bounds):
            first = int(count * (low - bounds[0]).total_seconds() / seconds)
            until = int(count * (high - bounds[0]).total_seconds() / seconds)
            step = seconds / count
            text = query.format(customers=max(1, orders // 10), clock=_CLOCK)
            rows = (
                f'(select n, to_timestamp({bounds[0].timestamp()} + n * {step}) as "at"'
                f" from range({first}, {until}) r(n))"
            )
            path = f"{table}-{low:%Y-%m}.parquet"
            columns = ", ".join(
                f'"{name}"::{_type(schema, name)} as "{name}"' for name in TABLES[table]
            )
            connection.execute(
                f"set timezone = 'UTC'; copy (select {columns} from ({text} from {rows}))"
                f" to '{folder / path}' (format parquet)"
            )
            files.setdefault(table, []).append(
                LakeFile(
                    path=path,
                    topic=table,
                    low=low.date(),
                    high=high.date(),
                    row_count=until - first,
                    byte_count=(folder / path).stat().st_size,
                    written_at=high,
                )
            )
    return Source(project="bench", files=files, as_of=bounds[-1], margin_rate_bps=3_000)


def _by_hand(folder: Path, source: Source, name: str) -> Callable[[], Any]:
    def paths(table: str) -> str:
        return "[" + ", ".join(f"'{folder / one.path}'" for one in source.files[table]) + "]"

    queries = {
        "revenue by day": "select day, sum(total_minor), count(*)"
        f" from read_parquet({paths('orders')}) where paid group by 1",
        "goods_revenue by day": "select day, sum(amount_minor - discount_minor), count(*)"
        f" from read_parquet({paths('order_line')}) where paid group by 1",
        "usage_rate": 'with given as (select voucher_id, min("at") as given_at'
        f" from read_parquet({paths('publication')}) group by 1), used as (select voucher_id,"
        f' min("at") as used_at from read_parquet({paths("redemption")}) where stands group by 1)'
        " select count(used_at) / count(*) from given left join used using (voucher_id)",
        "coupon_revenue": f"select sum(total_minor) from read_parquet({paths('orders')}) where paid"
        f" and id in (select order_id from read_parquet({paths('redemption')}) where stands)",
    }

    def answer() -> Any:
        with duckdb.connect() as connection:
            return connection.execute(queries[name]).fetchall()

    return answer


def _median_ms(work: Callable[[], Any]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1_000)
    return statistics.median(taken)


def _type(schema: Any, name: str) -> str:
    kind = str(schema.field(name).type)
    known = {
        "string": "varchar",
        "bool": "boolean",
        "int64": "bigint",
        "int16": "smallint",
        "date32[day]": "date",
        "double": "double",
    }
    return known.get(kind, "timestamptz")


def _month(at: int) -> datetime:
    return datetime(START.year + at // 12, at % 12 + 1, 1, tzinfo=UTC)


def _end() -> date:
    return _month(MONTHS).date()


if __name__ == "__main__":
    main()
