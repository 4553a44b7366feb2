"""Which project a command is about."""

from kaquan.runtime import Database, InvalidInput, Project, read_projects


async def choose_project(database: Database, named: str | None) -> Project:
    """Return the project with this id or name, or the only one there is. Raises InvalidInput."""
    projects = await read_projects(database)
    found = [one for one in projects if named is None or named in (one.id, one.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.name} ({one.id})" for one in projects) or "none"
    message = f"Name one project with --project; there are: {known}."
    raise InvalidInput(message, field="--project")
