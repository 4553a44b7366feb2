"""The dialect's filters, as lists, exports and collections take them, made into SQL conditions.

A filter is ``{"junction": "and" | "or", "<field>": {"conditions": {"$is": value, …}}, …}``. A value
may come alone, in a list, or as an object with the list's places for keys (from an address). Which
fields there are, and the SQL behind each, is fixed by whoever offers the list; everything that was
sent is a bound parameter.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, LiteralString, TypeAlias, cast
from zoneinfo import ZoneInfo

import msgspec
from psycopg import sql

from kaquan.runtime.checks import check_metadata, is_storable
from kaquan.runtime.errors import InvalidInput

MOST_FIELDS = 50
MOST_VALUES = 1_000
MOST_DAYS = 36_500
_LONGEST_VALUE = 1_000
_DATE_LENGTH = len("2026-05-31")
_UTC = ZoneInfo("UTC")


Digest: TypeAlias = Callable[[str, str], str]
"""Makes the digest by which a field's value is looked up where the value itself is sealed."""


class FilterKind(StrEnum):
    """What a field's values are. An ``ANY`` field is the text of a metadata value (``->>``), of a
    ``SEALED`` one only a digest is known, which values are turned into.
    """

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    DATE = "date"
    ANY = "any"
    SEALED = "sealed"


class FilterField(msgspec.Struct, frozen=True):
    """A field that may be filtered by: its SQL and the kind of its values."""

    expression: LiteralString
    kind: FilterKind = FilterKind.TEXT


class FilterFields(msgspec.Struct, frozen=True, kw_only=True):
    """All that a list may be filtered by.

    ``objects`` gives the JSON column behind each prefix, such as ``metadata`` for ``metadata.``.
    """

    named: Mapping[str, FilterField]
    objects: Mapping[str, LiteralString] = {}


class Condition(msgspec.Struct, frozen=True):
    """A condition in SQL, never null, and its parameters."""

    sql: sql.Composable
    parameters: Mapping[str, Any]


_PRESENCE = frozenset({"$has_value", "$is_unknown"})
_EQUALITY = frozenset({"$is", "$is_not", "$in", "$not_in"})
_PARTS = frozenset({"$starts_with", "$ends_with", "$contains", "$not_contain"})
_SIZES = frozenset({"$more_than", "$less_than", "$more_than_equal", "$less_than_equal"})
_ORDER = frozenset({"$after", "$before"})

OPERATORS: Mapping[FilterKind, frozenset[str]] = {
    FilterKind.TEXT: _PRESENCE | _EQUALITY | _PARTS,
    FilterKind.NUMBER: _PRESENCE | _EQUALITY | _SIZES,
    FilterKind.BOOLEAN: _PRESENCE | _EQUALITY,
    FilterKind.TIME: _PRESENCE | _ORDER | {"$more_than", "$less_than"},
    FilterKind.DATE: _PRESENCE | _EQUALITY | _ORDER,
    FilterKind.ANY: _PRESENCE | _EQUALITY | _PARTS | _SIZES | _ORDER,
    FilterKind.SEALED: _PRESENCE | _EQUALITY,
}
"""Which operators go with which kind. For times, ``$more_than`` 10 is more than 10 days ago."""

_CASTS: Mapping[FilterKind, LiteralString] = {
    FilterKind.TEXT: "text",
    FilterKind.ANY: "text",
    FilterKind.SEALED: "text",
    FilterKind.NUMBER: "numeric",
    FilterKind.BOOLEAN: "boolean",
    FilterKind.TIME: "timestamptz",
    FilterKind.DATE: "date",
}
_COMPARED: Mapping[str, LiteralString] = {
    "$is": "({field} = any({value}))",
    "$in": "({field} = any({value}))",
    "$starts_with": "starts_with({field}, {value})",
    "$ends_with": "(right({field}, length({value})) = {value})",
    "$contains": "(strpos({field}, {value}) > 0)",
    "$more_than": "({field} > {value})",
    "$less_than": "({field} < {value})",
    "$more_than_equal": "({field} >= {value})",
    "$less_than_equal": "({field} <= {value})",
    "$after": "({field} > {value})",
    "$before": "({field} < {value})",
}
_NEGATED = {"$is_not": "$is", "$not_in": "$in", "$not_contain": "$contains"}
_LISTED = frozenset({"$is", "$in"})


