"""Schemas of metadata: every type and rule, on new things and on changes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kaquan.runtime import (
    InvalidInput,
    NotFound,
    Property,
    SchemaScope,
    Tx,
    check_by_schema,
    delete_schema,
    find_schema,
    get_schema,
    put_schema,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def define(tx: Tx, subject: str = "customer", *, only: bool = False, **given: Any) -> None:
    """Define a schema of properties told as the dialect tells them."""
    properties = msgspec.convert(given, dict[str, Property])
    await put_schema(tx, subject, properties, allow_defined_only=only, now=NOW)


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ({"type": "string"}, ["", "x"], [1, True, ["x"]]),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab"], ["a", "abcd"]),
        ({"type": "string", "exactLength": 2}, ["ab"], ["abc"]),
        ({"type": "string", "eq": ["a", "b"]}, ["a"], ["c"]),
        ({"type": "number"}, [1, 1.5, -2], ["1", True]),
        ({"type": "number", "gte": 1, "lt": 5}, [1, 4.9], [0, 5]),
        ({"type": "number", "gt": 1, "lte": 5}, [5], [1]),
        ({"type": "number", "ne": [3]}, [2], [3]),
        ({"type": "boolean"}, [True], ["true", 1]),
        ({"type": "date"}, ["2026-05-31"], ["2026-13-01", "2026-05-31T00:00:00Z"]),
        ({"type": "datetime"}, ["2026-05-31T00:00:00Z"], ["soon"]),
        ({"type": "image_url"}, ["https://example.com/a.png"], ["a.png"]),
        ({"type": "geopoint"}, ["37.78, -122.39"], ["91,0", "here"]),
        ({"type": "object"}, [{"a": 1}], ["a"]),
        ({"type": "string", "array": True}, [[], ["a", "b"]], ["a", ["a", 1]]),
    ],
)
async def test_types(tx: Tx, definition: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    await define(tx, value=definition)
    for value in good:
        await check_by_schema(tx, "customer", {"value": value}, new=True)
    for value in bad:
        with pytest.raises(InvalidInput) as refused:
            await check_by_schema(tx, "customer", {"value": value}, new=True)
        assert refused.value.field.startswith("metadata.value")


async def test_required_keys_of_new_things_and_of_changes(tx: Tx) -> None:
    await define(tx, vip={"type": "boolean", "optional": False})
    for metadata in ({}, {"vip": None}):
        with pytest.raises(InvalidInput, match="property is required"):
            await check_by_schema(tx, "customer", metadata, new=True)
    await check_by_schema(tx, "customer", {"other": 1}, new=False)
    with pytest.raises(InvalidInput):
        await check_by_schema(tx, "customer", {"vip": None}, new=False)
    await check_by_schema(tx, "order", {}, new=True)


async def test_unknown_keys(tx: Tx) -> None:
    await define(tx, only=True, size={"type": "string"}, old={"type": "string", "deleted": True})
    await check_by_schema(tx, "customer", {"size": "M"}, new=True)
    for key in ("colour", "old"):
        with pytest.raises(InvalidInput) as refused:
            await check_by_schema(tx, "customer", {key: "x"}, new=True)
        assert refused.value.field == f"metadata.{key}"


async def test_nested_objects(tx: Tx) -> None:
    await define(tx, "Payment", tax={"type": "number", "optional": False})
    await define(tx, paid={"type": "object", "objectType": "Payment"})
    await check_by_schema(tx, "customer", {"paid": {"tax": 1}}, new=True)
    with pytest.raises(InvalidInput) as refused:
        await check_by_schema(tx, "customer", {"paid": {}}, new=True)
    assert refused.value.field == "metadata.paid.tax"
    assert (await get_schema(tx, "Payment")).scope is SchemaScope.NESTED


async def test_events_have_schemas_of_their_own(tx: Tx) -> None:
    await put_schema(tx, "order", {"a": Property(type="string")}, scope=SchemaScope.EVENT, now=NOW)
    assert await find_schema(tx, "order") is None
    assert await find_schema(tx, "order", scope=SchemaScope.EVENT) is not None
    await delete_schema(tx, "order", scope=SchemaScope.EVENT)
    with pytest.raises(NotFound):
        await delete_schema(tx, "order", scope=SchemaScope.EVENT)


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "number", "minLength": 1},
        {"type": "string", "lt": 1},
        {"type": "string", "minLength": -1},
        {"type": "string", "eq": [1]},
    ],
)
async def test_rules_that_do_not_go_with_the_type(tx: Tx, definition: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await define(tx, value=definition)
    assert refused.value.field == "properties.value"
