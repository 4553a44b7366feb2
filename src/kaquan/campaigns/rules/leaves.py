"""Single rules as conditions of the engine, with the words for who does not meet them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from kaquan.campaigns.rules.check import as_object
from kaquan.campaigns.rules.logic import Logic
from kaquan.campaigns.rules.model import RuleNotSupported
from kaquan.campaigns.rules.operators import Comparison, Range, read_comparisons, read_ranges
from kaquan.engine import (
    NO_CONDITION,
    AllOf,
    AnyOf,
    Condition,
    Counted,
    ItemQuantity,
    LineAttribute,
    LineQuantity,
    Node,
    Not,
    Period,
    RedemptionCount,
    Scope,
    SpendBetween,
    UnitPrice,
)

Lines: TypeAlias = Literal["any", "every"]
ANY_GOODS = Scope()


class Rule(msgspec.Struct, frozen=True):
    """One numbered rule at its place, with the words for who does not meet it."""

    name: str
    fields: dict[str, Any]
    path: str
    message: str | None

    @property
    def conditions(self) -> dict[str, Any]:
        """Operators with their values."""
        return as_object(self.fields.get("conditions") or {}, self.conditions_path)

    @property
    def conditions_path(self) -> str:
        """Where the operators stand."""
        return f"{self.path}.conditions"

    @property
    def prop(self) -> str:
        """The name of what was noted."""
        return str(self.fields.get("property"))

    def unsupported(self) -> RuleNotSupported:
        """The refusal of a rule that no condition can carry out."""
        message = f"The rule '{self.name}' cannot be carried out by a checkout yet."
        return RuleNotSupported(message, field=self.path)


def join_nodes(tree: Logic | None, make: Callable[[str], Node]) -> Node:
    """Put the nodes of numbered rules together as the logic says."""
    if tree is None:
        return NO_CONDITION
    if isinstance(tree, str):
        return make(tree)
    members = [join_nodes(member, make) for member in tree.members]
    return all_of(members) if tree.word == "and" else any_of(members)


def all_of(nodes: Sequence[Node]) -> Node:
    """All of these nodes; what asks nothing is left out."""
    asked = tuple(node for node in nodes if node != NO_CONDITION)
    return asked[0] if len(asked) == 1 else AllOf(asked)


def any_of(nodes: Sequence[Node]) -> Node:
    """Any of these nodes; nothing where one of them asks nothing."""
    if any(node == NO_CONDITION for node in nodes):
        return NO_CONDITION
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


def number_node(rule: Rule, make: Callable[[Range], Node]) -> Node:
    """A condition on a whole number, from its ranges."""
    groups = read_ranges(rule.conditions, rule.conditions_path)
    return all_of([any_of([make(one) for one in group]) for group in groups])


def _bounded(one: Range, make: Callable[[int | None, int | None], Condition]) -> Node:
    """The condition that a number of at least 0 lies in the range; nothing for what always holds."""
    low = one.low if one.low is not None and one.low > 0 else None
    if one.high is not None and one.high < 0:
        return NO_CONDITION if one.outside else Not(NO_CONDITION)
    if low is None and one.high is None:
        return Not(NO_CONDITION) if one.outside else NO_CONDITION
    node = make(low, one.high)
    return Not(node) if one.outside else node


def spend_node(
    one: Range,
    rule: Rule,
    *,
    basis: Literal["remaining", "initial"],
    scope: Scope = ANY_GOODS,
) -> Node:
    """What goods come to, in minor units."""
    return _bounded(
        one,
        lambda low, high: SpendBetween(
            at_least_minor=low,
            at_most_minor=high,
            scope=scope,
            basis=basis,
            message=rule.message,
        ),
    )


def quantity_node(one: Range, rule: Rule, scope: Scope) -> Node:
    """Units of goods in all."""
    return _bounded(
        one,
        lambda low, high: ItemQuantity(
            at_least=low, at_most=high, scope=scope, message=rule.message
        ),
    )


def line_quantity_node(one: Range, rule: Rule, lines: Lines, scope: Scope) -> Node:
    """Units on single lines."""
    return _bounded(
        one,
        lambda low, high: LineQuantity(
            at_least=low, at_most=high, lines=lines, scope=scope, message=rule.message
        ),
    )


def price_node(one: Range, rule: Rule, lines: Lines, scope: Scope) -> Node:
    """Unit prices."""
    return _bounded(
        one,
        lambda low, high: UnitPrice(
            at_least_minor=low,
            at_most_minor=high,
            lines=lines,
            scope=scope,
            message=rule.message,
        ),
    )


def count_node(one: Range, of: Counted, period: Period, rule: Rule) -> Node:
    """A count with this attempt in it: at least 1 always holds, at most 0 never does."""
    nodes: list[Node] = []
    if one.high is not None:
        if one.high < 1:
            message = "This attempt counts too, so nothing could ever be redeemed."
            raise RuleNotSupported(message, field=rule.conditions_path)
        nodes.append(RedemptionCount(of=of, period=period, at_most=one.high, message=rule.message))
    if one.low is not None and one.low > 1:
        below = RedemptionCount(of=of, period=period, at_most=one.low - 1, message=rule.message)
        nodes.append(Not(below))
    return Not(all_of(nodes)) if one.outside else all_of(nodes)


def attribute_node(rule: Rule, make: Callable[..., Condition]) -> Node:
    """A condition on what was noted of the order, the customer or the redemption."""
    return all_of(list(_attributes(rule, make)))


def line_node(rule: Rule, lines: Lines, scope: Scope) -> Node:
    """A condition on what was noted of lines."""

    def make(**fields: Any) -> Condition:
        return LineAttribute(lines=lines, scope=scope, **fields)

    return all_of(list(_attributes(rule, make)))


def _attributes(rule: Rule, make: Callable[..., Condition]) -> Iterator[Node]:
    for one in read_comparisons(rule.conditions, rule.conditions_path):
        yield _compare(one, rule, make)


def _compare(one: Comparison, rule: Rule, make: Callable[..., Condition]) -> Node:
    condition = make(name=rule.prop, operator=one.operator, values=one.values, message=rule.message)
    return Not(condition) if one.negated else condition
