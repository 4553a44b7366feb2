"""RFM scores on request: asked for by a person, made by a job, with its progress."""

from datetime import datetime

from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Tx,
    defer_job,
    get_project,
    list_actions,
    start_action,
)
from kaquan.segments.jobs import score_requested
from kaquan.segments.rfm import SCORING


async def request_scoring(tx: Tx, *, now: datetime) -> AsyncAction:
    """Ask for all customers to be scored anew; returns the running request if there is one."""
    latest = await find_scoring(tx)
    if latest is not None and latest.status in (ActionStatus.PENDING, ActionStatus.RUNNING):
        return latest
    action = await start_action(tx, SCORING, request={}, total=1, now=now)
    project = await get_project(tx)
    await defer_job(tx, score_requested, project_id=project.project_id, action_id=action.id)
    return action


async def find_scoring(tx: Tx) -> AsyncAction | None:
    """Return the latest request with its progress, or None."""
    found = await list_actions(tx, limit=1, kind=SCORING)
    return found[0] if found else None
