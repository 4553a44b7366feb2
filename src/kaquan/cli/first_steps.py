"""Setting up: a project with its keys and its administrator, once."""

import msgspec

from kaquan.runtime import (
    Database,
    Project,
    create_project,
    read_projects,
    utc_now,
)
from kaquan.trust import FirstCredentials, create_first_credentials


class FirstSetup(msgspec.Struct, frozen=True):
    """The project and, when it was created just now, its secrets."""

    project: Project
    credentials: FirstCredentials | None


async def set_up(
    database: Database,
    *,
    name: str,
    currency: str,
    time_zone: str,
    language: str,
    admin_email: str,
) -> FirstSetup:
    """Create the first project, its keys and its administrator unless there is a project."""
    projects = await read_projects(database)
    if projects:
        return FirstSetup(projects[0], None)
    now = utc_now()
    async with database.transaction() as tx:
        project = await create_project(
            tx, name, currency=currency, time_zone=time_zone, language=language, now=now
        )
        credentials = await create_first_credentials(tx, admin_email, now=now)
    return FirstSetup(project, credentials)


def setup_as_json(setup: FirstSetup, base_url: str) -> bytes:
    """Return what ``kaquan init --json`` prints; secrets are null when they were shown before."""
    fresh = setup.credentials
    return msgspec.json.encode(
        {
            "created": fresh is not None,
            "project_id": setup.project.id,
            "app_id": fresh.server.app_id if fresh else None,
            "app_token": fresh.server.token if fresh else None,
            "client_id": fresh.client.app_id if fresh else None,
            "client_token": fresh.client.token if fresh else None,
            "management_id": fresh.management.app_id if fresh else None,
            "management_token": fresh.management.token if fresh else None,
            "admin_email": fresh.admin.email if fresh else None,
            "admin_password": fresh.admin_password if fresh else None,
            "base_url": base_url,
        }
    )
