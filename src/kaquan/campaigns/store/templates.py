"""SQL of templates: what campaigns and tiers are like, kept to start others from."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.campaigns.model import CampaignKind
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    NotFound,
    Page,
    Tx,
    is_storable,
    struct_row,
)

TEMPLATE_FILTERS = FilterFields(
    named={
        "id": FilterField("t.id"),
        "name": FilterField("t.name"),
        "campaign_type": FilterField("t.campaign_kind"),
    }
)
"""What a list of templates may be filtered by."""

_COLUMNS = sql.SQL(
    "t.id, t.name, t.description, t.campaign_kind, t.content, t.created_at, t.updated_at"
)


class CampaignTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template; ``content`` is what is said of whatever is started from it."""

    id: str
    name: str
    description: str | None
    campaign_kind: CampaignKind
    content: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None


async def insert_template(tx: Tx, template: CampaignTemplate) -> None:
    """Store a template."""
    await tx.execute(
        "insert into campaign_template (id, name, description, campaign_kind, content, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        (
            template.id,
            template.name,
            template.description,
            template.campaign_kind,
            Jsonb(template.content),
            template.created_at,
        ),
    )


async def update_template_row(tx: Tx, template: CampaignTemplate) -> None:
    """Write a template's name and description back."""
    await tx.execute(
        "update campaign_template set (name, description, updated_at) = (%s, %s, %s) where id = %s",
        (template.name, template.description, template.updated_at, template.id),
    )


async def delete_template(tx: Tx, template_id: str) -> None:
    """Forget a template; what was started from it stays. Raises NotFound."""
    template = await get_template(tx, template_id)
    await tx.execute("delete from campaign_template where id = %s", (template.id,))


async def get_template(tx: Tx, template_id: str, *, lock: bool = False) -> CampaignTemplate:
    """Return a template. Raises NotFound."""
    found = None
    if is_storable(template_id):
        query = sql.SQL("select {} from campaign_template t where t.id = %s{}").format(
            _COLUMNS, sql.SQL(" for update" if lock else "")
        )
        async with tx.cursor(row_factory=struct_row(CampaignTemplate)) as cursor:
            await cursor.execute(query, (template_id,))
            found = await cursor.fetchone()
    if found is None:
        raise NotFound("campaign template", template_id)
    return found


async def list_templates(
    tx: Tx,
    *,
    condition: Condition | None = None,
    after: str | None = None,
    descending: bool = True,
    limit: int,
) -> Page[CampaignTemplate]:
    """Return templates by id from behind ``after``, and the exact number of all that match."""
    where = sql.SQL("true") if condition is None else condition.sql
    parameters: dict[str, Any] = {} if condition is None else dict(condition.parameters)
    counted = await tx.execute(
        sql.SQL("select count(*) from campaign_template t where {}").format(where), parameters
    )
    total = await counted.fetchone()
    assert total is not None
    query = sql.SQL(
        "select {} from campaign_template t where {}"
        " and (%(after)s::text is null or t.id {} %(after)s) order by t.id {} limit %(limit)s"
    ).format(
        _COLUMNS,
        where,
        sql.SQL("<" if descending else ">"),
        sql.SQL("desc" if descending else "asc"),
    )
    if not is_storable(after or ""):
        return Page([], total[0])
    async with tx.cursor(row_factory=struct_row(CampaignTemplate)) as cursor:
        await cursor.execute(query, parameters | {"after": after, "limit": limit + 1})
        found = await cursor.fetchall()
    following = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], total[0], following)
