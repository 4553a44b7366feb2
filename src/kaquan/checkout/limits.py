"""The ledger's side of a coupon: which accounts limit it, and what a redemption moves."""

from collections.abc import Iterable, Mapping
from itertools import product

from kaquan.campaigns import Campaign, Voucher, balance_kind_of
from kaquan.checkout.model import Attempt, CheckoutRequest, Coupon
from kaquan.engine import Applied, Offer, PointsEarned
from kaquan.ledger import Account, AccountKey, AccountKind, Movement, issue, take, tally, withdraw

Accounts = Mapping[AccountKey, Account]
Redemptions = Mapping[str, Mapping[str, int]]
"""What was redeemed so far under each name of the buyer, by campaign."""


def list_account_keys(
    coupons: Mapping[str, Coupon],
    offers: Mapping[str, Offer],
    persons: Iterable[str],
    *,
    earns_to: AccountKey | None,
) -> list[AccountKey]:
    """Return every account that the coupons draw on or earn to, in the order of locking.

    ``persons`` are the names under which the buyer's own limits are kept: their id, or the facts
    that a guest is known by.
    """
    keys: set[AccountKey] = set() if earns_to is None else {earns_to}
    for code, coupon in coupons.items():
        pays_from = balance_key(coupon, offers[code])
        if pays_from is not None:
            keys.add(pays_from)
        if coupon.voucher.quantity is not None:
            keys.add(uses_key(coupon.voucher))
        campaign = coupon.campaign
        if campaign is not None and campaign.budget_minor is not None:
            keys.add(budget_key(campaign))
        if campaign is not None and campaign.redemption_cap is not None:
            keys.add(redemptions_key(campaign))
        if campaign is not None and campaign.per_customer_cap is not None:
            keys |= {cap_key(campaign, person) for person in persons}
    return sorted(keys)


def uses_key(voucher: Voucher) -> AccountKey:
    """The account of a voucher's remaining uses."""
    return AccountKey(voucher.id, AccountKind.USES)


def budget_key(campaign: Campaign) -> AccountKey:
    """The account of a campaign's remaining budget."""
    return AccountKey(campaign.id, AccountKind.BUDGET)


def redemptions_key(campaign: Campaign) -> AccountKey:
    """The account of how often a campaign's vouchers may still be redeemed."""
    return AccountKey(campaign.id, AccountKind.USES)


def balance_key(coupon: Coupon, offer: Offer) -> AccountKey | None:
    """The account that a gift card or a card of points pays from; None for other coupons."""
    kind = balance_kind_of(offer)
    return None if kind is None else AccountKey(coupon.voucher.id, kind)


def count_credits(
    coupons: Mapping[str, Coupon], offers: Mapping[str, Offer], request: CheckoutRequest
) -> int:
    """Return what gift cards are to pay where there is no order to tell what is needed.

    0 when other coupons come along: what they are to work on nobody knows.
    """
    asked = request.redeemables
    known = [one for one in asked if one.id in coupons]
    kinds = {balance_kind_of(offers[one.id]) for one in known}
    if request.order is not None or kinds != {AccountKind.VALUE}:
        return 0
    return sum(one.credits or 0 for one in known)


def points_key(customer_id: str, card_id: str | None) -> AccountKey:
    """The account that a customer's points go to: their card's or, without one, their own."""
    return AccountKey(card_id or customer_id, AccountKind.POINTS)


def cap_key(campaign: Campaign, person: str) -> AccountKey:
    """The account of what a person may still redeem in a campaign."""
    return AccountKey(f"{campaign.id}/{person}", AccountKind.CUSTOMER_USES)


def find_uses_left(coupon: Coupon, accounts: Accounts) -> int | None:
    """Uses left of the voucher; None without a limit."""
    if coupon.voucher.quantity is None:
        return None
    return _available(accounts, uses_key(coupon.voucher))


def find_campaign_uses_left(coupon: Coupon, accounts: Accounts) -> int | None:
    """How often the campaign's vouchers may still be redeemed; None without a cap."""
    if coupon.campaign is None or coupon.campaign.redemption_cap is None:
        return None
    return _available(accounts, redemptions_key(coupon.campaign))


def find_balance(coupon: Coupon, offer: Offer, accounts: Accounts) -> int | None:
    """What a card can pay, in minor units or points; None for other coupons."""
    key = balance_key(coupon, offer)
    return None if key is None else _available(accounts, key)