def compile_filter(
    given: Mapping[str, Any],
    fields: FilterFields,
    *,
    now: datetime,
    path: str = "filters",
    zone: ZoneInfo = _UTC,
    names: str = "filter",
    digest: Digest | None = None,
) -> Condition:
    """Return the condition that a filter means; dates without a time are days in ``zone``.

    Without any field everything meets it. ``names`` begins the names of the parameters, for
    conditions that stand together in one query; ``digest`` makes what sealed fields are looked up
    by. Raises InvalidInput with the path to what cannot be meant: an unknown field or operator, one that does not go with the field, or a value of
    another kind.
    """
    return _Compiler(fields, now, zone, names, digest).compile(given, path)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that all of these hold; each keeps parameters of its own."""
    parts: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    for number, one in enumerate(conditions):
        overlap = parameters.keys() & one.parameters.keys()
        assert not overlap, f"condition {number} names parameters twice: {overlap}"
        parts.append(one.sql)
        parameters |= one.parameters
    return Condition(sql.SQL(" and ").join(parts) if parts else sql.SQL("true"), parameters)


class _Compiler:
    def __init__(
        self,
        fields: FilterFields,
        now: datetime,
        zone: ZoneInfo,
        names: str,
        digest: Digest | None,
    ) -> None:
        self._fields = fields
        self._digest = digest
        self._names = names
        self._now = now
        self._zone = zone
        self._parameters: dict[str, Any] = {}

    def compile(self, given: Mapping[str, Any], path: str) -> Condition:
        check_metadata(dict(given), path)
        names = [name for name in given if name != "junction"]
        if len(names) > MOST_FIELDS:
            message = f"A filter has at most {MOST_FIELDS} fields."
            raise InvalidInput(message, field=path, key="invalid_query_params")
        parts = [self._field(name, given[name], f"{path}.{name}") for name in names]
        word = sql.SQL(" or ") if _junction(given, path) == "or" else sql.SQL(" and ")
        condition = sql.SQL("({})").format(word.join(parts)) if parts else sql.SQL("true")
        return Condition(condition, self._parameters)

    def _field(self, name: str, given: object, path: str) -> sql.Composable:
        field, kind, listed = self._expression(name, path)
        conditions = cast("object", given.get("conditions")) if isinstance(given, dict) else None  # pyright: ignore[reportUnknownMemberType]
        if not isinstance(conditions, dict) or not conditions:
            message = 'A field is filtered by an object {"conditions": {"$is": …}}.'
            raise InvalidInput(message, field=path, key="invalid_query_params")
        parts = [
            self._condition(
                operator,
                self._sealed(name, value, path) if kind is FilterKind.SEALED else value,
                f"{path}.conditions.{operator}",
                (field, kind, listed),
            )
            for operator, value in cast("dict[str, object]", conditions).items()
        ]
        return sql.SQL("({})").format(sql.SQL(" and ").join(parts))

    def _sealed(self, name: str, value: object, path: str) -> list[object]:
        """Return the digests of values of a sealed field, such as ``address.postal_code``."""
        assert self._digest is not None, "a list with sealed fields brings what digests them"
        field = name.rpartition(".")[2]
        return [self._digest(field, _text(one, path)) for one in _values(value, path)]

    def _expression(
        self, name: str, path: str
    ) -> tuple[sql.Composable, FilterKind, sql.Composable | None]:
        """Return a field's SQL and kind and, for a metadata value, the JSON behind it."""
        found = self._fields.named.get(name)
        if found is not None:
            return sql.SQL(found.expression), found.kind, None
        prefix, dot, key = name.partition(".")
        column = self._fields.objects.get(prefix) if dot else None
        if column is None or not key or not is_storable(key):
            known = [*self._fields.named, *(f"{prefix}.…" for prefix in self._fields.objects)]
            message = f"There is no field '{name[:60]}' to filter by; there are {', '.join(known)}."
            raise InvalidInput(message, field=path, key="invalid_query_params")
        bound = self._bind(key, "text")
        json = sql.SQL("({} -> {})").format(sql.SQL(column), bound)
        return sql.SQL("({} ->> {})").format(sql.SQL(column), bound), FilterKind.ANY, json

    def _condition(
        self,
        operator: str,
        value: object,
        path: str,
        about: tuple[sql.Composable, FilterKind, sql.Composable | None],
    ) -> sql.Composable:
        field, kind, json = about
        if operator not in OPERATORS[kind]:
            offered = ", ".join(sorted(OPERATORS[kind]))
            message = f"'{operator[:40]}' does not go with this field; these do: {offered}."
            raise InvalidInput(message, field=path, key="invalid_query_params")
        if operator in _PRESENCE:
            word = sql.SQL("is not null" if operator == "$has_value" else "is null")
            return sql.SQL("({} {})").format(field, word)
        positive = _NEGATED.get(operator, operator)
        condition = self._compared(positive, _values(value, path), path, (field, kind, json))
        wanted = sql.SQL("is not true" if operator in _NEGATED else "is true")
        return sql.SQL("({} {})").format(condition, wanted)

    def _compared(
        self,
        operator: str,
        values: list[object],
        path: str,
        about: tuple[sql.Composable, FilterKind, sql.Composable | None],
    ) -> sql.Composable:
        field, kind, json = about
        if operator in _LISTED:
            read = [self._read(value, kind, path) for value in values]
            bound = self._bind(read, _CASTS[kind] + "[]")
            equal = sql.SQL(_COMPARED[operator]).format(field=field, value=bound)
            if json is None:
                return equal
            member = sql.SQL(
                "(jsonb_typeof({json}) = 'array' and jsonb_exists_any({json}, {value}))"
            )
            return sql.SQL("({} or {})").format(equal, member.format(json=json, value=bound))
        if len(values) != 1:
            message = f"'{operator}' takes one value."
            raise InvalidInput(message, field=path, key="invalid_query_params")
        if kind is FilterKind.TIME and operator in _SIZES:
            return self._days_ago(operator, values[0], path, field)
        if json is not None and operator in _SIZES:
            number = self._bind(_number(values[0], path), "numeric")
            field = sql.SQL("(case jsonb_typeof({}) when 'number' then {}::numeric end)").format(
                json, field
            )
            return sql.SQL(_COMPARED[operator]).format(field=field, value=number)
        bound = self._bind(self._read(values[0], kind, path), _CASTS[kind])
        compared = sql.SQL(_COMPARED[operator]).format(field=field, value=bound)
        if json is not None and operator == "$contains":
            return sql.SQL(
                "({} or (jsonb_typeof({json}) = 'array' and jsonb_exists({json}, {value})))"
            ).format(compared, json=json, value=bound)
        return compared

    def _days_ago(
        self, operator: str, value: object, path: str, field: sql.Composable
    ) -> sql.Composable:
        days = int(_number(value, path))
        if not 0 <= days <= MOST_DAYS:
            message = f"This must be a number of days from 0 to {MOST_DAYS}."
            raise InvalidInput(message, field=path, key="invalid_query_params")
        edge = self._bind(self._now - timedelta(days=days), "timestamptz")
        word = "<" if operator.startswith("$more") else ">"
        return sql.SQL("({} {} {})").format(field, sql.SQL(word), edge)

    def _read(self, value: object, kind: FilterKind, path: str) -> object:
        match kind:
            case FilterKind.NUMBER:
                return _number(value, path)
            case FilterKind.BOOLEAN:
                return _boolean(value, path)
            case FilterKind.TIME:
                return self._moment(value, path)
            case FilterKind.DATE:
                return self._moment(value, path).astimezone(self._zone).date()
            case FilterKind.TEXT | FilterKind.ANY | FilterKind.SEALED:
                return _text(value, path)

    def _moment(self, value: object, path: str) -> datetime:
        text = _text(value, path)
        try:
            if len(text) == _DATE_LENGTH:
                return datetime.combine(date.fromisoformat(text), time(), self._zone)
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
            return moment.astimezone(_UTC)
        except (ValueError, OverflowError) as error:
            message = "This must be a date or a time in ISO 8601, as 2026-05-31T16:00:00Z."
            raise InvalidInput(message, field=path, key="invalid_query_params") from error

    def _bind(self, value: object, kind: LiteralString) -> sql.Composable:
        name = f"{self._names}_{len(self._parameters)}"
        self._parameters[name] = value
        return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind))


