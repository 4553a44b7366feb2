"""The life of an order, with its coupons.

Paying redeems what the order named, cancelling lets reservations go and rolls redemptions back,
returning returns them: each once, however often it is said.
"""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType, structs

from kaquan.checkout.lifecycle_model import CouponsWanted, OrderCoupons
from kaquan.checkout.model import (
    CheckoutRequest,
    Contended,
    Redeemable,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    Refused,
    RollBack,
)
from kaquan.checkout.redeem import redeem
from kaquan.checkout.returns import return_goods
from kaquan.checkout.returns_model import (
    OfOrder,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
)
from kaquan.checkout.rollback import roll_back
from kaquan.checkout.session_model import Session, check_session
from kaquan.checkout.sessions import release_session
from kaquan.checkout.store.lifecycle import delete_coupons, find_coupons, write_coupons
from kaquan.checkout.store.register import LARGEST_PAGE, insert_redemptions, list_redemptions
from kaquan.checkout.store.sessions import list_locks
from kaquan.checkout.validate import validate
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderStatus,
    check_next_status,
    create_order,
    find_order_by,
    update_order,
)
from kaquan.engine import RollbackOrder
from kaquan.runtime import InvalidInput, NotFound, Tx

PAID = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})
_RETURNED = frozenset({OrderStatus.PARTIALLY_RETURNED, OrderStatus.RETURNED})


class _Refusal(Exception):
    """Takes the order back to where it was, and carries the reasons out."""

    def __init__(self, refused: Refused) -> None:
        super().__init__()
        self.refused = refused


async def store_order(
    tx: Tx,
    draft: OrderDraft,
    *,
    now: datetime,
    coupons: CouponsWanted | None = None,
    by_user_id: str | None = None,
) -> Order | Refused:
    """Store an order, or change the one with the draft's id or source_id, and let it live.

    Of coupons that do not apply nothing is stored but their failed attempts. A status that goes
    - from CREATED to PAID or FULFILLED redeems the order's coupons,
    - to CANCELED releases what they reserved and rolls the order's redemptions back,
    - to RETURNED returns all that did not come back yet.
    The same status again does nothing. Raises as ``create_order`` and ``redeem`` do, InvalidInput
    (order_returned) for other goods once some came back, and NotFound for a session that reserved
    nothing.
    """
    known = await _find_known(tx, draft)
    try:
        async with tx.transaction():
            return await _live(tx, known, draft, coupons=coupons, now=now, by_user_id=by_user_id)
    except _Refusal as refusal:
        failures = refusal.refused.failures
        if known is None:
            failures = tuple(structs.replace(one, order_id=None) for one in failures)
        if failures:
            await insert_redemptions(tx, failures)
        return structs.replace(refusal.refused, failures=failures)


async def find_order_coupons(tx: Tx, order_id: str) -> OrderCoupons | None:
    """Return what an order is going to redeem when it is paid, if anything."""
    return await find_coupons(tx, order_id)


async def _live(
    tx: Tx,
    known: Order | None,
    draft: OrderDraft,
    *,
    coupons: CouponsWanted | None,
    now: datetime,
    by_user_id: str | None,
) -> Order:
    before = OrderStatus.CREATED if known is None else known.status
    after = before if isinstance(draft.status, UnsetType) else draft.status
    check_next_status(before, after)
    if known is not None:
        await _leave(tx, known, after, now=now, by_user_id=by_user_id)
    pays = before is OrderStatus.CREATED and after in PAID
    planned = None if known is None else await find_coupons(tx, known.id)
    uses = coupons is not None or planned is not None
    if not (pays and uses):
        order = await _store(tx, known, draft, now=now)
        if order.status is OrderStatus.CREATED:
            await _plan(tx, order, known, planned=planned, coupons=coupons, now=now)
        elif coupons is not None:
            await _check_redeemed(tx, order, coupons)
        return order
    unpaid = structs.replace(draft, status=UNSET)
    order = await _store(tx, known, unpaid, now=now)
    if coupons is not None:
        await _plan(tx, order, known, planned=planned, coupons=coupons, now=now)
    return await _pay(tx, order, after, now=now, by_user_id=by_user_id)


async def _check_redeemed(tx: Tx, order: Order, coupons: CouponsWanted) -> None:
    """A message that comes again names what was redeemed on the order; anything else is refused."""
    redeemed = {one.voucher_code for one in await _list_redeemed(tx, order)}
    named = {one.id for one in coupons.redeemables or ()}
    if named - redeemed or not redeemed:
        message = f"An order that is {order.status} takes no coupons; redeem them on it."
        raise InvalidInput(message, field="kaquan.redeemables", key="invalid_order_status")


async def _find_known(tx: Tx, draft: OrderDraft) -> Order | None:
    """The order that is meant, locked."""
    if draft.id is not None:
        known = await find_order_by(tx, order_id=draft.id, lock=True)
        if known is None:
            raise NotFound("order", draft.id)
        return known
    if isinstance(draft.source_id, str):
        return await find_order_by(tx, source_id=draft.source_id, lock=True)
    return None


async def _store(tx: Tx, known: Order | None, draft: OrderDraft, *, now: datetime) -> Order:
    if known is None:
        created = await create_order(tx, draft, now=now)
        if created.updated_at is not None:
            # It was stored by another request meanwhile; what follows from its status was missed.
            message = f"The order '{created.source_id}' is being stored by another request."
            raise Contended(message, source_id=created.source_id)
        return created
    order = await update_order(tx, known.id, draft, now=now)
    if known.status in _RETURNED and _goods(order) != _goods(known):
        message = "Some of the order came back; its goods stay as they were bought."
        raise InvalidInput(message, field="items", key="order_returned")
    return order


