"""Deleting vouchers, campaigns and tiers of promotions, and taking them back out of the bin.

What is deleted is hidden at once: no list, read or checkout finds it, its code or name is free,
and its uses stay where they are. Out of the bin it comes back as it was. Deleted for good, what is
left of its uses, balances and budget is withdrawn; rows that history names stay, hidden for ever.
"""

from collections.abc import Sequence
from datetime import datetime

from kaquan.campaigns.rules.terms import settle_offer
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.claims import stock_key
from kaquan.campaigns.store.deletions import (
    hide_campaign,
    hide_vouchers,
    list_hidden_vouchers,
    purge_deleted,
    restore_deleted,
)
from kaquan.campaigns.store.promotions import get_promotion_tier, leave_stacks
from kaquan.campaigns.store.rules import delete_terms
from kaquan.campaigns.store.vouchers import get_voucher
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    lock_accounts,
    post_transfers,
    withdraw,
)
from kaquan.runtime import (
    BinEntry,
    BinnedKind,
    Tx,
    delete_bin_entry,
    get_bin_entry,
    keep_in_bin,
    new_id,
    recover_bin_entry,
)


async def delete_voucher(
    tx: Tx,
    code_or_id: str,
    *,
    force: bool = False,
    deleted_by: str | None = None,
    now: datetime,
) -> None:
    """Put a voucher into the bin, used or not; with ``force`` it is gone for good.

    Raises NotFound.
    """
    voucher = await get_voucher(tx, code_or_id, lock=True)
    entry_id = await keep_in_bin(
        tx,
        BinnedKind.VOUCHER,
        voucher.id,
        name=voucher.code,
        parent_id=voucher.campaign_id,
        deleted_by=deleted_by,
        now=now,
    )
    await hide_vouchers(tx, [voucher.id], deletion_id=entry_id)
    if force:
        await purge_from_bin(tx, entry_id, now=now)


async def delete_campaign(
    tx: Tx,
    id_or_name: str,
    *,
    force: bool = False,
    deleted_by: str | None = None,
    now: datetime,
) -> None:
    """Put a campaign with all its vouchers into the bin; with ``force`` it is gone for good.

    Raises NotFound.
    """
    campaign = await get_campaign(tx, id_or_name, lock=True)
    entry_id = await keep_in_bin(
        tx,
        BinnedKind.CAMPAIGN,
        campaign.id,
        name=campaign.name,
        deleted_by=deleted_by,
        now=now,
    )
    await hide_campaign(tx, campaign.id, deletion_id=entry_id)
    if force:
        await purge_from_bin(tx, entry_id, now=now)


async def delete_tier(tx: Tx, tier_id: str) -> None:
    """Delete a tier for good, redeemed or not; stacks go on without it. Raises NotFound."""
    tier = await get_promotion_tier(tx, tier_id)
    deletion_id = new_id("del")
    await leave_stacks(tx, [tier.id])
    await hide_vouchers(tx, [tier.id], deletion_id=deletion_id)
    if await purge_deleted(tx, deletion_id):
        await delete_terms(tx, [tier.id])


async def purge_from_bin(tx: Tx, entry_id: str, *, now: datetime) -> None:
    """Delete what lies in the bin for good. Raises NotFound."""
    entry = await get_bin_entry(tx, entry_id)
    await delete_bin_entry(tx, entry.id)
    if entry.resource_type not in (BinnedKind.VOUCHER, BinnedKind.CAMPAIGN):
        return
    voucher_ids = await list_hidden_vouchers(tx, entry.id)
    await withdraw_grants(tx, voucher_ids, now=now)
    if entry.resource_type is BinnedKind.CAMPAIGN:
        await withdraw_limits(tx, entry.resource_id, now=now)
    if await purge_deleted(tx, entry.id):
        await delete_terms(tx, [*voucher_ids, entry.resource_id])


async def recover_from_bin(tx: Tx, entry_id: str, *, now: datetime) -> BinEntry:
    """Put what was deleted back where it was, with the rules as they are now.

    Raises NotFound, and Duplicate when its code, name or id was given to another meanwhile, or
    when what it belongs to is gone.
    """
    entry = await get_bin_entry(tx, entry_id, lock=True)
    if entry.resource_type not in (BinnedKind.VOUCHER, BinnedKind.CAMPAIGN):
        return await recover_bin_entry(tx, entry_id)
    owners = await restore_deleted(tx, entry.id)
    await delete_bin_entry(tx, entry.id)
    for kind, owner_id in owners:
        await settle_offer(tx, kind, owner_id, now=now)
    return entry


async def withdraw_grants(tx: Tx, voucher_ids: Sequence[str], *, now: datetime) -> None:
    """Take back what is left of the uses and balances of vouchers that are no more."""
    kinds = (AccountKind.USES, AccountKind.VALUE, AccountKind.POINTS)
    keys = [AccountKey(voucher_id, kind) for voucher_id in voucher_ids for kind in kinds]
    await _withdraw_all(tx, keys, now=now)


async def withdraw_limits(tx: Tx, campaign_id: str, *, now: datetime) -> None:
    """Take back what is left of the budget, the redemptions and the stock of a campaign."""
    keys = [AccountKey(campaign_id, kind) for kind in (AccountKind.BUDGET, AccountKind.USES)]
    await _withdraw_all(tx, [*keys, stock_key(campaign_id)], now=now)


async def _withdraw_all(tx: Tx, keys: Sequence[AccountKey], *, now: datetime) -> None:
    accounts = await lock_accounts(tx, sorted(keys))
    movements = [
        withdraw(account.owner, account.kind, account.available, cause_id=account.owner)
        for account in accounts.values()
        if account.available > 0
    ]
    await post_transfers(tx, movements, now=now)
