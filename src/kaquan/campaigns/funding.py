"""Partners of a project, and which share of a campaign's discounts each of them bears.

A redemption keeps the shares of its own moment, so a change concerns what is redeemed later.
"""

from collections.abc import Sequence
from datetime import datetime

import psycopg
from msgspec import structs

from kaquan.campaigns.checks import check_title
from kaquan.campaigns.errors import InUse
from kaquan.campaigns.funding_model import WHOLE_DISCOUNT_BPS, FundingShare, Partner
from kaquan.campaigns.model import Campaign
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.funding import (
    delete_partner_row,
    find_partner,
    insert_partner,
    is_named,
    list_known_partners,
    update_partner_row,
    write_funding,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    NotFound,
    Tx,
    check_whole_number,
    new_id,
)

MOST_SHARES = 20


async def create_partner(tx: Tx, name: str, *, now: datetime) -> Partner:
    """Enter a partner. Raises InvalidInput, and Duplicate when the name is taken."""
    partner = Partner(id=new_id("ptn"), name=check_title(name), created_at=now, updated_at=None)
    if not await insert_partner(tx, partner):
        raise _name_taken(partner)
    return partner


async def get_partner(tx: Tx, id_or_name: str, *, lock: bool = False) -> Partner:
    """Return a partner by id or name. Raises NotFound."""
    partner = await find_partner(tx, id_or_name, lock=lock)
    if partner is None:
        raise NotFound("partner", id_or_name)
    return partner


async def rename_partner(tx: Tx, id_or_name: str, name: str, *, now: datetime) -> Partner:
    """Give a partner another name. Raises NotFound, InvalidInput, Duplicate."""
    known = await get_partner(tx, id_or_name, lock=True)
    partner = structs.replace(known, name=check_title(name), updated_at=now)
    try:
        async with tx.transaction():
            await update_partner_row(tx, partner)
    except psycopg.errors.UniqueViolation as error:
        raise _name_taken(partner) from error
    return partner


async def delete_partner(tx: Tx, id_or_name: str) -> None:
    """Forget a partner that no campaign and no settlement names. Raises NotFound, and InUse."""
    partner = await get_partner(tx, id_or_name, lock=True)
    if await is_named(tx, partner.id):
        message = f"The partner '{partner.name}' is named by a campaign or a settlement."
        raise InUse(message, object_id=partner.id)
    await delete_partner_row(tx, partner.id)


async def set_funding(
    tx: Tx, campaign: str, shares: Sequence[FundingShare], *, now: datetime
) -> Campaign:
    """Say who bears which share of a campaign's discounts (by id or name) from now on.

    The shares take the place of those before; what they leave of 10,000 basis points is the
    merchant's own. Raises NotFound, and InvalidInput for an unknown partner, one named twice, a
    share out of range, or shares above the whole.
    """
    known = await get_campaign(tx, campaign, lock=True)
    settled = await _settle(tx, shares)
    await write_funding(tx, known.id, settled, now=now)
    return structs.replace(known, funding=settled, version=known.version + 1, updated_at=now)


async def _settle(tx: Tx, shares: Sequence[FundingShare]) -> tuple[FundingShare, ...]:
    """The shares with our ids of their partners, who stay while this lasts."""
    if len(shares) > MOST_SHARES:
        message = f"A campaign has at most {MOST_SHARES} partners."
        raise InvalidInput(message, field="shares")
    known = await list_known_partners(tx, [one.partner_id for one in shares])
    settled: dict[str, FundingShare] = {}
    for index, one in enumerate(shares):
        partner = known.get(one.partner_id)
        field = f"shares[{index}]"
        if partner is None or partner.id in settled:
            fault = "is unknown" if partner is None else "is named twice"
            message = f"The partner '{one.partner_id[:64]}' {fault}."
            raise InvalidInput(message, field=f"{field}.partner_id")
        check_whole_number(one.share_bps, f"{field}.share_bps", least=1, most=WHOLE_DISCOUNT_BPS)
        settled[partner.id] = FundingShare(partner_id=partner.id, share_bps=one.share_bps)
    whole = sum(one.share_bps for one in settled.values())
    if whole > WHOLE_DISCOUNT_BPS:
        message = f"The shares come to {whole} basis points, more than {WHOLE_DISCOUNT_BPS}."
        raise InvalidInput(message, field="shares")
    return tuple(settled.values())


def _name_taken(partner: Partner) -> Duplicate:
    return Duplicate(f"There is a partner named '{partner.name}' already.", field="name")