def _goods(order: Order) -> list[object]:
    return [
        order.amount_minor,
        *((x.product_id, x.source_id, x.quantity, x.amount_minor) for x in order.lines),
    ]


async def _plan(
    tx: Tx,
    order: Order,
    known: Order | None,
    *,
    planned: OrderCoupons | None,
    coupons: CouponsWanted | None,
    now: datetime,
) -> None:
    """Note what the order is going to redeem; reserve it anew when its goods have changed."""
    if coupons is None:
        changed = known is None or _goods(order) != _goods(known)
        if planned is None or planned.session_key is None or not changed:
            return
        coupons = await _want_again(tx, planned)
    session_key = None if coupons.session is None else coupons.session.key
    if planned is not None and planned.session_key not in (None, session_key):
        await release_session(tx, planned.session_key or "")
    if coupons.redeemables == ():
        await delete_coupons(tx, order.id)
        return
    redeemables = coupons.redeemables or await _read_locked(tx, coupons.session, now=now)
    if coupons.redeemables is not None:
        await _try_out(tx, order, coupons, redeemables, now=now)
    wanted = OrderCoupons(redeemables=redeemables, session_key=session_key, channel=coupons.channel)
    await write_coupons(tx, order.id, wanted)


async def _want_again(tx: Tx, planned: OrderCoupons) -> CouponsWanted:
    """What is reserved, for as long as it was asked for."""
    assert planned.session_key is not None
    locks = await list_locks(tx, planned.session_key)
    session = Session(key=planned.session_key)
    if locks:
        session = Session(key=session.key, ttl=locks[0].ttl, ttl_unit=locks[0].ttl_unit)
    return CouponsWanted(redeemables=planned.redeemables, session=session, channel=planned.channel)


async def _read_locked(tx: Tx, session: Session | None, *, now: datetime) -> tuple[Redeemable, ...]:
    if session is None:
        message = "Name the redeemables, or the session that has reserved them."
        raise InvalidInput(message, field="kaquan.redeemables")
    check_session(session)
    locks = [lock for lock in await list_locks(tx, session.key) if lock.expires_at > now]
    if not locks:
        raise NotFound("session", session.key)
    return tuple(msgspec.convert(lock.redeemable, Redeemable) for lock in locks)


async def _try_out(
    tx: Tx,
    order: Order,
    coupons: CouponsWanted,
    redeemables: tuple[Redeemable, ...],
    *,
    now: datetime,
) -> None:
    request = CheckoutRequest(
        redeemables=redeemables,
        order=order.id,
        session=coupons.session,
        channel=coupons.channel,
    )
    validation = await validate(tx, request, now=now)
    if not validation.valid:
        raise _Refusal(Refused(failures=(), validation=validation))


async def _pay(
    tx: Tx, order: Order, after: OrderStatus, *, now: datetime, by_user_id: str | None
) -> Order:
    """Redeem what the order named; that makes it paid."""
    coupons = await find_coupons(tx, order.id)
    if coupons is None:
        return await update_order(tx, order.id, OrderDraft(status=after), now=now)
    request = CheckoutRequest(
        redeemables=coupons.redeemables,
        order=order.id,
        session=None if coupons.session_key is None else Session(key=coupons.session_key),
        channel=coupons.channel,
    )
    outcome = await redeem(tx, request, now=now, by_user_id=by_user_id)
    if isinstance(outcome, Refused):
        raise _Refusal(outcome)
    await delete_coupons(tx, order.id)
    assert outcome.order is not None
    if outcome.order.status is after:
        return outcome.order
    return await update_order(tx, order.id, OrderDraft(status=after), now=now)


async def _leave(
    tx: Tx, known: Order, after: OrderStatus, *, now: datetime, by_user_id: str | None
) -> None:
    """Undo what belonged to an order that is canceled or returned now."""
    if after is known.status:
        return
    if after is OrderStatus.CANCELED:
        await _roll_back_all(tx, known, now=now, by_user_id=by_user_id)
        coupons = await find_coupons(tx, known.id)
        if coupons is not None:
            if coupons.session_key is not None:
                await release_session(tx, coupons.session_key)
            await delete_coupons(tx, known.id)
    elif after is OrderStatus.RETURNED:
        done = await return_goods(
            tx, OfOrder(known.id), ReturnRequest(), now=now, by_user_id=by_user_id
        )
        if isinstance(done, ReturnRefused) and done.refusal is not ReturnRefusal.ALL_RETURNED:
            message = f"An order that is {known.status} cannot be returned."
            raise InvalidInput(message, field="status", key=done.refusal.value)


async def _roll_back_all(tx: Tx, known: Order, *, now: datetime, by_user_id: str | None) -> None:
    for redemption in await _list_redeemed(tx, known):
        if redemption.parent_id is None and not redemption.rolled_back:
            done = await roll_back(
                tx, redemption.id, now=now, by_user_id=by_user_id, mode=RollbackOrder.WITH_ORDER
            )
            assert isinstance(done, RollBack)


async def _list_redeemed(tx: Tx, order: Order) -> list[Redemption]:
    found = await list_redemptions(
        tx,
        order_id=order.id,
        kind=RedemptionKind.REDEMPTION,
        result=RedemptionResult.SUCCESS,
        order="id",
        limit=LARGEST_PAGE,
    )
    return found.items
