"""Returning goods: the stored allocation of what came back is given back, once.

Locks are taken in the order that every writer keeps: the order, its redemptions, the customer,
then ledger accounts by primary key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import structs

from kaquan.campaigns import get_campaign, list_campaigns, list_vouchers_by_id
from kaquan.checkout.model import Coupon, Redemption, RedemptionKind, RedemptionResult
from kaquan.checkout.return_plan import Returning, find_order_slots, is_returned, plan_return
from kaquan.checkout.returns_model import (
    OfOrder,
    OfRedemption,
    OrderReturn,
    ReturnPart,
    ReturnPolicy,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
)
from kaquan.checkout.reversal import MONEY, list_limited, post_reversals, reverse
from kaquan.checkout.settlement import take_back_shares
from kaquan.checkout.shares import proportion
from kaquan.checkout.store.register import (
    LARGEST_PAGE,
    get_redemption,
    list_children,
    list_redemptions,
    lock_redemptions,
)
from kaquan.checkout.store.returns import (
    RETURN_ORDERS,
    insert_return,
    list_history,
    list_policies,
    list_return_rows,
    lock_redemptions_of,
    write_policy,
)
from kaquan.checkout.store.situation import lock_customer
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderStatus,
    get_order,
    list_products_named,
    lock_order,
    update_order,
)
from kaquan.ledger import Cause, Movement, Transfer, list_transfers
from kaquan.runtime import (
    InvalidInput,
    Page,
    Tx,
    check_metadata,
    check_text,
    get_project,
    new_id,
)

Target: TypeAlias = OfOrder | OfRedemption

RETURNABLE = frozenset(
    {OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.PARTIALLY_RETURNED},
)
LONGEST_LIST = 100


async def return_goods(
    tx: Tx,
    target: Target,
    request: ReturnRequest,
    *,
    now: datetime,
    by_user_id: str | None = None,
) -> OrderReturn | ReturnRefused:
    """Take goods back and give back what was stored for them, as the campaigns' policies say.

    The order becomes PARTIALLY_RETURNED, or RETURNED with the last of it. Of two at once, one
    waits for the other; in all no more goes back than was given. Raises NotFound for the order or
    redemption, and InvalidInput for goods that are not of the order.
    """
    state = await _gather(tx, target, now=now, locking=True)
    if isinstance(state, ReturnRefused):
        return state
    planned = plan_return(state, _checked(request))
    if isinstance(planned, ReturnRefused):
        return planned
    done = structs.replace(planned, id=new_id("ret"), by_user_id=by_user_id)
    await insert_return(tx, done)
    parts = {one.redemption_id: (done.id, one.returned_minor) for one in done.parts}
    await take_back_shares(tx, parts, now=now)
    await post_reversals(tx, await _list_movements(tx, state, done), now=now)
    if state.order is not None:
        await _follow(tx, state.order, [*state.history, done], now=now)
    return done


async def preview_return(
    tx: Tx, target: Target, request: ReturnRequest, *, now: datetime
) -> OrderReturn | ReturnRefused:
    """Work out what ``return_goods`` would do now; nothing is written and nothing locked."""
    state = await _gather(tx, target, now=now, locking=False)
    return state if isinstance(state, ReturnRefused) else plan_return(state, _checked(request))


async def list_returns(
    tx: Tx,
    *,
    order: str | None = None,
    redemption_id: str | None = None,
    sort: str = "-created_at",
    limit: int = 10,
    page: int = 1,
) -> Page[OrderReturn]:
    """Return a page of the returns of an order or a redemption, or of all.

    ``sort`` is created_at, with ``-`` in front for descending. Raises NotFound and InvalidInput.
    """
    if sort not in RETURN_ORDERS:
        message = f"Returns can be ordered by {', '.join(RETURN_ORDERS)}."
        raise InvalidInput(message, field="order")
    if not 1 <= limit <= LONGEST_LIST or page < 1:
        message = f"A page has 1 to {LONGEST_LIST} entries, and pages are counted from 1."
        raise InvalidInput(message, field="limit")
    if redemption_id is not None:
        await get_redemption(tx, redemption_id)
    return await list_return_rows(
        tx,
        order_id=None if order is None else (await get_order(tx, order)).id,
        redemption_id=redemption_id,
        order=sort,
        limit=limit,
        page=page,
    )


async def set_return_policy(
    tx: Tx, campaign: str, policy: ReturnPolicy, *, now: datetime
) -> ReturnPolicy:
    """Say what a campaign (by id or name) does about returns from now on. Raises NotFound."""
    await write_policy(tx, (await get_campaign(tx, campaign)).id, policy, at=now)
    return policy


async def get_return_policy(tx: Tx, campaign: str) -> ReturnPolicy:
    """Return what a campaign (by id or name) does about returns. Raises NotFound."""
    campaign_id = (await get_campaign(tx, campaign)).id
    return (await list_policies(tx, [campaign_id])).get(campaign_id, ReturnPolicy())


def _checked(request: ReturnRequest) -> ReturnRequest:
    return structs.replace(
        request,
        reason=check_text(request.reason, "reason"),
        metadata=check_metadata(request.metadata, "metadata"),
    )


async def _gather(
    tx: Tx, target: Target, *, now: datetime, locking: bool
) -> Returning | ReturnRefused:
    named: Redemption | None = None
    reference: str | None
    if isinstance(target, OfRedemption):
        named = await get_redemption(tx, target.redemption_id)
        reference = named.order_id
    else:
        reference = target.reference
    order = None
    if reference is not None:
        order = await (lock_order if locking else get_order)(tx, reference)
    if locking:
        await _lock(tx, order, named)
    if named is not None:
        named = await get_redemption(tx, named.id)
        refusal = _find_refusal(named)
        if refusal is not None:
            return ReturnRefused(refusal)
    if order is not None and order.status not in RETURNABLE:
        returned = order.status is OrderStatus.RETURNED
        return ReturnRefused(ReturnRefusal.ALL_RETURNED if returned else ReturnRefusal.ORDER_STATUS)
    standing = await _list_standing(tx, order, named)
    own = standing
    if named is not None:
        own = [one for one in standing if named.id in (one.id, one.parent_id)]
    return await _look_up(tx, order, named=named, own=own, standing=standing, now=now)


async def _lock(tx: Tx, order: Order | None, named: Redemption | None) -> None:
    if order is not None:
        await lock_redemptions_of(tx, order.id)
    elif named is not None:
        await lock_redemptions(tx, named.id)
    customer_id = order.customer_id if order is not None else None
    if customer_id is None and named is not None:
        customer_id = named.customer_id
    if customer_id is not None:
        await lock_customer(tx, customer_id)


def _find_refusal(named: Redemption) -> ReturnRefusal | None:
    if named.kind is not RedemptionKind.REDEMPTION or named.result is not RedemptionResult.SUCCESS:
        return ReturnRefusal.NOT_A_REDEMPTION
    if named.parent_id is not None:
        return ReturnRefusal.CHILD
    return ReturnRefusal.ROLLED_BACK if named.rolled_back else None


async def _list_standing(tx: Tx, order: Order | None, named: Redemption | None) -> list[Redemption]:
    """What was redeemed on the order and not rolled back; parents took nothing themselves."""
    if order is None:
        assert named is not None
        return await _list_under(tx, named)
    found = await list_redemptions(
        tx,
        order_id=order.id,
        kind=RedemptionKind.REDEMPTION,
        result=RedemptionResult.SUCCESS,
        order="id",
        limit=LARGEST_PAGE,
    )
    return _without_parents(found.items)


async def _list_under(tx: Tx, named: Redemption) -> list[Redemption]:
    """Return a redemption that has no order, or the children of one."""
    children = await list_children(tx, named.id)
    return children or [named]


def _without_parents(redemptions: Sequence[Redemption]) -> list[Redemption]:
    parents = {one.parent_id for one in redemptions}
    return [one for one in redemptions if one.id not in parents and not one.rolled_back]


async def _look_up(
    tx: Tx,
    order: Order | None,
    *,
    named: Redemption | None,
    own: Sequence[Redemption],
    standing: Sequence[Redemption],
    now: datetime,
) -> Returning:
    vouchers = await list_vouchers_by_id(tx, sorted({r.voucher_id for r in own if r.voucher_id}))
    ids = sorted({r.campaign_id for r in own if r.campaign_id})
    found = (await list_campaigns(tx, ids=ids, limit=len(ids))).items if ids else []
    campaigns = {campaign.id: campaign for campaign in found}
    lines = () if order is None else order.lines
    references = {line.product_id for line in lines if line.product_id is not None}
    products = await list_products_named(tx, sorted(references)) if references else []
    return Returning(
        project=await get_project(tx),
        order=order,
        named_id=None if named is None else named.id,
        redemptions=tuple(own),
        standing=tuple(standing),
        history=tuple(
            await list_history(
                tx,
                order_id=None if order is None else order.id,
                redemption_ids=[] if named is None else [named.id],
            )
        ),
        coupons={v.id: Coupon(v, campaigns.get(v.campaign_id or "")) for v in vouchers},
        policies=await list_policies(tx, ids),
        products={product.id: product for product in products},
        now=now,
    )


async def _list_movements(tx: Tx, state: Returning, done: OrderReturn) -> list[Movement]:
    """What goes back in the ledger: money with the discount, uses where the policy says so."""
    limited = await list_limited(tx, state.redemptions)
    parts = {part.redemption_id: part for part in done.parts}
    movements: list[Movement] = []
    for redemption in state.redemptions:
        for transfer in await list_transfers(tx, redemption.id):
            if transfer.cause is not Cause.REDEEM:
                continue
            part = parts[redemption.id]
            if transfer.from_owner.startswith("@") and transfer.kind in MONEY:
                amount = _find_earned(state, transfer, redemption, done=done)
            else:
                amount = _find_amount(transfer, redemption, part, completes=done.completes)
            if amount:
                movements += reverse(transfer, amount, limited=limited, cause_id=done.id)
    return movements


def _find_amount(
    transfer: Transfer, redemption: Redemption, part: ReturnPart, *, completes: bool
) -> int:
    left = transfer.amount - transfer.reversed
    if transfer.kind not in MONEY:
        return left if part.use_returned else 0
    if completes:
        return left
    # A balance may be kept in other units than the money it paid, such as points.
    returned = redemption.returned_minor + part.returned_minor
    target = proportion(transfer.amount, returned, redemption.total_discount_minor)
    return max(target - transfer.reversed, 0)


def _find_earned(
    state: Returning, transfer: Transfer, redemption: Redemption, *, done: OrderReturn
) -> int:
    """What was earned goes with the goods that it was earned on, by what they cost."""
    left = transfer.amount - transfer.reversed
    if done.completes or state.order is None:
        return left
    own = [
        one.gross_minor
        for one in (*state.history, done)
        if redemption.id in {part.redemption_id for part in one.parts}
    ]
    whole = max(state.order.amount_minor, sum(line.amount_minor for line in state.order.lines))
    return max(proportion(transfer.amount, sum(own), whole) - transfer.reversed, 0)


async def _follow(tx: Tx, order: Order, history: Sequence[OrderReturn], *, now: datetime) -> None:
    """Move the order on to where its returns have brought it; its customer's summary follows."""
    done = is_returned(find_order_slots(order, history))
    status = OrderStatus.RETURNED if done else OrderStatus.PARTIALLY_RETURNED
    await update_order(tx, order.id, OrderDraft(status=status), now=now)
