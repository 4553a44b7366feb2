"""The language as a JSON Schema (draft 2020-12), made from the same catalogues as the parser.

It says what a definition may look like; the parser says so too, with the place of each fault, and
checks what a schema cannot: names of segments, circles, lists whose end comes before the start.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kaquan.segments.attributes import (
    ATTRIBUTES,
    METADATA_PREFIX,
    OPERATORS,
    SCORE_PREFIX,
    Operator,
    ValueKind,
)
from kaquan.segments.deeds import DEEDS, DeedKind, DeedType, Measure
from kaquan.segments.model import CalendarUnit
from kaquan.segments.operands import LONGEST_LIST, LONGEST_TEXT
from kaquan.segments.parse import DEEPEST, MOST_NODES
from kaquan.segments.parse_deeds import MOST_DAYS, MOST_HOURS, MOST_TIMES
from kaquan.segments.parse_special import DATES, FURTHEST_DAYS

Schema = dict[str, Any]

_PRESENCE = (Operator.HAS_VALUE, Operator.HAS_NO_VALUE)
_LISTS = (Operator.IN, Operator.NOT_IN)
_IN_DAYS = (Operator.WITHIN_DAYS, Operator.NOT_WITHIN_DAYS, Operator.WITHIN_NEXT_DAYS)
_OF_DATES = (Operator.BEFORE, Operator.AFTER)
_TEXT: Schema = {"type": "string", "maxLength": LONGEST_TEXT}
_DAYS: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_DAYS}
_VALUES: Mapping[ValueKind, Schema] = {
    ValueKind.TEXT: _TEXT,
    ValueKind.SEGMENT: _TEXT,
    ValueKind.SEALED: _TEXT,
    ValueKind.NUMBER: {"type": "number"},
    ValueKind.MONEY: {"type": "integer"},
    ValueKind.BOOLEAN: {"type": "boolean"},
    ValueKind.DATE: {"type": "string", "format": "date"},
    ValueKind.TIME: {
        "type": "string",
        "anyOf": [{"format": "date"}, {"format": "date-time"}],
    },
    ValueKind.METADATA: {"type": ["string", "number", "boolean"]},
}
_RULE: Schema = {"$ref": "#/$defs/rule"}


def definition_schema() -> Schema:
    """Return the schema of a definition."""
    forms: list[Schema] = [
        _object({"all": _list_of(_RULE)}),
        _object({"any": _list_of(_RULE)}),
        _object({"not": _RULE}),
        *(_attribute_form(kind) for kind in ValueKind if kind is not ValueKind.BOOLEAN),
        *(_done_form(of) for of in DEEDS.values()),
        *(form for of in DEEDS.values() for form in _aggregate_forms(of)),
        *_own_forms(),
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment definition",
        "description": (
            f"A rule over what is known of a customer, at most {DEEPEST} levels deep"
            f" and of at most {MOST_NODES} rules and conditions."
        ),
        "$ref": "#/$defs/rule",
        "$defs": {
            "rule": {"anyOf": forms},
            **{f"where_{kind}": _where(of) for kind, of in DEEDS.items()},
            **{f"test_{kind}": {"anyOf": _tests(kind)} for kind in ValueKind},
            "window": _window(),
            "bound": _bound(),
            "unit": {"enum": [unit.value for unit in CalendarUnit]},
        },
    }


def _object(needed: Schema, may: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": needed | (may or {}),
        "required": list(needed),
        "additionalProperties": False,
    }


def _list_of(item: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": item} | bounds


def _tests(kind: ValueKind) -> list[Schema]:
    """Return the pairs of operator and value that go with a kind, as properties."""
    value = _VALUES[kind]
    allowed = [operator for operator in Operator if operator in OPERATORS[kind]]
    dated = _VALUES[ValueKind.DATE] if kind is ValueKind.METADATA else value
    groups: list[tuple[Sequence[Operator], Schema | None]] = [
        ([o for o in allowed if o in _PRESENCE], None),
        ([o for o in allowed if o in _LISTS], _list_of(value, maxItems=LONGEST_LIST)),
        ([o for o in allowed if o in _IN_DAYS], _DAYS),
        ([o for o in allowed if o in _OF_DATES], dated),
        (
            [o for o in allowed if o is Operator.BETWEEN],
            _list_of(value, minItems=2, maxItems=2),
        ),
    ]
    grouped = {operator for operators, _ in groups for operator in operators}
    groups.append(([o for o in allowed if o not in grouped], value))
    return [_test(operators, of) for operators, of in groups if operators]


def _test(operators: Sequence[Operator], value: Schema | None) -> Schema:
    named: Schema = {"operator": {"enum": [operator.value for operator in operators]}}
    if value is None:
        return {"properties": named | {"value": {"type": "null"}}}
    return {"properties": named | {"value": value}, "required": ["value"]}


def _tested(names: Schema, word: str, kind: ValueKind) -> Schema:
    form = _object({word: names, "operator": {}}, {"value": {}})
    return form | {"$ref": f"#/$defs/test_{kind}"}


def _attribute_form(kind: ValueKind) -> Schema:
    codes = [attribute.code for attribute in ATTRIBUTES.values() if attribute.kind is kind]
    names: list[Schema] = [{"enum": codes}] if codes else []
    if kind is ValueKind.METADATA:
        names.append(_begins_with(METADATA_PREFIX))
    if kind is ValueKind.NUMBER:
        names.append(_begins_with(SCORE_PREFIX))
    return _tested({"anyOf": names}, "attribute", kind)


def _begins_with(prefix: str) -> Schema:
    return {"type": "string", "pattern": "^" + prefix.replace(".", "[.]") + "."}


def _where(of: DeedType) -> Schema:
    ref: Schema = {"$ref": f"#/$defs/where_{of.kind}"}
    forms = [
        _list_of(ref),
        _object({"all": _list_of(ref)}),
        _object({"any": _list_of(ref)}),
        _object({"not": ref}),
    ]
    by_kind: dict[ValueKind, list[str]] = {}
    for name, attribute in of.properties.items():
        by_kind.setdefault(attribute.kind, []).append(name)
    forms += [_tested({"enum": names}, "property", kind) for kind, names in by_kind.items()]
    if of.open is not None:
        names: Schema = {"anyOf": [{"enum": list(of.aliases)}, _begins_with(of.open_prefix)]}
        forms.append(_tested(names, "property", ValueKind.METADATA))
    return {"anyOf": forms}


def _deed(of: DeedType, word: str) -> tuple[Schema, Schema]:
    needed: Schema = {word: {"const": of.kind.value}}
    if of.kind is DeedKind.EVENT:
        needed["name"] = _TEXT
    return needed, {
        "where": {"$ref": f"#/$defs/where_{of.kind}"},
        "within": {"$ref": "#/$defs/window"},
    }


def _done_form(of: DeedType) -> Schema:
    number: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_TIMES}
    times = _object({}, dict.fromkeys(("at_least", "at_most", "exactly"), number))
    done, may = _deed(of, "done")
    not_done, _ = _deed(of, "not_done")
    often = may | {"times": times | {"minProperties": 1}}
    return {"anyOf": [_object(done, often), _object(not_done, may)]}


def _aggregate_forms(of: DeedType) -> list[Schema]:
    money = _named(of, ValueKind.MONEY)
    numbers = _named(of, ValueKind.NUMBER)
    texts = _named(of, ValueKind.TEXT)
    opened: list[Schema] = []
    if of.open is not None:
        opened = [_begins_with(of.open_prefix), {"enum": list(of.aliases)}]
    forms = [
        _aggregate_form(of, (Measure.COUNT, Measure.DAYS_SINCE), None, ValueKind.NUMBER),
        _aggregate_form(of, (Measure.FIRST, Measure.LAST), None, ValueKind.TIME),
        _aggregate_form(of, (Measure.DISTINCT,), [texts, *opened], ValueKind.NUMBER),
        _aggregate_form(of, (Measure.SUM, Measure.AVERAGE), [numbers, *opened], ValueKind.NUMBER),
    ]
    if money["enum"]:
        sums = (Measure.SUM, Measure.AVERAGE)
        forms.append(_aggregate_form(of, sums, [money], ValueKind.MONEY))
    return forms


def _named(of: DeedType, kind: ValueKind) -> Schema:
    return {"enum": [name for name, found in of.properties.items() if found.kind is kind]}


def _aggregate_form(
    of: DeedType, measures: Sequence[Measure], what: list[Schema] | None, kind: ValueKind
) -> Schema:
    needed, may = _deed(of, "over")
    needed = {
        "aggregate": {"enum": [measure.value for measure in measures]},
        **needed,
        "operator": {},
    }
    if what is not None:
        needed["of"] = {"anyOf": what}
    return _object(needed, may | {"value": {}}) | {"$ref": f"#/$defs/test_{kind}"}


def _window() -> Schema:
    bound: Schema = {"$ref": "#/$defs/bound"}
    return {
        "anyOf": [
            _object({"last_days": {"type": "integer", "minimum": 1, "maximum": MOST_DAYS}}),
            _object({"last_hours": {"type": "integer", "minimum": 1, "maximum": MOST_HOURS}}),
            _object({"this": {"$ref": "#/$defs/unit"}}),
            _object({}, {"from": bound, "to": bound}) | {"minProperties": 1},
        ]
    }


def _bound() -> Schema:
    return {
        "anyOf": [
            _VALUES[ValueKind.TIME],
            _object({"days_ago": _DAYS}),
            _object({"hours_ago": {"type": "integer", "minimum": 0, "maximum": MOST_HOURS}}),
            _object(
                {"start_of": {"$ref": "#/$defs/unit"}},
                {"back": {"type": "integer", "minimum": 0, "maximum": 1_000}},
            ),
        ]
    }


def _own_forms() -> list[Schema]:
    day: Schema = {"type": "integer", "minimum": -FURTHEST_DAYS, "maximum": FURTHEST_DAYS}
    days: Schema = {"from": day, "to": day}
    percent: Schema = {"type": "number", "minimum": 0, "maximum": 100}
    room = _object(
        {
            "most": {"type": "integer", "minimum": 1, "maximum": 1_000},
            "days": {"type": "integer", "minimum": 1, "maximum": 366},
        }
    )
    return [
        _object({"birthday": _object({}, days)}),
        _object({"anniversary": _object({"of": {"enum": list(DATES)}}, days)}),
        _object({"consent": _object({"channel": _TEXT}, {"purpose": _TEXT})}),
        _object({"reachable": _object({"channel": _TEXT}, {"purpose": _TEXT, "room": room})}),
        _object({"customers": _list_of(_TEXT, maxItems=LONGEST_LIST)}),
        _object({"sample": _object({"percent": percent}, {"salt": _TEXT})}),
        _object({"sample": _object({"to": percent}, {"from": percent, "salt": _TEXT})}),
    ]
