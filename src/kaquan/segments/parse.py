"""From a definition as it is sent to a typed tree; what cannot be meant is refused with its place.

The forms of a rule are set out in docs/reference/segment-language.md.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from kaquan.runtime import InvalidInput, words
from kaquan.segments.attributes import (
    ATTRIBUTES,
    METADATA,
    METADATA_PREFIX,
    SCORE,
    SCORE_PREFIX,
    Attribute,
    Operator,
    ValueKind,
)
from kaquan.segments.model import AllOf, AnyOf, Comparison, InSegment, NotOf, Operand, Rule
from kaquan.segments.operands import check_value_text, closest
from kaquan.segments.parse_deeds import (
    Conditions,
    read_aggregate,
    read_done,
    read_not_done,
)
from kaquan.segments.parse_special import (
    read_anniversary,
    read_birthday,
    read_consent,
    read_customers,
    read_reachable,
    read_sample,
)
from kaquan.segments.value_tests import check_keys, combine, read_test

DEEPEST = 20
MOST_NODES = 1_000

FORMS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # the key that tells the form: keys that must be there beside it, keys that may
    "all": (frozenset(), frozenset()),
    "any": (frozenset(), frozenset()),
    "not": (frozenset(), frozenset()),
    "attribute": (frozenset({"operator"}), frozenset({"value"})),
    "done": (frozenset(), frozenset({"name", "where", "within", "times"})),
    "not_done": (frozenset(), frozenset({"name", "where", "within"})),
    "aggregate": (
        frozenset({"over", "operator"}),
        frozenset({"of", "name", "where", "within", "value"}),
    ),
    "birthday": (frozenset(), frozenset()),
    "anniversary": (frozenset(), frozenset()),
    "consent": (frozenset(), frozenset()),
    "reachable": (frozenset(), frozenset()),
    "customers": (frozenset(), frozenset()),
    "sample": (frozenset(), frozenset()),
}
"""Every form of a rule by the key that tells it."""

_SPECIAL: Mapping[str, Callable[[object, str], Rule]] = {
    "birthday": read_birthday,
    "anniversary": read_anniversary,
    "consent": read_consent,
    "reachable": read_reachable,
    "customers": read_customers,
    "sample": read_sample,
}


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
        node = self._node(given, path, depth=depth)
        form = _form_of(node, path)
        value, inner = node[form], f"{path}.{form}"
        match form:
            case "all":
                return AllOf(self._rules(value, inner, depth))
            case "any":
                return AnyOf(self._rules(value, inner, depth))
            case "not":
                return NotOf(self.rule(value, inner, depth=depth + 1))
            case "attribute":
                return _comparison(node, path)
            case "done" | "not_done" | "aggregate":
                return self._of_deeds(form, node, path, depth=depth)
            case _:
                return _SPECIAL[form](value, inner)

    def _node(self, given: object, path: str, *, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if depth > DEEPEST:
            message = words("Rules may be nested %(deepest)s levels deep.", deepest=DEEPEST)
            raise InvalidInput(message, field=path)
        if self._nodes > MOST_NODES:
            message = words("A definition may have %(most_nodes)s rules.", most_nodes=MOST_NODES)
            raise InvalidInput(message, field=path)
        if not isinstance(given, dict):
            message = words(
                "A rule is a JSON object with one of %(forms)s.", forms=", ".join(FORMS)
            )
            raise InvalidInput(message, field=path)
        return cast("dict[str, Any]", given)

    def _rules(self, given: object, path: str, depth: int) -> tuple[Rule, ...]:
        if not isinstance(given, list):
            raise InvalidInput("This must be a list of rules.", field=path)
        return tuple(
            self.rule(part, f"{path}[{index}]", depth=depth + 1)
            for index, part in enumerate(cast("list[object]", given))
        )

    def _of_deeds(self, form: str, node: dict[str, Any], path: str, *, depth: int) -> Rule:
        conditions = Conditions(
            lambda given, place, down: self._node(given, place, depth=depth + down)
        )
        match form:
            case "done":
                return read_done(node, path, conditions)
            case "not_done":
                return read_not_done(node, path, conditions)
            case _:
                return read_aggregate(node, path, conditions)


def _form_of(node: dict[str, Any], path: str) -> str:
    told = [form for form in FORMS if form in node]
    if len(told) != 1:
        named = ", ".join(f"'{str(key)[:40]}'" for key in list(node)[:5]) or "nothing"
        message = words(
            "A rule has one of %(forms)s; this one has %(named)s.",
            forms=", ".join(FORMS),
            named=named,
        )
        raise InvalidInput(message, field=path)
    needed, allowed = FORMS[told[0]]
    check_keys(node, path, needed=needed | {told[0]}, allowed=allowed)
    return told[0]


def _comparison(node: dict[str, Any], path: str) -> Rule:
    attribute, key = find_attribute(node["attribute"], f"{path}.attribute")
    test = read_test(node, path, kind=attribute.kind, choices=attribute.choices)

    def compare(operator: Operator, operand: Operand) -> Rule:
        if test.kind is ValueKind.SEGMENT:
            names = operand if isinstance(operand, tuple) else (operand,)
            return InSegment(cast("tuple[str, ...]", names))
        return Comparison(
            attribute=attribute, operator=operator, kind=test.kind, operand=operand, key=key
        )

    return combine(test, compare)


def find_attribute(code: object, path: str) -> tuple[Attribute, str | None]:
    """Return the attribute of a customer that ``code`` names, with its key if its keys are open.

    Raises InvalidInput naming the closest attribute.
    """
    if not isinstance(code, str):
        raise InvalidInput("An attribute is named by its code, a text.", field=path)
    for prefix, attribute in ((METADATA_PREFIX, METADATA), (SCORE_PREFIX, SCORE)):
        if code.startswith(prefix):
            key = check_value_text(code.removeprefix(prefix), path)
            if not key:
                message = words("Name the key: %(prefix)s<key>.", prefix=prefix)
                raise InvalidInput(message, field=path)
            return attribute, key
    if code not in ATTRIBUTES:
        known = [*ATTRIBUTES, METADATA_PREFIX + "<key>", SCORE_PREFIX + "<name>"]
        message = words(
            "There is no attribute '%(code)s'.%(hint)s", code=code[:60], hint=closest(code, known)
        )
        raise InvalidInput(message, field=path)
    return ATTRIBUTES[code], None
