"""SQL of what was applied already: the latest moment told of something, and refunds."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kaquan.runtime import Tx


async def find_told_until(tx: Tx, subjects: Sequence[str]) -> dict[str, datetime]:
    """Return the moment of the latest message that was applied to each subject."""
    cursor = await tx.execute(
        "select subject, at from told_until where subject = any(%s)", (list(subjects),)
    )
    return dict(await cursor.fetchall())


async def advance_told_until(tx: Tx, moments: Mapping[str, datetime]) -> None:
    """Note the moments of messages that were applied; an earlier one changes nothing."""
    subjects = sorted(moments)
    await tx.execute(
        "insert into told_until as t (subject, at)"
        " select * from unnest(%s::text[], %s::timestamptz[]) as told (subject, at)"
        " order by subject on conflict (project_id, subject) do update set at = excluded.at"
        " where t.at < excluded.at",
        (subjects, [moments[one] for one in subjects]),
    )


async def has_refund(tx: Tx, order_id: str, refund: str) -> bool:
    """Say whether a refund was carried out."""
    cursor = await tx.execute(
        "select from refund_told where order_id = %s and refund = %s", (order_id, refund)
    )
    return await cursor.fetchone() is not None


async def insert_refund(
    tx: Tx, order_id: str, refund: str, *, return_id: str | None, now: datetime
) -> None:
    """Note that a refund was carried out."""
    await tx.execute(
        "insert into refund_told (order_id, refund, return_id, at) values (%s, %s, %s, %s)",
        (order_id, refund, return_id, now),
    )
