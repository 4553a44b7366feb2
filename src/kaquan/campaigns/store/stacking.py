"""SQL of categories and of the project's stacking rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from kaquan.campaigns.model import CampaignCategory
from kaquan.campaigns.store.listing import page_offset, sort_clause
from kaquan.runtime import Page, Tx, is_storable, struct_row

_COLUMNS: LiteralString = "id, name, hierarchy, created_at, updated_at"
_ORDERS: dict[str, LiteralString] = {
    "hierarchy": "hierarchy",
    "name": "name",
    "created_at": "created_at",
    "updated_at": "coalesce(updated_at, created_at)",
}


async def insert_category(tx: Tx, category: CampaignCategory) -> bool:
    """Store a category; False when its name is taken."""
    cursor = await tx.execute(
        "insert into category (id, name, hierarchy, created_at) values (%s, %s, %s, %s)"
        " on conflict (project_id, name) do nothing",
        (category.id, category.name, category.hierarchy, category.created_at),
    )
    return cursor.rowcount == 1


async def update_category_row(tx: Tx, category: CampaignCategory) -> None:
    """Write a category back; the database refuses a name that is taken."""
    await tx.execute(
        "update category set name = %s, hierarchy = %s, updated_at = %s where id = %s",
        (category.name, category.hierarchy, category.updated_at, category.id),
    )


async def delete_category_row(tx: Tx, category_id: str) -> None:
    """Forget a category."""
    await tx.execute("delete from category where id = %s", (category_id,))


async def find_category(tx: Tx, id_or_name: str, *, lock: bool = False) -> CampaignCategory | None:
    """Return a category by its id or its name; ``lock`` keeps others from changing it."""
    if not is_storable(id_or_name):
        return None
    query: LiteralString = (
        f"select {_COLUMNS} from category where id = %s or name = %s order by id = %s desc limit 1"
    )
    async with tx.cursor(row_factory=struct_row(CampaignCategory)) as cursor:
        await cursor.execute(query + " for update" if lock else query, (id_or_name,) * 3)
        return await cursor.fetchone()


async def list_category_rows(tx: Tx, *, lock: bool = False) -> list[CampaignCategory]:
    """Return every category, the lowest hierarchy first; ``lock`` keeps them from going."""
    query: LiteralString = f"select {_COLUMNS} from category order by hierarchy, id"
    async with tx.cursor(row_factory=struct_row(CampaignCategory)) as cursor:
        await cursor.execute(query + " for key share" if lock else query)
        return await cursor.fetchall()


async def list_categories(
    tx: Tx, *, order: str = "hierarchy", page: int = 1, limit: int = 20
) -> Page[CampaignCategory]:
    """Return a page of categories and the exact number of all.

    ``order`` is hierarchy, name, created_at or updated_at, with a minus in front for descending.
    Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    counted = await (await tx.execute("select count(*) from category")).fetchone()
    assert counted is not None
    async with tx.cursor(row_factory=struct_row(CampaignCategory)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from category order by {column}{' desc' if descending else ''}, id"
            " limit %s offset %s",
            (limit, offset),
        )
        return Page(await cursor.fetchall(), counted[0])


async def count_uses_of(tx: Tx, category_id: str) -> int:
    """Return how many campaigns, vouchers and stacks are in a category."""
    cursor = await tx.execute(
        "select (select count(*) from campaign where %(id)s = any(category_ids))"
        " + (select count(*) from voucher where %(id)s = any(category_ids))"
        " + (select count(*) from promotion_stack where category_id = %(id)s)",
        {"id": category_id},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def lock_rules(tx: Tx) -> dict[str, Any]:
    """Return what the project set of the rules, keeping others from changing it meanwhile."""
    # There may be no row to lock yet.
    await tx.execute("select pg_advisory_xact_lock(hashtext('stacking_rules'), current_project())")
    return await read_rules(tx)


async def read_rules(tx: Tx) -> dict[str, Any]:
    """Return what the project set of the rules, in the engine's names; empty by default."""
    row = await (await tx.execute("select rules from stacking_rules")).fetchone()
    return {} if row is None else row[0]


async def write_rules(tx: Tx, rules: Mapping[str, Any], *, now: datetime) -> None:
    """Set the project's rules."""
    await tx.execute(
        "insert into stacking_rules (rules, updated_at) values (%s, %s)"
        " on conflict (project_id) do update"
        " set rules = excluded.rules, updated_at = excluded.updated_at",
        (Jsonb(rules), now),
    )


async def delete_rules(tx: Tx) -> None:
    """Let the defaults hold."""
    await tx.execute("delete from stacking_rules")
