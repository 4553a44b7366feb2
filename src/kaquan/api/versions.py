"""Dated versions of the API: a caller may name the one that it was written for.

There is one version now. A caller that names another is told so, instead of getting answers that
it may misread. The dialect's own header is understood too.
"""

from collections.abc import Mapping

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from kaquan.runtime import InvalidInput

VERSION, DIALECT_VERSION = "Kaquan-Version", "X-Voucherify-API-Version"

VERSIONS = ["2026-11-22"]
"""Every version that is answered, the newest last: that one answers who names none."""

DIALECT_VERSIONS = ["v2018-08-01"]

_APIS = ("/v1/", "/client/v1/", "/management/v1/")


def check_version(headers: Mapping[str, str]) -> None:
    """Raise InvalidInput for a request that names a version which is not there."""
    for name, known in ((VERSION, VERSIONS), (DIALECT_VERSION, DIALECT_VERSIONS)):
        given = headers.get(name)
        if given is not None and given not in known:
            message = f"There is no such version; {name} may be {', '.join(known)}."
            raise InvalidInput(message, field=name, key="unknown_api_version")


async def tell_version(message: Message, scope: Scope) -> None:
    """Name the version that answers (a hook before sending)."""
    if message["type"] == "http.response.start" and scope["path"].startswith(_APIS):
        MutableScopeHeaders(message)[VERSION] = VERSIONS[-1]
