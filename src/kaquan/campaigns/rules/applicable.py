"""What ``applicable_to`` says of a discount: its goods, which units of them, and its limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kaquan.campaigns.rules.check import as_list, as_object
from kaquan.campaigns.rules.goods import KnownGoods, Named, read_goods, scope_of
from kaquan.campaigns.rules.model import InvalidRules, RuleNotSupported
from kaquan.engine import EFFECTS, Scope

_SORTS = {
    "APPLY_TO_EVERY": ("cart", None),
    "APPLY_TO_CHEAPEST": ("cheapest_first", 1),
    "APPLY_TO_FROM_CHEAPEST": ("cheapest_first", None),
    "APPLY_TO_MOST_EXPENSIVE": ("dearest_first", 1),
    "APPLY_TO_FROM_MOST_EXPENSIVE": ("dearest_first", None),
}
_COUNTS = {None: "line", "ITEM": "line", "UNIT": "unit"}
_LATER = ("price_formula",)
_LATER_PART = "_campaign_quantity_limit", "_promotion_tier_quantity_limit"


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The goods of a discount; ``selection`` and limits as the engine's effects have them."""

    scope: Scope
    named: bool
    selection: dict[str, Any] = {}
    cap_minor: int | None = None
    total_cap_minor: int | None = None
    price_minor: int | None = None


def read_applicable(
    given: Mapping[str, Any] | None, discounted: Sequence[Named], known: KnownGoods
) -> Selected | None:
    """Return what a discount is for; None when nothing is said about it.

    ``discounted`` are goods that the rules name besides. Raises InvalidRules, RuleNotSupported.
    """
    given = given or {}
    included = _list_entries(given, "included")
    excluded = _list_entries(given, "excluded")
    if given.get("included_all"):
        # Everything is in; entries that stand beside it still say which units and how much.
        goods: list[Named] = []
    else:
        goods = [read_goods(entry, path) for entry, path in included] + list(discounted)
    for entry, path in excluded:
        _refuse_selected_exclusion(entry, path)
    shut_out = [read_goods(entry, path) for entry, path in excluded]
    if not (included or goods or shut_out):
        return None
    scope = scope_of(goods, shut_out, known)
    terms = _read_common_terms(included)
    return Selected(scope=scope, named=bool(goods or included), **terms)


def apply_selected(effect: Mapping[str, Any], selected: Selected) -> dict[str, Any]:
    """Return the effect for these goods: a discount of named goods comes off those items.

    Raises RuleNotSupported where it cannot be for some goods only.
    """
    data = dict(effect)
    fields = _fields_of(str(data.get("code")))
    if "scope" not in fields:
        message = f"The discount '{data.get('code')}' cannot be limited to certain goods."
        raise RuleNotSupported(message, field="applicable_to")
    if "target" in fields and selected.named:
        data["target"] = "items"
    data["scope"] = msgspec.to_builtins(selected.scope)
    if data.get("target", "items") == "order":
        return data
    _set(data, fields, "selection", selected.selection or None)
    for name in ("cap_minor", "total_cap_minor"):
        limits = [one for one in (data.get(name), getattr(selected, name)) if one is not None]
        _set(data, fields, name, min(limits, default=None))
    _set(data, fields, "price_minor", selected.price_minor)
    return data


def _set(data: dict[str, Any], fields: frozenset[str], name: str, value: Any) -> None:
    if value is None:
        return
    if name not in fields:
        message = f"The discount '{data['code']}' cannot be limited in this way ({name})."
        raise RuleNotSupported(message, field="applicable_to.included[0]")
    data[name] = value


def _fields_of(code: str) -> frozenset[str]:
    kind = EFFECTS.find(code)
    return frozenset() if kind is None else frozenset(kind.__struct_fields__)


def _list_entries(given: Mapping[str, Any], name: str) -> list[tuple[dict[str, Any], str]]:
    return [
        (as_object(entry, f"applicable_to.{name}[{index}]"), f"applicable_to.{name}[{index}]")
        for index, entry in enumerate(as_list(given.get(name) or [], f"applicable_to.{name}"))
    ]


def _read_common_terms(included: Sequence[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """The terms that all entries share: one effect has one way to choose its units."""
    common: dict[str, Any] | None = None
    for entry, path in included:
        terms = _read_terms(entry, path)
        if common is not None and terms != common:
            message = "Goods of one discount share their effect and limits here; these differ."
            raise RuleNotSupported(message, field=path)
        common = terms
    return common or {}


def _read_terms(entry: Mapping[str, Any], path: str) -> dict[str, Any]:
    for name, value in entry.items():
        if value is not None and (name in _LATER or any(part in name for part in _LATER_PART)):
            message = f"'{name}' cannot be carried out by a checkout yet."
            raise RuleNotSupported(message, field=f"{path}.{name}")
    effect = entry.get("effect") or "APPLY_TO_EVERY"
    if effect not in _SORTS:
        message = f"There is no effect '{str(effect)[:60]}'."
        raise InvalidRules(message, field=f"{path}.effect")
    target = entry.get("target")
    if target not in _COUNTS:
        raise InvalidRules("The target is ITEM or UNIT.", field=f"{path}.target")
    sort, at_most = _SORTS[effect]
    selection: dict[str, Any] = {
        "sort": sort,
        "count": _COUNTS[target],
        "skip": _whole(entry, "skip_initially", path, least=0),
        "repeat": _whole(entry, "repeat", path),
        "at_most": at_most,
        "max_units_per_line": _whole(entry, "quantity_limit", path),
        "max_units": _whole(entry, "aggregated_quantity_limit", path),
    }
    plain = {"sort": "cart", "count": "line"}
    chosen = {
        name: value
        for name, value in selection.items()
        if value is not None and plain.get(name) != value
    }
    return {
        "selection": chosen,
        "cap_minor": _whole(entry, "amount_limit", path),
        "total_cap_minor": _whole(entry, "aggregated_amount_limit", path),
        "price_minor": _whole(entry, "price", path, least=0),
    }


def _refuse_selected_exclusion(entry: Mapping[str, Any], path: str) -> None:
    if entry.get("effect") not in (None, "APPLY_TO_EVERY"):
        message = "Some of certain goods cannot be left out yet, only all of them."
        raise RuleNotSupported(message, field=f"{path}.effect")


def _whole(entry: Mapping[str, Any], name: str, path: str, *, least: int = 1) -> int | None:
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 2**53 - 1:
        message = f"This must be a whole number of at least {least}."
        raise InvalidRules(message, field=f"{path}.{name}")
    return value
