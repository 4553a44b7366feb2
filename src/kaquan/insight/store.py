"""SQL of reports. It reads every room's tables and writes none.

An order counts when its status says that it was paid for, with its total less what was refunded
(``net_total``); a discount counts less what returns took back of it. A redemption stands unless it, or the
parent it belongs to, was rolled back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from kaquan.insight.model import (
    ArmSamples,
    CampaignUse,
    Funnel,
    LiveCampaign,
    Recent,
    ReportedCampaign,
    Totals,
    Week,
)
from kaquan.insight.statistics import Sample
from kaquan.runtime import NotFound, Tx, struct_row

_PAID: LiteralString = "status in ('PAID', 'FULFILLED', 'PARTIALLY_RETURNED')"
_STANDS: LiteralString = """
    r.kind = 'redemption' and r.result = 'SUCCESS' and not exists (
        select from redemption b
         where b.reverses_id in (r.id, r.parent_id)
           and b.kind = 'rollback' and b.result = 'SUCCESS' and b.created_at <= %(now)s)
"""

_CAMPAIGN: LiteralString = """
    select c.id, c.name, c.starts_at, c.expires_at, p.currency,
           c.metadata -> 'margin_rate_bps' as margin_rate,
           p.settings -> 'margin_rate_bps' as project_margin_rate,
           (select min(assigned_at) from exposure e where e.campaign_id = c.id)
               as first_assigned_at
      from campaign c join project p using (project_id)
     where c.id = %(campaign)s or c.name = %(campaign)s
     order by c.id = %(campaign)s desc limit 1
"""

_FUNNEL: LiteralString = f"""
    with attempt as materialized (
        select r.voucher_id, r.order_id,
               r.discount_minor + r.items_discount_minor - r.returned_minor as discount,
               {_STANDS} as stands
          from redemption r
         where r.campaign_id = %(campaign)s and r.kind = 'redemption' and r.result = 'SUCCESS'
           and r.created_at <= %(now)s
    ), given as (
        select distinct voucher_id from publication
         where campaign_id = %(campaign)s and created_at <= %(now)s
    ), redeeming as (
        select count(*) as orders, coalesce(sum(net_total(o)), 0)::bigint as revenue_minor
          from orders o
         where o.{_PAID} and o.id in (select order_id from attempt where stands)
    )
    select (select count(*) from given) as published,
           (select count(*) from given
             where voucher_id in (select voucher_id from attempt where stands)) as used,
           count(*) filter (where stands) as redeemed,
           count(*) filter (where not stands) as rolled_back,
           coalesce(sum(discount) filter (where stands), 0)::bigint as discount_minor,
           (select orders from redeeming) as orders,
           (select revenue_minor from redeeming) as revenue_minor
      from attempt
"""

# Margin in ten-thousandths of a minor unit, so that a rate in basis points leaves no remainder.
_ARMS: LiteralString = f"""
    with basket as (
        select e.arm, e.customer_id,
               coalesce(sum(net_total(o)), 0) as revenue,
               coalesce(sum(net_amount(o)), 0) as amount,
               coalesce(sum(net_amount(o) - net_total(o)), 0) as discount
          from exposure e
          left join orders o on o.customer_id = e.customer_id and o.{_PAID}
               and o.placed_at >= e.assigned_at and o.placed_at <= %(until)s
         where e.campaign_id = %(campaign)s and e.assigned_at <= %(until)s
         group by 1, 2
    ), person as (
        select arm, revenue, amount * %(margin_rate_bps)s - discount * 10000 as margin
          from basket
    )
    select arm, count(*),
           sum(revenue)::text, sum(revenue * revenue)::text,
           sum(margin)::text, sum(margin * margin)::text
      from person group by 1
"""

_USES: LiteralString = f"""
    with attempt as materialized (
        select r.campaign_id, r.voucher_id,
               r.discount_minor + r.items_discount_minor - r.returned_minor as discount
          from redemption r
         where r.campaign_id = any(%(campaigns)s) and r.created_at <= %(now)s and {_STANDS}
    ), given as (
        select campaign_id, count(distinct voucher_id) as published,
               count(distinct voucher_id) filter (
                   where voucher_id in (select voucher_id from attempt)) as used
          from publication
         where campaign_id = any(%(campaigns)s) and created_at <= %(now)s
         group by 1
    ), standing as (
        select campaign_id, count(*) as redeemed, sum(discount)::bigint as discount_minor
          from attempt group by 1
    )
    select wanted.id as campaign_id, coalesce(published, 0) as published,
           coalesce(used, 0) as used, coalesce(redeemed, 0) as redeemed,
           coalesce(discount_minor, 0) as discount_minor
      from unnest(%(campaigns)s::text[]) as wanted (id)
      left join given on given.campaign_id = wanted.id
      left join standing on standing.campaign_id = wanted.id
"""

_TOTALS: LiteralString = f"""
    select (select count(*) from customer where erased_at is null) as customers,
           count(*) as orders,
           coalesce(sum(net_total(o)), 0)::bigint as revenue_minor,
           max(placed_at) as last_order_at
      from orders o where {_PAID} and placed_at <= %(now)s
