"""The dialect's filters: what each operator finds, and what is refused with its place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from kaquan.runtime import (
    FilterField,
    FilterFields,
    FilterKind,
    InvalidInput,
    Tx,
    all_of,
    compile_filter,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIELDS = FilterFields(
    named={
        "name": FilterField("name"),
        "price": FilterField("price", FilterKind.NUMBER),
        "at": FilterField("at", FilterKind.TIME),
        "on": FilterField("at::date", FilterKind.DATE),
        "live": FilterField("live", FilterKind.BOOLEAN),
    },
    objects={"metadata": "metadata"},
)
ROWS = (
    ("tea", 900, NOW - timedelta(days=1), True, '{"size": "M", "tags": ["new", "hot"], "n": 5}'),
    ("pot", 4_000, NOW - timedelta(days=20), False, '{"size": "L", "n": "7"}'),
    ("cup", None, None, None, "{}"),
)


async def find(tx: Tx, given: dict[str, Any]) -> str:
    """The names of the rows that a filter finds."""
    await tx.execute(
        "create temp table if not exists goods"
        " (name text, price bigint, at timestamptz, live boolean, metadata jsonb) on commit drop"
    )
    await tx.execute("truncate goods")
    for row in ROWS:
        await tx.execute("insert into goods values (%s, %s, %s, %s, %s)", row)
    condition = compile_filter(given, FIELDS, now=NOW)
    cursor = await tx.execute(
        sql.SQL("select name from goods where {} order by name").format(condition.sql),
        dict(condition.parameters),
    )
    return " ".join([row[0] for row in await cursor.fetchall()])


@pytest.mark.parametrize(
    ("field", "conditions", "found"),
    [
        ("name", {"$is": "tea"}, "tea"),
        ("name", {"$is": ["tea", "pot"]}, "pot tea"),
        ("name", {"$in": {"0": "tea", "1": "cup"}}, "cup tea"),
        ("name", {"$is_not": ["tea"]}, "cup pot"),
        ("name", {"$not_in": ["tea", "cup"]}, "pot"),
        ("name", {"$starts_with": "c"}, "cup"),
        ("name", {"$ends_with": ["t"]}, "pot"),
        ("name", {"$contains": "u"}, "cup"),
        ("name", {"$not_contain": "t"}, "cup"),
        ("price", {"$more_than": 900}, "pot"),
        ("price", {"$more_than_equal": "900"}, "pot tea"),
        ("price", {"$less_than": 1_000, "$more_than": 1}, "tea"),
        ("price", {"$is_not": 900}, "cup pot"),
        ("price", {"$has_value": ""}, "pot tea"),
        ("price", {"$is_unknown": ""}, "cup"),
        ("live", {"$is": "true"}, "tea"),
        ("live", {"$is_not": True}, "cup pot"),
        ("at", {"$after": "2026-02-20"}, "tea"),
        ("at", {"$before": ["2026-02-20T00:00:00Z"]}, "pot"),
        ("at", {"$more_than": 10}, "pot"),
        ("at", {"$less_than": 10}, "tea"),
        ("on", {"$is": "2026-02-28"}, "tea"),
        ("metadata.size", {"$is": "M"}, "tea"),
        ("metadata.size", {"$is_not": "M"}, "cup pot"),
        ("metadata.size", {"$is_unknown": True}, "cup"),
        ("metadata.tags", {"$is": "hot"}, "tea"),
        ("metadata.tags", {"$contains": "new"}, "tea"),
        ("metadata.n", {"$is": 5}, "tea"),
        ("metadata.n", {"$more_than": 4}, "tea"),
        ("metadata.n", {"$in": [5, "7"]}, "pot tea"),
    ],
)
async def test_what_is_found(tx: Tx, field: str, conditions: dict[str, Any], found: str) -> None:
    assert await find(tx, {field: {"conditions": conditions}}) == found


async def test_junctions(tx: Tx) -> None:
    fields = {
        "name": {"conditions": {"$is": "tea"}},
        "price": {"conditions": {"$is": 4_000}},
    }
    assert await find(tx, {"junction": "or", **fields}) == "pot tea"
    assert await find(tx, {"junction": "and", **fields}) == ""
    assert await find(tx, fields) == ""
    assert await find(tx, {}) == "cup pot tea"


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"size": {"conditions": {"$is": 1}}}, "filters.size"),
        ({"metadata.": {"conditions": {"$is": 1}}}, "filters.metadata."),
        ({"name": {"$is": "tea"}}, "filters.name"),
        ({"name": {"conditions": {}}}, "filters.name"),
        ({"name": "tea"}, "filters.name"),
        ({"name": {"conditions": {"$more_than": 1}}}, "filters.name.conditions.$more_than"),
        ({"price": {"conditions": {"$is": "dear"}}}, "filters.price.conditions.$is"),
        ({"price": {"conditions": {"$is": True}}}, "filters.price.conditions.$is"),
        ({"price": {"conditions": {"$is": []}}}, "filters.price.conditions.$is"),
        ({"price": {"conditions": {"$more_than": [1, 2]}}}, "filters.price.conditions.$more_than"),
        ({"at": {"conditions": {"$after": "soon"}}}, "filters.at.conditions.$after"),
        ({"at": {"conditions": {"$more_than": -1}}}, "filters.at.conditions.$more_than"),
        ({"live": {"conditions": {"$is": "perhaps"}}}, "filters.live.conditions.$is"),
        ({"name": {"conditions": {"$is": {"a": {"b": 1}}}}}, "filters.name.conditions.$is"),
        ({"junction": "xor"}, "filters.junction"),
        ({f"metadata.{n}": {"conditions": {"$is": 1}} for n in range(51)}, "filters"),
    ],
)
def test_what_is_refused(given: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_filter(given, FIELDS, now=NOW)
    assert refused.value.field == place


def test_conditions_together_name_their_parameters_apart() -> None:
    given = {"name": {"conditions": {"$is": "tea"}}}
    first = compile_filter(given, FIELDS, now=NOW)
    second = compile_filter(given, FIELDS, now=NOW, names="other")
    assert len(all_of([first, second]).parameters) == 2
    with pytest.raises(AssertionError):
        all_of([first, first])
