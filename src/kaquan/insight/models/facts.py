"""The facts that models learn from, in DuckDB: the lake's files, or any Arrow tables alike.

Moments are days since 1970 (UTC) as floating-point numbers: arithmetic on them needs no time zone.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from kaquan.insight.lake import Storage, lake_arrow_schema
from kaquan.insight.metrics import Source

ARROW: Any = pa
TABLES = (
    "orders",
    "order_line",
    "publication",
    "redemption",
    "customer",
    "campaign",
    "product",
    "event",
    "message",
)
"""The lake's tables that are read; those that are not given are empty."""

COVERAGE_COLUMNS = {"campaign_id": ARROW.string(), "product_id": ARROW.string()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = "86400000000.0"

# An order counts from the moment it was placed, whatever became of it later, with its lines as they
# were sold: what is true of it today may lie in the future of the moment asked about.
_BASKETS = f"""
    create table basket as
    with goods as (
        select order_id, sum(amount_minor)::double as amount, sum(discount_minor)::double as off,
               count(*) as lines
          from order_line group by order_id
    )
    select o.id, o.customer_id, o.location_id, o.paid, epoch_us(o.at) / {_DAY_US} as placed,
           coalesce(g.amount, o.amount_minor)::double as amount,
           coalesce(g.off, 0) as off, coalesce(g.lines, 0) as lines,
           o.total_minor::double as total,
           nullif(floor(epoch_us(o.at) / {_DAY_US}) - floor(lag(epoch_us(o.at)) over (
               partition by o.customer_id order by o.at, o.id) / {_DAY_US}), 0) as gap
      from orders o left join goods g on g.order_id = o.id
     where o.customer_id is not null
"""
_KNOWN = "create table known as select id as customer_id from customer where not erased"


class Facts:
    """A DuckDB connection with a project's facts; used as ``with Facts(…) as facts``."""

    def __init__(self, tables: Mapping[str, Any], *, coverage: Any | None = None) -> None:
        """Take Arrow tables (or DuckDB relations of files) with the lake's columns, by name.

        ``coverage`` says which products a campaign's coupons are good for, where that is known.
        """
        self._connection: Any = duckdb.connect(config={"threads": 2})
        for name in TABLES:
            given = tables.get(name)
            table = lake_arrow_schema(name).empty_table() if given is None else given
            self._connection.register(name, table)
        if coverage is None:
            coverage = ARROW.schema(list(COVERAGE_COLUMNS.items())).empty_table()
        self._connection.register("coverage", coverage)
        self._prepare()

    @classmethod
    def of_lake(cls, storage: Storage, source: Source) -> Self:
        """Open a project's lake."""
        facts = cls.__new__(cls)
        facts._connection = duckdb.connect(config={"threads": 2})
        if not storage.is_local:
            facts._connection.register_filesystem(storage.files)
        for name in TABLES:
            paths = [storage.address(one.path) for one in source.files.get(name, ())]
            if paths:
                read = facts._connection.read_parquet(paths, hive_partitioning=False)
                read.create_view(name)
            else:
                facts._connection.register(name, lake_arrow_schema(name).empty_table())
        empty = ARROW.schema(list(COVERAGE_COLUMNS.items())).empty_table()
        facts._connection.register("coverage", empty)
        facts._prepare()
        return facts

    def _prepare(self) -> None:
        self._connection.execute(_BASKETS)
        self._connection.execute(_KNOWN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement of ours that gives nothing."""
        self._connection.execute(statement, list(parameters))

    def columns(self, query: str, parameters: Sequence[Any] = ()) -> dict[str, Any]:
        """Return a query's columns by name as numpy arrays; missing numbers are NaN."""
        found: dict[str, Any] = self._connection.execute(query, list(parameters)).fetchnumpy()
        return found

    def register(self, name: str, table: Any) -> None:
        """Make an Arrow table known by a name."""
        self._connection.register(name, table)

    def window(self) -> tuple[float, float] | None:
        """Return the first and the last order's moment; None without any order."""
        row = self._connection.execute("select min(placed), max(placed) from basket").fetchone()
        return None if row[0] is None else (row[0], row[1])


def to_day(moment: datetime) -> float:
    """Return a moment as days since 1970."""
    return (moment - _EPOCH) / timedelta(days=1)


def to_moment(day: float) -> datetime:
    """Return days since 1970 as a moment."""
    return _EPOCH + timedelta(days=day)
