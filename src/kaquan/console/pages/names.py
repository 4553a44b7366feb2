"""Names for the ids that lists refer to, read once a page."""

from __future__ import annotations

from collections.abc import Iterable

from kaquan.campaigns import Campaign, list_campaigns
from kaquan.customers import Customer, list_customers
from kaquan.runtime import Tx


async def campaigns_by_id(tx: Tx, ids: Iterable[str | None]) -> dict[str, Campaign]:
    """Those of these campaigns that exist."""
    wanted = sorted({one for one in ids if one})
    if not wanted:
        return {}
    found = await list_campaigns(tx, ids=wanted, limit=len(wanted))
    return {campaign.id: campaign for campaign in found.items}


async def customers_by_id(tx: Tx, ids: Iterable[str | None]) -> dict[str, Customer]:
    """Those of these customers that exist and were not erased."""
    wanted = sorted({one for one in ids if one})
    if not wanted:
        return {}
    found = await list_customers(tx, ids=wanted, limit=len(wanted))
    return {customer.id: customer for customer in found.items}
