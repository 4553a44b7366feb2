"""Making vouchers in numbers: codes, rows and uses together, a chunk a transaction."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET

from kaquan.campaigns.checks import check_quantity, check_window, guessing_risk
from kaquan.campaigns.codes import CodeSpace, check_room, code_space, draw_codes, room_for
from kaquan.campaigns.kinds import balance_kind_of
from kaquan.campaigns.model import Campaign, CampaignKind, VoucherLike, Window
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.vouchers import VoucherPattern, count_vouchers, insert_vouchers
from kaquan.engine import parse_offer
from kaquan.ledger import AccountKind, issue_to_each
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    InvalidInput,
    KaquanError,
    Tx,
    check_metadata,
    check_whole_number,
    get_action,
    new_ids,
    update_action,
)

CHUNK = 10_000
"""Vouchers made in one transaction of a job: about half a second of work."""

LARGEST_CHUNK = 100_000

LIKE_TEMPLATE = VoucherLike()

_COUNTED_UP_TO = 10_000_000
_FRUITLESS_ROUNDS = 64


async def issue_vouchers(
    tx: Tx, campaign_id: str, count: int, *, like: VoucherLike = LIKE_TEMPLATE, now: datetime
) -> list[str]:
    """Make ``count`` (up to 100,000) vouchers of a campaign at once, with the ledger's uses.

    Returns their ids. Raises NotFound, and InvalidInput (``code_space_too_small``) when so many
    codes could be guessed.
    """
    check_whole_number(count, "count", least=1, most=LARGEST_CHUNK)
    campaign = await get_campaign(tx, campaign_id)
    made = await mint_vouchers(tx, campaign, count, like=like, now=now)
    return [voucher_id for voucher_id, _ in made]


async def continue_issue(tx: Tx, action_id: str, *, now: datetime) -> AsyncAction:
    """Make the next chunk of vouchers that were asked for.

    The action is locked and advanced in the transaction that stores the chunk, so whatever
    happens between two chunks, none is made twice and none is left out. A refusal ends the
    action as failed, with its reason in the result. Returns the action as it stands.
    """
    action = await get_action(tx, action_id, lock=True)
    if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
        return action
    assert action.total is not None
    count = min(CHUNK, action.total - action.done)
    try:
        async with tx.transaction():
            like = msgspec.convert(action.request.get("like", {}), VoucherLike)
            await issue_vouchers(tx, action.request["campaign_id"], count, like=like, now=now)
    except KaquanError as error:
        return await fail_issue(tx, action_id, error, now=now)
    done = action.done + count
    status = ActionStatus.DONE if done == action.total else ActionStatus.RUNNING
    await update_action(tx, action_id, status=status, done=done, now=now)
    return msgspec.structs.replace(action, status=status, done=done, updated_at=now)


async def fail_issue(tx: Tx, action_id: str, error: Exception, *, now: datetime) -> AsyncAction:
    """End the action as failed; what was made so far stays."""
    action = await get_action(tx, action_id, lock=True)
    result = (
        {"key": error.key, "message": error.message}
        if isinstance(error, KaquanError)
        else {"key": KaquanError.key, "message": "An unexpected fault stopped the work."}
    )
    await update_action(
        tx, action_id, status=ActionStatus.FAILED, done=action.done, result=result, now=now
    )
    return await get_action(tx, action_id)


async def mint_vouchers(
    tx: Tx,
    campaign: Campaign,
    count: int,
    *,
    like: VoucherLike = LIKE_TEMPLATE,
    now: datetime,
) -> list[tuple[str, str]]:
    """Make vouchers from the campaign's template, or as ``like`` says; pairs of id and code."""
    refuse_promotion(campaign)
    template = campaign.voucher_template
    space = code_space(like.code_config or template.code)
    check_window(Window(like.starts_at, like.expires_at))
    await ensure_room(tx, space, count, campaign_id=campaign.id, window=campaign.window, now=now)
    pattern = VoucherPattern(
        campaign_id=campaign.id,
        quantity=template.quantity if like.quantity is UNSET else check_quantity(like.quantity),
        starts_at=like.starts_at,
        expires_at=like.expires_at,
        balance=template.balance,
        balance_kind=balance_kind_of(parse_offer(campaign.offer)),
        category=like.category or template.category,
        additional_info=like.additional_info or template.additional_info,
        metadata=check_metadata(template.metadata | like.metadata, "metadata"),
        created_at=now,
    )
    return await store_vouchers(tx, pattern, space, count=count)


def refuse_promotion(campaign: Campaign) -> None:
    """Raise InvalidInput for a promotion: its offers need no code, so it has no vouchers."""
    if campaign.kind is CampaignKind.PROMOTION:
        message = f"The promotion '{campaign.name}' has tiers, and no vouchers."
        raise InvalidInput(message, field="campaign", key="invalid_campaign_params")


async def store_vouchers(
    tx: Tx, pattern: VoucherPattern, space: CodeSpace, *, count: int
) -> list[tuple[str, str]]:
    """Store vouchers like ``pattern`` under fresh codes, and issue their uses.

    A code that exists already is replaced by another until the count is exact. Returns pairs of
    id and code. Raises InvalidInput when the space turns out to be full.
    """
    made: list[tuple[str, str]] = []
    fruitless = 0
    while len(made) < count:
        # Sorted, because an index is filled faster in its own order.
        codes = sorted(draw_codes(space, count - len(made)))
        fresh = dict(zip(new_ids("v", len(codes)), codes, strict=True))
        stored = await insert_vouchers(tx, list(fresh), codes, pattern=pattern)
        if stored:
            await open_accounts(tx, stored, pattern)
        made += [(voucher_id, fresh[voucher_id]) for voucher_id in stored]
        fruitless = 0 if stored else fruitless + 1
        if fruitless == _FRUITLESS_ROUNDS:
            message = "Every code of this shape that was tried is taken already."
            raise InvalidInput(message, field="code_config", key="code_space_too_small")
    return made


async def open_accounts(tx: Tx, voucher_ids: Sequence[str], pattern: VoucherPattern) -> None:
    """Issue the uses and the balance of vouchers that are new."""
    cause_id = pattern.campaign_id or voucher_ids[0]
    grants = ((AccountKind.USES, pattern.quantity or 0), (pattern.balance_kind, pattern.balance))
    for kind, amount in grants:
        if kind is not None:
            await issue_to_each(
                tx, voucher_ids, kind, amount=amount, cause_id=cause_id, now=pattern.created_at
            )


async def ensure_room(
    tx: Tx,
    space: CodeSpace,
    count: int,
    *,
    campaign_id: str | None,
    window: Window,
    now: datetime,
) -> None:
    """Raise InvalidInput (``code_space_too_small``) unless ``count`` more codes are safe.

    The live codes are those of the campaign, or of all vouchers that stand alone.
    """
    risk = guessing_risk(window, now)
    room = room_for(space, risk)
    if room >= _COUNTED_UP_TO:
        # Nobody has so many vouchers in one campaign; counting them each time would cost more.
        live = 0
    else:
        live = await count_vouchers(tx, campaign_id, at_most=room + 1)
    check_room(space, live + count, risk=risk)
