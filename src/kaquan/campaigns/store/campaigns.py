"""SQL of campaigns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.campaigns.model import Campaign, CampaignCounts, CampaignKind, CampaignPhase
from kaquan.campaigns.store.listing import (
    contains_pattern,
    page_offset,
    sort_clause,
    where_clause,
)
from kaquan.runtime import NotFound, Page, Tx, is_storable, struct_row

_COLUMNS: LiteralString = (
    "id, name, description, kind, activation, offer, voucher_template, budget_minor,"
    " per_customer_cap, holdout_bps, join_once, active, starts_at, expires_at, metadata,"
    " version, created_at, updated_at"
)
_ORDERS: dict[str, LiteralString] = {
    "created_at": "created_at",
    "name": "lower(name)",
    "starts_at": "starts_at",
    "expires_at": "expires_at",
    "updated_at": "coalesce(updated_at, created_at)",
}
# Each compares with the present moment, as ``Campaign.phase`` does.
_PHASES: dict[CampaignPhase, LiteralString] = {
    CampaignPhase.LIVE: "active and tstzrange(starts_at, expires_at) @> %s",
    CampaignPhase.SCHEDULED: "active and starts_at > %s",
    CampaignPhase.ENDED: "expires_at <= %s",
    CampaignPhase.OFF: "not active and (expires_at > %s) is not false",
}


async def insert_campaign(tx: Tx, campaign: Campaign) -> bool:
    """Store a campaign; False when its name is taken."""
    cursor = await tx.execute(
        "insert into campaign (id, name, description, kind, activation, offer, voucher_template,"
        " budget_minor, per_customer_cap, holdout_bps, join_once, active, starts_at, expires_at,"
        " metadata, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (project_id, name) do nothing",
        (campaign.id, *_values(campaign), campaign.created_at),
    )
    return cursor.rowcount == 1


async def update_campaign_row(tx: Tx, campaign: Campaign, *, now: datetime) -> None:
    """Write a campaign back under its next version."""
    await tx.execute(
        "update campaign set (name, description, kind, activation, offer, voucher_template,"
        " budget_minor, per_customer_cap, holdout_bps, join_once, active, starts_at, expires_at,"
        " metadata, version, updated_at)"
        " = (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, version + 1, %s)"
        " where id = %s",
        (*_values(campaign), now, campaign.id),
    )


async def find_campaign(tx: Tx, id_or_name: str, *, lock: bool = False) -> Campaign | None:
    """Return a campaign by its id or its name; ``lock`` keeps others from changing it."""
    if not is_storable(id_or_name):
        return None
    query: LiteralString = (
        f"select {_COLUMNS} from campaign where id = %s or name = %s order by id = %s desc limit 1"
    )
    async with tx.cursor(row_factory=struct_row(Campaign)) as cursor:
        await cursor.execute(
            query + " for no key update" if lock else query, (id_or_name, id_or_name, id_or_name)
        )
        return await cursor.fetchone()


async def get_campaign(tx: Tx, id_or_name: str, *, lock: bool = False) -> Campaign:
    """Return a campaign by its id or its name. Raises NotFound."""
    campaign = await find_campaign(tx, id_or_name, lock=lock)
    if campaign is None:
        raise NotFound("campaign", id_or_name)
    return campaign


async def list_campaigns(
    tx: Tx,
    *,
    search: str | None = None,
    ids: Sequence[str] | None = None,
    kind: CampaignKind | None = None,
    active: bool | None = None,
    phase: tuple[CampaignPhase, datetime] | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[Campaign]:
    """Return a page of campaigns and the exact number of all that match.

    ``search`` is part of the name, in either case; ``phase`` is where the campaign stands at a
    moment; ``ids`` narrows the list to these campaigns. ``order`` is created_at, updated_at, name,
    starts_at or expires_at, with a minus in front for descending. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    if search is not None and not is_storable(search):
        return Page([], 0)
    where, parameters = where_clause(
        [
            ("name ilike %s", contains_pattern(search) if search else None),
            ("kind = %s", kind),
            ("active = %s", active),
            ("id = any(%s)", None if ids is None else list(ids)),
            *([(_PHASES[phase[0]], phase[1])] if phase else []),
        ]
    )
    direction: LiteralString = " desc nulls last" if descending else " asc nulls last"
    total = await _count(tx, "select count(*) from campaign" + where, parameters)
    async with tx.cursor(row_factory=struct_row(Campaign)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from campaign{where} order by {column}{direction},"
            f" id{' desc' if descending else ''} limit %s offset %s",
            (*parameters, limit, offset),
        )
        return Page(await cursor.fetchall(), total)


async def count_campaign_contents(tx: Tx, campaign_ids: Sequence[str]) -> dict[str, CampaignCounts]:
    """Count vouchers and publications of each campaign, exactly, from their indexes alone."""
    cursor = await tx.execute(
        "select wanted.id,"
        " (select count(*) from voucher v where v.campaign_id = wanted.id),"
        " (select count(*) from publication p where p.campaign_id = wanted.id)"
        " from unnest(%s::text[]) as wanted (id)",
        (list(campaign_ids),),
    )
    return {
        campaign_id: CampaignCounts(vouchers, publications)
        for campaign_id, vouchers, publications in await cursor.fetchall()
    }


async def delete_campaign_row(tx: Tx, campaign_id: str) -> None:
    """Forget a campaign; the database refuses while anything refers to it."""
    await tx.execute("delete from campaign where id = %s", (campaign_id,))


async def _count(tx: Tx, query: LiteralString, parameters: Sequence[Any]) -> int:
    cursor = await tx.execute(query, parameters)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


def _values(campaign: Campaign) -> tuple[Any, ...]:
    return (
        campaign.name,
        campaign.description,
        campaign.kind,
        campaign.activation,
        Jsonb(campaign.offer),
        Jsonb(msgspec.to_builtins(campaign.voucher_template)),
        campaign.budget_minor,
        campaign.per_customer_cap,
        campaign.holdout_bps,
        campaign.join_once,
        campaign.active,
        campaign.starts_at,
        campaign.expires_at,
        Jsonb(campaign.metadata),
    )