def find_budget_left(coupon: Coupon, accounts: Accounts) -> int | None:
    """Minor units left of the campaign's budget; None without one."""
    if coupon.campaign is None or coupon.campaign.budget_minor is None:
        return None
    return _available(accounts, budget_key(coupon.campaign))


def find_customer_uses_left(
    coupon: Coupon, redemptions: Redemptions, *, accounts: Accounts
) -> int | None:
    """What the person may still redeem in the campaign; None without a cap or without a person.

    The account is opened by the first redemption under a cap and follows a changed cap at the
    next, so what counts is the account as it would then be; ``redemptions`` are counted by a cap
    that was set later too. Of several names of a guest the one with the least left binds.
    """
    campaign = coupon.campaign
    if campaign is None or campaign.per_customer_cap is None or not redemptions:
        return None
    left: list[int] = []
    for person, redeemed in redemptions.items():
        account = accounts.get(cap_key(campaign, person))
        held = 0 if account is None else account.held
        left.append(campaign.per_customer_cap - redeemed.get(campaign.id, 0) - held)
    return max(min(left), 0)


def count_redeemed(campaign: Campaign, redemptions: Redemptions) -> int:
    """What the person has redeemed in the campaign; the most of a guest's several names."""
    return max((own.get(campaign.id, 0) for own in redemptions.values()), default=0)


def follow_caps(
    coupons: Iterable[Coupon], redemptions: Redemptions, *, accounts: Accounts
) -> list[Movement]:
    """Return the grants that bring the person's accounts in line with the campaigns' caps.

    A cap that was lowered takes back what was not used; what was used stays used.
    """
    campaigns = {c.campaign.id: c.campaign for c in coupons if c.campaign is not None}
    movements: list[Movement] = []
    capped = [(one, one.per_customer_cap) for one in campaigns.values()]
    for (campaign, cap), (person, redeemed) in product(capped, redemptions.items()):
        if cap is None:
            continue
        key = cap_key(campaign, person)
        account = accounts.get(key)
        left = max(cap - redeemed.get(campaign.id, 0), 0)
        change = left if account is None else max(left, account.held) - account.balance
        if change:
            move = issue if change > 0 else withdraw
            movements.append(move(key.owner, key.kind, abs(change), cause_id=campaign.id))
    return movements


def list_takings(attempt: Attempt, *, persons: Iterable[str], redemption_id: str) -> list[Movement]:
    """Return what one redemption moves.

    It takes a use, its discount of the budget, one of the campaign's and of the person's
    redemptions, and what it pays of a balance; points that it gives at once are earned.
    """
    coupon, applied = attempt.coupon, attempt.result
    assert coupon is not None
    assert isinstance(applied, Applied)
    voucher, campaign = coupon.voucher, coupon.campaign
    if voucher.quantity is None:
        movements = [tally(voucher.id, applied.uses, cause_id=redemption_id)]
    else:
        movements = [_take(uses_key(voucher), applied.uses, redemption_id)]
    # A transfer moves something: what takes nothing off leaves the budget alone.
    if campaign is not None and campaign.budget_minor is not None and applied.total_discount_minor:
        movements.append(_take(budget_key(campaign), applied.total_discount_minor, redemption_id))
    if campaign is not None and campaign.redemption_cap is not None:
        movements.append(_take(redemptions_key(campaign), applied.uses, redemption_id))
    if campaign is not None and campaign.per_customer_cap is not None:
        keys = [cap_key(campaign, person) for person in persons]
        movements += [_take(key, applied.uses, redemption_id) for key in keys]
    if attempt.pays_from is not None and applied.balance_taken:
        movements.append(_take(attempt.pays_from, applied.balance_taken, redemption_id))
    points = count_points(attempt)
    if attempt.earns_to is not None and points:
        owner, kind = attempt.earns_to.owner, attempt.earns_to.kind
        movements.append(tally(owner, points, cause_id=redemption_id, kind=kind))
    return movements


def count_points(attempt: Attempt) -> int:
    """Return the points that a redemption puts on the customer's account at once.

    Those are the extra points. What the goods themselves earn, times the multiplier that stays on
    record with the redemption, is for the rules of a loyalty programme to say.
    """
    if attempt.earns_to is None or not isinstance(attempt.result, Applied):
        return 0
    grants = attempt.result.grants
    return sum(grant.extra_points for grant in grants if isinstance(grant, PointsEarned))


def _take(key: AccountKey, amount: int, redemption_id: str) -> Movement:
    return take(key.owner, key.kind, amount, cause_id=redemption_id)


def _available(accounts: Accounts, key: AccountKey) -> int:
    account = accounts.get(key)
    return 0 if account is None else account.available
