"""An operator with its value, read once for attributes, properties of deeds and measures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from kaquan.runtime import InvalidInput, words
from kaquan.segments.attributes import OPERATORS, Operator, ValueKind
from kaquan.segments.model import AllOf, NotOf, Operand, Rule
from kaquan.segments.operands import closest, kind_of, read_operand

_NEGATED = {Operator.IS_NOT: Operator.IS, Operator.NOT_IN: Operator.IN}
_BY_NAME: Mapping[str, Operator] = {operator.value: operator for operator in Operator}
_PRESENCE = (Operator.HAS_VALUE, Operator.HAS_NO_VALUE)


class ValueTest(msgspec.Struct, frozen=True, kw_only=True):
    """Operators with operands of ``kind``, all of which must hold; ``negated``: must not."""

    kind: ValueKind
    parts: tuple[tuple[Operator, Operand], ...]
    negated: bool = False


def read_test(
    node: Mapping[str, Any], path: str, *, kind: ValueKind, choices: Sequence[str] = ()
) -> ValueTest:
    """Read ``operator`` and ``value`` of a node for a value of ``kind``.

    Raises InvalidInput for an operator that does not go with the kind, and for a value missing,
    superfluous or of another type, each with its path.
    """
    operator = _operator(node.get("operator"), kind, f"{path}.operator")
    value, value_path = node.get("value"), f"{path}.value"
    if operator in _PRESENCE:
        if value is not None:
            message = words("'%(operator)s' takes no value.", operator=operator)
            raise InvalidInput(message, field=value_path)
        return ValueTest(kind=kind, parts=((operator, None),))
    if value is None:
        message = words("'%(operator)s' needs a value.", operator=operator)
        raise InvalidInput(message, field=value_path)
    if kind is ValueKind.METADATA:
        kind = kind_of(value, value_path, operator=operator)
        _operator(operator, kind, f"{path}.operator")
    if operator is Operator.BETWEEN:
        return ValueTest(kind=kind, parts=_between(value, value_path, kind))
    positive = _NEGATED.get(operator, operator)
    operand = read_operand(value, kind, positive, choices=choices, path=value_path)
    return ValueTest(kind=kind, parts=((positive, operand),), negated=operator in _NEGATED)


def combine(test: ValueTest, build: Callable[[Operator, Operand], Rule]) -> Rule:
    """Return the rule of a test, with ``build`` making the rule of each of its parts."""
    rules = tuple(build(operator, operand) for operator, operand in test.parts)
    rule = rules[0] if len(rules) == 1 else AllOf(rules)
    return NotOf(rule) if test.negated else rule


def check_keys(
    node: Mapping[str, Any], path: str, *, needed: frozenset[str], allowed: frozenset[str]
) -> None:
    """Raise InvalidInput unless a node has all the keys ``needed`` and else only ``allowed``."""
    known = needed | allowed
    for key in node:
        if key not in known:
            hint = closest(str(key), sorted(known))
            message = words("There is no '%(key)s' here.%(hint)s", key=str(key)[:40], hint=hint)
            raise InvalidInput(message, field=path)
    missing = sorted(needed - set(node))
    if missing:
        message = words("This needs %(missing)s.", missing=", ".join(missing))
        raise InvalidInput(message, field=path)


def _between(
    value: object, path: str, kind: ValueKind
) -> tuple[tuple[Operator, Operand], tuple[Operator, Operand]]:
    if not isinstance(value, list) or len(cast("list[object]", value)) != 2:
        raise InvalidInput("This must be a list of two: the lowest and the highest.", field=path)
    ends = cast("list[object]", value)
    low = read_operand(ends[0], kind, Operator.AT_LEAST, choices=(), path=f"{path}[0]")
    high = read_operand(ends[1], kind, Operator.AT_MOST, choices=(), path=f"{path}[1]")
    return (Operator.AT_LEAST, low), (Operator.AT_MOST, high)


def _operator(given: object, kind: ValueKind, path: str) -> Operator:
    allowed = OPERATORS[kind]
    operator = _BY_NAME.get(given) if isinstance(given, str) else None
    if operator is not None and operator in allowed:
        return operator
    offered = [known.value for known in Operator if known in allowed]
    if operator is None:
        message = words(
            "There is no operator '%(given)s'.%(hint)s",
            given=str(given)[:40],
            hint=closest(str(given), offered),
        )
        raise InvalidInput(message, field=path)
    if kind is ValueKind.SEALED:
        message = words(
            "'%(operator)s' cannot be answered: personal data is sealed, and only whole values can be compared; these operators go with it: %(offered)s.",
            operator=operator,
            offered=", ".join(offered),
        )
        raise InvalidInput(message, field=path)
    message = words(
        "'%(operator)s' does not go with values of type %(kind)s; these do: %(offered)s.",
        operator=operator,
        kind=kind,
        offered=", ".join(offered),
    )
    raise InvalidInput(message, field=path)
