"""Working out a return, without writing anything: what came back, and what is given back for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import structs

from kaquan.campaigns import effective_window
from kaquan.checkout.model import Coupon, Redemption
from kaquan.checkout.recheck import find_still_earned
from kaquan.checkout.returns_model import (
    GoodsBack,
    OrderReturn,
    ReturnPart,
    ReturnPolicy,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
    UseBack,
)
from kaquan.checkout.shares import (
    Due,
    Slot,
    claw_back,
    give_back,
    price_units,
    proportion,
    replay,
)
from kaquan.customers import Order, Product
from kaquan.engine import Context, CustomerFacts, allocate
from kaquan.runtime import InvalidInput, Project, check_whole_number

Moved: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Units by line and gross by slot."""


class Returning(msgspec.Struct, frozen=True, kw_only=True):
    """All that a return is worked out from.

    ``redemptions`` give back; ``standing`` are all of the order that were not rolled back, in the
    order in which they were made. ``named_id`` is the redemption that alone gives back.
    """

    project: Project
    order: Order | None
    named_id: str | None
    redemptions: tuple[Redemption, ...]
    standing: tuple[Redemption, ...]
    history: tuple[OrderReturn, ...]
    coupons: Mapping[str, Coupon]
    policies: Mapping[str, ReturnPolicy]
    products: dict[str, Product]
    now: datetime

    @property
    def is_whole(self) -> bool:
        """Whether every redemption of the order gives back."""
        return len(self.redemptions) == len(self.standing)

    def coupon_of(self, redemption: Redemption) -> Coupon | None:
        """The coupon that was redeemed."""
        return self.coupons.get(redemption.voucher_id or "")

    def policy_of(self, redemption: Redemption) -> ReturnPolicy:
        """What its campaign says about returns."""
        return self.policies.get(redemption.campaign_id or "", ReturnPolicy())


def plan_return(state: Returning, request: ReturnRequest) -> OrderReturn | ReturnRefused:
    """Work out a return. Raises InvalidInput for goods that are not of the order."""
    slots = _find_slots(state)
    if state.history and is_returned(slots):
        return ReturnRefused(ReturnRefusal.ALL_RETURNED)
    moved = _choose(state, request, slots)
    if isinstance(moved, ReturnRefused):
        return moved
    units, gross = moved
    after = _move(slots, moved)
    completes = is_returned(after)
    dues = {one.id: _find_due(one, state.history, slots) for one in state.redemptions}
    given: dict[str, tuple[int, ...]] = {}
    for redemption_id, due in dues.items():
        given[redemption_id], dues[redemption_id] = _give(due, gross, slots, completes=completes)
    refund = _find_refund(state, slots, gross, sum(map(sum, given.values())))
    clawed = _claw(state, after, dues, refund_minor=refund)
    clawed_minor = sum(map(sum, clawed.values()))
    nothing = (0,) * len(slots)
    parts = tuple(
        ReturnPart(
            redemption_id=one.id,
            given_back=given[one.id],
            clawed_back=clawed.get(one.id, nothing),
            use_returned=_gives_use_back(state, one, completes=completes),
        )
        for one in state.redemptions
    )
    return OrderReturn(
        id="",
        order_id=None if state.order is None else state.order.id,
        redemption_id=state.named_id,
        line_quantities=units,
        line_gross=gross,
        gross_minor=sum(gross),
        given_back_minor=sum(map(sum, given.values())),
        clawed_back_minor=clawed_minor,
        refund_minor=refund - clawed_minor if state.is_whole else None,
        completes=completes,
        reason=request.reason,
        metadata=request.metadata,
        created_at=state.now,
        parts=parts,
    )


def find_order_slots(order: Order | None, history: Iterable[OrderReturn]) -> tuple[Slot, ...]:
    """Return the order's lines, and what no line accounts for, with what came back of each.

    Redemptions that were returned one by one speak of the same goods: the one that is furthest
    on counts.
    """
    slots = _untouched(order)
    whole: list[OrderReturn] = []
    alone: dict[str, list[OrderReturn]] = {}
    for one in history:
        if one.redemption_id is None or _is_of_order(one):
            whole.append(one)
        else:
            alone.setdefault(one.redemption_id, []).append(one)
    slots = _replay_slots(slots, whole)
    furthest = [_replay_slots(slots, own) for own in alone.values()]
    return tuple(
        structs.replace(
            slot,
            units_back=max([slot.units_back, *(own[index].units_back for own in furthest)]),
            gross_back=max([slot.gross_back, *(own[index].gross_back for own in furthest)]),
        )
        for index, slot in enumerate(slots)
    )


