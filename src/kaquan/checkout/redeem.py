"""Redeeming: decide on a locked snapshot, then record the decision in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import errors as postgres

from kaquan.checkout.demand import check_request
from kaquan.checkout.entries import build_entries, build_failures
from kaquan.checkout.limits import follow_caps, list_takings
from kaquan.checkout.model import (
    Attempt,
    CheckoutRequest,
    Contended,
    Redeemed,
    Redemption,
    Refused,
)
from kaquan.checkout.orders import check_open, discount_order
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.checkout.store.register import insert_redemptions
from kaquan.checkout.validate import DEFAULT_RULES, validate_snapshot
from kaquan.customers import Order, store_priced_order
from kaquan.engine import Applied, StackingRules
from kaquan.ledger import Movement, post_to_locked
from kaquan.runtime import Duplicate, Tx, new_ids

_ONE_ORDER_A_SOURCE_ID = "orders_project_id_source_id_key"


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
    InvalidInput (invalid_order_status) for an order that is canceled or returned, and Contended
    when another request stored the same new order meanwhile: ``tx`` is then over, and the same
    request in a new transaction finds that order.
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
    order = discount_order(snapshot, validation)
    applied = [a for a in validation.attempts if isinstance(a.result, Applied)]
    # Ids of one call share their time: sorted, they keep the order of application.
    ids = sorted(new_ids("r", len(applied) + (len(validation.attempts) > 1)))
    parent, entries = build_entries(
        snapshot,
        validation,
        ids=ids,
        order_id=None if order is None else order.id,
        by_user_id=by_user_id,
    )
    rows = entries if parent is None else (parent, *entries)
    movements = _list_movements(snapshot, applied, entries)
    await _record(tx, snapshot, order, rows=rows, movements=movements)
    return Redeemed(
        parent=parent,
        redemptions=entries,
        validation=validation,
        customer=snapshot.customer,
        order=order,
    )


def _list_movements(
    snapshot: Snapshot, applied: Sequence[Attempt], entries: Sequence[Redemption]
) -> tuple[list[Movement], list[Movement]]:
    """Return what opens or follows the person's accounts, and what is then taken."""
    opened = follow_caps(
        [a.coupon for a in applied if a.coupon is not None],
        snapshot.customer_id,
        accounts=snapshot.accounts,
        redemptions=snapshot.redemptions,
    )
    taken: list[Movement] = []
    for attempt, entry in zip(applied, entries, strict=True):
        assert attempt.coupon is not None
        assert isinstance(attempt.result, Applied)
        taken += list_takings(
            attempt.coupon,
            attempt.result,
            customer_id=snapshot.customer_id,
            redemption_id=entry.id,
        )
    return opened, taken


async def _record(
    tx: Tx,
    snapshot: Snapshot,
    order: Order | None,
    *,
    rows: Sequence[Redemption],
    movements: tuple[list[Movement], list[Movement]],
) -> None:
    """Write everything in one round trip, the order before what refers to it.

    The transfers go in two statements: accounts are opened before any is drawn on.
    """
    stored = snapshot.stored_order
    try:
        async with tx.pipeline():
            if order is not None and order is not stored:
                await store_priced_order(tx, order, known=stored)
            await insert_redemptions(tx, rows)
            for batch in movements:
                await post_to_locked(tx, batch, now=snapshot.now)
    except postgres.UniqueViolation as error:
        if order is None or error.diag.constraint_name != _ONE_ORDER_A_SOURCE_ID:
            raise
        if stored is not None:
            message = f"Another order has the id '{order.source_id}' already."
            raise Duplicate(message, field="order.source_id") from error
        message = f"The order '{order.source_id}' is being stored by another request."
        raise Contended(message, source_id=order.source_id) from error