def _junction(given: Mapping[str, Any], path: str) -> str:
    word = given.get("junction", "and")
    if not isinstance(word, str) or word.lower() not in ("and", "or"):
        message = "The junction is 'and' or 'or'."
        raise InvalidInput(message, field=f"{path}.junction", key="invalid_query_params")
    return word.lower()


def _values(given: object, path: str) -> list[object]:
    if isinstance(given, dict):
        values = list(cast("dict[str, object]", given).values())
    elif isinstance(given, list):
        values = cast("list[object]", given)
    else:
        values = [given]
    if not 1 <= len(values) <= MOST_VALUES:
        message = f"This takes 1 to {MOST_VALUES} values."
        raise InvalidInput(message, field=path, key="invalid_query_params")
    return values


def _text(value: object, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE or not is_storable(value):
        message = f"This must be a text of at most {_LONGEST_VALUE} characters."
        raise InvalidInput(message, field=path, key="invalid_query_params")
    return value


def _number(value: object, path: str) -> Decimal:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = Decimal(_text(value, path))
        if not number.is_finite() or abs(number) > 2**63:
            raise ValueError
    except (InvalidOperation, ValueError) as error:
        raise InvalidInput(
            "This must be a number.", field=path, key="invalid_query_params"
        ) from error
    return number


def _boolean(value: object, path: str) -> bool:
    text = _text(value, path).lower()
    if text not in ("true", "false"):
        message = "This must be true or false."
        raise InvalidInput(message, field=path, key="invalid_query_params")
    return text == "true"
