"""Schemas of metadata: what values a project's custom attributes may have, checked on writing."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from typing import Any, Literal, cast

import msgspec

from kaquan.runtime.checks import check_metadata
from kaquan.runtime.errors import InvalidInput, words

STANDARD_SUBJECTS = (
    "campaign",
    "customer",
    "earning_rule",
    "loyalty_tier",
    "order",
    "order_item",
    "product",
    "promotion_tier",
    "publication",
    "redemption",
    "reward",
    "voucher",
)
MOST_PROPERTIES = 100
DEEPEST = 5
_IMAGE = re.compile(r"https?://\S+", re.IGNORECASE)
_GEOPOINT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")
_DATE_LENGTH = len("2026-05-31")


class SchemaScope(StrEnum):
    """What a schema is of: a kind of object, objects nested in others, or a custom event."""

    STANDARD = "standard"
    NESTED = "nested"
    EVENT = "event"


class Property(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a value may be; ``array`` means a list of such values. Members as the dialect's."""

    type: Literal[
        "string", "number", "boolean", "date", "datetime", "image_url", "object", "geopoint"
    ]
    array: bool = False
    optional: bool = True
    deleted: bool = False
    object_type: str | None = None
    eq: list[Any] | None = None
    ne: list[Any] | None = None
    lt: float | None = None
    lte: float | None = None
    gt: float | None = None
    gte: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    exact_length: int | None = None