"""

_RECENT: LiteralString = f"""
    select (select count(distinct voucher_id) from publication
             where created_at > %(now)s - interval '7 days' and created_at <= %(now)s)
               as published,
           (select count(*) from redemption r
             where r.created_at > %(now)s - interval '7 days' and r.created_at <= %(now)s
               and r.voucher_id is not null and {_STANDS}) as redeemed,
           coalesce(sum(net_total(o)) filter (where placed_at > %(now)s - interval '7 days'),
                    0)::bigint as revenue_minor,
           coalesce(sum(net_total(o)) filter (where placed_at <= %(now)s - interval '7 days'),
                    0)::bigint as previous_revenue_minor
      from orders o
     where {_PAID} and placed_at > %(now)s - interval '14 days' and placed_at <= %(now)s
"""

_WEEKS: LiteralString = f"""
    with bound as (
        select date_trunc('week', %(until)s at time zone %(zone)s) as last
    ), week as (
        select starts, starts at time zone %(zone)s as opens,
               (starts + interval '7 days') at time zone %(zone)s as closes
          from bound, generate_series(
               last - (%(weeks)s - 1) * interval '7 days', last, interval '7 days') as starts
    ), sale as (
        select date_trunc('week', placed_at at time zone %(zone)s) as starts,
               count(*) as orders, sum(net_total(o))::bigint as revenue_minor
          from orders o
         where {_PAID} and placed_at <= %(now)s and placed_at < (select max(closes) from week)
           and placed_at >= (select min(opens) from week)
         group by 1
    )
    select starts::date as starts_on, coalesce(orders, 0) as orders,
           coalesce(revenue_minor, 0) as revenue_minor, closes <= %(now)s as complete
      from week left join sale using (starts) order by 1
"""

_LIVE: LiteralString = f"""
    with live as (
        select id, name, expires_at, created_at from campaign
         where active and (starts_at is null or starts_at <= %(now)s)
           and (expires_at is null or expires_at > %(now)s)
         order by created_at desc, id desc limit %(limit)s
    )
    select id, name, expires_at,
           (select count(distinct voucher_id) from publication p
             where p.campaign_id = live.id and p.created_at <= %(now)s) as published,
           (select count(*) from redemption r
             where r.campaign_id = live.id and r.created_at <= %(now)s and {_STANDS}) as redeemed
      from live order by created_at desc, id desc
"""


async def get_reported_campaign(tx: Tx, id_or_name: str) -> ReportedCampaign:
    """Return what a report needs of a campaign; raises NotFound."""
    async with tx.cursor(row_factory=struct_row(ReportedCampaign)) as cursor:
        await cursor.execute(_CAMPAIGN, {"campaign": id_or_name})
        campaign = await cursor.fetchone()
    if campaign is None:
        raise NotFound("campaign", id_or_name)
    return campaign


async def get_funnel(tx: Tx, campaign_id: str, *, now: datetime) -> Funnel:
    """Count what became of a campaign's vouchers up to ``now``."""
    async with tx.cursor(row_factory=struct_row(Funnel)) as cursor:
        await cursor.execute(_FUNNEL, {"campaign": campaign_id, "now": now})
        funnel = await cursor.fetchone()
    assert funnel is not None
    return funnel


async def list_campaign_uses(
    tx: Tx, campaign_ids: Sequence[str], *, now: datetime
) -> dict[str, CampaignUse]:
    """Count, by campaign, what became of the vouchers of these up to ``now``."""
    async with tx.cursor(row_factory=struct_row(CampaignUse)) as cursor:
        await cursor.execute(_USES, {"campaigns": list(campaign_ids), "now": now})
        return {use.campaign_id: use for use in await cursor.fetchall()}


async def get_arm_samples(
    tx: Tx, campaign_id: str, *, margin_rate_bps: int, until: datetime
) -> dict[str, ArmSamples]:
    """Sum up, by arm, what assigned customers bought from their assignment to ``until``.

    A customer without an order counts as zero. The sums and sums of squares are exact.
    """
    cursor = await tx.execute(
        _ARMS, {"campaign": campaign_id, "margin_rate_bps": margin_rate_bps, "until": until}
    )
    return {
        arm: ArmSamples(
            revenue=Sample(n, int(revenue), int(revenue_sq)),
            margin=Sample(n, int(margin), int(margin_sq)),
        )
        for arm, n, revenue, revenue_sq, margin, margin_sq in await cursor.fetchall()
    }


async def get_totals(tx: Tx, *, now: datetime) -> Totals:
    """Count customers and paid orders up to ``now``."""
    async with tx.cursor(row_factory=struct_row(Totals)) as cursor:
        await cursor.execute(_TOTALS, {"now": now})
        totals = await cursor.fetchone()
    assert totals is not None
    return totals


async def get_recent(tx: Tx, *, now: datetime) -> Recent:
    """Count the seven days up to ``now``."""
    async with tx.cursor(row_factory=struct_row(Recent)) as cursor:
        await cursor.execute(_RECENT, {"now": now})
        recent = await cursor.fetchone()
    assert recent is not None
    return recent


async def list_weeks(
    tx: Tx, *, until: datetime, zone: str, weeks: int, now: datetime
) -> list[Week]:
    """Return orders and revenue of ``weeks`` weeks, the last being the one of ``until``."""
    async with tx.cursor(row_factory=struct_row(Week)) as cursor:
        await cursor.execute(_WEEKS, {"until": until, "zone": zone, "weeks": weeks, "now": now})
        return await cursor.fetchall()


async def list_live_campaigns(tx: Tx, *, limit: int, now: datetime) -> list[LiveCampaign]:
    """Return the campaigns that run at ``now``, the newest first."""
    async with tx.cursor(row_factory=struct_row(LiveCampaign)) as cursor:
        await cursor.execute(_LIVE, {"limit": limit, "now": now})
        return await cursor.fetchall()
