"""Projects that a management key made: it looks after them as after its own."""

from datetime import datetime

from kaquan.runtime import (
    Project,
    Tx,
    check_name,
    check_text,
    create_project,
    get_project,
    set_project,
)
from kaquan.trust.family_store import (
    close_project_row,
    delete_managed_project,
    disable_everyone,
    find_child,
    insert_managed_project,
    list_children,
    update_description,
)
from kaquan.trust.key_store import revoke_all_keys


async def found_project(
    tx: Tx,
    name: str,
    *,
    currency: str,
    time_zone: str,
    language: str,
    description: str | None = None,
    now: datetime,
) -> Project:
    """Create a project that the keys of ``tx``'s project look after; ``tx`` belongs to it then.

    Raises InvalidInput for a currency or time zone that there is not.
    """
    home = await get_project(tx)
    made = await create_project(
        tx,
        check_name(name, "name"),
        currency=currency,
        time_zone=time_zone,
        language=language,
        now=now,
    )
    await set_project(tx, home.project_id)
    await insert_managed_project(tx, made, now=now)
    await set_project(tx, made.project_id)
    if description:
        await update_description(tx, check_text(description, "description"))
    return made


async def find_managed_project(tx: Tx, project_id: str) -> int | None:
    """Return the number of a project by its name on the wire if ``tx``'s project looks after it."""
    return await find_child(tx, project_id)


async def list_family(tx: Tx) -> list[Project]:
    """Return the project of ``tx`` and those that it made."""
    home = await get_project(tx)
    family = [home]
    for number in await list_children(tx):
        await set_project(tx, number)
        family.append(await get_project(tx))
    await set_project(tx, home.project_id)
    return family


async def close_project(tx: Tx, *, home_id: int, now: datetime) -> None:
    """Shut the project of ``tx`` for good: no key, person or job of it does anything any more.

    What it counted stays in the database, for whoever has to account for it.
    """
    project = await get_project(tx)
    await revoke_all_keys(tx, now=now)
    await disable_everyone(tx, now=now)
    await close_project_row(tx, now=now)
    await set_project(tx, home_id)
    await delete_managed_project(tx, project.project_id)
