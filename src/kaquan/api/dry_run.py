"""Dry runs: the same answer, at any time asked for, and nothing is changed by it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import QueryParameter, SkipValidation

from kaquan.api.call import Call, CurrentCall
from kaquan.api.problems import PROBLEM_MEDIA_TYPE
from kaquan.api.values import read_moment
from kaquan.runtime import Answer, InvalidInput, Tx, check_time, get_project
from kaquan.trust import KeyScope

DRY_RUN = "Kaquan-Dry-Run"


class DryRun(msgspec.Struct, frozen=True):
    """Whether nothing shall be changed, and what time it is then taken to be (as it was given)."""

    asked: bool
    moment: str | None


def read_dry_run(
    call: CurrentCall,
    dry_run: Annotated[
        bool, QueryParameter(description="Answer as if, and change nothing.")
    ] = False,
    now: Annotated[
        str | None,
        QueryParameter(
            max_length=40,
            description="With dry_run: the time it is taken to be, past or future (ISO 8601).",
        ),
    ] = None,
) -> DryRun:
    """Read whether a request is a dry run (a dependency); with a key for dry runs it always is."""
    # It asks for the call, not for the request: dependencies in a row are resolved without the
    # tasks that those side by side would get.
    asked = dry_run or call.caller.scope is KeyScope.DRY_RUN
    if now is not None and not asked:
        message = "Another time than now can only be told with dry_run=true."
        raise InvalidInput(message, field="now", key="invalid_query_params")
    return DryRun(asked, now)


CurrentDryRun: TypeAlias = NamedDependency[SkipValidation[DryRun]]


async def tell_time(tx: Tx, text: str | None, *, now: datetime, field: str = "now") -> datetime:
    """Return the time that a request is decided at: told in it, or ``now``. Raises InvalidInput."""
    if text is None:
        return now
    return check_time(read_moment(text, (await get_project(tx)).zone, field=field), field)


async def answer_dry(
    call: Call, dry: DryRun, produce: Callable[[Tx, Call], Awaitable[Answer]]
) -> Response[Any]:
    """Answer by ``produce``, at the time asked for, then take back everything that it did."""
    async with call.transaction() as tx:
        now = await tell_time(tx, dry.moment, now=call.now)
        answer = await produce(tx, msgspec.structs.replace(call, now=now))
        await tx.rollback()
    failed = answer.status >= HTTPStatus.BAD_REQUEST
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=PROBLEM_MEDIA_TYPE if failed else MediaType.JSON,
        headers={DRY_RUN: "true"},
    )
