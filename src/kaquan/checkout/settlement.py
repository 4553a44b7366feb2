"""Settlement: who bears which share of a discount, from the redemption to the last return.

The shares are those of the campaign at the moment of the redemption. They are split once, by
largest remainder, and stored; what comes back is taken off what is left of each, likewise, so the
shares sum to the discount that still stands at any time and end at exactly nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kaquan.campaigns import WHOLE_DISCOUNT_BPS, FundingShare
from kaquan.checkout.model import Attempt, Redemption
from kaquan.checkout.settlement_model import (
    SettlementEntry,
    SettlementQuery,
    SettlementReport,
)
from kaquan.checkout.store.settlement import (
    count_settlement,
    insert_entries,
    list_lines,
    list_standing_entries,
    list_wrong_settlements,
)
from kaquan.engine import allocate
from kaquan.ledger import Discrepancy
from kaquan.runtime import InvalidInput, Tx, get_project

LARGEST_REPORT = 10_000
SETTLEMENT_ORDERS = ("period", "-period", "net", "-net")


def split_discount(
    discount_minor: int, shares: Sequence[FundingShare]
) -> list[tuple[str | None, int, int]]:
    """Return who bears how much, as partner (None: the merchant), basis points and minor units.

    By largest remainder; a unit that two claim equally goes to the earlier, the merchant last.
    """
    sides: list[tuple[str | None, int]] = [(one.partner_id, one.share_bps) for one in shares]
    own = WHOLE_DISCOUNT_BPS - sum(bps for _, bps in sides)
    if own:
        sides.append((None, own))
    amounts = allocate(discount_minor, [bps for _, bps in sides])
    return [(*side, amount) for side, amount in zip(sides, amounts, strict=True)]


def build_shares(
    attempts: Sequence[Attempt], entries: Sequence[Redemption]
) -> list[SettlementEntry]:
    """Return the shares of what was redeemed; none where a campaign has no partners."""
    return [
        SettlementEntry(
            redemption_id=entry.id,
            cause_id=entry.id,
            position=position,
            partner_id=partner_id,
            share_bps=bps,
            campaign_id=attempt.coupon.campaign.id,
            amount_minor=amount,
            at=entry.created_at,
        )
        for attempt, entry in zip(attempts, entries, strict=True)
        if attempt.coupon is not None
        and attempt.coupon.campaign is not None
        and attempt.coupon.campaign.funding
        and entry.total_discount_minor
        for position, (partner_id, bps, amount) in enumerate(
            split_discount(entry.total_discount_minor, attempt.coupon.campaign.funding)
        )
    ]


def take_off(standing: Sequence[SettlementEntry], amount_minor: int) -> list[int]:
    """Split what comes back of a redemption over what is left of its shares, none below zero."""
    left = [one.amount_minor for one in standing]
    return allocate(min(amount_minor, sum(left)), left)


async def take_back_shares(
    tx: Tx, returned: Mapping[str, tuple[str, int | None]], *, now: datetime
) -> None:
    """Take back what left the discounts of redemptions, which are locked.

    ``returned`` has the cause by redemption, and how much it was (None: all that is left).
    """
    standing = await list_standing_entries(tx, sorted(returned))
    taken: list[SettlementEntry] = []
    for redemption_id, shares in standing.items():
        cause_id, amount = returned[redemption_id]
        whole = sum(one.amount_minor for one in shares)
        for share, off in zip(
            shares, take_off(shares, whole if amount is None else amount), strict=True
        ):
            if off:
                taken.append(
                    SettlementEntry(
                        redemption_id=redemption_id,
                        cause_id=cause_id,
                        position=share.position,
                        partner_id=share.partner_id,
                        share_bps=share.share_bps,
                        campaign_id=share.campaign_id,
                        amount_minor=-off,
                        at=now,
                    )
                )
    if taken:
        await insert_entries(tx, taken)


async def report_settlement(
    tx: Tx, query: SettlementQuery, *, order: str = "period", limit: int = 50, page: int = 1
) -> SettlementReport:
    """Return what each side bears, by period, campaign and partner.

    ``order`` is period or net, with ``-`` in front for descending. Raises InvalidInput.
    """
    if order not in SETTLEMENT_ORDERS:
        message = f"The report can be ordered by {', '.join(SETTLEMENT_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    if not 1 <= limit <= LARGEST_REPORT or page < 1:
        message = f"A page has 1 to {LARGEST_REPORT} lines, and pages are counted from 1."
        raise InvalidInput(message, field="limit", key="invalid_query_params")
    if query.since is not None and query.until is not None and query.until < query.since:
        message = "The last day is before the first."
        raise InvalidInput(message, field="until", key="invalid_query_params")
    zone = (await get_project(tx)).time_zone
    total, discount_minor, returned_minor = await count_settlement(tx, query, zone=zone)
    lines = await list_lines(
        tx, query, zone=zone, order=order, limit=limit, offset=(page - 1) * limit
    )
    return SettlementReport(
        lines=tuple(lines),
        total=total,
        discount_minor=discount_minor,
        returned_minor=returned_minor,
    )


async def check_settlement(tx: Tx) -> list[Discrepancy]:
    """Prove that the shares of every redemption sum to the discount that still stands of it.

    Returns what disagrees; an empty list means that no unit of a discount is borne by nobody or
    by two.
    """
    return [
        Discrepancy("settlement", redemption_id, expected, found)
        for redemption_id, expected, found in await list_wrong_settlements(tx)
    ]
