"""From a definition as it is sent to a typed tree; what cannot be meant is refused with its place.

A definition is ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}`` or
``{"attribute": code, "operator": name, "value": …}``.
"""

from typing import Any, cast

from kaquan.runtime import InvalidInput
from kaquan.segments.attributes import (
    ATTRIBUTES,
    METADATA,
    METADATA_PREFIX,
    OPERATORS,
    Attribute,
    Operator,
    ValueKind,
)
from kaquan.segments.model import AllOf, AnyOf, Comparison, InSegment, NotOf, Rule
from kaquan.segments.operands import check_value_text, closest, kind_of, read_operand

DEEPEST = 20
MOST_NODES = 1_000

_NEGATED = {Operator.IS_NOT: Operator.IS, Operator.NOT_IN: Operator.IN}
_FORMS = "all, any, not, or attribute with operator and value"


def parse_definition(definition: object, *, path: str = "definition") -> Rule:
    """Return the tree that a definition means.

    Raises InvalidInput with the path to the part that cannot be understood: an unknown attribute
    (naming the closest one), an operator or a value that does not go with the attribute's type, a
    tree more than 20 levels deep or of more than 1,000 nodes.
    """
    return _Parser().rule(definition, path, depth=1)


class _Parser:
    def __init__(self) -> None:
        self._nodes = 0

    def rule(self, given: object, path: str, *, depth: int) -> Rule:
        self._nodes += 1
        if depth > DEEPEST:
            message = f"Rules may be nested {DEEPEST} levels deep."
            raise InvalidInput(message, field=path)
        if self._nodes > MOST_NODES:
            message = f"A definition may have {MOST_NODES} rules."
            raise InvalidInput(message, field=path)
        if not isinstance(given, dict):
            message = f"A rule is a JSON object with {_FORMS}."
            raise InvalidInput(message, field=path)
        node = cast("dict[str, Any]", given)
        match sorted(node):
            case ["all"]:
                return AllOf(self._rules(node["all"], f"{path}.all", depth))
            case ["any"]:
                return AnyOf(self._rules(node["any"], f"{path}.any", depth))
            case ["not"]:
                return NotOf(self.rule(node["not"], f"{path}.not", depth=depth + 1))
            case ["attribute", "operator"] | ["attribute", "operator", "value"]:
                return _comparison(node, path)
            case _:
                named = ", ".join(f"'{str(key)[:40]}'" for key in list(node)[:5]) or "nothing"
                message = f"A rule has {_FORMS}; this one has {named}."
                raise InvalidInput(message, field=path)

    def _rules(self, given: object, path: str, depth: int) -> tuple[Rule, ...]:
        if not isinstance(given, list):
            raise InvalidInput("This must be a list of rules.", field=path)
        return tuple(
            self.rule(part, f"{path}[{index}]", depth=depth + 1)
            for index, part in enumerate(cast("list[object]", given))
        )


def _comparison(node: dict[str, Any], path: str) -> Rule:
    attribute, key = _attribute(node["attribute"], f"{path}.attribute")
    operator = _operator(node["operator"], attribute.kind, f"{path}.operator")
    value, value_path = node.get("value"), f"{path}.value"
    if operator in (Operator.HAS_VALUE, Operator.HAS_NO_VALUE):
        if value is not None:
            message = f"'{operator}' takes no value."
            raise InvalidInput(message, field=value_path)
        return Comparison(attribute=attribute, operator=operator, kind=attribute.kind, key=key)
    if value is None:
        message = f"'{operator}' needs a value."
        raise InvalidInput(message, field=value_path)
    kind = attribute.kind
    if kind is ValueKind.METADATA:
        kind = kind_of(value, value_path)
        _operator(operator, kind, f"{path}.operator")
    positive = _NEGATED.get(operator, operator)
    operand = read_operand(value, kind, positive, choices=attribute.choices, path=value_path)
    rule: Comparison | InSegment = (
        InSegment(cast("tuple[str, ...]", operand if isinstance(operand, tuple) else (operand,)))
        if kind is ValueKind.SEGMENT
        else Comparison(attribute=attribute, operator=positive, kind=kind, operand=operand, key=key)
    )
    return NotOf(rule) if operator in _NEGATED else rule


def _attribute(code: object, path: str) -> tuple[Attribute, str | None]:
    if not isinstance(code, str):
        raise InvalidInput("An attribute is named by its code, a text.", field=path)
    if code.startswith(METADATA_PREFIX):
        key = check_value_text(code.removeprefix(METADATA_PREFIX), path)
        if not key:
            raise InvalidInput("Name the metadata key: metadata.<key>.", field=path)
        return METADATA, key
    if code not in ATTRIBUTES:
        known = [*ATTRIBUTES, METADATA_PREFIX + "<key>"]
        message = f"There is no attribute '{code[:60]}'.{closest(code, known)}"
        raise InvalidInput(message, field=path)
    return ATTRIBUTES[code], None


def _operator(given: object, kind: ValueKind, path: str) -> Operator:
    allowed = OPERATORS[kind]
    offered = [operator.value for operator in Operator if operator in allowed]
    if given not in list(Operator):
        message = f"There is no operator '{str(given)[:40]}'.{closest(str(given), offered)}"
        raise InvalidInput(message, field=path)
    operator = Operator(given)
    if operator not in allowed:
        message = (
            f"'{operator}' does not go with values of type {kind}; these do: {', '.join(offered)}."
        )
        raise InvalidInput(message, field=path)
    return operator
