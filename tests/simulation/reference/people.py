"""What is said of customers, and what is reserved, in the reference shop."""

from datetime import timedelta

from simulation.reference.state import Customer, Given, Hold, Shop
from simulation.steps import (
    EnterCustomer,
    EraseCustomer,
    ExpireHolds,
    Outcome,
    PlaceHold,
    ReleaseHold,
)


def enter(shop: Shop, source_id: str, given: Given, *, name: str | None = None) -> str:
    """Enter a customer under the shop's own id, or change the one that is known."""
    known = shop.customer_by_source.get(source_id)
    if known is None:
        known = given.names["customer"]
        shop.customers[known] = Customer(known, source_id, name)
        shop.customer_by_source[source_id] = known
    elif name is not None:
        shop.customers[known].name = name
    return known


def play_enter_customer(shop: Shop, step: EnterCustomer, given: Given) -> Outcome:
    """Say something about a customer."""
    customer = shop.customers[enter(shop, step.source_id, given, name=step.name)]
    return Outcome(kind="entered", figures=[customer.source_id, customer.name])


def play_erase_customer(shop: Shop, step: EraseCustomer, given: Given) -> Outcome:
    """Forget a person; their id may be given to somebody new."""
    if not shop.is_known(step.customer):
        return Outcome(kind="not_found")
    customer = shop.customers[step.customer]
    if customer.source_id is not None:
        del shop.customer_by_source[customer.source_id]
    customer.erased, customer.source_id, customer.name = True, None, None
    return Outcome(kind="erased")


def play_place_hold(shop: Shop, step: PlaceHold, given: Given) -> Outcome:
    """Reserve an amount of what is left."""
    same = shop.holds.get(step.hold, [])
    if any((hold.owner, hold.kind) == (step.owner, step.kind) for hold in same):
        return Outcome(kind="duplicate_found")
    if step.amount > left_of(shop, step.owner, step.kind):
        return Outcome(kind="quantity_exceeded")
    until = given.now + timedelta(seconds=step.ttl_s)
    shop.place(step.hold, Hold(step.owner, step.kind, step.amount, until))
    return Outcome(kind="held")


def play_release_hold(shop: Shop, step: ReleaseHold, given: Given) -> Outcome:
    """Give a reservation up."""
    ended = shop.end(shop.holds.get(step.hold, []))
    return Outcome(kind="released" if ended else "not_found")


def play_expire_holds(shop: Shop, step: ExpireHolds, given: Given) -> Outcome:
    """Free what was reserved for long enough."""
    due = [hold for hold in shop.pending if hold.expires_at <= given.now]
    overdue = [named for named, lock in shop.locks.items() if lock.expires_at <= given.now]
    for named in overdue:
        del shop.locks[named]
    return Outcome(kind="expired", figures=shop.end(due) + len(overdue))


def left_of(shop: Shop, owner: str, kind: str) -> int:
    """What may still be taken of an account that has a limit."""
    if kind == "budget":
        left = shop.budget_left(shop.campaigns[owner])
    else:
        left = shop.uses_left(next(v for v in shop.vouchers.values() if v.id == owner))
    assert left is not None
    return left
