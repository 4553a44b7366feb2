"""SQL of partners and of the shares that campaigns agreed with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.campaigns.funding_model import FundingShare, Partner
from kaquan.campaigns.store.listing import contains_pattern, page_offset, sort_clause
from kaquan.runtime import Page, Tx, is_storable, struct_row

_COLUMNS: LiteralString = "id, name, created_at, updated_at"
_ORDERS: dict[str, LiteralString] = {"name": "name", "created_at": "created_at"}


async def insert_partner(tx: Tx, partner: Partner) -> bool:
    """Store a partner; False when its name is taken."""
    cursor = await tx.execute(
        "insert into partner (id, name, created_at) values (%s, %s, %s)"
        " on conflict (project_id, name) do nothing",
        (partner.id, partner.name, partner.created_at),
    )
    return cursor.rowcount == 1


async def update_partner_row(tx: Tx, partner: Partner) -> None:
    """Write a partner back; the database refuses a name that is taken."""
    await tx.execute(
        "update partner set name = %s, updated_at = %s where id = %s",
        (partner.name, partner.updated_at, partner.id),
    )


async def delete_partner_row(tx: Tx, partner_id: str) -> None:
    """Forget a partner."""
    await tx.execute("delete from partner where id = %s", (partner_id,))


async def find_partner(tx: Tx, id_or_name: str, *, lock: bool = False) -> Partner | None:
    """Return a partner by its id or its name; ``lock`` keeps others from naming it."""
    if not is_storable(id_or_name):
        return None
    query: LiteralString = (
        f"select {_COLUMNS} from partner where id = %s or name = %s order by id = %s desc limit 1"
    )
    async with tx.cursor(row_factory=struct_row(Partner)) as cursor:
        await cursor.execute(query + " for update" if lock else query, (id_or_name,) * 3)
        return await cursor.fetchone()


async def list_known_partners(tx: Tx, names: Sequence[str]) -> dict[str, Partner]:
    """Return those of these partners that exist, by the id or name given; they stay meanwhile."""
    given = [name for name in names if is_storable(name)]
    async with tx.cursor(row_factory=struct_row(Partner)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from partner where id = any(%(names)s) or name = any(%(names)s)"
            " order by id for key share",
            {"names": given},
        )
        found = await cursor.fetchall()
    by_name = {one.name: one for one in found}
    by_id = {one.id: one for one in found}
    return {name: one for name in given if (one := by_id.get(name) or by_name.get(name))}


async def is_named(tx: Tx, partner_id: str) -> bool:
    """Whether a campaign, deleted or not, or a settlement names the partner."""
    cursor = await tx.execute(
        "select exists (select from campaign_ever where funding @> %(named)s)"
        " or exists (select from settlement_entry where partner_id = %(id)s)",
        {"named": Jsonb([{"partner_id": partner_id}]), "id": partner_id},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def list_partners(
    tx: Tx, *, search: str | None = None, order: str = "name", page: int = 1, limit: int = 20
) -> Page[Partner]:
    """Return a page of partners whose names contain ``search``, and the exact number of all.

    ``order`` is name or created_at, with a minus in front for descending. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    if search is not None and not is_storable(search):
        return Page([], 0)
    parameters = {
        "search": contains_pattern(search or ""),
        "limit": limit,
        "offset": page_offset(page, limit),
    }
    counted = await tx.execute(
        "select count(*) from partner where name ilike %(search)s", parameters
    )
    row = await counted.fetchone()
    assert row is not None
    async with tx.cursor(row_factory=struct_row(Partner)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from partner where name ilike %(search)s"
            f" order by {column}{' desc' if descending else ''}, id"
            " limit %(limit)s offset %(offset)s",
            parameters,
        )
        return Page(await cursor.fetchall(), row[0])


async def write_funding(
    tx: Tx, campaign_id: str, shares: Sequence[FundingShare], *, now: datetime
) -> None:
    """Set a campaign's shares under its next version."""
    await tx.execute(
        "update campaign set funding = %s, version = version + 1, updated_at = %s where id = %s",
        (Jsonb(msgspec.to_builtins(list(shares))), now, campaign_id),
    )
