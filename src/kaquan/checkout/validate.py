"""Trying out a redemption: the same way through, without locking or writing anything."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.checkout.basket import add_up, check_added
from kaquan.checkout.decision import decide_inputs, gather_inputs, list_attempts
from kaquan.checkout.demand import check_request, check_rules
from kaquan.checkout.model import CheckoutRequest, Inputs, Validation
from kaquan.checkout.orders import check_open, check_schemas
from kaquan.checkout.sessions import place_session
from kaquan.checkout.snapshot import Asked, Snapshot, take_snapshot, take_snapshots
from kaquan.engine import Decision, StackingRules
from kaquan.runtime import KaquanError, Tx


async def validate(
    tx: Tx, request: CheckoutRequest, *, now: datetime, rules: StackingRules | None = None
) -> Validation:
    """Work out what redeeming ``request`` would come to; nothing is written.

    Several redeemables go together by ``rules``, or else by the project's own.

    With a session what was found to apply is reserved for it, and its customer entered.

    Raises InvalidInput for a request that cannot be accepted (keys: missing_redeemables,
    too_many_redeemables, duplicate_redeemables, order_discounted, invalid_order_status, …), and NotFound
    for a customer, order or location that is named and does not exist.
    """
    asked = Asked(request=request, now=now, rules=rules)
    if request.session is not None:
        return await _lock(tx, asked)
    (validation,) = await validate_together(tx, [asked])
    if isinstance(validation, KaquanError):
        raise validation
    return validation


async def validate_together(tx: Tx, asked: Sequence[Asked]) -> list[Validation | KaquanError]:
    """Validate requests without sessions, each as ``validate`` does, by the same few statements.

    What ``validate`` would raise about a request is its result here.
    """
    results: dict[int, Validation | KaquanError] = {}
    for number, one in enumerate(asked):
        try:
            check_request(one.request)
        except KaquanError as error:
            results[number] = error
    sound = [number for number in range(len(asked)) if number not in results]
    if sound:
        snapshots = await take_snapshots(tx, [asked[number] for number in sound], locking=False)
        for number, snapshot in zip(sound, snapshots, strict=True):
            results[number] = _validate(asked[number], snapshot)
    return [results[number] for number in range(len(asked))]


def _validate(asked: Asked, snapshot: Snapshot | KaquanError) -> Validation | KaquanError:
    if isinstance(snapshot, KaquanError):
        return snapshot
    try:
        check_open(snapshot)
        return validate_snapshot(snapshot, asked.rules)
    except KaquanError as error:
        return error


async def _lock(tx: Tx, asked: Asked) -> Validation:
    """Validate, and reserve for the session what was found to apply."""
    check_request(asked.request)
    snapshot = await take_snapshot(tx, asked.request, now=asked.now, locking=True)
    check_open(snapshot)
    check_schemas(snapshot)
    validation = validate_snapshot(snapshot, asked.rules)
    if validation.valid:
        await place_session(tx, snapshot, validation)
    return validation


def validate_snapshot(snapshot: Snapshot, rules: StackingRules | None) -> Validation:
    """Decide on a snapshot, by the project's rules unless told others, and add up the order."""
    rules = rules or snapshot.rules
    check_rules(snapshot.request, rules)
    inputs = gather_inputs(snapshot, rules)
    decision = decide_inputs(inputs)
    check_added(snapshot.request, decision)
    return conclude(snapshot, inputs, decision, rules=rules)


def conclude(
    snapshot: Snapshot, inputs: Inputs, decision: Decision, *, rules: StackingRules
) -> Validation:
    """Put together a decision and all that it was made about."""
    return Validation(
        rules=rules,
        decision=decision,
        inputs=inputs,
        attempts=list_attempts(snapshot, decision),
        figures=add_up(
            snapshot.order,
            decision,
            already_discounted=snapshot.request.order_already_discounted,
        ),
        customer=snapshot.customer,
        order=snapshot.order,
        project=snapshot.project,
        met=snapshot.facts.met,
    )
