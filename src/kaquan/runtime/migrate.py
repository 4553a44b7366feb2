"""Bringing a database to this version's schema, one process at a time."""

from pathlib import Path

import psycopg
from psycopg import sql

from kaquan.runtime.database import APP_ROLE, OLDEST_SUPPORTED
from kaquan.runtime.errors import Unavailable

_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x6B61_7175_616E

NEWEST = "foundation"
"""The revision of this version's schema: a database that is at it needs no Alembic."""


def migrate(url: str) -> str:
    """Bring the database at ``url`` to the newest schema under an advisory lock.

    Returns the revision it is at. Raises Unavailable when the server cannot be reached or is
    older than PostgreSQL 15, and leaves it as it was when a migration fails.
    """
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        message = f"The database cannot be reached: {str(error).strip()}"
        raise Unavailable(message) from error
    with connection:
        _refuse_old_server(connection)
        connection.execute("select pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        _ensure_role(connection)
        connection.execute("create schema if not exists kaquan")
        connection.execute("create schema if not exists jobs")
        return NEWEST if _is_newest(connection) else _upgrade(url)


def _refuse_old_server(connection: psycopg.Connection) -> None:
    version = connection.info.server_version
    if version < OLDEST_SUPPORTED:
        message = (
            f"This database is PostgreSQL {version // 10000}; Kaquan needs PostgreSQL "
            f"{OLDEST_SUPPORTED // 10000} or later."
        )
        raise Unavailable(message)


def _ensure_role(connection: psycopg.Connection) -> None:
    """Create the application's role, which owns nothing, and let the connecting user take it."""
    role = sql.Identifier(APP_ROLE)
    found = connection.execute("select 1 from pg_roles where rolname = %s", (APP_ROLE,)).fetchone()
    try:
        if found is None:
            connection.execute(
                sql.SQL(
                    "create role {} nologin nosuperuser nobypassrls nocreatedb nocreaterole"
                ).format(role)
            )
        connection.execute(sql.SQL("grant {} to current_user").format(role))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        # Roles are the server's, the lock is the database's: another database was quicker.
        return
    except psycopg.errors.InsufficientPrivilege as error:
        message = (
            f"The database user may not create the role {APP_ROLE}. Create it once as an "
            f"administrator: CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO this user."
        )
        raise Unavailable(message) from error


def _is_newest(connection: psycopg.Connection) -> bool:
    table = connection.execute("select to_regclass('kaquan.alembic_version')").fetchone()
    if table is None or table[0] is None:
        return False
    return connection.execute("select version_num from kaquan.alembic_version").fetchall() == [
        (NEWEST,)
    ]


def _upgrade(url: str) -> str:
    # A quarter of a second that only a database behind this version has to spend.
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, options="-c search_path=kaquan,jobs"),
        poolclass=sqlalchemy.NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        revision = connection.exec_driver_sql(
            "select version_num from alembic_version"
        ).scalar_one()
    return str(revision)
