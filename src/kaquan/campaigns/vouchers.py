"""Adding, changing and ending single vouchers, and what is true of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from msgspec import UNSET, UnsetType

from kaquan.campaigns.checks import (
    LONGEST_CATEGORY,
    check_offer,
    check_quantity,
    check_window,
    intersect,
)
from kaquan.campaigns.codes import LONGEST_CODE, code_space
from kaquan.campaigns.errors import InUse
from kaquan.campaigns.grants import change_grant
from kaquan.campaigns.issue import ensure_room, store_vouchers
from kaquan.campaigns.model import (
    Campaign,
    CodeConfig,
    Voucher,
    VoucherChange,
    VoucherDraft,
    VoucherTemplate,
    VoucherUsage,
    Window,
)
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.vouchers import (
    VoucherPattern,
    delete_voucher_rows,
    get_voucher,
    insert_vouchers,
    update_voucher_row,
)
from kaquan.engine import Offer, parse_offer
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    issue_to_each,
    list_accounts,
    lock_accounts,
    post_transfers,
    withdraw,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    Tx,
    check_metadata,
    check_reference,
    check_text,
    new_id,
)


async def add_voucher(tx: Tx, draft: VoucherDraft, *, now: datetime) -> Voucher:
    """Add one voucher, to a campaign or standing alone, under the code given or a fresh one.

    Raises NotFound for the campaign, InvalidInput naming the field, and Duplicate when the code
    exists.
    """
    campaign = None if draft.campaign_id is None else await get_campaign(tx, draft.campaign_id)
    template = VoucherTemplate() if campaign is None else campaign.voucher_template
    if campaign is None and draft.offer is None:
        raise InvalidInput("A voucher outside campaigns needs an offer.", field="offer")
    window = Window(draft.starts_at, draft.expires_at)
    _check_windows(window, campaign)
    quantity = template.quantity if isinstance(draft.quantity, UnsetType) else draft.quantity
    pattern = VoucherPattern(
        campaign_id=None if campaign is None else campaign.id,
        offer=None if draft.offer is None else check_offer(draft.offer, new_id("offer")),
        quantity=check_quantity(quantity),
        active=draft.active,
        starts_at=draft.starts_at,
        expires_at=draft.expires_at,
        category=_category(draft.category or template.category),
        additional_info=_information(draft.additional_info or template.additional_info),
        metadata=check_metadata(template.metadata | draft.metadata, "metadata"),
        created_at=now,
    )
    if draft.code is not None:
        return await _store_named(tx, pattern, draft.code)
    config = draft.code_config or template.code
    usable = window if campaign is None else intersect(window, campaign.window)
    return await _store_generated(tx, pattern, config, window=usable)


async def update_voucher(
    tx: Tx, code_or_id: str, change: VoucherChange, *, now: datetime
) -> Voucher:
    """Change a voucher; a new quantity issues or takes back the difference in uses.

    Raises NotFound, InvalidInput, and GrantBelowUse when the quantity would fall below what is
    used or reserved.
    """
    before = await get_voucher(tx, code_or_id, lock=True)
    campaign = None if before.campaign_id is None else await get_campaign(tx, before.campaign_id)
    given: dict[str, Any] = {
        field: value
        for field in change.__struct_fields__
        if (value := getattr(change, field)) is not UNSET
    }
    after = msgspec.structs.replace(before, **given, updated_at=now)
    if after.offer is None and campaign is None:
        raise InvalidInput("A voucher outside campaigns needs an offer.", field="offer")
    if {"starts_at", "expires_at"} & given.keys():
        _check_windows(after.window, campaign)
    after = msgspec.structs.replace(
        after,
        offer=None if after.offer is None else check_offer(after.offer, new_id("offer")),
        quantity=check_quantity(after.quantity),
        category=_category(after.category),
        additional_info=_information(after.additional_info),
        metadata=check_metadata(after.metadata, "metadata"),
    )
    await update_voucher_row(tx, after, now=now)
    if after.quantity != before.quantity:
        uses, used = _accounts_of(after)
        tallied = (await list_accounts(tx, [used])).get(used)
        taken = 0 if tallied is None else tallied.balance
        await change_grant(tx, uses, after.quantity, taken_elsewhere=taken, now=now)
    return after


async def enable_voucher(tx: Tx, code_or_id: str, *, now: datetime) -> Voucher:
    """Let a voucher be given away and used (again). Raises NotFound."""
    return await update_voucher(tx, code_or_id, VoucherChange(active=True), now=now)


async def disable_voucher(tx: Tx, code_or_id: str, *, now: datetime) -> Voucher:
    """Keep a voucher from being given away and used. Raises NotFound."""
    return await update_voucher(tx, code_or_id, VoucherChange(active=False), now=now)


async def delete_voucher(tx: Tx, code_or_id: str, *, now: datetime) -> None:
    """Delete a voucher and take back its uses.

    Raises NotFound, and InUse once it was given to somebody or used: its record must stay.
    """
    voucher = await get_voucher(tx, code_or_id, lock=True)
    try:
        async with tx.transaction():
            await delete_voucher_rows(tx, [voucher.id])
    except psycopg.errors.ForeignKeyViolation as error:
        message = f"The voucher '{voucher.code}' has been used; disable it instead."
        raise InUse(message, object_id=voucher.code) from error
    await withdraw_uses(tx, [voucher.id], now=now)


async def withdraw_uses(tx: Tx, voucher_ids: Sequence[str], *, now: datetime) -> None:
    """Take back what is left of the uses of vouchers that are no more."""
    keys = [AccountKey(voucher_id, AccountKind.USES) for voucher_id in voucher_ids]
    accounts = await lock_accounts(tx, sorted(keys))
    movements = [
        withdraw(account.owner, account.kind, account.available, cause_id=account.owner)
        for account in accounts.values()
        if account.available
    ]
    await post_transfers(tx, movements, now=now)


async def voucher_usage(tx: Tx, vouchers: Sequence[Voucher]) -> dict[str, VoucherUsage]:
    """Return, by voucher id, how many uses were granted, are left, and were taken."""
    keys = [key for voucher in vouchers for key in _accounts_of(voucher)]
    accounts = await list_accounts(tx, keys)
    usage: dict[str, VoucherUsage] = {}
    for voucher in vouchers:
        uses, used = (accounts.get(key) for key in _accounts_of(voucher))
        taken = used.balance if used else 0
        if uses:
            taken += uses.granted - uses.balance
        left = None if voucher.quantity is None else uses.available if uses else 0
        usage[voucher.id] = VoucherUsage(granted=voucher.quantity, left=left, used=taken)
    return usage


def effective_window(voucher: Voucher, campaign: Campaign | None) -> Window:
    """Return when a voucher may be used: inside its own window and its campaign's.

    The result may be empty when a campaign was changed later.
    """
    _check_belongs(voucher, campaign)
    return voucher.window if campaign is None else intersect(voucher.window, campaign.window)


def effective_offer(voucher: Voucher, campaign: Campaign | None) -> Offer:
    """Return the offer a voucher stands for: its own, or else its campaign's."""
    _check_belongs(voucher, campaign)
    if voucher.offer is not None:
        return parse_offer(voucher.offer)
    assert campaign is not None
    return parse_offer(campaign.offer)


