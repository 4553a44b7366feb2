"""Points that expire: the rules, and taking off cards what was not spent in time.

Which points are spent first, and where points go that come back, the database follows with every
transfer (foundation_25): those that expire first are spent first.
"""

from datetime import date, datetime

from kaquan.campaigns import BalanceChange, get_campaign
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Movement,
    expire,
    lock_accounts,
    post_transfers,
)
from kaquan.loyalty.model import PointsExpiry
from kaquan.loyalty.points_model import PointsLot
from kaquan.loyalty.programmes import get_member
from kaquan.loyalty.store.lots import (
    delete_expiry,
    list_lots,
    list_overdue_lots,
    replace_lot,
    upsert_expiry,
)
from kaquan.runtime import InvalidInput, Page, Tx, check_whole_number, get_project

MOST_MONTHS = 1_200


async def set_points_expiry(tx: Tx, programme: str, expiry: PointsExpiry | None) -> None:
    """Say when points of a programme expire that come from now on; None is never.

    Raises NotFound and InvalidInput.
    """
    campaign = await get_campaign(tx, programme)
    if expiry is None:
        await delete_expiry(tx, campaign.id)
        return
    check_expiry(expiry, field="voucher.loyalty_card.expiration_rules")
    await upsert_expiry(tx, campaign.id, expiry)


def check_expiry(expiry: PointsExpiry, *, field: str) -> None:
    """Raise InvalidInput unless the rule has what its kind needs, and nothing else."""
    monthly = expiry.period_type == "MONTH"
    needed = {"period_value"} if monthly else {"fixed_month", "fixed_day"}
    known = {*needed, "rounding_type", "rounding_value"} if monthly else needed
    for name in ("period_value", "rounding_type", "rounding_value", "fixed_month", "fixed_day"):
        value = getattr(expiry, name)
        if value is None and name in needed:
            message = f"The period {expiry.period_type} needs '{name}'."
            raise InvalidInput(message, field=f"{field}.{name}")
        if value is not None and name not in known:
            message = f"The period {expiry.period_type} has no '{name}'."
            raise InvalidInput(message, field=f"{field}.{name}")
    months = {"least": 1, "most": 12}
    bounds = {"period_value": {"least": 0, "most": MOST_MONTHS}, "fixed_month": months}
    bounds["fixed_day"] = {"least": 1, "most": 31}
    if expiry.rounding_type == "PARTICULAR_MONTH":
        bounds["rounding_value"] = months
        if expiry.rounding_value is None:
            message = "Say the month that PARTICULAR_MONTH means: 1 is January."
            raise InvalidInput(message, field=f"{field}.rounding_value")
    for name, bound in bounds.items():
        value = getattr(expiry, name)
        if value is not None:
            check_whole_number(value, f"{field}.{name}", **bound)


async def set_expiry_of(
    tx: Tx, change: BalanceChange, expires_on: date | None, *, now: datetime
) -> None:
    """Let what was just added to a card by hand expire after another day than by rule, or never.

    Raises InvalidInput for a day that is over.
    """
    if expires_on is not None and expires_on < now.astimezone((await get_project(tx)).zone).date():
        message = "Points cannot expire on a day that is over."
        raise InvalidInput(message, field="expiration_date")
    await replace_lot(tx, change.id, voucher_id=change.voucher_id, expires_on=expires_on, at=now)


async def expire_points(tx: Tx, voucher_id: str, *, now: datetime) -> int:
    """Take off a card what was not spent on its last day; returns how many points.

    What a checkout has reserved of it is left for later. The card's account is locked first, so
    whoever spends at the same time is either before or finds less.
    """
    key = AccountKey(voucher_id, AccountKind.POINTS)
    account = (await lock_accounts(tx, [key])).get(key)
    free = 0 if account is None else account.available
    today = now.astimezone((await get_project(tx)).zone).date()
    movements: list[Movement] = []
    for lot in await list_overdue_lots(tx, voucher_id, today=today):
        amount = min(lot.remaining, free)
        free -= amount
        if amount:
            movements.append(expire(voucher_id, key.kind, amount, cause_id=lot.id))
    await post_transfers(tx, movements, now=now)
    return sum(one.amount for one in movements)


async def list_points_lots(
    tx: Tx, programme: str, member_id: str, *, limit: int, page: int
) -> Page[PointsLot]:
    """Return a page of a member's points that expire or did, by day. Raises NotFound."""
    voucher, _ = await get_member(tx, member_id, programme=programme)
    return await list_lots(tx, voucher.id, limit=limit, page=page)
