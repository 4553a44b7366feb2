"""Goods that rules name, as scopes of the engine."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from kaquan.campaigns.rules.check import as_list, as_object
from kaquan.campaigns.rules.model import InvalidRules
from kaquan.engine import Scope

COLLECTION = "@collection"
"""The attribute of a line that lists the collections its goods are in."""

KnownGoods = Mapping[str, frozenset[str]]
"""By what a rule calls some goods: every name that an order may call them."""


class Named(msgspec.Struct, frozen=True):
    """What some goods are called, and whether these are products, variants or collections."""

    kind: str
    names: frozenset[str]


def read_goods(value: object, field: str, *, kind: str = "product") -> Named:
    """Read goods as a rule names them: an object, or the id alone. Raises InvalidRules."""
    if isinstance(value, str):
        return Named(kind, frozenset({value}))
    fields = as_object(value, field)
    names = {fields.get("id"), fields.get("source_id")}
    found = frozenset(name for name in names if isinstance(name, str) and name)
    if not found:
        raise InvalidRules("Name the goods by 'id' or 'source_id'.", field=field)
    return Named(str(fields.get("object") or kind), found)


def scope_of(included: Iterable[Named], excluded: Iterable[Named], known: KnownGoods) -> Scope:
    """Return the scope of some goods without others."""
    products, skus, collections = _sort(included, known)
    no_products, no_skus, no_collections = _sort(excluded, known)
    return Scope(
        product_ids=products,
        sku_ids=skus,
        attributes={COLLECTION: collections} if collections else {},
        excluded_product_ids=no_products,
        excluded_sku_ids=no_skus,
        excluded_attributes={COLLECTION: no_collections} if no_collections else {},
    )


def list_goods_names(value: Any) -> set[str]:
    """Every name of goods in the text of a set of rules, for looking them up at once."""
    found: set[str] = set()
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.get("object") in {"product", "sku"} or "conditions" not in fields:
            names = (fields.get("id"), fields.get("source_id"))
            found |= {name for name in names if isinstance(name, str)}
        for member in fields.values():
            found |= list_goods_names(member)
        if fields.get("name") in {"product.id", "sku.id"}:
            conditions = as_object(fields.get("conditions") or {}, "conditions")
            for operator, values in conditions.items():
                found |= {one for one in as_list(values, operator) if isinstance(one, str)}
    elif isinstance(value, list):
        for member in cast("list[Any]", value):
            found |= list_goods_names(member)
    return found


def _sort(
    goods: Iterable[Named], known: KnownGoods
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    products: set[str] = set()
    skus: set[str] = set()
    collections: set[str] = set()
    for one in goods:
        if one.kind == "products_collection":
            collections |= one.names
            continue
        names = one.names.union(*(known.get(name, frozenset()) for name in one.names))
        if one.kind == "sku":
            skus |= names
        else:
            products |= names
    return frozenset(products), frozenset(skus), frozenset(collections)
