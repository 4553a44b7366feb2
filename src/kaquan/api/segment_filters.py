"""The dialect's segment filters as our trees: what has no counterpart there is refused by its name."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from kaquan.api.problems import NotSupported
from kaquan.runtime import InvalidInput

_FIELDS: Mapping[str, str] = {
    "id": "id",
    "source_id": "source_id",
    "name": "name",
    "email": "email",
    "phone": "phone",
    "address.city": "city",
    "address.state": "state",
    "address.country": "country",
    "address.postal_code": "postal_code",
    "created_at": "created_at",
    "birthdate": "birth_date",
    "birthday": "birth_date",
    "summary.orders.total_amount": "spend_minor",
    "summary.orders.total_count": "order_count",
    "summary.orders.average_amount": "average_order_minor",
    "summary.orders.last_order_date": "last_order_at",
    "segments": "segment",
}
_TIMES = frozenset({"created_at", "last_order_at"})
_OPERATORS: Mapping[str, str] = {
    "$is": "is",
    "$is_not": "is_not",
    "$in": "in",
    "$not_in": "not_in",
    "$contains": "contains",
    "$starts_with": "starts_with",
    "$more_than": "more_than",
    "$less_than": "less_than",
    "$more_than_equal": "at_least",
    "$less_than_equal": "at_most",
    "$after": "after",
    "$before": "before",
}
_LISTS = frozenset({"$in", "$not_in"})
_PRESENCE: Mapping[str, str] = {"$has_value": "has_value", "$is_unknown": "has_no_value"}
# For moments the dialect's sizes count days back from now.
_AGO: Mapping[str, str] = {"$more_than": "not_within_days", "$less_than": "within_days"}
_METADATA = "metadata."


def read_segment_filter(given: Mapping[str, Any], *, path: str = "filter") -> dict[str, Any]:
    """Return the definition that a filter of the dialect means.

    Raises InvalidInput for what is no filter, and NotSupported for a field or an operator that
    our language has no counterpart of.
    """
    word = given.get("junction", "and")
    if word not in ("and", "or", "AND", "OR"):
        message = "The junction is 'and' or 'or'."
        raise InvalidInput(message, field=f"{path}.junction")
    names = [name for name in given if name != "junction"]
    if not names:
        raise InvalidInput("A filter needs at least one field.", field=path)
    rules = [_read_field(name, given[name], f"{path}.{name}") for name in names]
    return {"any" if word.lower() == "or" else "all": rules}


def _read_field(name: str, given: object, path: str) -> dict[str, Any]:
    attribute = name if name.startswith(_METADATA) else _FIELDS.get(name)
    if attribute is None:
        message = f"Segments by '{name[:60]}' are not supported yet."
        raise NotSupported(message, field=path)
    conditions = (
        cast("dict[str, Any]", given).get("conditions") if isinstance(given, dict) else None
    )
    if not isinstance(conditions, dict) or not conditions:
        message = 'A field is filtered by an object {"conditions": {"$is": …}}.'
        raise InvalidInput(message, field=path)
    rules = [
        _read_condition(attribute, operator, value, f"{path}.conditions.{operator}")
        for operator, value in cast("dict[str, object]", conditions).items()
    ]
    return rules[0] if len(rules) == 1 else {"all": rules}


def _read_condition(attribute: str, operator: str, value: object, path: str) -> dict[str, Any]:
    if operator in _PRESENCE:
        return {"attribute": attribute, "operator": _PRESENCE[operator]}
    values = _values(value, path)
    special = _SPECIAL.get((attribute, operator))
    if special is not None:
        return special(values)
    if operator == "$not_contain":
        return {"not": {"any": _each(attribute, "contains", values)}}
    if attribute in _TIMES and operator in _AGO:
        return {"attribute": attribute, "operator": _AGO[operator], "value": values[0]}
    word = _OPERATORS.get(operator)
    if word is None:
        message = f"The condition '{operator[:40]}' is not supported for segments yet."
        raise NotSupported(message, field=path)
    if operator in _LISTS:
        return {"attribute": attribute, "operator": word, "value": values}
    rules = _each(attribute, word, values)
    if len(rules) == 1:
        return rules[0]
    return {"all" if word == "is_not" else "any": rules}


def _each(attribute: str, operator: str, values: list[object]) -> list[dict[str, Any]]:
    return [{"attribute": attribute, "operator": operator, "value": one} for one in values]


def _birthday(first: int, last: int) -> Callable[[list[object]], dict[str, Any]]:
    return lambda _: {"birthday": {"from": first, "to": last}}


_SPECIAL: Mapping[tuple[str, str], Callable[[list[object]], dict[str, Any]]] = {
    ("birth_date", "$is_today"): _birthday(0, 0),
    ("birth_date", "$today"): _birthday(0, 0),
}


def _values(given: object, path: str) -> list[object]:
    values = cast("list[object]", given) if isinstance(given, list) else [given]
    if not values:
        raise InvalidInput("This needs a value.", field=path)
    return values
