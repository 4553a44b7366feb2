"""Every table belongs to projects: row-level security everywhere, keys that begin with the project.

The queries look at the catalogue, so a table added later is covered without being named here.
"""

from datetime import UTC, datetime
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from kaquan.ledger import AccountKind, issue, post_transfers
from kaquan.runtime import Database, Project, create_project, start_action

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

FOUND_BEFORE_THE_PROJECT = {"project(id)", "api_key(app_id)", "user_session(token_digest)"}
"""Names by which a stranger introduces itself: unique over all projects by their purpose."""

TABLES: LiteralString = """
    select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity,
           exists (select from pg_policy p where p.polrelid = c.oid) as has_policy
      from pg_class c
     where c.relnamespace = 'kaquan'::regnamespace and c.relkind in ('r', 'p')
       and c.relname <> 'alembic_version'
"""
UNPROTECTED: LiteralString = (
    f"select relname from ({TABLES}) t"
    " where not (relrowsecurity and relforcerowsecurity and has_policy) order by 1"
)
KEYS_WITHOUT_PROJECT: LiteralString = f"""
    select t.relname || '(' || string_agg(a.attname, ',' order by k.place) || ')'
      from ({TABLES}) t
      join pg_index i on i.indrelid = t.oid and i.indisunique
      cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
     group by t.relname, i.indexrelid
    having (array_agg(a.attname order by k.place))[1] <> 'project_id'
     order by 1
"""
REFERENCES_WITHOUT_PROJECT: LiteralString = f"""
    select t.relname || ' ' || f.conname
      from ({TABLES}) t
      join pg_constraint f on f.conrelid = t.oid and f.contype = 'f'
      join pg_attribute mine on mine.attrelid = f.conrelid and mine.attnum = f.conkey[1]
      join pg_attribute theirs on theirs.attrelid = f.confrelid and theirs.attnum = f.confkey[1]
     where mine.attname <> 'project_id' or theirs.attname <> 'project_id'
     order by 1
"""


def _names(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    return [str(name) for (name,) in connection.execute(query).fetchall()]


def test_every_table_is_protected(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = _names(connection, f"select relname from ({TABLES}) t")
        assert len(tables) > 25
        assert _names(connection, UNPROTECTED) == []


def test_every_key_begins_with_the_project(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert set(_names(connection, KEYS_WITHOUT_PROJECT)) == FOUND_BEFORE_THE_PROJECT
        assert _names(connection, REFERENCES_WITHOUT_PROJECT) == []


@pytest.mark.parametrize(
    ("create", "unprotected", "loose_keys", "loose_references"),
    [
        pytest.param(
            "create table kaquan.bare (project_id integer, id text, primary key (project_id, id))",
            ["bare"],
            [],
            [],
            id="no security at all",
        ),
        pytest.param(
            "create table kaquan.bare (project_id integer primary key);"
            "alter table kaquan.bare enable row level security;"
            "create policy p on kaquan.bare using (true)",
            ["bare"],
            [],
            [],
            id="security not forced on the owner",
        ),
        pytest.param(
            "create table kaquan.bare (project_id integer primary key);"
            "alter table kaquan.bare enable row level security;"
            "alter table kaquan.bare force row level security",
            ["bare"],
            [],
            [],
            id="no policy",
        ),
        pytest.param(
            "create table kaquan.bare (project_id integer, id text primary key,"
            " project integer references kaquan.project (project_id));"
            "call kaquan.protect('kaquan.bare')",
            [],
            ["bare(id)"],
            ["bare bare_project_fkey"],
            id="keys of its own",
        ),
    ],
)
def test_a_careless_table_is_found(
    postgres_url: str,
    create: LiteralString,
    unprotected: list[str],
    loose_keys: list[str],
    loose_references: list[str],
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("set local search_path = kaquan")
        connection.execute(create)
        assert _names(connection, UNPROTECTED) == unprotected
        keys = set(_names(connection, KEYS_WITHOUT_PROJECT)) - FOUND_BEFORE_THE_PROJECT
        assert keys == set(loose_keys)
        assert _names(connection, REFERENCES_WITHOUT_PROJECT) == loose_references
        connection.rollback()


def test_the_applications_role_owns_nothing(postgres_url: str) -> None:
    query: LiteralString = """
        select relname from pg_class where relowner = 'kaquan_app'::regrole
        union all
        select proname from pg_proc where proowner = 'kaquan_app'::regrole
        union all
        select rolname from pg_roles
         where rolname = 'kaquan_app'
           and (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolcanlogin)
    """
    with psycopg.connect(postgres_url) as connection:
        assert _names(connection, query) == []


async def test_without_a_project_there_are_no_rows(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        await post_transfers(tx, [issue("v_1", AccountKind.USES, 1, cause_id="v_1")], now=NOW)
        await start_action(tx, "codes", request={}, total=1, now=NOW)
    with psycopg.connect(postgres_url) as connection:
        tables = _names(connection, f"select relname from ({TABLES}) t")
        # The owner is bound by the policies too, unless a superuser.
        setting = "select set_config('kaquan.project_id', %s, true)"
        connection.execute(setting, (str(project.project_id),))
        filled = [name for name in tables if _count(connection, name)]
    assert {"project", "account", "transfer", "async_action"} <= set(filled)
    stranger = project.project_id + 1_000_000
    for seen_as in (None, stranger):
        async with database.transaction(seen_as) as tx:
            for table in tables:
                cursor = await tx.execute(
                    sql.SQL("select count(*) from {}").format(sql.Identifier(table))
                )
                assert await cursor.fetchone() == (0,), f"{table} seen as {seen_as}"


def _count(connection: psycopg.Connection, table: str) -> int:
    query = sql.SQL("select count(*) from kaquan.{}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


async def test_a_row_cannot_be_written_for_another_project(
    database: Database, project: Project
) -> None:
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="CNY", time_zone="UTC", language="zh", now=NOW
        )
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await tx.execute(
                "insert into location (project_id, id, name, created_at)"
                " values (%s, 'loc_1', 'Shop', %s)",
                (other.project_id, NOW),
            )
        await tx.rollback()


async def test_the_project_ends_with_its_transaction(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        assert await (await tx.execute("select current_project()")).fetchone() == (
            project.project_id,
        )
    async with database.transaction() as tx:
        assert await (await tx.execute("select current_project()")).fetchone() == (None,)
