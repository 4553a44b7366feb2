"""The grocer's campaigns of 2017: coupon booklets mailed to households."""

from datetime import timedelta
from typing import Any

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    CodeConfig,
    VoucherTemplate,
    create_campaign,
    find_campaign,
    publish_to_customers,
)
from kaquan.cli.demo.dataset import Mailing, midnight
from kaquan.cli.demo.store import list_ids_by_source
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.runtime import Tx

CHANNEL = "direct-mail"
_LARGEST_VALUE_MINOR = 1_000
"""The most that a bar code can name as a coupon's value; the data's largest is $6.29."""

_KINDS = {
    "Type A": "each household got 16 of its coupons, chosen for it",
    "Type B": "every household got all of its coupons",
    "Type C": "every household got all of its coupons",
}


async def publish_mailings(work: Work, progress: Progress) -> Done:
    """Create the campaigns and give each household its booklet, as of the day it was mailed."""
    mailings = work.dataset.mailings()
    published = work.dataset.published()
    total = sum(map(len, published.values()))
    async with work.transaction() as tx:
        ids = await list_ids_by_source(tx)
    count = 0
    for mailing in mailings:
        holders = [ids[household] for household in published.get(mailing.number, ())]
        async with work.transaction() as tx:
            campaign = await _ensure_campaign(tx, mailing)
            publications = await publish_to_customers(
                tx, campaign.id, holders, channel=CHANNEL, now=midnight(mailing.first_day)
            )
        count += len(publications)
        progress.reach(count, total)
    return Done(rows=count, figures={"campaigns": len(mailings)})


def campaign_name(number: int) -> str:
    """The name under which a mailing is kept."""
    return f"2017 mailing {number:02}"


def mailing_offer(number: int) -> dict[str, Any]:
    """The offer of a booklet: a coupon's own value off goods of the mailing, if any are bought."""
    scope = {"attributes": {"mailings": [str(number)]}}
    return {
        "effect": {"code": "printed_value", "max_minor": _LARGEST_VALUE_MINOR, "scope": scope},
    }


async def _ensure_campaign(tx: Tx, mailing: Mailing) -> Campaign:
    name = campaign_name(mailing.number)
    draft = CampaignDraft(
        name=name,
        description=(
            f"Coupon booklet by post ({mailing.kind}: {_KINDS[mailing.kind]}). "
            f"{mailing.coupon_count} coupons for {mailing.product_count:,} products."
        ),
        offer=mailing_offer(mailing.number),
        voucher_template=VoucherTemplate(
            code=CodeConfig(prefix=f"M{mailing.number:02}-"),
            quantity=mailing.booklet_size,
        ),
        holdout_bps=0,
        starts_at=midnight(mailing.first_day),
        expires_at=midnight(mailing.last_day + timedelta(days=1)),
        metadata={
            "mailing": mailing.number,
            "kind": mailing.kind,
            "coupons": mailing.coupon_count,
            "products": mailing.product_count,
        },
    )
    known = await find_campaign(tx, name)
    return known or await create_campaign(tx, draft, now=midnight(mailing.first_day))
