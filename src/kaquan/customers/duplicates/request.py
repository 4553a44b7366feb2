"""Asking for a search for duplicates."""

from datetime import datetime

from kaquan.customers.duplicates.matching import LEAST_PPM
from kaquan.customers.jobs import find_requested_duplicates
from kaquan.customers.store.customers import count_customers
from kaquan.runtime import AsyncAction, InvalidInput, Tx, defer_job, get_project, start_action

SEARCH = "customers.find_duplicates"


async def request_search(tx: Tx, *, least_ppm: int = LEAST_PPM, now: datetime) -> AsyncAction:
    """Ask for a search of the whole base for duplicates; a job does it and merges nobody.

    ``least_ppm`` is the lowest likelihood, in millionths, that is proposed. Raises InvalidInput.
    """
    if not 500_000 <= least_ppm <= 1_000_000:
        message = "The least likelihood lies between 500000 and 1000000 millionths."
        raise InvalidInput(message, field="least_ppm")
    total = 2 * await count_customers(tx)
    asked = {"least_ppm": least_ppm}
    action = await start_action(tx, SEARCH, request=asked, total=total, now=now)
    project = await get_project(tx)
    await defer_job(
        tx, find_requested_duplicates, project_id=project.project_id, action_id=action.id
    )
    return action
