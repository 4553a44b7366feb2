"""Every answer names its request, by the caller's id when it sends a usable one."""

import re

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from kaquan.runtime import new_id

HEADER = "X-Request-Id"

_STATE_KEY = "kaquan_request_id"
_USABLE = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")


def request_id_of(scope: Scope) -> str:
    """Return the id of the request, choosing it when first asked."""
    state = scope["state"]
    known = state.get(_STATE_KEY)
    if isinstance(known, str):
        return known
    fresh = _choose_id(scope)
    state[_STATE_KEY] = fresh
    return fresh


def _choose_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name.lower() == HEADER.lower().encode() and _USABLE.fullmatch(value):
            return value.decode()
    return new_id("req")


async def name_request(message: Message, scope: Scope) -> None:
    """Put the request's id on its answer (a hook before sending)."""
    if message["type"] == "http.response.start":
        MutableScopeHeaders(message)[HEADER] = request_id_of(scope)
