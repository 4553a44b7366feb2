"""What sessions lock in the reference shop."""

from datetime import datetime, timedelta

from simulation.reference.pricing import Buyer, Verdict
from simulation.reference.state import Given, Hold, Lock, Shop, View
from simulation.steps import LockSession, Outcome, ReleaseSession


def view_of(shop: Shop, session: str | None, codes: list[str], now: datetime) -> View:
    """How a request looks at what is left: its session's locks of its codes do not bind it."""
    own = [
        hold
        for code in codes
        if session is not None and (session, code) in shop.locks
        for hold in shop.locks[session, code].holds
    ]
    return View(now, own)


def end_free(shop: Shop, session: str | None, codes: list[str], buyer: Buyer, view: View) -> None:
    """What does not bind the request ends with it, on the accounts that it is about."""
    accounts: set[tuple[str, str]] = set()
    for code in codes:
        voucher = shop.vouchers.get(code)
        if voucher is None:
            continue
        if voucher.quantity is not None:
            accounts.add((voucher.id, "uses"))
        campaign = voucher.campaign
        if campaign is not None and campaign.budget_minor is not None:
            accounts.add((campaign.id, "budget"))
        if campaign is not None and campaign.per_customer_cap is not None and buyer.id:
            accounts.add((f"{campaign.id}/{buyer.id}", "customer_uses"))
        shop.locks.pop((session or "", code), None)
    shop.end(shop.free_holds(accounts, view))


def place_locks(
    shop: Shop, step: LockSession, verdicts: list[Verdict], *, buyer: Buyer, given: Given
) -> None:
    """Reserve what applies, in the place of all that the session reserved before."""
    view = view_of(shop, step.session, step.codes, given.now)
    others = [named for named in shop.locks if named[0] == step.session]
    for named in others:
        if named[1] not in step.codes:
            shop.end(shop.locks.pop(named).holds)
    end_free(shop, step.session, step.codes, buyer, view)
    until = given.now + timedelta(seconds=step.ttl_s)
    for verdict in verdicts:
        if verdict.status == "applied":
            holds = _holds_of(shop, verdict, buyer, until)
            for hold in holds:
                shop.reserve(hold)
            shop.locks[step.session, verdict.code] = Lock(holds, until)


def play_release_session(shop: Shop, step: ReleaseSession, given: Given) -> Outcome:
    """Let a code go; one whose time has passed is not locked any more."""
    lock = shop.locks.get((step.session, step.code))
    if step.code not in shop.vouchers or lock is None or lock.expires_at <= given.now:
        return Outcome(kind="not_found")
    shop.end(lock.holds)
    del shop.locks[step.session, step.code]
    return Outcome(kind="released")


def _holds_of(shop: Shop, verdict: Verdict, buyer: Buyer, until: datetime) -> list[Hold]:
    voucher = shop.vouchers[verdict.code]
    holds: list[Hold] = []
    if voucher.quantity is not None:
        holds.append(Hold(voucher.id, "uses", 1, until))
    campaign = voucher.campaign
    if campaign is not None and campaign.budget_minor is not None:
        holds.append(Hold(campaign.id, "budget", verdict.amount, until))
    if campaign is not None and campaign.per_customer_cap is not None and buyer.id:
        holds.append(Hold(f"{campaign.id}/{buyer.id}", "customer_uses", 1, until))
    return holds
