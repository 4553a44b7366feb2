"""The argument schemas of effects and conditions, as the fields that a form needs for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, cast

import msgspec

from kaquan.engine import Description, Validity, list_conditions, list_effects

Kind: TypeAlias = Literal[
    "money",
    "percent",
    "times",
    "whole",
    "text",
    "flag",
    "choice",
    "many",
    "pairs",
    "days",
    "date",
    "moment",
    "clock",
    "group",
    "rows",
    "json",
]
"""How an argument is typed; `json` is for what a plugin has and no other kind fits."""

LISTED = frozenset({"product_ids", "sku_ids", "excluded_product_ids", "excluded_sku_ids"})
NAMED = frozenset({"product_id", "sku_id"})
"""Arguments that name goods, many or one; people write the merchant's own ids."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One argument. ``fields`` are those of a group or of each row; ``least`` and ``most`` bound a
    number, or how many there are of a list.
    """

    key: str
    kind: Kind
    required: bool = False
    default: Any = None
    fields: tuple[Shape, ...] = ()
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    longest: int | None = None


@cache
def effect_shapes() -> Mapping[str, tuple[Shape, ...]]:
    """The arguments of every effect, by its code, in the order in which they are registered."""
    return {one.code: _arguments(one.schema) for one in list_effects()}


@cache
def condition_shapes() -> Mapping[str, tuple[Shape, ...]]:
    """The arguments of every condition, by its code; what the merchant says comes last."""
    found = {one.code: _arguments(one.schema) for one in list_conditions()}
    return {code: tuple(sorted(some, key=_is_message)) for code, some in found.items()}


@cache
def window_shapes() -> tuple[Shape, ...]:
    """The windows of an offer, besides its campaign's period."""
    return _arguments(msgspec.json.schema(Validity))


@cache
def summaries() -> Mapping[str, str]:
    """What each effect and condition says of itself, by its code: for those we have no word for."""
    some: tuple[Description, ...] = (*list_effects(), *list_conditions())
    return {one.code: one.summary for one in some}


def _is_message(shape: Shape) -> bool:
    return shape.key == "message"


def _arguments(schema: Mapping[str, Any]) -> tuple[Shape, ...]:
    definitions = cast("Mapping[str, Any]", schema.get("$defs", {}))
    return tuple(_fields(_resolve(schema, definitions), definitions))


def _fields(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Shape]:
    required = set(schema.get("required", ()))
    for key, inner in schema.get("properties", {}).items():
        yield _shape(key, inner, definitions, required=key in required)


def _resolve(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without references and without the null that it may be instead."""
    members = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(members) == 1:
        return _resolve(members[0], definitions)
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return _resolve(definitions[reference.rpartition("/")[2]], definitions)


def _shape(
    key: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], *, required: bool
) -> Shape:
    inner = _resolve(schema, definitions)
    shape = Shape(key=key, kind="json", required=required, default=schema.get("default"))
    replace = msgspec.structs.replace
    if "enum" in inner:
        return replace(shape, kind="choice", choices=tuple(map(str, inner["enum"])))
    match inner.get("type"):
        case "integer":
            bounds = inner.get("minimum"), inner.get("maximum")
            return replace(shape, kind=_number_kind(key), least=bounds[0], most=bounds[1])
        case "boolean":
            return replace(shape, kind="flag")
        case "string":
            return replace(shape, kind=_text_kind(key, inner), longest=inner.get("maxLength"))
        case "array":
            return _list_shape(shape, inner, definitions)
        case "object" if "properties" in inner:
            return replace(shape, kind="group", fields=tuple(_fields(inner, definitions)))
        case "object" if _resolve(inner.get("additionalProperties") or {}, {}).get("items"):
            return replace(shape, kind="pairs")
        case _:
            return shape


def _list_shape(shape: Shape, inner: Mapping[str, Any], definitions: Mapping[str, Any]) -> Shape:
    items = _resolve(inner["items"], definitions)
    sized = msgspec.structs.replace(
        shape, least=inner.get("minItems"), most=inner.get("maxItems"), default=shape.default or []
    )
    if "properties" in items:
        return msgspec.structs.replace(
            sized, kind="rows", fields=tuple(_fields(items, definitions))
        )
    if shape.key == "weekdays":
        return msgspec.structs.replace(sized, kind="days")
    texts = items.get("type") == "string" or any(
        one.get("type") == "string" for one in items.get("anyOf", ())
    )
    return msgspec.structs.replace(sized, kind="many") if texts else shape


def _number_kind(key: str) -> Kind:
    if key.endswith("_minor"):
        return "money"
    if key == "multiplier_bps":
        return "times"
    return "percent" if key.endswith("_bps") else "whole"


def _text_kind(key: str, schema: Mapping[str, Any]) -> Kind:
    if schema.get("format") == "date":
        return "date"
    if "pattern" in schema and key in {"opens", "closes"}:
        return "clock"
    return "moment" if key.endswith("_at") or key == "since" else "text"
