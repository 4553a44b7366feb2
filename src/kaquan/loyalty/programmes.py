"""Programmes and their members: campaigns of points cards, and cards that somebody holds."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.campaigns import (
    BalanceExceeded,
    Campaign,
    CampaignKind,
    Voucher,
    adjust_balance,
    get_campaign,
    get_voucher,
)
from kaquan.ledger import AccountKey, AccountKind, list_accounts
from kaquan.loyalty.errors import PointsExceeded, RewardRefused
from kaquan.loyalty.model import LoyaltyTier, PointSource
from kaquan.loyalty.reckon import find_tier
from kaquan.loyalty.store.points import insert_point_transfer
from kaquan.loyalty.store.rules import list_tiers
from kaquan.runtime import InvalidInput, NotFound, Tx, check_whole_number

MOST_SOURCES = 20


async def get_programme(tx: Tx, id_or_name: str, *, lock: bool = False) -> Campaign:
    """Return a loyalty programme by id or name. Raises NotFound, also for another campaign."""
    campaign = await get_campaign(tx, id_or_name, lock=lock)
    if campaign.kind is not CampaignKind.LOYALTY_PROGRAM:
        raise NotFound("campaign", id_or_name)
    return campaign


async def get_member(
    tx: Tx, member_id: str, *, programme: str | None = None, lock: bool = False
) -> tuple[Voucher, Campaign]:
    """Return a card by its code or id, with its programme.

    ``programme`` is the id or name that it must be of. Raises NotFound for anything else.
    """
    voucher = await get_voucher(tx, member_id, lock=lock)
    if voucher.campaign_id is None or voucher.tier:
        raise NotFound("voucher", member_id)
    campaign = await get_campaign(tx, voucher.campaign_id)
    if campaign.kind is not CampaignKind.LOYALTY_PROGRAM:
        raise NotFound("voucher", member_id)
    if programme is not None and (await get_programme(tx, programme)).id != campaign.id:
        raise NotFound("voucher", member_id)
    return voucher, campaign


async def read_points(tx: Tx, voucher_id: str) -> int:
    """Return the points on a card that nobody has reserved."""
    key = AccountKey(voucher_id, AccountKind.POINTS)
    account = (await list_accounts(tx, [key])).get(key)
    return 0 if account is None else account.available


async def find_member_tier(tx: Tx, voucher: Voucher) -> LoyaltyTier | None:
    """Return the tier that a card's points bring its holder into."""
    assert voucher.campaign_id is not None
    tiers = await list_tiers(tx, voucher.campaign_id)
    return find_tier(tiers, await read_points(tx, voucher.id)) if tiers else None


async def transfer_points(
    tx: Tx, programme: str, member_id: str, sources: Sequence[PointSource], *, now: datetime
) -> Voucher:
    """Move points from other cards to a member's, all or none, and return the card.

    Every card must have a holder. The same ``source_id`` moves nothing again. Raises NotFound,
    InvalidInput, RewardRefused for a card without holder, PointsExceeded.
    """
    if not 1 <= len(sources) <= MOST_SOURCES:
        message = f"Points come from 1 to {MOST_SOURCES} cards."
        raise InvalidInput(message, field="")
    # Codes in order, and so locked in order: two transfers do not wait for each other in a circle.
    codes = sorted({member_id, *(one.code for one in sources)})
    cards = {code: (await get_member(tx, code, lock=True))[0] for code in codes}
    target, _ = await get_member(tx, member_id, programme=programme)
    for place, card in enumerate([target, *(cards[one.code] for one in sources)]):
        if card.holder_id is None:
            message = f"The card '{card.code}' has no holder."
            field = f"[{place - 1}].code" if place else "member_id"
            raise RewardRefused("loyalty_card_without_holder", message, field=field)
    for index, one in enumerate(sources):
        source = cards[one.code]
        if source.id == target.id:
            message = "Points go from one card to another one."
            raise InvalidInput(message, field=f"[{index}].code")
        check_whole_number(one.points, f"[{index}].points", least=1)
        try:
            taken = await adjust_balance(
                tx, source.id, -one.points, source_id=one.source_id, reason=one.reason, now=now
            )
        except BalanceExceeded as error:
            raise PointsExceeded(error.message, field=f"[{index}].points") from error
        given = await adjust_balance(
            tx, target.id, one.points, source_id=one.source_id, reason=one.reason, now=now
        )
        await insert_point_transfer(tx, taken.id, target.id)
        await insert_point_transfer(tx, given.id, source.id)
    return target
