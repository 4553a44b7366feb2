"""Opening a project, and finding those that are open."""

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import is_currency

from kaquan.runtime.database import Database, Tx
from kaquan.runtime.errors import InvalidInput
from kaquan.runtime.ids import new_id
from kaquan.runtime.model import Project
from kaquan.runtime.project_key_store import insert_project_key
from kaquan.runtime.store import PROJECT_DIRECTORY, insert_project, list_projects

FIRST_KEYS = ("personal 1", "personal index")
"""What a project's first keys are for: they wrap customers' data keys, and make digests.

They are made with the project, so that no transaction that is rolled back can leave behind data
whose key was never stored.
"""

_KEY_BYTES = 32


async def create_project(
    tx: Tx,
    name: str,
    *,
    currency: str,
    time_zone: str,
    language: str,
    sandbox: bool = False,
    now: datetime,
) -> Project:
    """Create a project; ``tx`` belongs to it afterwards.

    Raises InvalidInput for a currency outside ISO 4217 or an unknown time zone.
    """
    if not is_currency(currency, locale="en"):
        message = f"'{currency}' is not an ISO 4217 currency."
        raise InvalidInput(message, field="currency")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"'{time_zone}' is not a time zone of the IANA database."
        raise InvalidInput(message, field="time_zone") from error
    project = Project(
        project_id=0,
        id=new_id("proj"),
        name=name,
        currency=currency,
        time_zone=time_zone,
        language=language,
        sandbox=sandbox,
        settings={},
        created_at=now,
    )
    made = await insert_project(tx, project)
    for purpose in FIRST_KEYS:
        await insert_project_key(tx, purpose, secrets.token_bytes(_KEY_BYTES), now=now)
    return made


async def read_projects(database: Database) -> list[Project]:
    """Return every project that is not shut, for work that is done in each of them."""
    async with database.transaction(lookup=PROJECT_DIRECTORY) as tx:
        return await list_projects(tx)