def _is_of_order(one: OrderReturn) -> bool:
    """Whether every redemption of the order gave back."""
    return one.refund_minor is not None


def _untouched(order: Order | None) -> tuple[Slot, ...]:
    lines = () if order is None else order.lines
    amount = 0 if order is None else order.amount_minor
    rest = max(amount - sum(line.amount_minor for line in lines), 0)
    return (
        *(Slot(quantity=line.quantity, gross=line.amount_minor) for line in lines),
        Slot(quantity=0, gross=rest),
    )


def _find_slots(state: Returning) -> tuple[Slot, ...]:
    if state.is_whole:
        return find_order_slots(state.order, state.history)
    ids = {one.id for one in state.redemptions}
    own = [
        one
        for one in state.history
        if _is_of_order(one) or ids & {part.redemption_id for part in one.parts}
    ]
    return _replay_slots(_untouched(state.order), own)


def _replay_slots(slots: Sequence[Slot], history: Iterable[OrderReturn]) -> tuple[Slot, ...]:
    for one in history:
        slots = _move(slots, (one.line_quantities, one.line_gross))
    return tuple(slots)


def _move(slots: Sequence[Slot], moved: Moved) -> tuple[Slot, ...]:
    units, gross = (*moved[0], 0), moved[1]
    return tuple(
        structs.replace(
            slot, units_back=slot.units_back + more, gross_back=slot.gross_back + amount
        )
        for slot, more, amount in zip(slots, units, gross, strict=True)
    )


def is_returned(slots: Sequence[Slot]) -> bool:
    """Whether nothing is left to return."""
    if any(slot.gross_left for slot in slots):
        return False
    return any(slot.gross for slot in slots) or not any(slot.units_left for slot in slots)


def _choose(
    state: Returning, request: ReturnRequest, slots: Sequence[Slot]
) -> Moved | ReturnRefused:
    if request.goods is not None and request.amount_minor is not None:
        raise InvalidInput("Name goods or an amount, not both.", field="amount")
    if request.goods is not None:
        return _choose_goods(state, request.goods, slots)
    if request.amount_minor is None:
        return tuple(s.units_left for s in slots[:-1]), tuple(s.gross_left for s in slots)
    amount = check_whole_number(request.amount_minor, "amount", least=1)
    left = [slot.gross_left for slot in slots]
    if amount > sum(left):
        return ReturnRefused(ReturnRefusal.TOO_MUCH, "amount")
    return (0,) * (len(slots) - 1), tuple(allocate(amount, left))


def _choose_goods(
    state: Returning, goods: Sequence[GoodsBack], slots: Sequence[Slot]
) -> Moved | ReturnRefused:
    if not goods:
        raise InvalidInput("Name at least one line.", field="items")
    units = [0] * (len(slots) - 1)
    for position, back in enumerate(goods):
        field = f"items[{position}]"
        quantity = check_whole_number(back.quantity, f"{field}.quantity", least=1)
        line = _find_line(state.order, back, field=field)
        units[line] += quantity
        if units[line] > slots[line].units_left:
            return ReturnRefused(ReturnRefusal.TOO_MUCH, f"{field}.quantity")
    priced = [
        price_units(slot, taken) if taken else 0
        for slot, taken in zip(slots[:-1], units, strict=True)
    ]
    return tuple(units), (*priced, 0)


def _find_line(order: Order | None, back: GoodsBack, *, field: str) -> int:
    lines = () if order is None else order.lines
    if back.line is not None:
        if not 0 <= back.line < len(lines):
            message = f"The order has {len(lines)} lines, counted from 0."
            raise InvalidInput(message, field=f"{field}.line")
        return back.line
    if back.product_id is None and back.source_id is None:
        raise InvalidInput("Say which line: by 'line', or by its product.", field=field)
    found = [
        index
        for index, line in enumerate(lines)
        if back.product_id in (None, line.product_id) and back.source_id in (None, line.source_id)
    ]
    if len(found) != 1:
        message = (
            "No line of the order has this product."
            if not found
            else f"{len(found)} lines have this product; say which by 'line'."
        )
        raise InvalidInput(message, field=field)
    return found[0]


