"""Long work: asked for in a transaction, done by jobs, watched by its requester."""

from datetime import datetime
from typing import Any

from kaquan.runtime.database import Tx
from kaquan.runtime.ids import new_id
from kaquan.runtime.model import ActionStatus, AsyncAction
from kaquan.runtime.store import insert_action


async def start_action(
    tx: Tx, kind: str, *, request: dict[str, Any], total: int | None, now: datetime
) -> AsyncAction:
    """Record that long work was asked for; the caller defers the job that does it."""
    action = AsyncAction(
        id=new_id("aa"),
        kind=kind,
        status=ActionStatus.PENDING,
        done=0,
        total=total,
        request=request,
        result=None,
        created_at=now,
        updated_at=now,
    )
    await insert_action(tx, action)
    return action
