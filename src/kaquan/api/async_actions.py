"""``/v1/async-actions``: long work that was asked for, and how far it is."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.downloads import answer_file, download_token, download_url
from kaquan.api.listing import CurrentPaging, read_limit
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads
from kaquan.api.values import MomentText, read_moment
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    NotFound,
    Tx,
    get_action,
    get_file,
    get_project,
    list_actions,
)

_STATUS: dict[ActionStatus, Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]] = {
    ActionStatus.PENDING: "ENQUEUED",
    ActionStatus.RUNNING: "IN_PROGRESS",
    ActionStatus.DONE: "DONE",
    ActionStatus.FAILED: "FAILED",
}
_OUTCOME: dict[ActionStatus, Literal["UNKNOWN", "SUCCESS", "FAILED"]] = {
    ActionStatus.PENDING: "UNKNOWN",
    ActionStatus.RUNNING: "UNKNOWN",
    ActionStatus.DONE: "SUCCESS",
    ActionStatus.FAILED: "FAILED",
}


_TYPES = {
    "campaigns.issue_vouchers": "CAMPAIGN.VOUCHERS_GENERATE",
    "campaigns.delete_vouchers": "CAMPAIGN.VOUCHERS_DELETE",
}
"""The dialect's names for work that has another one here; any other is the kind in capitals."""


class AsyncActionView(msgspec.Struct, frozen=True, kw_only=True):
    """Long work as answered: ``progress`` in per cent, ``processing_time`` in milliseconds."""

    id: str
    type: str
    status: Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]
    operation_status: Literal["UNKNOWN", "SUCCESS", "FAILED"]
    progress: int
    processing_time: int
    created_at: datetime
    updated_at: datetime
    result: dict[str, Any] | UnsetType | None = UNSET
    object: Literal["async_action"] = "async_action"


class AsyncActionList(msgspec.Struct, frozen=True, kw_only=True):
    """The most recent long work."""

    async_actions: list[AsyncActionView]
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["async_actions"] = "async_actions"


def view_action(action: AsyncAction) -> AsyncActionView:
    """Map long work to the wire, without its result as lists have it."""
    progress = 100 if action.status is ActionStatus.DONE else 0
    if action.total and action.status is not ActionStatus.DONE:
        progress = min(99, action.done * 100 // action.total)
    elapsed = action.updated_at - action.created_at
    return AsyncActionView(
        id=action.id,
        type=_TYPES.get(action.kind, action.kind.upper()),
        status=_STATUS[action.status],
        operation_status=_OUTCOME[action.status],
        progress=progress,
        processing_time=int(elapsed.total_seconds() * 1000),
        created_at=action.created_at,
        updated_at=action.updated_at,
    )


async def load_action(tx: Tx, request: AnyRequest, action: AsyncAction) -> AsyncActionView:
    """Map long work to the wire, with its result and the link to its report."""
    view = view_action(action)
    report_id = action.request.get("report_id")
    result = action.result
    if result is not None and isinstance(report_id, str):
        result = result | await _name_report(tx, request, report_id)
    return msgspec.structs.replace(view, result=result)


async def _name_report(tx: Tx, request: AnyRequest, report_id: str) -> dict[str, Any]:
    try:
        stored = await get_file(tx, report_id)
    except NotFound:
        return {"reports": []}
    url = download_url(request, stored.id, await download_token(tx, stored.id))
    return {"reports": [url], "reports_available_till": stored.expires_at}


@reads("/async-actions/{action_id:str}", "Get async action")
async def read_action(
    request: AnyRequest, action_id: FromPath[str], call: CurrentCall
) -> AsyncActionView:
    """Get long work by id; of an import, ``result.reports`` links to what became of its rows."""
    async with call.transaction() as tx:
        return await load_action(tx, request, await get_action(tx, action_id))


@reads(
    "/kaquan/async-actions/{action_id:str}/report",
    "Download report of async action",
    file="text/plain",
)
async def read_report(action_id: FromPath[str], call: CurrentCall) -> Response[Any]:
    """Get the CSV report of an import: what was refused and why (our own addition)."""
    async with call.transaction() as tx:
        action = await get_action(tx, action_id)
        report_id = action.request.get("report_id")
        if not isinstance(report_id, str):
            raise NotFound("report of async action", action_id)
        stored = await get_file(tx, report_id)
    return answer_file(call.database, call.caller.project_id, stored)


@reads("/async-actions", "List async actions", paging=read_limit)
async def read_actions(
    call: CurrentCall, paging: CurrentPaging, end_date: FromQuery[MomentText | None] = None
) -> AsyncActionList:
    """List the most recent long work, newest first; with ``end_date`` what was asked before it."""
    async with call.transaction() as tx:
        before = None
        if end_date is not None:
            before = read_moment(end_date, (await get_project(tx)).zone, field="end_date")
        found = await list_actions(tx, limit=paging.limit + 1, before=before)
    return AsyncActionList(
        async_actions=list(map(view_action, found[: paging.limit])),
        has_more=len(found) > paging.limit,
    )


def async_actions_router() -> Router:
    """Routes of long work."""
    return Router(
        path="/", route_handlers=[read_action, read_report, read_actions], tags=["Async actions"]
    )