def _find_due(
    redemption: Redemption, history: Sequence[OrderReturn], slots: Sequence[Slot]
) -> tuple[Due, ...]:
    """What the redemption still has to give back by slot; no line carries the last."""
    # A line that went since (an order may change while nothing is off it) had nothing to carry.
    lines = (*redemption.allocation, *(0 for _ in slots))[: len(slots) - 1]
    stored = (*lines, redemption.total_discount_minor - sum(lines))
    own = [
        (one.line_gross, part.given_back, part.clawed_back)
        for one in history
        for part in one.parts
        if part.redemption_id == redemption.id
    ]
    return replay(stored, own)


def _give(
    due: Sequence[Due], gross: Sequence[int], slots: Sequence[Slot], *, completes: bool
) -> tuple[tuple[int, ...], tuple[Due, ...]]:
    """What goes back by slot; with the last of the goods, all that is left."""
    if completes:
        return tuple(one.left for one in due), tuple(structs.replace(one, left=0) for one in due)
    moved = [
        give_back(one, amount, of=slot.gross)
        for one, amount, slot in zip(due, gross, slots, strict=True)
    ]
    return tuple(given for given, _ in moved), tuple(after for _, after in moved)


def _find_refund(
    state: Returning, slots: Sequence[Slot], gross: Sequence[int], given_minor: int
) -> int:
    """What the buyer paid for the goods; discounts of the merchant's own go with their share."""
    order = state.order
    if order is None:
        return 0
    redeemed = sum(one.total_discount_minor for one in state.standing)
    stated = max(order.amount_minor - order.total_minor - redeemed, 0)
    whole, before = sum(s.gross for s in slots), sum(s.gross_back for s in slots)
    own = proportion(stated, before + sum(gross), whole) - proportion(stated, before, whole)
    refunded = sum(one.refund_minor or 0 for one in state.history)
    return max(min(sum(gross) - given_minor - own, order.total_minor - refunded), 0)


def _claw(
    state: Returning,
    after: Sequence[Slot],
    dues: dict[str, tuple[Due, ...]],
    *,
    refund_minor: int,
) -> dict[str, tuple[int, ...]]:
    """What the goods that stay no longer earn, by redemption; never more than the refund."""
    clawed: dict[str, tuple[int, ...]] = {}
    for redemption in state.redemptions if state.is_whole else ():
        coupon = state.coupon_of(redemption)
        if coupon is None or state.policy_of(redemption).kept_goods == "keep":
            continue
        left = [due.left for due in dues[redemption.id]]
        earlier = [dues[one.id] for one in state.redemptions if one.id < redemption.id]
        earned = find_still_earned(
            coupon,
            _keep(state.order, after, earlier),
            state.products,
            left_minor=sum(left),
            context=_context(state, redemption),
        )
        taken = min(sum(left) - earned, refund_minor)
        if taken <= 0:
            continue
        clawed[redemption.id] = tuple(allocate(taken, left))
        refund_minor -= taken
        pairs = zip(dues[redemption.id], clawed[redemption.id], strict=True)
        dues[redemption.id] = tuple(claw_back(due, amount) for due, amount in pairs)
    return clawed


def _keep(
    order: Order | None, after: Sequence[Slot], earlier: Sequence[Sequence[Due]]
) -> Order | None:
    """The order with the goods that stay, less what earlier coupons take off them."""
    if order is None or not any(slot.gross_left or slot.units_left for slot in after):
        return None
    off = [sum(due[index].left for due in earlier) for index in range(len(after))]
    lines = tuple(
        structs.replace(
            line, quantity=slot.units_left, amount_minor=slot.gross_left, discount_minor=less
        )
        for line, slot, less in zip(order.lines, after[:-1], off[:-1], strict=True)
        if slot.units_left
    )
    amount = sum(slot.gross_left for slot in after)
    return structs.replace(
        order, lines=lines, amount_minor=amount, total_minor=max(amount - sum(off), 0)
    )


def _context(state: Returning, redemption: Redemption) -> Context:
    return Context(
        now=redemption.created_at,
        currency=state.project.currency,
        customer=CustomerFacts(id=redemption.customer_id),
        location_id=redemption.location_id,
        channel=redemption.channel,
        time_zone=state.project.time_zone,
    )


def _gives_use_back(state: Returning, redemption: Redemption, *, completes: bool) -> bool:
    policy = state.policy_of(redemption)
    if redemption.use_returned or policy.use_back is UseBack.NEVER:
        return False
    if policy.use_back is UseBack.COMPLETE and not completes:
        return False
    coupon = state.coupon_of(redemption)
    if coupon is None or not policy.no_use_after_expiry:
        return True
    return not effective_window(coupon.voucher, coupon.campaign).has_ended(state.now)