class MetadataSchema(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata of a subject looks like; unknown keys pass unless only defined ones may."""

    id: str
    scope: SchemaScope
    subject: str
    properties: dict[str, Property]
    allow_defined_only: bool
    created_at: datetime
    updated_at: datetime | None


class SchemaChecker:
    """Checks metadata against the schemas of one project."""

    def __init__(self, schemas: Mapping[tuple[SchemaScope, str], MetadataSchema]) -> None:
        self._schemas = schemas

    def find(self, scope: SchemaScope, subject: str) -> MetadataSchema | None:
        """Return a schema, or None."""
        return self._schemas.get((scope, subject))

    def check(
        self,
        subject: str,
        metadata: Mapping[str, Any],
        *,
        new: bool,
        scope: SchemaScope = SchemaScope.STANDARD,
        field: str = "metadata",
    ) -> None:
        """Raise InvalidInput for metadata that breaks the schema of ``subject``.

        Of something ``new`` every required key must be there; of a change only what is given
        counts, and null may not take a required key away.
        """
        schema = self.find(scope, subject)
        if schema is not None:
            self._object(schema, metadata, field, new=new, depth=1)

    def _object(
        self,
        schema: MetadataSchema,
        given: Mapping[str, Any],
        field: str,
        *,
        new: bool,
        depth: int,
    ) -> None:
        defined = {name: one for name, one in schema.properties.items() if not one.deleted}
        for name in given:
            if name not in defined and schema.allow_defined_only:
                message = words("'%(name)s' is not defined in the metadata schema.", name=name[:60])
                raise InvalidInput(message, field=f"{field}.{name}")
        for name, definition in defined.items():
            path = f"{field}.{name}"
            if given.get(name) is None:
                if not definition.optional and (new or name in given):
                    raise _refusal(name, definition, given.get(name), path)
                continue
            self._value(name, definition, given[name], path, depth)

    def _value(self, name: str, definition: Property, value: object, path: str, depth: int) -> None:
        if not definition.array:
            self._single(name, definition, value, path, depth)
            return
        if not isinstance(value, list):
            raise _refusal(name, definition, value, path)
        for index, one in enumerate(cast("list[object]", value)):
            self._single(name, definition, one, f"{path}[{index}]", depth)

    def _single(
        self, name: str, definition: Property, value: object, path: str, depth: int
    ) -> None:
        if not _is_of_type(definition, value) or not _meets(definition, value):
            raise _refusal(name, definition, value, path)
        nested = definition.object_type
        if definition.type == "object" and nested is not None and depth < DEEPEST:
            schema = self.find(SchemaScope.NESTED, nested)
            if schema is not None:
                inner = cast("dict[str, Any]", value)
                self._object(schema, inner, path, new=True, depth=depth + 1)


def check_definition(definition: Property, path: str) -> None:
    """Raise InvalidInput for rules that do not go with the type they are for."""
    lengths = (definition.min_length, definition.max_length, definition.exact_length)
    bounds = (definition.lt, definition.lte, definition.gt, definition.gte)
    if definition.type != "string" and any(one is not None for one in lengths):
        raise InvalidInput("Only a string has a length.", field=path)
    if definition.type != "number" and any(one is not None for one in bounds):
        raise InvalidInput("Only a number is less or greater.", field=path)
    if any(one is not None and one < 0 for one in lengths):
        raise InvalidInput("A length is not negative.", field=path)
    for choices in (definition.eq, definition.ne):
        if choices is not None:
            check_metadata({"values": choices}, path)
            if not all(_is_of_type(definition, one) for one in choices):
                message = f"The values to choose from must be of type {definition.type}."
                raise InvalidInput(message, field=path)


def _is_of_type(definition: Property, value: object) -> bool:
    match definition.type:
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "datetime":
            return isinstance(value, str) and _is_moment(value)
        case "image_url":
            return isinstance(value, str) and _IMAGE.fullmatch(value) is not None
        case "object":
            return isinstance(value, dict)
        case "geopoint":
            return isinstance(value, str) and is_geopoint(value)


def is_geopoint(text: str) -> bool:
    """Tell whether a text is ``latitude,longitude`` in degrees."""
    found = _GEOPOINT.fullmatch(text)
    return found is not None and abs(Decimal(found[1])) <= 90 and abs(Decimal(found[2])) <= 180


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == _DATE_LENGTH


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _meets(definition: Property, value: object) -> bool:
    if definition.eq is not None and value not in definition.eq:
        return False
    if definition.ne is not None and value in definition.ne:
        return False
    if isinstance(value, str):
        least, most = definition.min_length, definition.max_length
        exact = definition.exact_length
        return (
            (least is None or len(value) >= least)
            and (most is None or len(value) <= most)
            and (exact is None or len(value) == exact)
        )
    if isinstance(value, int | float):
        return (
            (definition.lt is None or value < definition.lt)
            and (definition.lte is None or value <= definition.lte)
            and (definition.gt is None or value > definition.gt)
            and (definition.gte is None or value >= definition.gte)
        )
    return True


def _refusal(name: str, definition: Property, value: object, path: str) -> InvalidInput:
    """Make the refusal in the dialect's words: all that the value must be."""
    kind = "must be an array of %(type)s" if definition.array else "must be a %(type)s"
    wanted = [words(kind, type=definition.type)]
    if not definition.optional:
        wanted.append(words("property is required"))
    for pattern, values in (
        ("must be equal to one of %(values)s", definition.eq),
        ("must not be %(values)s", definition.ne),
    ):
        if values is not None:
            wanted.append(words(pattern, values=",".join(map(str, values))))
    rules: tuple[tuple[str, object], ...] = (
        ("must be less than %(bound)s", definition.lt),
        ("must be at most %(bound)s", definition.lte),
        ("must be more than %(bound)s", definition.gt),
        ("must be at least %(bound)s", definition.gte),
        ("minimal length is %(bound)s", definition.min_length),
        ("maximal length is %(bound)s", definition.max_length),
        ("length must be %(bound)s", definition.exact_length),
    )
    wanted += [words(pattern, bound=bound) for pattern, bound in rules if bound is not None]
    message = words(
        "%(name)s: %(wanted)s (actual value is %(actual)s)",
        name=name,
        wanted=reduce(lambda one, more: words("%(one)s, %(more)s", one=one, more=more), wanted),
        actual=msgspec.json.encode(value).decode()[:80],
    )
    return InvalidInput(message, field=path)
