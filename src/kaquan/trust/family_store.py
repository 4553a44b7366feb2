"""SQL for families of projects."""

from datetime import datetime

from kaquan.runtime import Project, Tx


async def insert_managed_project(tx: Tx, child: Project, *, now: datetime) -> None:
    """Remember that the transaction's project looks after another one."""
    await tx.execute(
        "insert into managed_project (child, id, created_at) values (%s, %s, %s)",
        (child.project_id, child.id, now),
    )


async def find_child(tx: Tx, project_id: str) -> int | None:
    """Return the number of a project that the transaction's project looks after."""
    cursor = await tx.execute("select child from managed_project where id = %s", (project_id,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_children(tx: Tx) -> list[int]:
    """Return the numbers of the projects that the transaction's project looks after."""
    cursor = await tx.execute("select child from managed_project order by child")
    return [row[0] for row in await cursor.fetchall()]


async def delete_managed_project(tx: Tx, child: int) -> None:
    """Forget that the transaction's project looks after another one."""
    await tx.execute("delete from managed_project where child = %s", (child,))


async def disable_everyone(tx: Tx, *, now: datetime) -> None:
    """Let nobody of the project in any more."""
    await tx.execute("delete from user_session")
    await tx.execute("update app_user set disabled_at = %s where disabled_at is null", (now,))


async def close_project_row(tx: Tx, *, now: datetime) -> None:
    """Note that the project is shut."""
    await tx.execute(
        "update project set closed_at = %s where project_id = current_project()", (now,)
    )


async def update_description(tx: Tx, description: str) -> None:
    """Describe the transaction's project."""
    await tx.execute(
        "update project set description = %s where project_id = current_project()", (description,)
    )
