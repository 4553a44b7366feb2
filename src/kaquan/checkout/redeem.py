"""Redeeming: decide on locked snapshots, then record the decisions in the same transaction.

One request is a batch of one. In a batch each request is decided on what those before it left:
the accounts are read once and their balances followed in memory.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from kaquan.checkout.company import Spoiled
from kaquan.checkout.demand import check_request
from kaquan.checkout.entries import build_entries, build_failures
from kaquan.checkout.limits import follow_caps, list_takings
from kaquan.checkout.model import Attempt, CheckoutRequest, Redeemed, Redemption, Refused
from kaquan.checkout.orders import check_open, check_schemas, discount_order
from kaquan.checkout.record import Deed, record_deeds
from kaquan.checkout.referrals import build_referrals
from kaquan.checkout.settlement import build_shares
from kaquan.checkout.snapshot import Asked, Snapshot, take_snapshots
from kaquan.checkout.usage import UsageMark, find_usages, list_usage_keys, mark_usages
from kaquan.checkout.validate import validate_snapshot
from kaquan.engine import Applied, StackingRules
from kaquan.ledger import Account, AccountKey, Movement, follow_movements
from kaquan.runtime import KaquanError, Tx, new_ids


async def redeem(
    tx: Tx,
    request: CheckoutRequest,
    *,
    now: datetime,
    by_user_id: str | None = None,
    rules: StackingRules | None = None,
) -> Redeemed | Refused:
    """Redeem everything in ``request``, or nothing and say why.

    Limits are locked before they are looked at, so concurrent redemptions see each other's. The
    redemptions, the transfers, the order with its discounts and its customer's summary are
    written together; a refusal writes a failed attempt for each refused voucher and moves
    nothing. Several redeemables make a parent with a child each. Raises as ``validate`` does, and
    InvalidInput (invalid_order_status) for an order that is canceled or returned. Raises
    Contended when another request stored the same new order meanwhile, and SerializationFailure
    when a voucher or campaign was changed meanwhile: ``tx`` is then over, and the same request in
    a new transaction finds things as they are.
    """
    asked = Asked(request=request, now=now, by_user_id=by_user_id, rules=rules)
    (outcome,) = await redeem_together(tx, [asked])
    if isinstance(outcome, KaquanError):
        raise outcome
    return outcome


async def redeem_together(tx: Tx, asked: Sequence[Asked]) -> list[Redeemed | Refused | KaquanError]:
    """Redeem requests of one project in one transaction, each as ``redeem`` does.

    They are decided one after the other, and written together. What ``redeem`` would raise about
    a request is its outcome here, and changes nothing for the others; Apart is the outcome of one
    that has to wait for another batch, or to be decided by itself. Raises Spoiled when this
    cannot be kept up, and whatever the database raises: ``tx`` is over then, and each request
    should be tried by itself.
    """
    outcomes: dict[int, Redeemed | Refused | KaquanError] = {}
    sound: list[int] = []
    for number, one in enumerate(asked):
        try:
            check_request(one.request)
            sound.append(number)
        except KaquanError as error:
            outcomes[number] = error
    if sound:
        snapshots = await take_snapshots(tx, [asked[number] for number in sound], locking=True)
        batch = _Batch(several=len(asked) > 1)
        decided = batch.decide([asked[number] for number in sound], snapshots)
        if batch.deeds:
            decided = await _record(tx, batch, decided, now=max(one.now for one in asked))
        outcomes |= zip(sound, decided, strict=True)
    return [outcomes[number] for number in range(len(asked))]


async def _record(
    tx: Tx,
    batch: "_Batch",
    decided: Sequence[Redeemed | Refused | KaquanError],
    *,
    now: datetime,
) -> list[Redeemed | Refused | KaquanError]:
    """Write a batch, and tell how often each voucher was used after each request."""
    marks = batch.usages
    keys = list_usage_keys(mark.coupon for own in marks.values() for mark in own)
    stored = await record_deeds(tx, batch.deeds, now=now, look_at=keys)
    return [
        structs.replace(
            outcome, usages=find_usages(marks[number], counted=batch.accounts, stored=stored)
        )
        if isinstance(outcome, Redeemed)
        else outcome
        for number, outcome in enumerate(decided)
    ]


class _Batch:
    """Accounts as the requests that were decided so far leave them, and what is to be written.

    ``usages`` has what is needed to tell of the vouchers' uses, by the number of the request.
    """

    def __init__(self, *, several: bool) -> None:
        self.deeds: list[Deed] = []
        self.accounts: dict[AccountKey, Account] = {}
        self.usages: dict[int, list[UsageMark]] = {}
        self._several = several

    def decide(
        self, asked: Sequence[Asked], snapshots: Sequence[Snapshot | KaquanError]
    ) -> list[Redeemed | Refused | KaquanError]:
        """Decide one request after the other, each on what those before it left."""
        for snapshot in snapshots:
            if isinstance(snapshot, Snapshot):
                self.accounts |= snapshot.accounts
        return [
            snapshot
            if isinstance(snapshot, KaquanError)
            else self._decide(number, asked[number], snapshot)
            for number, snapshot in enumerate(snapshots)
        ]

    def _decide(
        self, number: int, asked: Asked, snapshot: Snapshot
    ) -> Redeemed | Refused | KaquanError:
        left = {key: self.accounts[key] for key in snapshot.keys if key in self.accounts}
        snapshot = structs.replace(snapshot, accounts=left)
        try:
            check_open(snapshot)
            check_schemas(snapshot)
            outcome, deed = _decide(asked, snapshot)
        except KaquanError as error:
            if snapshot.entered and self._several:
                raise Spoiled("A request failed after its customer had been stored.") from error
            return error
        follow_movements(self.accounts, [*deed.opened, *deed.taken])
        self.deeds.append(deed)
        self.usages[number] = mark_usages(snapshot.coupons.values(), self.accounts)
        return outcome


def _decide(asked: Asked, snapshot: Snapshot) -> tuple[Redeemed | Refused, Deed]:
    validation = validate_snapshot(snapshot, asked.rules)
    if not validation.valid:
        failures = build_failures(snapshot, validation, by_user_id=asked.by_user_id)
        refused = Refused(failures=failures, validation=validation)
        return refused, Deed(marks=snapshot.marks, rows=failures, met=validation.met)
    order = discount_order(snapshot, validation)
    applied = [a for a in validation.attempts if isinstance(a.result, Applied)]
    # Ids of one call share their time: sorted, they keep the order of application.
    ids = sorted(new_ids("r", len(applied) + (len(validation.attempts) > 1)))
    parent, entries = build_entries(
        snapshot,
        validation,
        ids=ids,
        order_id=None if order is None else order.id,
        by_user_id=asked.by_user_id,
    )
    redeemed = Redeemed(
        parent=parent,
        redemptions=entries,
        validation=validation,
        customer=snapshot.customer,
        order=order,
    )
    opened, taken = _list_movements(snapshot, applied, entries)
    deed = Deed(
        marks=snapshot.marks,
        rows=entries if parent is None else (parent, *entries),
        guests=snapshot.guests,
        order=None if order is snapshot.stored_order else order,
        stored=snapshot.stored_order,
        opened=opened,
        taken=taken,
        shares=build_shares(applied, entries),
        referrals=build_referrals(applied, entries),
        free_holds=snapshot.free_holds,
        session=snapshot.request.session,
        voucher_ids=frozenset(c.voucher.id for c in snapshot.coupons.values()),
        met=validation.met,
    )
    return redeemed, deed


def _list_movements(
    snapshot: Snapshot, applied: Sequence[Attempt], entries: Sequence[Redemption]
) -> tuple[list[Movement], list[Movement]]:
    """Return what opens or follows the person's accounts, and what is then taken."""
    opened = follow_caps(
        [a.coupon for a in applied if a.coupon is not None],
        snapshot.redemptions,
        accounts=snapshot.accounts,
    )
    taken: list[Movement] = []
    for attempt, entry in zip(applied, entries, strict=True):
        taken += list_takings(attempt, persons=snapshot.redemptions, redemption_id=entry.id)
    return opened, taken
