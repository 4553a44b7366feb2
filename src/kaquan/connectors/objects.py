"""From a source's body to an order, a refund or a customer, by the source's mapping."""

from collections.abc import Mapping as AnyMapping
from datetime import datetime
from typing import Any, cast

from msgspec import UNSET

from kaquan.connectors.mapping import Money, Place, check_rule, list_items, read_fields
from kaquan.connectors.model import Mapping, ObjectKind, Rule, ToldGoods, ToldOrder, ToldRefund
from kaquan.customers import CustomerDraft, OrderLineDraft, OrderStatus
from kaquan.runtime import InvalidInput

_CUSTOMER = {
    **dict.fromkeys(("source_id", "name", "email", "phone", "description"), "text"),
    "birth_date": "date",
    "at": "time",
}
_LINE = {
    **dict.fromkeys(("source_id", "line_id", "sku_id", "name"), "text"),
    **dict.fromkeys(("price", "amount", "discount"), "money"),
    "quantity": "count",
}
_GOODS = {"line_id": "text", "source_id": "text", "quantity": "count"}
_REFUND = {"order_id": "text", "refund": "text", "amount": "money", "reason": "text"}
_ORDER = {
    **dict.fromkeys(("source_id", "status", "currency"), "text"),
    **dict.fromkeys(("amount", "total", "discount", "shipping"), "money"),
    **dict.fromkeys(("at", "placed_at"), "time"),
}
_TARGETS: dict[str, tuple[AnyMapping[str, str], AnyMapping[str, AnyMapping[str, str] | None]]] = {
    "order": (
        _ORDER,
        {"customer": _CUSTOMER, "lines": _LINE, "refunds": _REFUND, "metadata": None},
    ),
    "refund": (_REFUND, {"goods": _GOODS}),
    "customer": (_CUSTOMER, {"address": None, "metadata": None}),
}
"""Of each kind of object its plain targets, and those that hold targets themselves."""

_INSIDE: dict[str, dict[str, AnyMapping[str, str] | None]] = {
    "customer": {"address": None, "metadata": None},
    "lines": {"metadata": None},
    "refunds": {"goods": _GOODS},
}
"""Of what is inside of an order, the targets that hold targets themselves."""

_LISTS = frozenset({"lines", "refunds", "goods"})
_NEEDED: dict[str, frozenset[str]] = {
    "order": frozenset({"source_id"}),
    "refund": frozenset({"order_id", "refund"}),
    "customer": frozenset({"source_id"}),
}
_STATUSES = frozenset(OrderStatus) - {OrderStatus.PARTIALLY_RETURNED}


def check_mapping(mapping: Mapping) -> None:
    """Raise InvalidInput, with the place in the mapping, for one that cannot work."""
    for place, path in enumerate(mapping.payload):
        check_rule(path, f"mapping.payload[{place}]")
    for kind, (plain, holding) in _TARGETS.items():
        rules: dict[str, Rule] = getattr(mapping, kind)
        if kind in mapping.topics.values():
            for name in sorted(_NEEDED[kind] - rules.keys()):
                message = f"A mapping of {kind}s needs '{name}'."
                raise InvalidInput(message, field=f"mapping.{kind}.{name}")
        for target, rule in rules.items():
            field = f"mapping.{kind}.{target}"
            if target in holding:
                _check_holding(target, rule, holding[target], field)
            elif target in plain:
                check_rule(rule, field)
            else:
                message = f"There is no target '{target[:60]}' of a {kind}."
                raise InvalidInput(message, field=f"mapping.{kind}.{target[:60]}")


def _check_holding(target: str, rule: Rule, kinds: AnyMapping[str, str] | None, field: str) -> None:
    check_rule(rule, field)
    wanted = {"each", "fields"} if target in _LISTS else {"fields"}
    if not isinstance(rule, dict) or not wanted <= rule.keys():
        message = f"This needs {' and '.join(sorted(wanted))}."
        raise InvalidInput(message, field=field)
    if kinds is None:
        return
    inner = _INSIDE.get(target, {})
    for name, one in rule["fields"].items():
        place = f"{field}.fields.{name[:60]}"
        if name in inner:
            _check_holding(name, one, inner[name], place)
        elif name not in kinds:
            message = f"There is no target '{name[:60]}' here."
            raise InvalidInput(message, field=place)


def find_kind(mapping: Mapping, topic: str) -> ObjectKind | None:
    """Return what a topic tells of; None for one that is not wanted."""
    kind = mapping.topics.get(topic, mapping.topics.get("*", "ignore"))
    return None if kind == "ignore" else kind


def find_payload(mapping: Mapping, body: Any) -> Place:
    """Return where in a body the object is."""
    root = Place(body, "")
    places = (root.follow(path) for path in mapping.payload)
    found = next((one for one in places if one.value is not None), root)
    payload = Place(found.value, found.path)
    if not isinstance(payload.value, dict):
        raise InvalidInput("There is no object to be mapped.", field=payload.path)
    return payload


def map_customer(
    mapping: Mapping, place: Place, *, digits: int, now: datetime
) -> tuple[CustomerDraft, datetime]:
    """Return a customer and when they were so. Raises InvalidInput with the place in the body."""
    values = _read(place, mapping.customer, "customer", Money(digits))
    return _customer(values), values.get("at", now)


def map_refund(mapping: Mapping, place: Place, *, digits: int) -> ToldRefund:
    """Return a refund. Raises InvalidInput with the place in the body."""
    return _refund(place, mapping.refund, Money(digits), None)


