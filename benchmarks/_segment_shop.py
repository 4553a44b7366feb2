"""A shop of many customers with their orders in PostgreSQL, for the segments' benchmarks."""

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

from kaquan.runtime import Database, Tx, create_project, embedded_postgres, migrate, open_database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CATEGORIES = ("tea", "coffee", "milk", "bread", "fruit")
DEFINITION: dict[str, Any] = {
    "all": [
        {"attribute": "city", "operator": "in", "value": ["Beijing", "Shanghai"]},
        {"attribute": "last_order_at", "operator": "within_days", "value": 90},
        {
            "aggregate": "sum",
            "of": "amount_minor",
            "over": "order_line",
            "where": [{"property": "category", "operator": "in", "value": ["tea", "milk"]}],
            "within": {"last_days": 180},
            "operator": "at_least",
            "value": 3_000,
        },
    ]
}
"""Three conditions, one of which adds up lines."""

_BY_HAND: LiteralString = (
    "select count(*) from customer c join customer_summary s on s.customer_id = c.id"
    " where c.address ->> 'city' in ('Beijing', 'Shanghai') and c.erased_at is null"
    "   and s.last_order_at > %(now)s::timestamptz - interval '90 days'"
    "   and s.last_order_at <= %(now)s and {who}"
)
_SPENT: LiteralString = (
    "select {column} from orders o cross join lateral"
    "       unnest(o.line_product_ids, o.line_amounts) as l (product_id, amount_minor)"
    "  join product p on p.id = l.product_id"
    " where o.status in ('PAID', 'FULFILLED', 'PARTIALLY_RETURNED')"
    "   and o.placed_at > %(now)s::timestamptz - interval '180 days' and o.placed_at <= %(now)s"
    "   and p.attributes ->> 'category' in ('tea', 'milk') and {whose}"
)
ONE_BY_HAND: LiteralString = _BY_HAND.format(
    who="c.id = %(customer)s and ("
    + _SPENT.format(column="sum(l.amount_minor)", whose="o.customer_id = c.id")
    + ") >= 3000"
)
"""The same for one customer, as somebody writes it who knows the tables."""
ALL_BY_HAND: LiteralString = _BY_HAND.format(
    who="c.id in ("
    + _SPENT.format(column="o.customer_id", whose="o.customer_id is not null")
    + " group by o.customer_id having sum(l.amount_minor) >= 3000)"
)
"""The same for all customers."""

# How much a customer buys falls off as 1 / rank: most have few orders, a few have very many.
_PRODUCTS: LiteralString = (
    "insert into product (id, source_id, attributes, created_at)"
    " select 'prod_' || n, 'p' || n,"
    "        jsonb_build_object('category', (%(categories)s::text[])[1 + n %% 5]), %(now)s"
    "   from generate_series(0, 4999) n"
)
_CUSTOMERS: LiteralString = (
    "insert into customer (id, source_id, address, metadata, created_at)"
    " select 'cust_' || lpad(n::text, 9, '0'), 'c' || n,"
    "        jsonb_build_object('city',"
    "          (array['Beijing','Shanghai','Wuhan','Lhasa'])[1 + (n::bigint * 7919) %% 4]),"
    "        jsonb_build_object('level', (array['gold','silver','none'])[1 + (n::bigint * 31) %% 3]),"
    "        %(now)s::timestamptz - (n %% 900) * interval '1 day'"
    "   from generate_series(0, %(customers)s - 1) n"
)
_ORDERS: LiteralString = (
    "insert into orders (id, customer_id, status, amount_minor, line_product_ids, line_source_ids,"
    "  line_quantities, line_unit_prices, line_amounts, line_discounts, placed_at, created_at)"
    " select 'ord_' || lpad(n::text, 10, '0'), 'cust_' || lpad(k::text, 9, '0'), 'FULFILLED',"
    "        5000, array['prod_' || n %% 5000, 'prod_' || (n::bigint * 13) %% 5000,"
    "          'prod_' || (n::bigint * 29) %% 5000, 'prod_' || (n::bigint * 41) %% 5000,"
    "          'prod_' || (n::bigint * 59) %% 5000],"
    "        array[null, null, null, null, null]::text[], array[1, 1, 2, 1, 1],"
    "        array[500, 900, 300, 2000, 1000], array[500, 900, 600, 2000, 1000],"
    "        array[0, 0, 0, 0, 0], at, at"
    "   from (select n, floor(%(customers)s * power(random(), 1.6))::bigint as k,"
    "                %(now)s::timestamptz - random() * interval '730 days' as at"
    "           from generate_series(0, %(orders)s - 1) n) drawn"
)
_SUMMARIES: LiteralString = (
    "insert into customer_summary"
    " select project_id, customer_id, count(*), sum(total_minor), min(placed_at), max(placed_at)"
    "   from orders group by project_id, customer_id"
)
_FILL = (_PRODUCTS, _CUSTOMERS, _ORDERS, _SUMMARIES)


@asynccontextmanager
async def open_shop(*, customers: int, orders: int) -> AsyncGenerator[tuple[Database, int]]:
    """Yield a database with a filled project, and the project's number."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # noqa: ASYNC240
        with embedded_postgres(Path(folder)) as url:
            migrate(url)
            async with open_database(url) as database:
                project_id = await _fill(database, customers=customers, orders=orders)
                yield database, project_id


async def _fill(database: Database, *, customers: int, orders: int) -> int:
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Shop", currency="CNY", time_zone="Asia/Shanghai", language="zh", now=NOW
        )
        values: Mapping[str, Any] = {
            "categories": list(CATEGORIES),
            "customers": customers,
            "orders": orders,
            "now": NOW,
        }
        for statement in _FILL:
            await tx.execute(statement, values)
    await _analyze(database, project.project_id)
    return project.project_id


async def _analyze(database: Database, project_id: int) -> None:
    """Let the planner know the tables, as a server's own upkeep does before long."""
    async with database.transaction(project_id) as tx:
        await _as_owner(tx, "analyze customer, customer_summary, orders, product")


async def _as_owner(tx: Tx, statement: LiteralString) -> None:
    await tx.execute("set local role none")
    await tx.execute(statement)
