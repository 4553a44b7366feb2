"""The views for BI tools: one project's facts, nothing of a person, and nothing but views."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from insight.lake.conftest import NOW
from insight.rows import Sale, add_customers, add_sale
from kaquan.insight.lake import TABLES
from kaquan.runtime import Database, Project, create_project

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "bi-views.md"
VIEWS = (
    "select table_name, column_name from information_schema.columns"
    " where table_schema = 'kaquan_bi' order by table_name, ordinal_position"
)


async def test_a_reader_sees_its_project_only(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="EUR", time_zone="UTC", language="en", now=NOW
        )
        await add_sale(tx, Sale(customer_id=None, at=NOW, amount=5))
    async with database.transaction(project.project_id) as tx:
        await add_sale(tx, Sale(customer_id=None, at=NOW, amount=7))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("set role kaquan_bi")
        seen: list[list[int]] = []
        for shown in ("", str(project.project_id), str(other.project_id)):
            connection.execute("select set_config('kaquan.project_id', %s, false)", (shown,))
            rows = connection.execute("select amount_minor from kaquan_bi.orders").fetchall()
            seen.append([amount for (amount,) in rows])
        assert seen == [[], [7], [5]]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select 1 from kaquan.customer")


async def test_views_read_after_an_erasure_name_nobody(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_customers(tx, "ann", at=NOW)
        await tx.execute("update customer set name = 'Ann Secret', email = 'ann@secret.example'")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("set role kaquan_bi")
        setting = "select set_config('kaquan.project_id', %s, false)"
        connection.execute(setting, (str(project.project_id),))
        for table in TABLES:
            query = sql.SQL("select * from {}").format(sql.Identifier("kaquan_bi", table))
            assert "ecret" not in str(connection.execute(query).fetchall()), table


async def test_orders_are_net_as_reports_say(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        statuses = ("PAID", "PARTIALLY_RETURNED", "RETURNED")
        for status in statuses:
            sale = Sale(customer_id=None, at=NOW, amount=1_000, discount=100, status=status)
            order = await add_sale(tx, sale)
            await tx.execute(
                "insert into order_return (id, order_id, line_quantities, line_gross, gross_minor,"
                " given_back_minor, clawed_back_minor, refund_minor, completes, created_at)"
                " select %(id)s || n, %(order)s, '{}', '{}', 200, 0, 0, r, false, now()"
                " from (values (1, 180), (2, null)) as v (n, r)",
                {"id": f"ret_{status}", "order": order},
            )
        cursor = await tx.execute(
            "select o.status, v.amount_minor, v.total_minor, net_amount(o), net_total(o)"
            " from orders o join kaquan_bi.orders v using (id)"
        )
        found = {status: figures for status, *figures in await cursor.fetchall()}
    assert found == {
        "PAID": [1_000, 900, 1_000, 900],
        "PARTIALLY_RETURNED": [800, 720, 800, 720],
        "RETURNED": [1_000, 900, 1_000, 900],
    }


def test_the_lake_copies_columns_that_the_views_have(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        columns = set(connection.execute(VIEWS).fetchall())
    for table, names in TABLES.items():
        assert {(table, name) for name in names} <= columns, table


def test_the_page_names_every_view_and_column(postgres_url: str) -> None:
    page = PAGE.read_text("utf-8")
    with psycopg.connect(postgres_url) as connection:
        for view, column in connection.execute(VIEWS).fetchall():
            section = page.partition(f"## `{view}`")[2].partition("\n## ")[0]
            assert f"`{column}`" in section, f"{view}.{column}"
