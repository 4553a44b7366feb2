"""SQL of campaigns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.campaigns.model import Campaign, CampaignCounts, CampaignKind, CampaignPhase
from kaquan.campaigns.store.listing import (
    all_of,
    contains_pattern,
    page_offset,
    sort_clause,
)
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    NotFound,
    Page,
    Tx,
    is_storable,
    struct_row,
)

_COLUMNS: LiteralString = (
    "id, name, description, kind, activation, offer, voucher_template, budget_minor,"
    " per_customer_cap, redemption_cap, category_ids, priority, lane, holdout_bps, open_to_holdout,"
    " join_once, active,"
    " starts_at, expires_at, metadata, version, created_at, updated_at, funding, referral"
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
    CampaignPhase.LIVE: "c.active and tstzrange(c.starts_at, c.expires_at) @> %(moment)s",
    CampaignPhase.SCHEDULED: "c.active and c.starts_at > %(moment)s",
    CampaignPhase.ENDED: "c.expires_at <= %(moment)s",
    CampaignPhase.OFF: "not c.active and (c.expires_at > %(moment)s) is not false",
}
_WANTED: dict[str, LiteralString] = {
    "search": "c.name ilike %(search)s",
    "kind": "c.kind = %(kind)s",
    "active": "c.active = %(active)s",
    "ids": "c.id = any(%(ids)s)",
}


async def insert_campaign(tx: Tx, campaign: Campaign) -> bool:
    """Store a campaign; False when its name is taken."""
    cursor = await tx.execute(
        "insert into campaign (id, name, description, kind, activation, offer, voucher_template,"
        " budget_minor, per_customer_cap, redemption_cap, category_ids, priority, lane,"
        " holdout_bps, open_to_holdout, join_once, active, starts_at, expires_at, metadata,"
        " referral, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (project_id, name) where deletion_id is null do nothing",
        (campaign.id, *_values(campaign), campaign.created_at),
    )
    return cursor.rowcount == 1


async def update_campaign_row(tx: Tx, campaign: Campaign, *, now: datetime) -> None:
    """Write a campaign back under its next version."""
    await tx.execute(
        "update campaign set (name, description, kind, activation, offer, voucher_template,"
        " budget_minor, per_customer_cap, redemption_cap, category_ids, priority, lane,"
        " holdout_bps, open_to_holdout, join_once, active, starts_at, expires_at, metadata,"
        " referral, version, updated_at)"
        " = (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " version + 1, %s)"
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


CAMPAIGN_FILTERS = FilterFields(
    named={
        "campaigns": FilterField("c.name"),
        "campaigns_id": FilterField("c.id"),
        "campaign_status": FilterField(
            "(case when exists (select from async_action a where a.kind = "
            "'campaigns.issue_vouchers' and a.request ->> 'campaign_id' = c.id"
            " and a.status in ('pending', 'running')) then 'IN_PROGRESS' else 'DONE' end)"
        ),
        "is_referral_code": FilterField("(c.kind = 'REFERRAL_PROGRAM')", FilterKind.BOOLEAN),
        "voucher_type": FilterField(
            "(case c.kind when 'GIFT_VOUCHERS' then 'GIFT_VOUCHER'"
            " when 'LOYALTY_PROGRAM' then 'LOYALTY_CARD'"
            " when 'DISCOUNT_COUPONS' then 'DISCOUNT_VOUCHER'"
            " when 'REFERRAL_PROGRAM' then case c.offer #>> '{effect,code}'"
            "   when 'stored_value' then 'GIFT_VOUCHER' else 'DISCOUNT_VOUCHER' end end)"
        ),
        "categories": FilterField(
            "(select k.name from category k where k.id = any(c.category_ids)"
            " order by k.hierarchy limit 1)"
        ),
        "category_ids": FilterField("c.category_ids[1]"),
        "type": FilterField("c.activation"),
        "campaign_type": FilterField("c.kind"),
        "enabled": FilterField("c.active", FilterKind.BOOLEAN),
        "created_date": FilterField("c.created_at", FilterKind.TIME),
        "created_at": FilterField("c.created_at", FilterKind.TIME),
        "updated_at": FilterField("c.updated_at", FilterKind.TIME),
        "start_date": FilterField("c.starts_at", FilterKind.TIME),
        "expiration_date": FilterField("c.expires_at", FilterKind.TIME),
        "validity_timeframe": FilterField(
            "(select t.said #>> '{validity_timeframe,interval}' from offer_terms t"
            " where t.owner_id = c.id)"
        ),
        "validity_day_of_week": FilterField(
            "(select t.said ->> 'validity_day_of_week' from offer_terms t where t.owner_id = c.id)"
        ),
    },
    objects={"metadata": "c.metadata"},
)
"""What a list of campaigns may be filtered by."""


async def list_campaigns(
    tx: Tx,
    *,
    search: str | None = None,
    ids: Sequence[str] | None = None,
    kind: CampaignKind | None = None,
    active: bool | None = None,
    phase: tuple[CampaignPhase, datetime] | None = None,
    condition: Condition | None = None,
    order: str = "-created_at",
    page: int = 1,
    limit: int = 20,
) -> Page[Campaign]:
    """Return a page of campaigns and the exact number of all that match.

    ``search`` is part of the name, in either case; ``phase`` is where the campaign stands at a
    moment; ``ids`` narrows the list to these campaigns, deleted or not; ``condition`` is a filter over
    ``CAMPAIGN_FILTERS``. ``order`` is created_at, updated_at, name, starts_at or expires_at, with a
    minus in front for descending. Raises InvalidInput.
    """
    column, descending = sort_clause(order, _ORDERS)
    offset = page_offset(page, limit)
    if search is not None and not is_storable(search):
        return Page([], 0)
    parameters: dict[str, Any] = {
        "search": contains_pattern(search) if search else None,
        "kind": kind,
        "active": active,
        "ids": None if ids is None else list(ids),
        "moment": phase[1] if phase else None,
        "limit": limit,
        "offset": offset,
    }
    parts: list[sql.Composable] = [
        sql.SQL(text) for name, text in _WANTED.items() if parameters[name] is not None
    ]
    if phase:
        parts.append(sql.SQL(_PHASES[phase[0]]))
    if condition is not None:
        parts.append(condition.sql)
        parameters |= condition.parameters
    listed = sql.SQL("{} c where {}").format(
        sql.SQL("campaign" if ids is None else "campaign_ever"),
        all_of(parts),
    )
    counted = await tx.execute(sql.SQL("select count(*) from {}").format(listed), parameters)
    row = await counted.fetchone()
    assert row is not None
    query = sql.SQL(
        "select {} from {} order by {} {direction} nulls last, c.id {direction}"
        " limit %(limit)s offset %(offset)s"
    ).format(
        sql.SQL(_COLUMNS),
        listed,
        sql.SQL(column),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    async with tx.cursor(row_factory=struct_row(Campaign)) as cursor:
        await cursor.execute(query, parameters)
        return Page(await cursor.fetchall(), row[0])


async def count_campaign_contents(tx: Tx, campaign_ids: Sequence[str]) -> dict[str, CampaignCounts]:
    """Count vouchers and publications of each campaign, exactly, from their indexes alone."""
    cursor = await tx.execute(
        "select wanted.id,"
        " (select count(*) from voucher v where v.campaign_id = wanted.id and not v.tier),"
        " (select count(*) from publication p where p.campaign_id = wanted.id)"
        " from unnest(%s::text[]) as wanted (id)",
        (list(campaign_ids),),
    )
    return {
        campaign_id: CampaignCounts(vouchers, publications)
        for campaign_id, vouchers, publications in await cursor.fetchall()
    }


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
        campaign.redemption_cap,
        list(campaign.category_ids),
        campaign.priority,
        campaign.lane,
        campaign.holdout_bps,
        campaign.open_to_holdout,
        campaign.join_once,
        campaign.active,
        campaign.starts_at,
        campaign.expires_at,
        Jsonb(campaign.metadata),
        None if campaign.referral is None else Jsonb(msgspec.to_builtins(campaign.referral)),
    )
