"""The ledger's side of a coupon: which accounts limit it, and what a redemption moves."""

from collections.abc import Iterable, Mapping

from kaquan.campaigns import Campaign, Voucher
from kaquan.checkout.model import Coupon
from kaquan.engine import Applied
from kaquan.ledger import Account, AccountKey, AccountKind, Movement, issue, take, tally, withdraw

Accounts = Mapping[AccountKey, Account]


def list_account_keys(coupons: Iterable[Coupon], customer_id: str | None) -> list[AccountKey]:
    """Return every account that limits the coupons, in the order of locking."""
    keys: set[AccountKey] = set()
    for coupon in coupons:
        if coupon.voucher.quantity is not None:
            keys.add(uses_key(coupon.voucher))
        campaign = coupon.campaign
        if campaign is not None and campaign.budget_minor is not None:
            keys.add(budget_key(campaign))
        if campaign is not None and campaign.per_customer_cap is not None and customer_id:
            keys.add(cap_key(campaign, customer_id))
    return sorted(keys)


def uses_key(voucher: Voucher) -> AccountKey:
    """The account of a voucher's remaining uses."""
    return AccountKey(voucher.id, AccountKind.USES)


def budget_key(campaign: Campaign) -> AccountKey:
    """The account of a campaign's remaining budget."""
    return AccountKey(campaign.id, AccountKind.BUDGET)


def cap_key(campaign: Campaign, customer_id: str) -> AccountKey:
    """The account of what a person may still redeem in a campaign."""
    return AccountKey(f"{campaign.id}/{customer_id}", AccountKind.CUSTOMER_USES)


def find_uses_left(coupon: Coupon, accounts: Accounts) -> int | None:
    """Uses left of the voucher; None without a limit."""
    if coupon.voucher.quantity is None:
        return None
    return _available(accounts, uses_key(coupon.voucher))


def find_budget_left(coupon: Coupon, accounts: Accounts) -> int | None:
    """Minor units left of the campaign's budget; None without one."""
    if coupon.campaign is None or coupon.campaign.budget_minor is None:
        return None
    return _available(accounts, budget_key(coupon.campaign))


def find_customer_uses_left(
    coupon: Coupon, customer_id: str | None, *, accounts: Accounts, redeemed: int
) -> int | None:
    """What the person may still redeem in the campaign; None without a cap or without a person.

    The account is opened by the first redemption under a cap and follows a changed cap at the
    next, so what counts is the account as it would then be. ``redeemed`` is what the person has
    redeemed in the campaign so far, which a cap that was set later counts too.
    """
    campaign = coupon.campaign
    if campaign is None or campaign.per_customer_cap is None or customer_id is None:
        return None
    account = accounts.get(cap_key(campaign, customer_id))
    held = 0 if account is None else account.held
    return max(campaign.per_customer_cap - redeemed - held, 0)


def follow_caps(
    coupons: Iterable[Coupon],
    customer_id: str | None,
    *,
    accounts: Accounts,
    redemptions: Mapping[str, int],
) -> list[Movement]:
    """Return the grants that bring the person's accounts in line with the campaigns' caps.

    ``redemptions`` is what the person has redeemed so far, by campaign. A cap that was lowered
    takes back what was not used; what was used stays used.
    """
    campaigns = {c.campaign.id: c.campaign for c in coupons if c.campaign is not None}
    movements: list[Movement] = []
    for campaign in campaigns.values():
        if campaign.per_customer_cap is None or customer_id is None:
            continue
        key = cap_key(campaign, customer_id)
        account = accounts.get(key)
        left = max(campaign.per_customer_cap - redemptions.get(campaign.id, 0), 0)
        change = left if account is None else max(left, account.held) - account.balance
        if change:
            move = issue if change > 0 else withdraw
            movements.append(move(key.owner, key.kind, abs(change), cause_id=campaign.id))
    return movements


def list_takings(
    coupon: Coupon, applied: Applied, *, customer_id: str | None, redemption_id: str
) -> list[Movement]:
    """Return what one redemption takes: a use, its discount of the budget, one of the person's."""
    voucher, campaign = coupon.voucher, coupon.campaign
    if voucher.quantity is None:
        movements = [tally(voucher.id, applied.uses, cause_id=redemption_id)]
    else:
        movements = [_take(uses_key(voucher), applied.uses, redemption_id)]
    # A transfer moves something: what takes nothing off leaves the budget alone.
    if campaign is not None and campaign.budget_minor is not None and applied.total_discount_minor:
        movements.append(_take(budget_key(campaign), applied.total_discount_minor, redemption_id))
    if campaign is not None and campaign.per_customer_cap is not None and customer_id:
        movements.append(_take(cap_key(campaign, customer_id), applied.uses, redemption_id))
    return movements


def _take(key: AccountKey, amount: int, redemption_id: str) -> Movement:
    return take(key.owner, key.kind, amount, cause_id=redemption_id)


def _available(accounts: Accounts, key: AccountKey) -> int:
    account = accounts.get(key)
    return 0 if account is None else account.available
