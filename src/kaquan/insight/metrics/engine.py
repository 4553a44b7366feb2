"""Where metrics are worked out: DuckDB over the lake's files, or another Ibis back end."""

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import duckdb
import ibis
import msgspec

from kaquan.insight.lake import TABLES, LakeFile, Storage, find_feed, lake_arrow_schema, list_files
from kaquan.runtime import InvalidInput, Settings, Tx, Unavailable, get_project

IBIS: Any = ibis


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a project's figures are worked out on, read in a transaction and used after it."""

    project: str
    files: Mapping[str, Sequence[LakeFile]]
    as_of: datetime
    margin_rate_bps: int | None


async def read_source(tx: Tx) -> Source:
    """Return what the project's lake has. Raises Unavailable before its first copy."""
    feed = await find_feed(tx)
    if feed is None or feed.synced_at is None:
        message = "The lake has not been copied yet: 'kaquan lake sync' does, and so does a worker."
        raise Unavailable(message)
    project = await get_project(tx)
    files: dict[str, list[LakeFile]] = {}
    for one in await list_files(tx, list(TABLES)):
        files.setdefault(one.topic, []).append(one)
    rate = project.settings.get("margin_rate_bps")
    return Source(
        project=project.id,
        files=files,
        as_of=feed.synced_at,
        margin_rate_bps=rate if type(rate) is int and 0 <= rate <= 10_000 else None,
    )


class Engine:
    """The lake's tables and a back end that knows them; used as ``with Engine(…) as engine``.

    Expressions are of unbound tables. On DuckDB, the default, they are written as SQL and run on
    a connection in memory; a warehouse runs them through Ibis.
    """

    def __init__(self, settings: Settings, storage: Storage, source: Source) -> None:
        """Connect. Raises InvalidInput when the warehouse cannot be reached."""
        self.source = source
        self._storage = storage
        self._known: dict[str, Any] = {}
        self._warehouse = None
        if settings.warehouse is not None:
            self._warehouse = _connect(settings.warehouse.get_secret_value())
            return
        self._duckdb: Any = duckdb.connect()
        if not storage.is_local:
            self._duckdb.register_filesystem(storage.files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._warehouse is None:
            self._duckdb.close()
        else:
            self._warehouse.disconnect()

    def table(self, name: str) -> Any:
        """Return one of the lake's tables, registered under a name of the project's own."""
        if name not in self._known:
            label = f"kaquan_{self.source.project}_{name}"
            schema = lake_arrow_schema(name)
            paths = [self._storage.address(one.path) for one in self.source.files.get(name, ())]
            self._register(label, paths, schema)
            self._known[name] = IBIS.table(IBIS.Schema.from_pyarrow(schema), name=label)
        return self._known[name]

    def _register(self, label: str, paths: Sequence[str], schema: Any) -> None:
        if self._warehouse is None:
            if paths:
                read = self._duckdb.read_parquet(list(paths), hive_partitioning=False)
                read.create_view(label)
            else:
                self._duckdb.register(label, schema.empty_table())
        elif paths:
            with _no_warnings():
                self._warehouse.read_parquet(list(paths), table_name=label)
        else:
            with _no_warnings():
                self._warehouse.create_table(
                    label, schema=IBIS.Schema.from_pyarrow(schema), temp=True, overwrite=True
                )

    def arrow(self, expression: Any) -> Any:
        """Run an expression of a table and return an Arrow table."""
        if self._warehouse is not None:
            with _no_warnings():
                return self._warehouse.to_pyarrow(expression)
        return self._duckdb.execute(IBIS.to_sql(expression, dialect="duckdb")).to_arrow_table()

    def rows(self, expression: Any) -> list[dict[str, Any]]:
        """Run an expression of a table and return its rows."""
        if self._warehouse is not None:
            with _no_warnings():
                return self._warehouse.to_pyarrow(expression).to_pylist()
        found = self._duckdb.execute(IBIS.to_sql(expression, dialect="duckdb"))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _connect(url: str) -> Any:
    try:
        return IBIS.connect(url)
    except Exception as error:
        message = "KAQUAN_WAREHOUSE names an engine that Ibis cannot reach."
        raise InvalidInput(message, field="KAQUAN_WAREHOUSE") from error


@contextmanager
def _no_warnings() -> Generator[None]:
    # Ibis calls what DuckDB has since renamed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
