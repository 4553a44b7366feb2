"""How a compiled expression becomes text of an engine, with every value a named parameter.

Ibis writes values into the text as literals. Here they are an operation of their own, ``Bound``,
which the compilers below write as a parameter: what a user said never is part of a query's text.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import ibis.expr.datashape as ds
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

Value: TypeAlias = str | int | bool
"""What engines are given: decimals, dates and moments go as texts, which the query casts."""

_OPS: Any = ops
_TYPES: Any = dt
_SHAPES: Any = ds
_TREE: Any = sge
_NAMED = re.compile(r"[$:](b[0-9]+)\b")


class Bound(_OPS.Scalar):
    """A parameter of a query, by its name."""

    label: str
    dtype: dt.DataType
    shape = _SHAPES.scalar

    @property
    def name(self) -> str:
        return self.label


class _DuckDB(DuckDBCompiler):
    def visit_Bound(self, op: object, *, label: str, dtype: object) -> Any:  # noqa: N802
        compiler: Any = self
        return compiler.cast(_TREE.Parameter(this=_TREE.Var(this=label)), dtype)


class _Spark(PySparkCompiler):
    def visit_Bound(self, op: object, *, label: str, dtype: object) -> Any:  # noqa: N802
        compiler: Any = self
        return compiler.cast(_TREE.Placeholder(this=label), dtype)


_COMPILERS: dict[str, Any] = {"duckdb": _DuckDB(), "spark": _Spark()}


class Parameters:
    """The values of a query by the names of their parameters."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}

    def bind(self, value: object, as_type: str) -> Any:
        """Return an expression of type ``as_type`` that stands for a value."""
        name = f"b{len(self._values)}"
        self._values[name] = _plain(value)
        return Bound(name, _TYPES.dtype(as_type)).to_expr()

    def of(self, text: str) -> dict[str, Value]:
        """Return the values whose parameters a text has."""
        return {name: self._values[name] for name in _NAMED.findall(text)}


def write_query(expression: Any, dialect: str) -> str:
    """Return an expression as text for ``duckdb`` or ``spark``."""
    compiler = _COMPILERS[dialect]
    return compiler.to_sqlglot(expression).sql(dialect=compiler.dialect)


def _plain(value: object) -> Value:
    match value:
        case str() | bool() | int():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            raise AssertionError(value)
