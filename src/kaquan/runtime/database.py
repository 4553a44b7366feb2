"""Connections and transactions. One transaction is one project's, and only sees its rows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import AsyncRowFactory, TupleRow, kwargs_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from kaquan.runtime.errors import Unavailable
from kaquan.runtime.master import MasterKeys, read_master_keys
from kaquan.runtime.settings import load_settings

Tx: TypeAlias = AsyncConnection[TupleRow]
"""An open transaction: what every verb gets. It is never committed or rolled back by a verb."""

Row = TypeVar("Row", bound=msgspec.Struct)

APP_ROLE = "kaquan_app"
OLDEST_SUPPORTED = 150000
_ENTER_BATCH: LiteralString = (
    "select set_config('kaquan.project_id', %s, true), set_config('lock_timeout', %s, true),"
    " set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true)"
)
_MOST_MEMORIES = 1_000
OPTIONS = f"-c role={APP_ROLE} -c search_path=kaquan,jobs -c timezone=UTC -c jit=off"

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

_entered: WeakKeyDictionary[Tx, tuple["Database", int | None]] = WeakKeyDictionary()
"""Which project of which database each connection's transaction is in."""


class Database:
    """A pool of connections in the application's role."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        min_size: int = 1,
        master: MasterKeys | None = None,
    ) -> None:
        """Prepare a pool on ``url`` (already migrated); :meth:`open` connects it.

        Without ``master`` its projects' keys are unwrapped by the master key that the environment
        tells of, once one is needed.
        """
        self._master = master
        self._pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            url,
            min_size=min(min_size, pool_size),
            max_size=pool_size,
            open=False,
            kwargs={"options": OPTIONS},
            timeout=30,
        )
        self._memories: dict[int, dict[str, Any]] = {}

    @property
    def master(self) -> MasterKeys:
        """The master keys. Raises MasterKeyMissing when there are none."""
        if self._master is None:
            self._master = read_master_keys(load_settings())
        return self._master

    def memory_of(self, project_id: int) -> dict[str, Any]:
        """Return what this process remembers of a project of this database."""
        if project_id not in self._memories and len(self._memories) >= _MOST_MEMORIES:
            del self._memories[next(iter(self._memories))]
        return self._memories.setdefault(project_id, {})

    async def open(self) -> None:
        """Connect. Raises Unavailable when the database cannot be reached."""
        try:
            await self._pool.open(wait=True, timeout=30)
        except (psycopg.Error, TimeoutError) as error:
            raise Unavailable("The database cannot be reached.") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(
        self,
        project_id: int | None = None,
        *,
        lookup: str | None = None,
        actor: str = "",
        request_id: str = "",
        serializable: bool = False,
    ) -> AsyncGenerator[Tx]:
        """Open a transaction that sees ``project_id``'s rows and those ``lookup`` reveals.

        Without either it sees nothing. It commits when the block ends and rolls back when the
        block raises. What it changes is put down to ``actor`` (the system, when nobody is named)
        and ``request_id`` in the audit chain. One that is ``serializable`` fails (with
        SerializationFailure) where another one changed what it read.
        """
        async with self._pool.connection() as connection:
            if serializable:
                await connection.execute("set transaction isolation level serializable")
            _entered[connection] = (self, project_id)
            await _enter(connection, project_id, lookup, actor=actor, request_id=request_id)
            yield connection

    @asynccontextmanager
    async def batch(self, project_id: int, *, lock_timeout_ms: int) -> AsyncGenerator[Tx]:
        """Open a transaction in pipeline mode: beginning and committing wait for no answer.

        Statements are sent on at once and answers are waited for where they are fetched, which is
        also where an error comes out; a cursor's row count is unknown before that. A lock that is
        not had within ``lock_timeout_ms`` is such an error (LockNotAvailable).

        Everything is looked up by index, row by row: a batch names the rows it is about, and the
        plan of a prepared statement must not depend on how small a table was when it was made.
        """
        async with self._pool.connection() as connection, connection.pipeline():
            _entered[connection] = (self, project_id)
            await connection.execute(_ENTER_BATCH, (str(project_id), str(lock_timeout_ms)))
            yield connection
            await connection.commit()

    @asynccontextmanager
    async def snapshot(self, project_id: int) -> AsyncGenerator[Tx]:
        """Open a read-only transaction that sees one moment of the project throughout."""
        async with self._pool.connection() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            _entered[connection] = (self, project_id)
            await _enter(connection, project_id, None)
            yield connection

    async def ping(self) -> None:
        """Raise Unavailable when the database does not answer."""
        try:
            async with self._pool.connection(timeout=5) as connection:
                await connection.execute("select 1")
        except (psycopg.Error, TimeoutError) as error:
            raise Unavailable("The database does not answer.") from error


@asynccontextmanager
async def open_database(
    url: str, *, pool_size: int = 10, min_size: int = 1, master: MasterKeys | None = None
) -> AsyncGenerator[Database]:
    """Open a pool on ``url`` (already migrated) while the block lasts."""
    database = Database(url, pool_size=pool_size, min_size=min_size, master=master)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _enter(
    connection: Tx,
    project_id: int | None,
    lookup: str | None,
    *,
    actor: str = "",
    request_id: str = "",
) -> None:
    await connection.execute(
        "select set_config('kaquan.project_id', %s, true), set_config('kaquan.lookup', %s, true),"
        " set_config('kaquan.actor', %s, true), set_config('kaquan.request', %s, true)",
        ("" if project_id is None else str(project_id), lookup or "", actor, request_id),
    )


async def set_project(tx: Tx, project_id: int) -> None:
    """Let the transaction see ``project_id``'s rows from here on (for jobs and imports)."""
    if tx in _entered:
        _entered[tx] = (_entered[tx][0], project_id)
    await tx.execute("select set_config('kaquan.project_id', %s, true)", (str(project_id),))


def project_memory(tx: Tx) -> dict[str, Any]:
    """Return what this process remembers of the transaction's project, for verbs to add to.

    Only what holds for as long as the project, however the transaction ends, belongs here.
    """
    database, project_id = _entered.get(tx, (None, None))
    return {} if database is None or project_id is None else database.memory_of(project_id)


def master_keys_of(tx: Tx) -> MasterKeys:
    """Return the master keys of the transaction's database."""
    return _entered[tx][0].master


async def set_lookup(tx: Tx, lookup: str) -> None:
    """Let the transaction also see the rows that ``lookup`` reveals, from here on."""
    await tx.execute("select set_config('kaquan.lookup', %s, true)", (lookup,))


def struct_row(kind: type[Row]) -> AsyncRowFactory[Row]:
    """Return a psycopg row factory that makes a ``kind`` (a msgspec Struct) of each row."""

    def build(**columns: object) -> Row:
        return msgspec.convert(columns, kind)

    return kwargs_row(build)
