"""Referrals: who brought whom, rewarded once after the first paid order, taken back with it.

A redemption of somebody else's code notes who was brought along, once for each person and
programme: a unique index decides between two at once. What became of the order is looked at
later, under the locks of order and referral, so a reward is given once whatever happens twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import structs

from kaquan.campaigns import (
    BalanceExceeded,
    Campaign,
    CampaignKind,
    InUse,
    ReferralReward,
    Voucher,
    adjust_balance,
    disable_voucher,
    get_campaign,
    get_voucher,
    list_vouchers_by_id,
    publish_voucher,
    voucher_balances,
    voucher_usage,
)
from kaquan.checkout.model import Attempt, Redemption
from kaquan.checkout.referral_model import (
    CodeHolder,
    HolderRole,
    Referral,
    ReferralState,
    RewardGiven,
)
from kaquan.checkout.store.referrals import (
    HOLDER_ORDERS,
    PAID_STATUSES,
    delete_referral,
    find_referral,
    invite_referees,
    list_card_of,
    list_holder_rows,
    list_referees,
    update_referral,
)
from kaquan.checkout.store.register import get_redemption
from kaquan.customers import Order, OrderStatus, lock_order
from kaquan.runtime import (
    Condition,
    Duplicate,
    InvalidInput,
    KaquanError,
    NotFound,
    Page,
    Tx,
    check_metadata,
    new_id,
)

RETRY_AFTER = timedelta(hours=1)
CHANNEL = "referral"
MOST_HOLDERS = 100
_UNDONE = frozenset({OrderStatus.CANCELED, OrderStatus.RETURNED})
_OPEN = frozenset({ReferralState.INVITED, ReferralState.VOID})

Promise: TypeAlias = tuple[HolderRole, str, ReferralReward]


def build_referrals(attempts: Sequence[Attempt], entries: Sequence[Redemption]) -> list[Referral]:
    """Return who was brought along by what was redeemed; a code that nobody holds brings nobody."""
    return [
        Referral(
            id=new_id("rf"),
            campaign_id=coupon.campaign.id,
            voucher_id=coupon.voucher.id,
            referrer_id=coupon.voucher.holder_id,
            referee_id=entry.customer_id,
            redemption_id=entry.id,
            order_id=entry.order_id,
            state=ReferralState.WAITING,
            due_at=entry.created_at,
            created_at=entry.created_at,
        )
        for attempt, entry in zip(attempts, entries, strict=True)
        if (coupon := attempt.coupon) is not None
        and coupon.campaign is not None
        and coupon.campaign.kind is CampaignKind.REFERRAL_PROGRAM
        and coupon.voucher.holder_id is not None
        and entry.customer_id is not None
    ]


async def settle_referral(tx: Tx, referral_id: str, *, now: datetime) -> Referral | None:
    """Give or take back what follows from what became of the order; None for an unknown id.

    Said again it does nothing. What cannot be given now (the pool is empty, say) is tried again
    an hour later, and ``fault`` says why.
    """
    seen = await find_referral(tx, referral_id)
    if seen is None:
        return None
    order = None if seen.order_id is None else await lock_order(tx, seen.order_id)
    referral = await find_referral(tx, referral_id, lock=True)
    if referral is None or referral.order_id != seen.order_id:
        return referral
    settled = structs.replace(referral, due_at=None)
    undone = await _is_undone(tx, referral, order)
    match referral.state:
        case ReferralState.WAITING if undone:
            settled = structs.replace(settled, state=ReferralState.VOID, settled_at=now)
        case ReferralState.WAITING if order is not None and order.status in PAID_STATUSES:
            settled = await _reward(tx, settled, now=now)
        case ReferralState.REWARDED if undone:
            await _take_back(tx, referral, now=now)
            settled = structs.replace(settled, state=ReferralState.TAKEN_BACK, settled_at=now)
        case _:
            pass
    await update_referral(tx, settled)
    return settled


async def _is_undone(tx: Tx, referral: Referral, order: Order | None) -> bool:
    if order is not None and order.status in _UNDONE:
        return True
    if referral.redemption_id is None:
        return False
    return (await get_redemption(tx, referral.redemption_id)).rolled_back


async def _reward(tx: Tx, referral: Referral, *, now: datetime) -> Referral:
    """Give all that is promised, or nothing and note why."""
    try:
        async with tx.transaction():
            campaign = await get_campaign(tx, referral.campaign_id)
            given = [
                await _give(tx, referral, promise, now=now)
                for promise in _list_promises(campaign, referral)
            ]
    except KaquanError as error:
        return structs.replace(referral, fault=error.key, due_at=now + RETRY_AFTER)
    return structs.replace(
        referral,
        state=ReferralState.REWARDED,
        given=tuple(given),
        fault=None,
        settled_at=now,
    )


def _list_promises(campaign: Campaign, referral: Referral) -> list[Promise]:
    terms = campaign.referral
    if terms is None:
        return []
    sides = (
        (HolderRole.REFERRER, referral.referrer_id, terms.reward),
        (HolderRole.REFEREE, referral.referee_id, terms.referee_reward),
    )
    return [(role, customer_id, reward) for role, customer_id, reward in sides if reward]


async def _give(tx: Tx, referral: Referral, promise: Promise, *, now: datetime) -> RewardGiven:
    role, customer_id, reward = promise
    name = f"{referral.id}:{role.value.lower()}"
    card = None
    if reward.amount is not None:
        card = await list_card_of(tx, reward.campaign_id, customer_id)
    if card is None:
        published = await publish_voucher(
            tx,
            campaign_id=reward.campaign_id,
            customer_id=customer_id,
            source_id=name,
            join_once=False,
            channel=CHANNEL,
            paid=True,
            now=now,
        )
        card = published.voucher_id
    if reward.amount is not None:
        await adjust_balance(tx, card, reward.amount, source_id=name, reason=CHANNEL, now=now)
    return RewardGiven(role=role, voucher_id=card, amount=reward.amount)


async def _take_back(tx: Tx, referral: Referral, *, now: datetime) -> None:
    """Take back what is not used yet; what was used or spent since stays so."""
    vouchers = {
        one.id: one for one in await list_vouchers_by_id(tx, [g.voucher_id for g in referral.given])
    }
    for given in referral.given:
        voucher = vouchers.get(given.voucher_id)
        if voucher is None:
            continue
        if given.amount is None:
            await _disable_unused(tx, voucher, now=now)
        else:
            await _take_off(tx, referral, given, now=now)


async def _disable_unused(tx: Tx, voucher: Voucher, *, now: datetime) -> None:
    usage = (await voucher_usage(tx, [voucher]))[voucher.id]
    if voucher.active and not usage.used:
        await disable_voucher(tx, voucher.id, now=now)


async def _take_off(tx: Tx, referral: Referral, given: RewardGiven, *, now: datetime) -> None:
    assert given.amount is not None
    name = f"{referral.id}:{given.role.value.lower()}:back"
    voucher = await get_voucher(tx, given.voucher_id, lock=True)
    campaigns = {one.id: one for one in [await get_campaign(tx, voucher.campaign_id or "")]}
    balance = (await voucher_balances(tx, [voucher], campaigns)).get(voucher.id)
    free = 0 if balance is None else balance.left - balance.held
    if free > 0:
        amount = -min(given.amount, free)
        try:
            async with tx.transaction():
                await adjust_balance(
                    tx, voucher.id, amount, source_id=name, reason=CHANNEL, now=now
                )
        except BalanceExceeded:
            # Spent between the look and the lock: what is spent stays spent.
            return


async def get_referral_code(tx: Tx, code_or_id: str, *, campaign: str | None = None) -> Voucher:
    """Return a code of a referral programme (that one, by id or name). Raises NotFound."""
    voucher = await get_voucher(tx, code_or_id)
    if voucher.campaign_id is None:
        raise NotFound("referral_code", code_or_id)
    programme = await get_campaign(tx, voucher.campaign_id)
    named = campaign is None or campaign in (programme.id, programme.name)
    if programme.kind is not CampaignKind.REFERRAL_PROGRAM or not named:
        raise NotFound("referral_code", code_or_id)
    return voucher


async def add_referees(
    tx: Tx,
    voucher: Voucher,
    customer_ids: Sequence[str],
    *,
    metadata: dict[str, object] | None = None,
    now: datetime,
) -> list[CodeHolder]:
    """Name people whom a referral code brings along, before they use it.

    Who was named for another code of the programme goes over to this one. Raises InvalidInput for
    a code that nobody holds (not_published) and for its own holder (self_referral), and Duplicate
    for who has used another code already.
    """
    referrer = _check_referrer(voucher, customer_ids)
    campaign_id = voucher.campaign_id
    assert campaign_id is not None
    wanted = list(dict.fromkeys(customer_ids))
    known = await list_referees(tx, campaign_id, wanted)
    for index, one in enumerate(customer_ids):
        held = known.get(one)
        if held is not None and held.state not in _OPEN and held.voucher_id != voucher.id:
            message = "Another code has brought this person along."
            raise Duplicate(message, field=f"holders[{index}]")
    said = check_metadata(metadata or {}, "metadata")
    await invite_referees(
        tx,
        [
            Referral(
                id=new_id("rf"),
                campaign_id=campaign_id,
                voucher_id=voucher.id,
                referrer_id=referrer,
                referee_id=one,
                redemption_id=None,
                order_id=None,
                state=ReferralState.INVITED,
                metadata=said,
                due_at=None,
                created_at=now,
            )
            for one in wanted
        ],
    )
    stored = await list_referees(tx, campaign_id, wanted)
    return [
        CodeHolder(
            id=stored[one].id,
            created_at=stored[one].created_at,
            voucher_id=voucher.id,
            customer_id=one,
            role=HolderRole.REFEREE,
            metadata=stored[one].metadata,
        )
        for one in wanted
    ]


def _check_referrer(voucher: Voucher, customer_ids: Sequence[str]) -> str:
    """Return who hands the code on. Raises InvalidInput where it can bring nobody of these."""
    if not 1 <= len(customer_ids) <= MOST_HOLDERS:
        message = f"Name 1 to {MOST_HOLDERS} people."
        raise InvalidInput(message, field="holders")
    referrer = voucher.holder_id
    if referrer is None:
        message = f"Nobody holds the code '{voucher.code}' yet; publish it first."
        raise InvalidInput(message, field="memberId", key="not_published")
    if referrer in customer_ids:
        message = "Nobody brings themselves along."
        field = f"holders[{customer_ids.index(referrer)}]"
        raise InvalidInput(message, field=field, key="self_referral")
    return referrer


async def list_holders(
    tx: Tx,
    voucher: Voucher,
    *,
    condition: Condition | None = None,
    order: str = "-created_at",
    after: str | None = None,
    limit: int = 10,
) -> Page[CodeHolder]:
    """Return a part of the people whom a code concerns: its holder, and whom it brought along.

    ``condition`` is a filter over ``HOLDER_FILTERS``; ``order`` is id or created_at, with ``-`` in
    front for descending. Raises InvalidInput.
    """
    if order not in HOLDER_ORDERS:
        message = f"Holders can be ordered by {', '.join(HOLDER_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    return await list_holder_rows(
        tx, voucher.id, condition=condition, order=order, after=after, limit=limit
    )


async def remove_holder(tx: Tx, voucher: Voucher, holder_id: str) -> None:
    """Let a code no longer bring somebody along.

    Raises NotFound, and InUse for the code's own holder and for who was rewarded for.
    """
    if holder_id == voucher.id and voucher.holder_id is not None:
        message = "The code stays with who hands it on."
        raise InUse(message, object_id=holder_id)
    referral = await find_referral(tx, holder_id, lock=True)
    if referral is None or referral.voucher_id != voucher.id:
        raise NotFound("redeemable_holder", holder_id)
    if referral.state in (ReferralState.REWARDED, ReferralState.TAKEN_BACK):
        message = "This person was rewarded for."
        raise InUse(message, object_id=holder_id)
    await delete_referral(tx, referral.id)
