"""Trying out a redemption: the same way through, without locking or writing anything."""

from datetime import datetime

from kaquan.checkout.basket import add_up
from kaquan.checkout.decision import decide_snapshot
from kaquan.checkout.demand import check_request
from kaquan.checkout.model import CheckoutRequest, Validation
from kaquan.checkout.orders import check_open
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.engine import StackingRules
from kaquan.runtime import Tx

DEFAULT_RULES = StackingRules()


async def validate(
    tx: Tx, request: CheckoutRequest, *, now: datetime, rules: StackingRules = DEFAULT_RULES
) -> Validation:
    """Work out what redeeming ``request`` would come to; nothing is written.

    Raises InvalidInput for a request that cannot be accepted (keys: missing_redeemables,
    too_many_redeemables, duplicate_redeemables, order_discounted, invalid_order_status, …), and NotFound
    for a customer, order or location that is named and does not exist.
    """
    check_request(request, rules)
    snapshot = await take_snapshot(tx, request, now=now, locking=False)
    check_open(snapshot)
    return validate_snapshot(snapshot, rules)


def validate_snapshot(snapshot: Snapshot, rules: StackingRules) -> Validation:
    """Decide on a snapshot and add up what the order would come to."""
    decision, attempts = decide_snapshot(snapshot, rules)
    return Validation(
        decision=decision,
        attempts=attempts,
        figures=add_up(
            snapshot.order,
            decision,
            already_discounted=snapshot.request.order_already_discounted,
        ),
        customer=snapshot.customer,
        order=snapshot.order,
        project=snapshot.project,
    )
