"""What all routes have in common: strict bodies, status 200, problems as their errors."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from litestar import delete, get, post, put
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec

from kaquan.api.body import StrictBody
from kaquan.api.problems import PROBLEM_MEDIA_TYPE, Problem

Verb: TypeAlias = Callable[..., Awaitable[Any]]

DRY = "dry"
"""The name under which a route says whether it may leave everything as it is."""

CHANGES = "changes"
"""The name under which a GET route says that it changes something."""

FILE_IN, FILE_OUT = "file_in", "file_out"
"""The names under which a route says that it takes a file, and the media type of one it answers."""

TRACKS = "tracks"
"""The name under which a route says that a tracking key may use it."""


class Dry(StrEnum):
    """Whether a route changes nothing: always, when asked by ``dry_run``, or never."""

    ALWAYS = "always"
    ON_REQUEST = "on_request"
    NEVER = "never"


_DESCRIPTIONS = {
    400: "The request is wrong, or refused by a rule",
    401: "No valid key",
    403: "The key is not for this",
    404: "There is no such object",
    409: "In conflict with what exists",
    412: "The object is not what If-Match names",
    413: "The body is too large",
    414: "The address is too large (refused by the web server, without a body)",
    422: "The idempotency key was used for another request",
    429: "The key has sent as many requests as it may",
    501: "Part of the dialect, and not supported yet",
    503: "Something is missing at the moment",
    507: "The disk is full",
}
_UNEXPLAINED = {414}
PROBLEMS = {
    status: ResponseSpec(
        None if status in _UNEXPLAINED else Problem,
        description=description,
        media_type=PROBLEM_MEDIA_TYPE,  # pyright: ignore[reportArgumentType] - a plain string works
        generate_examples=False,
    )
    for status, description in _DESCRIPTIONS.items()
}
"""How every route may fail, for its description."""


_READ_PROBLEMS = {
    304: ResponseSpec(None, description="Not changed since the answer with that ETag"),
    **{status: spec for status, spec in PROBLEMS.items() if status != 412},
}


def reads(
    path: str,
    summary: str,
    *,
    changes: bool = False,
    file: str | None = None,
    paging: Callable[..., Any] | None = None,
) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that gets something; one that ``changes`` things all the same is GET by tradition.

    ``file`` is the media type of the file that it answers with, if it does; ``paging`` reads the
    parameters of a list that does not have all that lists have.
    """
    return get(
        path,
        summary=summary,
        opt={CHANGES: changes, FILE_OUT: file},
        dependencies={"paging": Provide(paging, sync_to_thread=False)} if paging else None,
        responses=_READ_PROBLEMS,
    )


def removes(path: str, summary: str) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that deletes and has nothing to say about it (204)."""
    return delete(path, summary=summary, responses=PROBLEMS)


def deletes(path: str, summary: str) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that deletes and answers what became of it."""
    return delete(path, summary=summary, status_code=200, responses=PROBLEMS)


def writes(
    method: Literal["POST", "PUT"],
    path: str,
    summary: str,
    *,
    dry: Dry = Dry.NEVER,
    status: Literal[200, 204] = 200,
) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that creates, changes or does something; its ``data`` is read strictly."""
    decorate = post if method == "POST" else put
    return decorate(
        path,
        summary=summary,
        opt={DRY: dry},
        dto=StrictBody,
        return_dto=None,
        status_code=status,
        responses=PROBLEMS,
    )