async def _store_named(tx: Tx, pattern: VoucherPattern, code: str) -> Voucher:
    check_reference(code, "code")
    if len(code) > LONGEST_CODE or not code.isprintable():
        message = f"A code has at most {LONGEST_CODE} visible characters."
        raise InvalidInput(message, field="code", key="invalid_voucher")
    voucher_id = new_id("v")
    if not await insert_vouchers(tx, [voucher_id], [code], pattern=pattern):
        message = f"There is a voucher with the code '{code}' already."
        raise Duplicate(message, field="code")
    await issue_to_each(
        tx,
        [voucher_id],
        AccountKind.USES,
        amount=pattern.quantity or 0,
        cause_id=pattern.campaign_id or voucher_id,
        now=pattern.created_at,
    )
    return await get_voucher(tx, voucher_id)


async def _store_generated(
    tx: Tx, pattern: VoucherPattern, config: CodeConfig, *, window: Window
) -> Voucher:
    space = code_space(config)
    await ensure_room(
        tx, space, 1, campaign_id=pattern.campaign_id, window=window, now=pattern.created_at
    )
    made = await store_vouchers(tx, pattern, space, count=1)
    return await get_voucher(tx, made[0][0])


def _check_windows(window: Window, campaign: Campaign | None) -> None:
    check_window(window)
    if campaign is not None and intersect(window, campaign.window).is_empty:
        message = "The voucher could never be used: its period lies outside its campaign's."
        raise InvalidInput(message, field="expires_at")


def _accounts_of(voucher: Voucher) -> tuple[AccountKey, AccountKey]:
    return AccountKey(voucher.id, AccountKind.USES), AccountKey(voucher.id, AccountKind.USED)


def _check_belongs(voucher: Voucher, campaign: Campaign | None) -> None:
    assert voucher.campaign_id == (None if campaign is None else campaign.id)


def _category(category: str | None) -> str | None:
    return check_text(category, "category", longest=LONGEST_CATEGORY)


def _information(text: str | None) -> str | None:
    return check_text(text, "additional_info")
