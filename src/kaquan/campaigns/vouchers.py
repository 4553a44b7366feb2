"""Adding, changing and ending single vouchers, and what is true of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns.checks import (
    LONGEST_CATEGORY,
    check_offer,
    check_quantity,
    check_window,
    intersect,
)
from kaquan.campaigns.codes import LONGEST_CODE, code_space
from kaquan.campaigns.grants import change_grant
from kaquan.campaigns.issue import (
    ensure_room,
    open_accounts,
    refuse_promotion,
    store_vouchers,
)
from kaquan.campaigns.kinds import voucher_balance_kind
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
from kaquan.campaigns.stacking import check_categories
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.vouchers import (
    VoucherPattern,
    get_voucher,
    insert_vouchers,
    update_voucher_row,
)
from kaquan.engine import Offer, parse_offer
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    list_accounts,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    Tx,
    check_by_schema,
    check_metadata,
    check_reference,
    check_text,
    check_whole_number,
    new_id,
    new_ids,
)


async def add_voucher(tx: Tx, draft: VoucherDraft, *, now: datetime) -> Voucher:
    """Add one voucher, to a campaign or standing alone, under the code given or a fresh one.

    Raises NotFound for the campaign, InvalidInput naming the field, and Duplicate when the code
    exists.
    """
    pattern, campaign = await _make_pattern(tx, draft, now=now)
    if draft.code is not None:
        return await _store_named(tx, pattern, draft.code)
    template = VoucherTemplate() if campaign is None else campaign.voucher_template
    window = Window(draft.starts_at, draft.expires_at)
    usable = window if campaign is None else intersect(window, campaign.window)
    return await _store_generated(tx, pattern, draft.code_config or template.code, window=usable)


async def add_named_vouchers(
    tx: Tx, draft: VoucherDraft, codes: Sequence[str], *, now: datetime
) -> dict[str, str]:
    """Add a voucher like ``draft`` under each of these codes; returns ids by code.

    Codes that exist already are left out. Raises NotFound for the campaign, and InvalidInput.
    """
    for code in codes:
        check_code(code)
    pattern, _ = await _make_pattern(tx, draft, now=now)
    ids = dict(zip(new_ids("v", len(codes)), codes, strict=True))
    stored = await insert_vouchers(tx, list(ids), list(ids.values()), pattern=pattern)
    if stored:
        await open_accounts(tx, stored, pattern)
    return {ids[voucher_id]: voucher_id for voucher_id in stored}


def check_code(code: str) -> None:
    """Raise InvalidInput for a text that is no code."""
    check_reference(code, "code")
    if len(code) > LONGEST_CODE or not code.isprintable():
        message = f"A code has at most {LONGEST_CODE} visible characters."
        raise InvalidInput(message, field="code", key="invalid_voucher")


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
    if after.category_ids != before.category_ids:
        await check_categories(tx, after.category_ids)
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
    if voucher_balance_kind(after.offer, campaign) is not voucher_balance_kind(
        before.offer, campaign
    ):
        message = "A voucher keeps the kind of its balance, and one without keeps none."
        raise InvalidInput(message, field="offer", key="invalid_offer")
    if "metadata" in given:
        await check_by_schema(tx, "voucher", after.metadata, new=True)
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


async def _make_pattern(
    tx: Tx, draft: VoucherDraft, *, now: datetime
) -> tuple[VoucherPattern, Campaign | None]:
    """Return what vouchers like ``draft`` are stored as, and the campaign that they belong to."""
    campaign = None if draft.campaign_id is None else await get_campaign(tx, draft.campaign_id)
    template = VoucherTemplate() if campaign is None else campaign.voucher_template
    if campaign is None and draft.offer is None:
        raise InvalidInput("A voucher outside campaigns needs an offer.", field="offer")
    if campaign is not None:
        refuse_promotion(campaign)
    await check_categories(tx, draft.category_ids)
    window = Window(draft.starts_at, draft.expires_at)
    _check_windows(window, campaign)
    offer = None if draft.offer is None else check_offer(draft.offer, new_id("offer"))
    balance_kind = voucher_balance_kind(offer, campaign)
    quantity = draft.quantity
    if isinstance(quantity, UnsetType):
        quantity = None if campaign is None and balance_kind else template.quantity
    balance = template.balance if draft.balance is None else draft.balance
    if draft.balance and balance_kind is None:
        raise InvalidInput("Only a voucher that pays from a balance has one.", field="balance")
    pattern = VoucherPattern(
        campaign_id=None if campaign is None else campaign.id,
        offer=offer,
        quantity=check_quantity(quantity),
        balance=check_whole_number(balance, "balance", least=0),
        balance_kind=balance_kind,
        active=draft.active,
        starts_at=draft.starts_at,
        expires_at=draft.expires_at,
        category=_category(draft.category or template.category),
        category_ids=draft.category_ids,
        additional_info=_information(draft.additional_info or template.additional_info),
        metadata=check_metadata(template.metadata | draft.metadata, "metadata"),
        created_at=now,
    )
    await check_by_schema(tx, "voucher", pattern.metadata, new=True)
    return pattern, campaign


async def _store_named(tx: Tx, pattern: VoucherPattern, code: str) -> Voucher:
    check_code(code)
    voucher_id = new_id("v")
    if not await insert_vouchers(tx, [voucher_id], [code], pattern=pattern):
        message = f"There is a voucher with the code '{code}' already."
        raise Duplicate(message, field="code")
    await open_accounts(tx, [voucher_id], pattern)
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
