"""``/v1/async-actions``: long work that was asked for, and how far it is."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads
from kaquan.runtime import ActionStatus, AsyncAction, get_action, list_actions

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
    """Map long work to the wire."""
    progress = 100 if action.status is ActionStatus.DONE else 0
    if action.total:
        progress = min(100, action.done * 100 // action.total)
    elapsed = action.updated_at - action.created_at
    return AsyncActionView(
        id=action.id,
        type=action.kind.upper().replace(".", "_"),
        status=_STATUS[action.status],
        operation_status=_OUTCOME[action.status],
        progress=progress,
        processing_time=int(elapsed.total_seconds() * 1000),
        created_at=action.created_at,
        updated_at=action.updated_at,
        result=action.result,
    )


@reads("/{action_id:str}", "Get async action")
async def read_action(action_id: FromPath[str], call: CurrentCall) -> AsyncActionView:
    """Get long work by id."""
    async with call.transaction() as tx:
        return view_action(await get_action(tx, action_id))


@reads("/", "List async actions")
async def read_actions(call: CurrentCall, paging: CurrentPaging) -> AsyncActionList:
    """List the most recent long work, newest first."""
    async with call.transaction() as tx:
        found = await list_actions(tx, limit=paging.limit + 1)
    return AsyncActionList(
        async_actions=list(map(view_action, found[: paging.limit])),
        has_more=len(found) > paging.limit,
    )


def async_actions_router() -> Router:
    """Routes of long work."""
    return Router(
        path="/async-actions", route_handlers=[read_action, read_actions], tags=["Async actions"]
    )
