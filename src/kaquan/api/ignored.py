"""Members of a body that mean nothing here: left out, as the dialect does, and told in a header."""

import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, Union, cast, get_args, get_origin
from urllib.parse import quote

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

IGNORED = "Kaquan-Ignored-Fields"
MOST_TOLD = 20

_STATE = "kaquan_ignored"
_SAFE = "[]._-"
_LONGEST_NAME = 100

Inner: TypeAlias = Any
"""The part of a type that has members of its own: a Struct, or what is inside of a list or map."""


def note_ignored(scope: Scope, raw: bytes, kind: Any) -> None:
    """Look for members of a body that ``kind`` does not have, to name them on the answer."""
    known = _inner_of(kind)
    if known is None:
        return
    found: list[str] = []
    for path in _strangers(msgspec.json.decode(raw), known, ""):
        found.append(path)
        if len(found) == MOST_TOLD:
            break
    if found:
        scope["state"][_STATE] = found


async def tell_ignored(message: Message, scope: Scope) -> None:
    """Name what was left out of the body (a hook before sending)."""
    if message["type"] != "http.response.start":
        return
    found = scope["state"].get(_STATE)
    if found:
        names = (quote(path[:_LONGEST_NAME], safe=_SAFE) for path in found)
        MutableScopeHeaders(message)[IGNORED] = ", ".join(names)


class _Each(msgspec.Struct, frozen=True):
    """What each item of a list, or each value of a map, is."""

    inner: Inner
    is_list: bool


def _strangers(value: Any, kind: Inner, path: str) -> Iterator[str]:
    if isinstance(kind, _Each):
        if kind.is_list and isinstance(value, list):
            for index, item in enumerate(cast("list[Any]", value)):
                yield from _strangers(item, kind.inner, f"{path}[{index}]")
        elif not kind.is_list and isinstance(value, dict):
            for name, item in cast("dict[str, Any]", value).items():
                yield from _strangers(item, kind.inner, f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        members = _members_of(kind)
        for name, item in cast("dict[str, Any]", value).items():
            # Clients also send every member that they left empty.
            if item is None:
                continue
            place = f"{path}.{name}" if path else name
            if name not in members:
                yield place
            elif (inner := members[name]) is not None:
                yield from _strangers(item, inner, place)


@lru_cache(maxsize=1_000)
def _members_of(kind: type[msgspec.Struct]) -> Mapping[str, Inner]:
    """The members of a Struct by their names on the wire, each with what is inside."""
    return {field.encode_name: _inner_of(field.type) for field in msgspec.structs.fields(kind)}


def _inner_of(kind: Any) -> Inner:
    """Return what is inside of a type; None when it has no members, or not one set of them."""
    origin = get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if origin in (list, dict, tuple):
        inner = _inner_of(get_args(kind)[-1 if origin is dict else 0])
        return None if inner is None else _Each(inner, origin is not dict)
    if origin in (Union, types.UnionType):
        told = [one for one in get_args(kind) if one not in (type(None), msgspec.UnsetType)]
        return _inner_of(told[0]) if len(told) == 1 else None
    if origin is Annotated:
        return _inner_of(get_args(kind)[0])
    return None
