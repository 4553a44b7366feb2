"""Redeeming: decide on a locked snapshot, then record the decision in the same transaction."""

from datetime import datetime

from kaquan.checkout.demand import check_request
from kaquan.checkout.entries import build_entries, build_failures
from kaquan.checkout.limits import follow_caps, list_takings
from kaquan.checkout.model import Attempt, CheckoutRequest, Redeemed, Refused, Validation
from kaquan.checkout.orders import check_open, store_order
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.checkout.store import insert_redemptions
from kaquan.checkout.validate import DEFAULT_RULES, validate_snapshot
from kaquan.engine import Applied, StackingRules
from kaquan.ledger import Movement, post_to_locked
from kaquan.runtime import Tx, new_ids


async def redeem(
    tx: Tx,
    request: CheckoutRequest,
    *,
    now: datetime,
    by_user_id: str | None = None,
    rules: StackingRules = DEFAULT_RULES,
) -> Redeemed | Refused:
    """Redeem everything in ``request``, or nothing and say why.

    Limits are locked before they are looked at, so concurrent redemptions see each other's. The
    redemptions, the transfers, the order with its discounts and its customer's summary are
    written together; a refusal writes a failed attempt for each refused voucher and moves
    nothing. Several redeemables make a parent with a child each. Raises as ``validate`` does,
    and InvalidInput (invalid_order_status) for an order that is canceled or returned.
    """
    check_request(request, rules)
    snapshot = await take_snapshot(tx, request, now=now, locking=True)
    check_open(snapshot)
    validation = validate_snapshot(snapshot, rules)
    if not validation.valid:
        failures = build_failures(snapshot, validation, by_user_id=by_user_id)
        if failures:
            await insert_redemptions(tx, failures)
        return Refused(failures=failures, validation=validation)
    return await _record(tx, snapshot, validation, by_user_id=by_user_id)


async def _record(
    tx: Tx, snapshot: Snapshot, validation: Validation, *, by_user_id: str | None
) -> Redeemed:
    order = await store_order(tx, snapshot, validation)
    applied = [a for a in validation.attempts if isinstance(a.result, Applied)]
    # Ids of one call share their time: sorted, they keep the order of application.
    ids = sorted(new_ids("r", len(applied) + (len(validation.attempts) > 1)))
    parent, entries = build_entries(
        snapshot, validation, ids=ids, order_id=order.id, by_user_id=by_user_id
    )
    coupons = [a.coupon for a in applied if a.coupon is not None]
    opened = follow_caps(
        coupons,
        snapshot.customer_id,
        accounts=snapshot.accounts,
        redemptions=snapshot.redemptions,
    )
    taken = [
        movement
        for attempt, entry in zip(applied, entries, strict=True)
        for movement in _takings(snapshot, attempt, redemption_id=entry.id)
    ]
    # One round trip. Accounts are opened by a statement of their own before any is drawn on.
    async with tx.pipeline():
        await insert_redemptions(tx, entries if parent is None else (parent, *entries))
        await post_to_locked(tx, opened, now=snapshot.now)
        await post_to_locked(tx, taken, now=snapshot.now)
    return Redeemed(
        parent=parent,
        redemptions=entries,
        validation=validation,
        customer=snapshot.customer,
        order=order,
    )


def _takings(snapshot: Snapshot, attempt: Attempt, *, redemption_id: str) -> list[Movement]:
    assert attempt.coupon is not None
    assert isinstance(attempt.result, Applied)
    return list_takings(
        attempt.coupon,
        attempt.result,
        customer_id=snapshot.customer_id,
        redemption_id=redemption_id,
    )
