"""Links in the OpenAPI document: from an answer that names something to what works on it.

They are made by rules of the addresses and not route by route. What is made or listed at
``…/returns`` is what ``…/returns/{return_id}`` names, there and below any address that begins with
the same word; what was changed at an address is there at the same address.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeAlias, cast

import msgspec

Json: TypeAlias = dict[str, Any]
Pointers: TypeAlias = Mapping[str, str]

_DEEPER_IDS = {
    ("post", "/v1/redemptions"): "redemptions/0/id",
    ("post", "/v1/publications"): "voucher/code",
    ("post", "/v1/vouchers"): "code",
    ("get", "/v1/vouchers"): "vouchers/0/code",
    ("get", "/v1/customers"): "customers/0/id",
    ("get", "/v1/campaigns"): "campaigns/0/id",
    ("get", "/v1/orders"): "orders/0/id",
    ("get", "/v1/products"): "products/0/id",
    ("get", "/v1/redemptions"): "redemptions/0/id",
}
"""Where an answer names what it made or lists, when that is not its own ``id``."""

_ACTION, _ACTION_NAME = "async_action_id", "action_id"
_OWN_WORD = "kaquan"


class _Place(msgspec.Struct, frozen=True):
    """An operation, with what its address is made of."""

    path: str
    method: str
    operation: Json

    @property
    def api(self) -> str:
        """Which of the APIs it is of, as ``/client/v1``."""
        return self.path.partition("v1/")[0]

    @property
    def words(self) -> list[str]:
        """The address without its API and without the word for what is our own."""
        return [word for word in self.path[len(self.api) :].split("/")[1:] if word != _OWN_WORD]

    @property
    def names(self) -> list[str]:
        """What the address names, in order."""
        return [word[1:-1] for word in self.words if word.startswith("{")]


def list_operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every path, method (in lower case) and operation of a document."""
    for path, item in cast("dict[str, Json]", document["paths"]).items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "delete", "patch"}:
                yield path, method, operation


def add_links(whole: Json) -> None:
    """Add the links to every operation of a document that has an answer to follow them from."""
    places = [_Place(*one) for one in list_operations(whole)]
    for place in places:
        answers: Json = place.operation["responses"]
        answer = next((answers[one] for one in ("200", "202", "204") if one in answers), None)
        if answer is None:
            continue
        links = dict(_links_from(place, _pointers(whole, answer), places))
        if links:
            answer["links"] = links


def _links_from(
    place: _Place, pointers: Pointers, places: list[_Place]
) -> Iterator[tuple[str, Json]]:
    known = {name: f"$request.path.{name}" for name in place.names}
    usual = "id" if "id" in pointers else "data/0/id"
    made = _DEEPER_IDS.get((place.method, place.path), usual)
    pointer = pointers.get(made.partition("/")[0])
    for other in places:
        if _ACTION in pointers and other.names == [_ACTION_NAME]:
            yield _link(other, {_ACTION_NAME: f"$response.body#{pointers[_ACTION]}"})
        elif other.path == place.path and known and place.method != "get":
            yield _link(other, known)
        elif pointer is not None:
            name = _name_made(place, other)
            if name is not None and set(other.names) <= {*known, name}:
                here = f"{pointer}/{made.partition('/')[2]}".rstrip("/")
                given = {**known, name: f"$response.body#{here}"}
                yield _link(other, {each: given[each] for each in other.names})


def _name_made(place: _Place, other: _Place) -> str | None:
    """How another address names what is made or listed at a place; None where it does not."""
    words, last = other.words, place.words[-1]
    if place.api != other.api or words[0] not in (place.words[0], last):
        return None
    for word, following in pairwise(words):
        if word == last and following.startswith("{") and following[1:-1] not in place.names:
            return following[1:-1]
    return None


def _link(other: _Place, parameters: dict[str, str]) -> tuple[str, Json]:
    name: str = other.operation["operationId"]
    return name, {"operationId": name, "parameters": parameters}


def _pointers(whole: Json, answer: Json) -> Pointers:
    """The members that an answer may have, by where they are; of a bare list, its first one's."""
    found: dict[str, str] = {}
    for content in answer.get("content", {}).values():
        schema: Json = content.get("schema", {})
        for one in [schema, *schema.get("anyOf", ())]:
            listed = one.get("items") if one.get("type") == "array" else None
            start = "" if listed is None else "/0"
            name = (listed or one).get("$ref", "").rpartition("/")[2]
            members = whole["components"]["schemas"].get(name, {}).get("properties", {})
            found |= {member: f"{start}/{member}" for member in members}
    return found
