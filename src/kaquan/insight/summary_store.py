"""SQL of what came of single campaigns and tiers, as the dialect sums it up."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec

from kaquan.runtime import Tx, struct_row


class TierUse(msgspec.Struct, frozen=True):
    """How often a tier was redeemed, and on orders of what amount and discount, in minor units."""

    redemptions: int = 0
    orders_minor: int = 0
    discounts_minor: int = 0


class CampaignSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a campaign within a time; amounts in minor units, points as points.

    A rollback counts beside the redemption that it undid. Validations are those whose trace is
    still kept.
    """

    redemptions_succeeded: int
    redemptions_failed: int
    rollbacks_succeeded: int
    validations_succeeded: int
    validations_failed: int
    orders_minor: int
    orders_rolled_back_minor: int
    discounts_minor: int
    discounts_rolled_back_minor: int
    vouchers_created: int
    publications: int
    paid: int
    paid_back: int
    issued: int
    added: int
    subtracted: int


_TIERS: LiteralString = (
    "select wanted.id, count(r.id), coalesce(sum(r.order_amount_minor), 0)::bigint,"
    " coalesce(sum(r.discount_minor + r.items_discount_minor - r.returned_minor), 0)::bigint"
    " from unnest(%s::text[]) as wanted (id)"
    " left join redemption r on r.voucher_id = wanted.id and r.kind = 'redemption'"
    "  and r.result = 'SUCCESS' and not exists (select from redemption b"
    "   where b.reverses_id in (r.id, r.parent_id) and b.kind = 'rollback'"
    "   and b.result = 'SUCCESS')"
    " group by 1"
)
_WITHIN: LiteralString = "created_at >= coalesce(%(since)s::timestamptz, '-infinity') and created_at < coalesce(%(until)s::timestamptz, 'infinity')"
_MOVED: LiteralString = (
    " t.kind in ('value', 'points') and t.at >= coalesce(%(since)s::timestamptz, '-infinity')"
    " and t.at < coalesce(%(until)s::timestamptz, 'infinity')"
)
_CAMPAIGN: LiteralString = f"""
    with attempts as materialized (
        select * from redemption where campaign_id = %(campaign)s and {_WITHIN}
    ), own as materialized (
        select id, created_at from voucher_ever where campaign_id = %(campaign)s and not tier
    ), adjusted as (
        select a.amount from balance_adjustment a join own on own.id = a.voucher_id
         where a.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
           and a.created_at < coalesce(%(until)s::timestamptz, 'infinity')
    ), tried as (
        select outcome from attempt where campaign_id = %(campaign)s and kind = 'validation'
           and {_WITHIN}
    )
    select (select count(*) from attempts where kind = 'redemption' and result = 'SUCCESS')
               as redemptions_succeeded,
           (select count(*) from attempts where kind = 'redemption' and result = 'FAILURE')
               as redemptions_failed,
           (select count(*) from attempts where kind = 'rollback' and result = 'SUCCESS')
               as rollbacks_succeeded,
           (select count(*) from tried where outcome = 'APPLIED') as validations_succeeded,
           (select count(*) from tried where outcome <> 'APPLIED') as validations_failed,
           (select coalesce(sum(order_amount_minor), 0)::bigint from attempts
             where kind = 'redemption' and result = 'SUCCESS') as orders_minor,
           (select coalesce(sum(r.order_amount_minor), 0)::bigint from attempts b
              join redemption r on r.id = b.reverses_id
             where b.kind = 'rollback' and b.result = 'SUCCESS') as orders_rolled_back_minor,
           (select coalesce(sum(discount_minor + items_discount_minor), 0)::bigint from attempts
             where kind = 'redemption' and result = 'SUCCESS') as discounts_minor,
           (select coalesce(sum(r.discount_minor + r.items_discount_minor), 0)::bigint
              from attempts b join redemption r on r.id = b.reverses_id
             where b.kind = 'rollback' and b.result = 'SUCCESS') as discounts_rolled_back_minor,
           (select count(*) from own where {_WITHIN}) as vouchers_created,
           (select count(*) from publication where campaign_id = %(campaign)s and {_WITHIN})
               as publications,
           (select coalesce(sum((given ->> 'balance_taken')::bigint), 0)::bigint from attempts
             where kind = 'redemption' and result = 'SUCCESS') as paid,
           (select coalesce(sum((r.given ->> 'balance_taken')::bigint), 0)::bigint
              from attempts b join redemption r on r.id = b.reverses_id
             where b.kind = 'rollback' and b.result = 'SUCCESS') as paid_back,
           (select coalesce(sum(t.amount), 0)::bigint from transfer t join own on own.id = t.to_owner
             where t.cause = 'issue' and t.cause_id = %(campaign)s and {_MOVED}) as issued,
           (select coalesce(sum(amount), 0)::bigint from adjusted where amount > 0) as added,
           (select coalesce(-sum(amount), 0)::bigint from adjusted where amount < 0) as subtracted
"""


async def summarise_tiers(tx: Tx, tier_ids: Sequence[str]) -> dict[str, TierUse]:
    """Return what came of each tier, less what was rolled back and came back of discounts."""
    cursor = await tx.execute(_TIERS, (list(tier_ids),))
    return {
        tier_id: TierUse(count, orders, discounts)
        for tier_id, count, orders, discounts in await cursor.fetchall()
    }


async def summarise_campaign(
    tx: Tx, campaign_id: str, *, since: datetime | None = None, until: datetime | None = None
) -> CampaignSummary:
    """Return what happened in a campaign from ``since`` until just before ``until``."""
    async with tx.cursor(row_factory=struct_row(CampaignSummary)) as cursor:
        await cursor.execute(_CAMPAIGN, {"campaign": campaign_id, "since": since, "until": until})
        summary = await cursor.fetchone()
    assert summary is not None
    return summary
