"""Offers as plain JSON: read with errors that name the place, written back as they were read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

import msgspec

from kaquan.engine.conditions import CONDITIONS, NO_CONDITION, AllOf, AnyOf, Condition, Node, Not
from kaquan.engine.effects import EFFECTS, Effect
from kaquan.engine.formula import InvalidFormula
from kaquan.engine.offer import Offer
from kaquan.engine.registry import Description, Part, Registry
from kaquan.engine.validity import ALWAYS, Validity

MAX_DEPTH = 20
MAX_NODES = 500
MOST_REMEMBERED = 1_000

_OFFER_FIELDS = frozenset({"id", "effect", "condition", "window"})
# msgspec tells the place only in its text, as in "Expected `int`, got `str` - at `$.tiers[0]`".
_MSGSPEC_TEXT = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_MSGSPEC_FIELD = re.compile(r"Object (?P<fault>missing|contains unknown) .*field `(?P<name>.*)`")

PartT = TypeVar("PartT", bound=Part)

_READ_BEFORE: dict[bytes, Offer] = {}


class InvalidOffer(ValueError):
    """The data is no offer.

    `path` leads to the place (`condition.all[1].amount_minor`); `key` is one of missing_field,
    unknown_field, invalid_value, unknown_code, not_an_object, not_a_list, ambiguous_node,
    too_deep, too_many_nodes, or a key of InvalidFormula.
    """

    def __init__(self, path: str, key: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.key = key


def parse_offer(data: object) -> Offer:
    """Read an offer from JSON data. Raises InvalidOffer.

    The offers that were read last are remembered by their whole content, which cannot go stale.
    """
    try:
        text = msgspec.json.encode(data)
    except (TypeError, ValueError, RecursionError):
        return _parse_offer(data)
    known = _READ_BEFORE.get(text)
    if known is None:
        known = _parse_offer(data)
        while len(_READ_BEFORE) >= MOST_REMEMBERED:
            del _READ_BEFORE[next(iter(_READ_BEFORE))]
        _READ_BEFORE[text] = known
    return known


def _parse_offer(data: object) -> Offer:
    fields = _as_object(data, "")
    for name in fields.keys() - _OFFER_FIELDS:
        raise InvalidOffer(name, "unknown_field", f"an offer has no field {name!r}")
    offer_id = _need(fields, "id", "")
    if not isinstance(offer_id, str) or not offer_id:
        raise InvalidOffer("id", "invalid_value", "must be a text that is not empty")
    return Offer(
        id=offer_id,
        effect=parse_effect(_need(fields, "effect", "")),
        condition=parse_condition(fields.get("condition")),
        window=parse_window(fields.get("window")),
    )


def parse_effect(data: object, *, path: str = "effect") -> Effect:
    """Read an effect from JSON data. Raises InvalidOffer."""
    return _parse_part(EFFECTS, _as_object(data, path), path)


def parse_condition(data: object, *, path: str = "condition") -> Node:
    """Read a condition tree from JSON data, None being no condition. Raises InvalidOffer."""
    if data is None:
        return NO_CONDITION
    return _parse_node(data, path, depth=1, count=iter(range(MAX_NODES)))


def parse_window(data: object, *, path: str = "window") -> Validity:
    """Read a window from JSON data, None being always. Raises InvalidOffer."""
    return ALWAYS if data is None else _convert(_as_object(data, path), Validity, path)


def offer_to_data(offer: Offer) -> dict[str, Any]:
    """The JSON data of an offer; `parse_offer` of it gives an equal offer."""
    return {
        "id": offer.id,
        "effect": _part_to_data(offer.effect),
        "condition": condition_to_data(offer.condition),
        "window": msgspec.to_builtins(offer.window),
    }


def condition_to_data(node: Node) -> dict[str, Any]:
    """The JSON data of a condition tree."""
    match node:
        case AllOf():
            return {"all": [condition_to_data(member) for member in node.members]}
        case AnyOf():
            return {"any": [condition_to_data(member) for member in node.members]}
        case Not():
            return {"not": condition_to_data(node.member)}
        case Condition():
            return _part_to_data(node)


def list_conditions() -> tuple[Description, ...]:
    """Every condition with the JSON Schema of its arguments."""
    return tuple(CONDITIONS.describe())


def list_effects() -> tuple[Description, ...]:
    """Every effect with the JSON Schema of its arguments."""
    return tuple(EFFECTS.describe())


def _parse_node(data: object, path: str, *, depth: int, count: Iterator[int]) -> Node:
    if depth > MAX_DEPTH:
        message = f"conditions may be nested {MAX_DEPTH} deep"
        raise InvalidOffer(path, "too_deep", message)
    if next(count, None) is None:
        raise InvalidOffer(path, "too_many_nodes", f"at most {MAX_NODES} conditions")
    fields = _as_object(data, path)
    kinds = fields.keys() & {"all", "any", "not", "code"}
    if not kinds:
        raise InvalidOffer(path, "missing_field", "needs one of all, any, not, code")
    if "code" in kinds and len(kinds) == 1:
        return _parse_part(CONDITIONS, fields, path)
    if len(fields) > 1:
        message = "all, any, not and code exclude each other and other fields"
        raise InvalidOffer(path, "ambiguous_node", message)
    kind, inner = next(iter(fields.items()))
    if kind == "not":
        return Not(_parse_node(inner, f"{path}.not", depth=depth + 1, count=count))
    members = _as_list(inner, f"{path}.{kind}")
    if kind == "any" and not members:
        raise InvalidOffer(path, "invalid_value", "any needs at least one alternative")
    nodes = tuple(
        _parse_node(member, f"{path}.{kind}[{index}]", depth=depth + 1, count=count)
        for index, member in enumerate(members)
    )
    return AllOf(nodes) if kind == "all" else AnyOf(nodes)


def _parse_part(registry: Registry[PartT], fields: Mapping[str, object], path: str) -> PartT:
    code = _need(fields, "code", path)
    part = registry.find(code) if isinstance(code, str) else None
    if part is None:
        message = f"there is no {registry.kind} {code!r}"
        raise InvalidOffer(_join(path, "code"), "unknown_code", message)
    arguments = {name: value for name, value in fields.items() if name != "code"}
    return _convert(arguments, part, path)


def _convert(fields: Mapping[str, object], type_: type[Any], path: str) -> Any:
    try:
        return msgspec.convert(fields, type_)
    except msgspec.ValidationError as error:
        raise _translate(error, path) from error


def _translate(error: msgspec.ValidationError, path: str) -> InvalidOffer:
    text = _MSGSPEC_TEXT.fullmatch(str(error))
    what, inner = (text["what"], text["path"] or "") if text else (str(error), "")
    place = f"{path}{inner}"
    field = _MSGSPEC_FIELD.fullmatch(what)
    if field is None:
        cause = error.__cause__
        key = cause.key if isinstance(cause, InvalidFormula) else "invalid_value"
        return InvalidOffer(place, key, what)
    key = "missing_field" if field["fault"] == "missing" else "unknown_field"
    return InvalidOffer(_join(place, field["name"]), key, what)


def _part_to_data(part: Effect | Condition) -> dict[str, Any]:
    return {"code": part.code, **msgspec.to_builtins(part, order="deterministic")}


def _as_object(data: object, path: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise InvalidOffer(path, "not_an_object", "must be an object")
    fields = cast("Mapping[object, object]", data)
    if not all(isinstance(name, str) for name in fields):
        raise InvalidOffer(path, "not_an_object", "must have texts as field names")
    return cast("Mapping[str, object]", data)


def _as_list(data: object, path: str) -> list[object]:
    if not isinstance(data, list):
        raise InvalidOffer(path, "not_a_list", "must be a list")
    return cast("list[object]", data)


def _need(fields: Mapping[str, object], name: str, path: str) -> object:
    if name not in fields:
        raise InvalidOffer(_join(path, name), "missing_field", f"the field {name!r} is missing")
    return fields[name]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
