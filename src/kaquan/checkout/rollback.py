"""Rolling a redemption back: its uses and money return, its order is canceled."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from kaquan.campaigns import get_stacking_rules
from kaquan.checkout.basket import initial_quantity, take_goods
from kaquan.checkout.model import (
    Redemption,
    RedemptionKind,
    RedemptionResult,
    RollBack,
    RollBackRefusal,
    RollBackRefused,
)
from kaquan.checkout.reversal import list_limited, post_reversals, reverse
from kaquan.checkout.settlement import take_back_shares
from kaquan.checkout.store.referrals import mark_undone
from kaquan.checkout.store.register import (
    LARGEST_PAGE,
    get_redemption,
    insert_redemptions,
    list_children,
    list_redemptions,
    lock_redemptions,
)
from kaquan.checkout.store.situation import lock_customer
from kaquan.customers import NEXT_STATUSES, Order, OrderStatus, apply_discounts, lock_order
from kaquan.engine import AddedUnits, RollbackOrder
from kaquan.ledger import Movement, list_transfers
from kaquan.runtime import Tx, new_ids

_RETURNED = frozenset({OrderStatus.PARTIALLY_RETURNED, OrderStatus.RETURNED})


async def roll_back(
    tx: Tx,
    redemption_id: str,
    *,
    now: datetime,
    reason: str | None = None,
    single: bool = False,
    tracking_id: str | None = None,
    by_user_id: str | None = None,
    mode: RollbackOrder | None = None,
) -> RollBack | RollBackRefused:
    """Undo a redemption as a whole; with ``single`` a parent of several is refused.

    Uses, budget and the person's count come back as far as no return gave them back before; the
    order loses this redemption's discount and the units that it added, and becomes CANCELED. In
    the ``mode`` WITHOUT_ORDER (None: what the project's rules say) the order stays as it is. Of an
    order of which some came back already, the goods stay as they were. A child is refused (its parent is
    rolled back instead), as is what is no successful redemption, and what was rolled back before:
    of two at once, one wins. Raises NotFound for an unknown id.
    """
    order_id = (await get_redemption(tx, redemption_id)).order_id
    stored = None if order_id is None else await lock_order(tx, order_id)
    await lock_redemptions(tx, redemption_id)
    redemption = await get_redemption(tx, redemption_id)
    children = await list_children(tx, redemption_id)
    refusal = _find_refusal(redemption, is_parent=bool(children), single=single)
    if refusal is not None:
        return RollBackRefused(refusal, redemption)
    if redemption.customer_id is not None:
        await lock_customer(tx, redemption.customer_id)
    rollbacks = _build_rollbacks(
        [redemption, *children],
        reason=reason,
        tracking_id=tracking_id,
        by_user_id=by_user_id,
        now=now,
    )
    await insert_redemptions(tx, rollbacks)
    undone = {one.reverses_id: (one.id, None) for one in rollbacks if one.reverses_id is not None}
    await take_back_shares(tx, undone, now=now)
    await mark_undone(tx, list(undone), now=now)
    await _return_limits(tx, rollbacks, now=now)
    return RollBack(
        parent=rollbacks[0] if children else None,
        rollbacks=tuple(rollbacks[1:] if children else rollbacks),
        order=await _settle_order(tx, stored, redemption, mode=mode, now=now),
    )


async def _settle_order(
    tx: Tx,
    stored: Order | None,
    redemption: Redemption,
    *,
    mode: RollbackOrder | None,
    now: datetime,
) -> Order | None:
    """Undo what the redemption did to its order, unless that is to stay as it is."""
    if stored is None:
        return None
    if mode is None:
        mode = (await get_stacking_rules(tx)).rollback
    if mode is RollbackOrder.WITHOUT_ORDER:
        return stored
    return await _cancel(tx, stored, redemption, now=now)


def _find_refusal(
    redemption: Redemption, *, is_parent: bool, single: bool
) -> RollBackRefusal | None:
    if (
        redemption.kind is not RedemptionKind.REDEMPTION
        or redemption.result is not RedemptionResult.SUCCESS
    ):
        return RollBackRefusal.NOT_A_REDEMPTION
    if redemption.parent_id is not None:
        return RollBackRefusal.CHILD
    if is_parent and single:
        return RollBackRefusal.NOT_A_REDEMPTION
    return RollBackRefusal.ALREADY if redemption.rolled_back else None


def _build_rollbacks(
    redemptions: Sequence[Redemption],
    *,
    reason: str | None,
    tracking_id: str | None,
    by_user_id: str | None,
    now: datetime,
) -> list[Redemption]:
    """A rollback row for each redemption; the first is the parent of the others."""
    # Ids of one call share their time: sorted, they keep the order of application.
    ids = sorted(new_ids("rr", len(redemptions)))
    metadata = {} if reason is None else {"reason": reason}
    return [
        structs.replace(
            undone,
            id=id_,
            kind=RedemptionKind.ROLLBACK,
            parent_id=None if index == 0 else ids[0],
            reverses_id=undone.id,
            tracking_id=tracking_id or undone.tracking_id,
            trace=None,
            metadata=metadata,
            by_user_id=by_user_id,
            created_at=now,
            returned_minor=0,
            use_returned=False,
        )
        for index, (undone, id_) in enumerate(zip(redemptions, ids, strict=True))
    ]


async def _return_limits(tx: Tx, rollbacks: Sequence[Redemption], *, now: datetime) -> None:
    """Give back all that was taken and not returned since; parents took nothing themselves."""
    limited = await list_limited(tx, rollbacks)
    movements: list[Movement] = []
    for rollback in rollbacks:
        assert rollback.reverses_id is not None
        for transfer in await list_transfers(tx, rollback.reverses_id):
            left = transfer.amount - transfer.reversed
            if left:
                movements += reverse(transfer, left, limited=limited, cause_id=rollback.id)
    await post_reversals(tx, movements, now=now)


async def _cancel(tx: Tx, stored: Order, redemption: Redemption, *, now: datetime) -> Order:
    """Take back this redemption's discount and goods, and cancel the order if it still can be."""
    lines = stored.lines
    if stored.status not in _RETURNED:
        lines = take_goods(lines, await _list_staying(tx, stored))
    # Lines that a later redemption added carry nothing of this one.
    items = (*redemption.items_allocation, *(0 for _ in lines))[: len(lines)]
    can_cancel = OrderStatus.CANCELED in NEXT_STATUSES[stored.status]
    return await apply_discounts(
        tx,
        stored.id,
        discount_minor=max(stored.discount_minor - redemption.discount_minor, 0),
        line_discounts_minor=[
            max(line.discount_minor - off, 0) for line, off in zip(lines, items, strict=True)
        ],
        status=OrderStatus.CANCELED if can_cancel else None,
        lines=lines,
        now=now,
    )


async def _list_staying(tx: Tx, order: Order) -> list[AddedUnits]:
    """The units that redemptions of the order added which are not rolled back."""
    if not any(line.quantity - initial_quantity(line) for line in order.lines):
        return []
    found = await list_redemptions(
        tx,
        order_id=order.id,
        kind=RedemptionKind.REDEMPTION,
        result=RedemptionResult.SUCCESS,
        limit=LARGEST_PAGE,
    )
    return [
        units
        for one in found.items
        if one.given is not None and not one.rolled_back
        for units in one.given.added
    ]