def map_order(mapping: Mapping, place: Place, *, digits: int, now: datetime) -> ToldOrder:
    """Return an order. Raises InvalidInput with the place in the body."""
    money, rules = Money(digits), mapping.order
    values = _read(place, rules, "order", money)
    customer = _fields(place, rules.get("customer"), _CUSTOMER, money)
    metadata = _fields(place, rules.get("metadata"), {}, money)
    lines = _items(place, rules.get("lines"))
    refunds = _items(place, rules.get("refunds"))
    of_lines, of_refunds = _inner(rules.get("lines")), _inner(rules.get("refunds"))
    amount, discount = _amounts(values)
    currency = values.get("currency")
    return ToldOrder(
        source_id=values["source_id"],
        at=values.get("at", now),
        customer=_customer(customer) if "source_id" in customer else None,
        status=_status(values.get("status"), place),
        amount_minor=amount,
        discount_minor=discount,
        shipping_minor=values.get("shipping", UNSET),
        lines=UNSET if lines is None else tuple(_line(one, of_lines, money) for one in lines),
        currency=None if currency is None else currency.upper(),
        placed_at=values.get("placed_at", UNSET),
        metadata=metadata or UNSET,
        refunds=tuple(
            _refund(one, of_refunds, money, values["source_id"]) for one in refunds or ()
        ),
    )


def _read(place: Place, rules: AnyMapping[str, Rule], kind: str, money: Money) -> dict[str, Any]:
    plain, holding = _TARGETS[kind]
    found = read_fields(
        place, {name: rule for name, rule in rules.items() if name in plain}, plain, money
    )
    if kind == "customer":
        for name in holding.keys() & rules.keys():
            found[name] = _fields(place, rules[name], {}, money)
    for name in sorted(_NEEDED[kind]):
        if name not in found:
            _demand(place, rules[name], name)
    return found


def _demand(place: Place, rule: Rule, name: str) -> None:
    given: Any = rule if isinstance(rule, str) else rule.get("path")
    paths = cast("list[Any]", given) if isinstance(given, list) else [given]
    first = paths[0] if paths else None
    where = place.follow(first).path if isinstance(first, str) and first else place.path
    message = f"'{name}' is missing: nothing is at '{where}'."
    raise InvalidInput(message, field=where, key="missing_value")


def _fields(
    place: Place, rule: Rule | None, kinds: AnyMapping[str, str], money: Money
) -> dict[str, Any]:
    if not isinstance(rule, dict):
        return {}
    start = place if "path" not in rule else place.follow(rule["path"])
    rules: dict[str, Rule] = rule["fields"]
    found = read_fields(start, {k: v for k, v in rules.items() if not _holds(v)}, kinds, money)
    for name, inner in rules.items():
        if _holds(inner):
            found[name] = _fields(start, inner, {}, money)
    return found


def _holds(rule: Rule) -> bool:
    return isinstance(rule, dict) and "fields" in rule


def _items(place: Place, rule: Rule | None) -> list[Place] | None:
    if rule is None or (isinstance(rule, dict) and place.follow(rule["each"]).value is None):
        return None
    return list_items(place, rule)


def _inner(rule: Rule | None) -> dict[str, Rule]:
    return rule["fields"] if isinstance(rule, dict) else {}


def _customer(values: dict[str, Any]) -> CustomerDraft:
    given = {name: value for name, value in values.items() if name != "at" and value != {}}
    return CustomerDraft(**given)


def _amounts(values: dict[str, Any]) -> tuple[Any, Any]:
    """Before discounts, and these: either follows from what is left to pay."""
    amount, total, discount = (values.get(name) for name in ("amount", "total", "discount"))
    if amount is None and total is not None:
        amount = total + (discount or 0)
    if discount is None and amount is not None and total is not None:
        discount = max(amount - total, 0)
    if amount is None:
        return UNSET, UNSET
    return amount, discount or 0


def _status(text: str | None, place: Place) -> Any:
    if text is None:
        return UNSET
    if text not in _STATUSES:
        message = f"'{text[:60]}' is not one of {', '.join(sorted(_STATUSES))}; map it."
        raise InvalidInput(message, field=place.follow("status").path, key="unmapped_status")
    return OrderStatus(text)


def _line(place: Place, rules: AnyMapping[str, Rule], money: Money) -> OrderLineDraft:
    plain = {name: rule for name, rule in rules.items() if name in _LINE}
    values = read_fields(place, plain, _LINE, money)
    details = {k: values[k] for k in ("line_id", "sku_id", "name") if k in values}
    more = _fields(place, rules.get("metadata"), {}, money)
    return OrderLineDraft(
        source_id=values.get("source_id"),
        quantity=values.get("quantity", 1),
        unit_price_minor=values.get("price"),
        amount_minor=values.get("amount"),
        discount_minor=values.get("discount", 0),
        details={**details, "metadata": more} if more else details,
    )


def _refund(
    place: Place, rules: AnyMapping[str, Rule], money: Money, order_id: str | None
) -> ToldRefund:
    plain = {name: rule for name, rule in rules.items() if name in _REFUND}
    values = read_fields(place, plain, _REFUND, money)
    if order_id is not None:
        values["order_id"] = order_id
    for name in ("order_id", "refund"):
        if name not in values:
            _demand(place, rules.get(name, name), name)
    goods_rules = _inner(rules.get("goods"))
    goods = [
        read_fields(one, goods_rules, _GOODS, money)
        for one in _items(place, rules.get("goods")) or ()
    ]
    return ToldRefund(
        order_id=values["order_id"],
        refund=values["refund"],
        goods=tuple(
            ToldGoods(
                line_id=one.get("line_id"),
                source_id=one.get("source_id"),
                quantity=one.get("quantity", 1),
            )
            for one in goods
        ),
        amount_minor=values.get("amount"),
        reason=values.get("reason"),
    )
