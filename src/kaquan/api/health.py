"""Whether the process lives, and whether it can serve."""

from typing import Literal

import msgspec
from litestar import get
from litestar.datastructures import State

from kaquan.api.routes import PROBLEMS
from kaquan.runtime import Database


class Health(msgspec.Struct, frozen=True):
    """Said by a process that answers."""

    status: Literal["ok"] = "ok"


@get("/healthz", summary="Ask for life", tags=["Health"], security=[], sync_to_thread=False)
def read_health() -> Health:
    """Answer while the process lives."""
    return Health()


@get(
    "/readyz",
    summary="Ask for readiness",
    tags=["Health"],
    security=[],
    responses={503: PROBLEMS[503]},
)
async def read_readiness(state: State) -> Health:
    """Answer once the database does; 503 while it does not."""
    database: Database = state.database
    await database.ping()
    return Health()
