"""SQL of deleting: what is hidden, shown again and removed for good (foundation_56_deletion)."""

from collections.abc import Sequence

import psycopg

from kaquan.campaigns.rules.model import OwnerKind
from kaquan.runtime import Duplicate, Tx


async def hide_vouchers(tx: Tx, voucher_ids: Sequence[str], *, deletion_id: str) -> None:
    """Let vouchers or tiers be found no more, and their codes be free."""
    await tx.execute("select hide_vouchers(%s, %s)", (list(voucher_ids), deletion_id))


async def hide_campaign(tx: Tx, campaign_id: str, *, deletion_id: str) -> None:
    """Let a campaign and all its vouchers be found no more, and its name be free."""
    await tx.execute("select hide_campaign(%s, %s)", (campaign_id, deletion_id))


async def hide_part(
    tx: Tx, campaign_id: str, *, deletion_id: str, after: str, limit: int
) -> tuple[int, str]:
    """Hide up to ``limit`` vouchers of a campaign by id; returns how many, and the last id."""
    cursor = await tx.execute(
        "select hidden, last_id from hide_campaign_part(%s, %s, %s, %s)",
        (campaign_id, deletion_id, after, limit),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def list_hidden_part(
    tx: Tx, campaign_id: str, *, deletion_id: str, after: str, limit: int
) -> list[str]:
    """Return up to ``limit`` ids of what one deletion hid of a campaign, from behind ``after``."""
    cursor = await tx.execute(
        "select id from voucher_ever where campaign_id = %s and deletion_id = %s and id > %s"
        " order by id limit %s",
        (campaign_id, deletion_id, after, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def count_hidden(tx: Tx, deletion_id: str, *, at_most: int) -> int:
    """Count what one deletion hid, looking at no more than ``at_most``."""
    cursor = await tx.execute(
        "select count(*) from (select from voucher_ever where deletion_id = %s limit %s) as hidden",
        (deletion_id, at_most),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def purge_vouchers(tx: Tx, voucher_ids: Sequence[str]) -> bool:
    """Remove hidden vouchers for good; False when history refers to one and all stay hidden."""
    cursor = await tx.execute("select purge_vouchers(%s)", (list(voucher_ids),))
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def restore_deleted(tx: Tx, deletion_id: str) -> list[tuple[OwnerKind, str]]:
    """Show again what one deletion hid; returns what has rules or windows of its own.

    Raises Duplicate when a code, a name or a place in the campaign was given to another
    meanwhile, and when the campaign itself is deleted.
    """
    try:
        async with tx.transaction():
            owners = await _list_with_terms(tx, deletion_id)
            await tx.execute("select restore_deleted(%s)", (deletion_id,))
    except (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation) as error:
        message = (
            "It cannot come back: its code, its name or its customer's place in the campaign was"
            " given again, or its campaign is deleted."
        )
        raise Duplicate(message, field="id") from error
    return owners


async def purge_deleted(tx: Tx, deletion_id: str) -> bool:
    """Remove for good what one deletion hid; False when history refers to it and it stays hidden."""
    cursor = await tx.execute("select purge_deleted(%s)", (deletion_id,))
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def list_hidden_vouchers(tx: Tx, deletion_id: str) -> list[str]:
    """Return the ids of the vouchers that one deletion hid."""
    cursor = await tx.execute(
        "select id from voucher_ever where deletion_id = %s order by id", (deletion_id,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def _list_with_terms(tx: Tx, deletion_id: str) -> list[tuple[OwnerKind, str]]:
    cursor = await tx.execute(
        "select t.owner_kind, t.owner_id from offer_terms t where t.owner_id in ("
        " select id from campaign_ever where deletion_id = %(id)s union all"
        " select id from voucher_ever where deletion_id = %(id)s) order by 1, 2",
        {"id": deletion_id},
    )
    return [(OwnerKind(kind), owner_id) for kind, owner_id in await cursor.fetchall()]
