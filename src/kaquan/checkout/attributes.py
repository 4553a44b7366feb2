"""What merchants note of goods, people and orders, as rules and formulas can compare it."""

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

AttributeValue: TypeAlias = str | int | bool | tuple[str, ...]


def read_attributes(data: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return what rules and formulas can compare: texts, numbers, truth and lists of texts.

    A number with a fraction is read as its text, which compares as the number that it writes.
    """
    attributes: dict[str, AttributeValue] = {}
    for name, value in data.items():
        match value:
            case str() | int():
                attributes[name] = value
            case float():
                attributes[name] = f"{value:f}".rstrip("0").rstrip(".")
            case list() if all(isinstance(one, str) for one in cast("list[object]", value)):
                attributes[name] = tuple(cast("list[str]", value))
            case _:
                pass
    return attributes
