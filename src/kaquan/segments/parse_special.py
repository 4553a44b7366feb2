"""Rules of their own form: birthdays, consent and reach, lists of customers, samples."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from kaquan.runtime import InvalidInput, words
from kaquan.segments.attributes import ATTRIBUTES, Operator, ValueKind
from kaquan.segments.deeds import DEEDS, DeedKind, Measure
from kaquan.segments.model import (
    Aggregate,
    Ago,
    AllOf,
    Anniversary,
    Comparison,
    Consented,
    Deed,
    Listed,
    Rule,
    Sample,
    Window,
)
from kaquan.segments.operands import (
    LONGEST_LIST,
    check_value_text,
    closest,
    read_whole_between,
)
from kaquan.segments.value_tests import check_keys

FURTHEST_DAYS = 180
DEFAULT_PURPOSE = "marketing"
ADDRESSES: Mapping[str, str] = {"email": "email", "sms": "phone", "phone": "phone"}
"""Which attribute a channel needs; others, such as an app's messages, need none of ours."""
DATES = ("birth_date", "created_at", "first_order_at")


def read_birthday(given: object, path: str) -> Rule:
    """Read whose birthday lies from ``from`` to ``to`` days after today."""
    node = _object(given, path)
    check_keys(node, path, needed=frozenset(), allowed=frozenset({"from", "to"}))
    return _anniversary(node, path, "birth_date")


def read_anniversary(given: object, path: str) -> Rule:
    """Read who has an anniversary of the date ``of`` from ``from`` to ``to`` days after today."""
    node = _object(given, path)
    check_keys(node, path, needed=frozenset({"of"}), allowed=frozenset({"from", "to"}))
    of = node["of"]
    if of not in DATES:
        message = words(
            "There is no such date to keep: '%(of)s'.%(hint)s",
            of=str(of)[:40],
            hint=closest(str(of), DATES),
        )
        raise InvalidInput(message, field=f"{path}.of")
    return _anniversary(node, path, of)


def read_consent(given: object, path: str) -> Rule:
    """Read whose latest decision allows contact by ``channel`` for ``purpose``."""
    node = _object(given, path)
    check_keys(node, path, needed=frozenset({"channel"}), allowed=frozenset({"purpose"}))
    return _consented(node, path)


def read_reachable(given: object, path: str) -> Rule:
    """Read who can be reached by ``channel``: address, consent, and room below a frequency cap.

    ``room`` is ``{"most": n, "days": d}``: fewer than n messages in the last d days.
    """
    node = _object(given, path)
    check_keys(node, path, needed=frozenset({"channel"}), allowed=frozenset({"purpose", "room"}))
    consented = _consented(node, path)
    rules: list[Rule] = []
    address = ADDRESSES.get(consented.channel)
    if address is not None:
        attribute = ATTRIBUTES[address]
        rules.append(
            Comparison(attribute=attribute, operator=Operator.HAS_VALUE, kind=attribute.kind)
        )
    rules.append(consented)
    if "room" in node:
        rules.append(_room(node["room"], f"{path}.room", consented.channel))
    return AllOf(tuple(rules))


def read_customers(given: object, path: str) -> Rule:
    """Read a list of customers by our ids or the merchant's."""
    if not isinstance(given, list):
        raise InvalidInput("This must be a list of customers' ids.", field=path)
    items = cast("list[object]", given)
    if len(items) > LONGEST_LIST:
        message = words(
            "A list may have %(longest_list)s customers; upload longer ones to a segment.",
            longest_list=LONGEST_LIST,
        )
        raise InvalidInput(message, field=path)
    places = enumerate(items)
    return Listed(tuple(check_value_text(item, f"{path}[{n}]") for n, item in places))


def read_sample(given: object, path: str) -> Rule:
    """Read a sample: ``percent``, or ``from`` and ``to`` percent; another ``salt``, another one."""
    node = _object(given, path)
    check_keys(node, path, needed=frozenset(), allowed=frozenset({"percent", "from", "to", "salt"}))
    if ("percent" in node) == ("to" in node) or ("from" in node and "percent" in node):
        raise InvalidInput("This has percent, or from and to.", field=path)
    high_key = "percent" if "percent" in node else "to"
    low = _percent(node.get("from", 0), f"{path}.from")
    high = _percent(node[high_key], f"{path}.{high_key}")
    if low > high:
        raise InvalidInput("This must not lie above the end of the sample.", field=f"{path}.from")
    return Sample(low=low, high=high, salt=check_value_text(node.get("salt", ""), f"{path}.salt"))


def _object(given: object, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput("This must be a JSON object.", field=path)
    return cast("dict[str, Any]", given)


def _anniversary(node: dict[str, Any], path: str, of: str) -> Anniversary:
    first = read_whole_between(
        node.get("from", 0), -FURTHEST_DAYS, FURTHEST_DAYS, path=f"{path}.from"
    )
    last = read_whole_between(
        node.get("to", max(first, 0)), -FURTHEST_DAYS, FURTHEST_DAYS, path=f"{path}.to"
    )
    if first > last:
        raise InvalidInput("This must not lie after the end of the window.", field=f"{path}.from")
    return Anniversary(attribute=ATTRIBUTES[of], first=first, last=last)


def _consented(node: dict[str, Any], path: str) -> Consented:
    return Consented(
        channel=check_value_text(node["channel"], f"{path}.channel"),
        purpose=check_value_text(node.get("purpose", DEFAULT_PURPOSE), f"{path}.purpose"),
    )


def _room(given: object, path: str, channel: str) -> Aggregate:
    node = _object(given, path)
    check_keys(node, path, needed=frozenset({"most", "days"}), allowed=frozenset())
    most = read_whole_between(node["most"], 1, 1_000, path=f"{path}.most")
    days = read_whole_between(node["days"], 1, 366, path=f"{path}.days")
    by_channel = Comparison(
        attribute=DEEDS[DeedKind.MESSAGE].properties["channel"],
        operator=Operator.IS,
        kind=ValueKind.TEXT,
        operand=channel,
    )
    deed = Deed(
        kind=DeedKind.MESSAGE, where=AllOf((by_channel,)), window=Window(start=Ago(days=days))
    )
    return Aggregate(
        measure=Measure.COUNT,
        deed=deed,
        of=None,
        operator=Operator.LESS_THAN,
        kind=ValueKind.NUMBER,
        operand=Decimal(most),
    )


def _percent(value: object, path: str) -> Decimal:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput("This must be a number of percent.", field=path)
    number = Decimal(str(value))
    if not number.is_finite() or not 0 <= number <= 100:
        raise InvalidInput("This must be from 0 to 100 percent.", field=path)
    return number
