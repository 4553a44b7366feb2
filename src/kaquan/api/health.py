"""Whether the process lives, and whether it can serve."""

from typing import Literal

import msgspec
from litestar import get
from litestar.datastructures import State

from kaquan.runtime import Database


class Health(msgspec.Struct, frozen=True):
    """Said by a process that answers."""

    status: Literal["ok"] = "ok"


@get("/healthz", include_in_schema=False, sync_to_thread=False)
def read_health() -> Health:
    """Answer while the process lives."""
    return Health()


@get("/readyz", include_in_schema=False)
async def read_readiness(state: State) -> Health:
    """Answer once the database does; 503 while it does not."""
    database: Database = state.database
    await database.ping()
    return Health()
