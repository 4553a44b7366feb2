"""From a set of rules to a tree of the engine's conditions.

What a checkout has no condition for is refused, naming the place: a rule is never passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kaquan.campaigns.rules.check import as_list, as_object, list_rules, read_logic
from kaquan.campaigns.rules.goods import KnownGoods, Named, read_goods, scope_of
from kaquan.campaigns.rules.leaves import (
    ANY_GOODS,
    Lines,
    Rule,
    all_of,
    any_of,
    attribute_node,
    count_node,
    join_nodes,
    line_node,
    line_quantity_node,
    number_node,
    price_node,
    quantity_node,
    spend_node,
)
from kaquan.campaigns.rules.model import RuleNotSupported, ValidationRule
from kaquan.campaigns.rules.operators import (
    read_texts,
    read_truth,
)
from kaquan.engine import (
    NO_CONDITION,
    CodeHolder,
    Condition,
    Counted,
    CustomerAttribute,
    EveryItem,
    ExtremeItem,
    HasItems,
    InSegment,
    InTier,
    Node,
    Not,
    OrderAttribute,
    Period,
    RedeemedBy,
    RedemptionAttribute,
    Scope,
)

_PERIODS: dict[str, Period] = {"": "ever", ".daily": "day", ".monthly": "month"}
_COUNTED: dict[str, Counted] = {
    "redemption.count": "code",
    "redemption.count.per_customer": "customer_code",
    "campaign.redemptions.count": "campaign",
    "campaign.redemptions.customers_count": "customer",
}
_COUNTS: dict[str, tuple[Counted, Period]] = {
    f"{name}{suffix}": (of, period)
    for name, of in _COUNTED.items()
    for suffix, period in _PERIODS.items()
}
_COUNTS["redemption.count.total"] = "code", "ever"
_ATTRIBUTES: dict[str, Callable[..., Condition]] = {
    "customer.metadata": CustomerAttribute,
    "order.metadata": OrderAttribute,
    "redemption.metadata": RedemptionAttribute,
}


class Compiled(msgspec.Struct, frozen=True):
    """What rules ask for, and the goods that they themselves name as discounted."""

    condition: Node
    discounted: tuple[Named, ...]


def compile_rules(rule: ValidationRule, known: KnownGoods) -> Compiled:
    """Compile a set of rules. Raises InvalidRules, RuleNotSupported with the path of the rule."""
    compiler = _Compiler(rule.fallback, known)
    condition = compiler.compile(rule.rules)
    if any(name != "limit" for name in rule.bundle_rules or {}):
        message = "Bundles cannot be carried out by a checkout yet."
        raise RuleNotSupported(message, field="bundle_rules")
    return Compiled(condition, tuple(compiler.discounted))


class _Compiler:
    def __init__(self, fallback: str | None, known: KnownGoods) -> None:
        self._fallback = fallback
        self._known = known
        self.discounted: list[Named] = []

    def compile(self, rules: Mapping[str, Any]) -> Node:
        numbered = {
            number: self._place(fields, f"rules.{number}", self._fallback)
            for number, fields in list_rules(rules, "rules")
        }
        return join_nodes(read_logic(rules, "rules"), lambda number: self._rule(numbered[number]))

    def _place(self, fields: dict[str, Any], path: str, otherwise: str | None) -> Rule:
        own = as_object(fields.get("error") or {}, f"{path}.error").get("message")
        return Rule(str(fields.get("name")), fields, path, own or otherwise)

    def _rule(self, rule: Rule) -> Node:
        match rule.name:
            case "customer.segment":
                return self._one_of(rule, lambda name, say: InSegment(segment_id=name, message=say))
            case "customer.loyalty_tier" | "customer.loyalty.tier":
                return self._one_of(
                    rule, lambda name, say: InTier(tier_ids=frozenset({name}), message=say)
                )
            case "redemption.api_key":
                return self._one_of(
                    rule, lambda name, say: RedeemedBy(redeemer_ids=frozenset({name}), message=say)
                )
            case "publication.redeemable_by_linked_customer":
                holder = CodeHolder(message=rule.message)
                return holder if read_truth(rule.conditions, rule.path) else NO_CONDITION
            case name if name in _COUNTS:
                of, period = _COUNTS[name]
                return number_node(rule, lambda one: count_node(one, of, period, rule))
            case name if name in _ATTRIBUTES:
                return attribute_node(rule, _ATTRIBUTES[name])
            case name if name.startswith("order."):
                return self._order(rule)
            case "product.id" | "sku.id":
                return self._legacy_goods(rule)
            case _:
                raise rule.unsupported()

    def _one_of(self, rule: Rule, make: Callable[[str, str | None], Condition]) -> Node:
        nodes: list[Node] = []
        for fits, names in read_texts(rule.conditions, rule.conditions_path):
            members: list[Node] = [make(name, rule.message) for name in names]
            nodes.append(any_of(members) if fits else all_of([Not(member) for member in members]))
        return all_of(nodes)

    def _order(self, rule: Rule) -> Node:
        match rule.name:
            case "order.amount":
                return number_node(rule, lambda one: spend_node(one, rule, basis="remaining"))
            case "order.initial_amount":
                return number_node(rule, lambda one: spend_node(one, rule, basis="initial"))
            case "order.items.count":
                return number_node(rule, lambda one: quantity_node(one, rule, ANY_GOODS))
            case "order.items.price_any":
                return number_node(rule, lambda one: price_node(one, rule, "any", ANY_GOODS))
            case "order.items.price_each":
                return number_node(rule, lambda one: price_node(one, rule, "every", ANY_GOODS))
            case "order.items.metadata_any" | "order.items.metadata":
                return line_node(rule, "any", ANY_GOODS)
            case "order.items.metadata_each":
                return line_node(rule, "every", ANY_GOODS)
            case "order.items.any" | "order.items.every" | "order.items.none":
                return self._items(rule)
            case "order.items.cheapest" | "order.items.most_expensive":
                return self._extreme(rule)
            case _:
                raise rule.unsupported()

    def _items(self, rule: Rule) -> Node:
        scope = self._scope(rule, {"$is", "$in"})
        lines: Lines = "every" if rule.name == "order.items.every" else "any"
        say = rule.message
        if rule.name == "order.items.none":
            present: Node = Not(HasItems(scope=scope, message=say))
        elif lines == "every":
            present = EveryItem(scope=scope, message=say)
        else:
            present = HasItems(scope=scope, message=say)
        return all_of([present, self._subrules(rule, lines, scope)])

    def _scope(self, rule: Rule, operators: set[str]) -> Scope:
        goods: list[Named] = []
        for operator, given in rule.conditions.items():
            path = f"{rule.conditions_path}.{operator}"
            if operator not in operators:
                message = f"'{operator}' does not go with this rule yet."
                raise RuleNotSupported(message, field=path)
            goods += [read_goods(one, path) for one in as_list(given, path)]
        return scope_of(goods, (), self._known)

    def _extreme(self, rule: Rule) -> Node:
        if rule.fields.get("rules"):
            raise RuleNotSupported(
                "This rule takes no rules below it yet.", field=f"{rule.path}.rules"
            )
        asked = {name: value for name, value in rule.conditions.items() if name != "$from"}
        among = {name: value for name, value in rule.conditions.items() if name == "$from"}
        named = msgspec.structs.replace(rule, fields={**rule.fields, "conditions": asked})
        reach = msgspec.structs.replace(rule, fields={**rule.fields, "conditions": among})
        return ExtremeItem(
            which="cheapest" if rule.name.endswith("cheapest") else "dearest",
            scope=self._scope(named, {"$is", "$in"}),
            among=self._scope(reach, {"$from"}),
            message=rule.message,
        )

    def _subrules(self, rule: Rule, lines: Lines, scope: Scope) -> Node:
        inner = rule.fields.get("rules")
        if not inner:
            return NO_CONDITION
        path = f"{rule.path}.rules"
        rules = as_object(inner, path)
        numbered = {
            number: self._place(fields, f"{path}.{number}", rule.message)
            for number, fields in list_rules(rules, path)
        }
        return join_nodes(
            read_logic(rules, path), lambda number: self._subrule(numbered[number], lines, scope)
        )

    def _subrule(self, rule: Rule, lines: Lines, scope: Scope) -> Node:
        match rule.name:
            case "order.items.quantity":
                return number_node(rule, lambda one: line_quantity_node(one, rule, lines, scope))
            case "order.items.aggregated_quantity" | "product.quantity" | "sku.quantity":
                return number_node(rule, lambda one: quantity_node(one, rule, scope))
            case "order.items.price" | "product.price" | "sku.price":
                return number_node(rule, lambda one: price_node(one, rule, lines, scope))
            case "order.items.aggregated_amount":
                return number_node(
                    rule, lambda one: spend_node(one, rule, basis="remaining", scope=scope)
                )
            case "order.items.metadata":
                return line_node(rule, lines, scope)
            case _:
                raise rule.unsupported()

    def _legacy_goods(self, rule: Rule) -> Node:
        """Rules on goods as they were written before ``order.items``."""
        kind = rule.name.partition(".")[0]
        nodes: list[Node] = []
        for operator, given in rule.conditions.items():
            path = f"{rule.conditions_path}.{operator}"
            goods = [read_goods(one, path, kind=kind) for one in as_list(given, path)]
            if operator in {"$is_not", "$not_in"}:
                scope = scope_of(goods, (), self._known)
                nodes.append(Not(HasItems(scope=scope, message=rule.message)))
                continue
            if operator not in {"$is", "$in"}:
                message = f"'{operator}' does not go with this rule."
                raise RuleNotSupported(message, field=path)
            scope = scope_of(goods, (), self._known)
            nodes.append(HasItems(scope=scope, message=rule.message))
            nodes.append(self._legacy_subrules(rule, goods, scope))
        return all_of(nodes)

    def _legacy_subrules(self, rule: Rule, goods: Sequence[Named], scope: Scope) -> Node:
        path = f"{rule.path}.rules"
        for number, fields in list_rules(as_object(rule.fields.get("rules") or {}, path), path):
            one = self._place(fields, f"{path}.{number}", rule.message)
            if not one.name.endswith(".discount_applicable"):
                continue
            if read_truth(one.conditions, one.conditions_path):
                self.discounted += goods
        return self._without_discounts(rule, scope)

    def _without_discounts(self, rule: Rule, scope: Scope) -> Node:
        inner = as_object(rule.fields.get("rules") or {}, f"{rule.path}.rules")
        path = f"{rule.path}.rules"
        numbered = {
            number: self._place(fields, f"{path}.{number}", rule.message)
            for number, fields in list_rules(inner, path)
        }

        def make(number: str) -> Node:
            one = numbered[number]
            if one.name.endswith(".discount_applicable"):
                return NO_CONDITION
            return self._subrule(one, "any", scope)

        return join_nodes(read_logic(inner, path), make)
