"""A campaign's rules as lines that are joined by “and” and “or”, and back to the engine's tree.

Lines joined by “or” make a group of which one has to hold; every group has to hold. A tree of
another form is edited as its JSON, so that nothing of it is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from kaquan.console.language import N_
from kaquan.console.pages.argument_shapes import condition_shapes
from kaquan.console.pages.argument_texts import Reader, Terms, row_count, write_arguments

RULES = "rules"
WRITTEN = "rules_json"
NO_RULE = N_("Choose a rule, or remove this line.")


class ReadRules(msgspec.Struct, frozen=True):
    """The tree that was typed, None for none, and which line stands at which place of it."""

    condition: Any
    places: Mapping[str, str] = {}


def write_rules(condition: Mapping[str, Any] | None, terms: Terms) -> dict[str, str]:
    """The texts that mean a tree."""
    groups = _groups_of(condition or {"all": []})
    if groups is None:
        return {WRITTEN: msgspec.json.format(msgspec.json.encode(condition), indent=2).decode()}
    texts, number = dict[str, str](), 0
    for group in groups:
        for place, (leaf, negated) in enumerate(group):
            prefix = f"{RULES}.{number}"
            texts |= {prefix: leaf["code"], f"{prefix}.join": "or" if place else "and"}
            texts |= {f"{prefix}.negated": "yes"} if negated else {}
            shapes = condition_shapes().get(leaf["code"], ())
            texts |= write_arguments(shapes, prefix, leaf, terms)
            number += 1
    return texts | {f"{RULES}#": str(number)}


def read_rules(reader: Reader) -> ReadRules:
    """The tree that the form means; faults are noted at their fields."""
    if reader.text(WRITTEN):
        return ReadRules(reader.json(WRITTEN))
    groups: list[list[tuple[str, Any]]] = []
    for number in range(row_count(reader.given, RULES)):
        prefix = f"{RULES}.{number}"
        code = reader.text(prefix)
        shapes = condition_shapes().get(code)
        if shapes is None:
            reader.fault(prefix, NO_RULE)
            continue
        leaf = {"code": code, **reader.arguments(shapes, prefix)}
        node = {"not": leaf} if reader.text(f"{prefix}.negated") == "yes" else leaf
        if groups and reader.text(f"{prefix}.join") == "or":
            groups[-1].append((prefix, node))
        else:
            groups.append([(prefix, node)])
    return _tree(groups)


def _tree(groups: list[list[tuple[str, Any]]]) -> ReadRules:
    places: dict[str, str] = {}
    members: list[Any] = []
    for index, group in enumerate(groups):
        path = "condition" if len(groups) == 1 else f"condition.all[{index}]"
        nodes = [node for _, node in group]
        members.append(nodes[0] if len(nodes) == 1 else {"any": nodes})
        for place, (prefix, node) in enumerate(group):
            own = path if len(group) == 1 else f"{path}.any[{place}]"
            places[f"{own}.not" if "not" in node else own] = prefix
    if not members:
        return ReadRules(None)
    return ReadRules(members[0] if len(members) == 1 else {"all": members}, places)


def _groups_of(condition: Mapping[str, Any]) -> list[list[tuple[Any, bool]]] | None:
    members = cast("list[Any]", condition["all"]) if "all" in condition else [condition]
    groups: list[list[tuple[Any, bool]]] = []
    for member in members:
        some = cast("list[Any]", member["any"]) if "any" in member else [member]
        leaves = [_leaf_of(one) for one in some]
        if any(leaf is None for leaf in leaves):
            return None
        groups.append([leaf for leaf in leaves if leaf is not None])
    return groups


def _leaf_of(node: Mapping[str, Any]) -> tuple[Any, bool] | None:
    inner = node.get("not", node)
    return (inner, inner is not node) if inner.get("code") in condition_shapes() else None
