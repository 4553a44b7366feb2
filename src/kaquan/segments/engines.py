"""Running a definition on the copy of the data: DuckDB, Spark, or plain Python.

Ibis and the engines are imported when one is asked for: a server that never does starts faster.
"""

import importlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from kaquan.runtime import KaquanError
from kaquan.segments.deeds import DeedKind
from kaquan.segments.instant import Instant
from kaquan.segments.model import Aggregate, Comparison, Consented, InSegment, Rule
from kaquan.segments.references import walk


class Engine(StrEnum):
    """Who evaluates a definition."""

    POSTGRES = "postgres"
    DUCKDB = "duckdb"
    SPARK = "spark"
    REFERENCE = "reference"


class EngineMissing(KaquanError):
    """An optional engine is not installed."""

    key = "engine_missing"


def tables_asked(rule: Rule, members: Mapping[str, Rule]) -> frozenset[str]:
    """Return the tables of the copy that a tree needs."""
    tables = {"customer"}
    for one in walk(rule, members):
        match one:
            case Aggregate():
                tables.add(one.deed.kind.value)
                if one.deed.kind is DeedKind.ORDER_LINE:
                    tables.add("product")
            case Consented():
                tables.add("consent")
            case InSegment():
                tables.add("member")
            case Comparison() if one.attribute.code == "score":
                tables.add("score")
            case _:
                pass
    return frozenset(tables)


def match_on_copy(
    engine: Engine, rule: Rule, folder: Path, *, at: Instant, members: Mapping[str, Rule]
) -> list[str]:
    """Return whom a tree matches in the copy in ``folder``, by the merchant's ids, sorted.

    ``folder`` has what ``tables_asked`` names. Raises EngineMissing when Spark is asked for and
    not installed.
    """
    if engine is Engine.REFERENCE:
        from kaquan.segments.reference import match_customers

        return match_customers(rule, folder, at=at, members=members)
    tables = tables_asked(rule, members)
    if engine is Engine.SPARK:
        return _query_spark(rule, folder, tables, at=at, members=members)
    with open_copy(folder, tables) as connection:
        return sorted(query_copy(connection, rule, at=at, members=members))


def query_copy(
    connection: Any, rule: Rule, *, at: Instant, members: Mapping[str, Rule]
) -> list[str]:
    """Return whom a tree matches, by the merchant's ids, over the tables of ``open_copy``."""
    from kaquan.segments.dialects import write_query
    from kaquan.segments.frames import FrameCompiler

    compiler = FrameCompiler(rule, at=at, members=members)
    text = write_query(compiler.named(), "duckdb")
    found = connection.execute(text, compiler.parameters.of(text)).fetchall()
    return [row[0] for row in found]


def open_copy(folder: Path, tables: frozenset[str]) -> Any:
    """Return a DuckDB connection that sees the tables of a copy."""
    import duckdb

    connection: Any = duckdb.connect()
    for table in tables:
        connection.read_parquet(str(folder / f"{table}.parquet")).create_view(table)
    return connection


def _query_spark(
    rule: Rule,
    folder: Path,
    tables: frozenset[str],
    *,
    at: Instant,
    members: Mapping[str, Rule],
) -> list[str]:
    from kaquan.segments.dialects import write_query
    from kaquan.segments.frames import FrameCompiler

    session = _spark()
    for table in tables:
        path = str(folder / f"{table}.parquet")
        session.read.parquet(path).createOrReplaceTempView(table)
    compiler = FrameCompiler(rule, at=at, members=members)
    text = write_query(compiler.named(), "spark")
    rows = session.sql(text, args=compiler.parameters.of(text)).collect()
    return sorted(row[0] for row in rows)


def _spark() -> Any:
    try:
        sql: Any = importlib.import_module("pyspark.sql")
    except ImportError as error:
        message = "Spark is not installed: pip install 'kaquan[spark]'; it needs Java 17."
        raise EngineMissing(message) from error
    return (
        sql.SparkSession.builder.appName("kaquan")
        .master("local[2]")
        .config("spark.driver.host", "localhost")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
