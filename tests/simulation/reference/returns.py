"""What comes back in the reference shop: shares of what was given, added up from the start."""

from simulation.reference.state import Given, Order, Redemption, Shop
from simulation.steps import Outcome, ReturnGoods

RETURNABLE = ("PAID", "FULFILLED", "PARTIALLY_RETURNED")


def play_return(shop: Shop, step: ReturnGoods, given: Given) -> Outcome:
    """Units of a line come back, or all that is left."""
    order = shop.orders[step.order]
    if order.status == "RETURNED" or (order.status in RETURNABLE and _all_came_back(order)):
        return Outcome(kind="already_returned")
    if order.status not in RETURNABLE:
        return Outcome(kind="invalid_order_status")
    back = order.back or [0] * len(order.lines)
    units = [quantity - gone for (quantity, _), gone in zip(order.lines, back, strict=True)]
    if step.line is not None:
        if step.quantity > units[step.line]:
            return Outcome(kind="return_exceeds_purchase")
        units = [step.quantity if at == step.line else 0 for at in range(len(units))]
    gave, refund = take_back(shop, order, units)
    return Outcome(kind="returned", figures=[gave, refund, order.status, _is_done(order)])


def take_back(shop: Shop, order: Order, units: list[int]) -> tuple[int, int]:
    """Take so many units of each line; returns what was given back and what is refunded."""
    back = order.back or [0] * len(order.lines)
    order.back = [gone + more for gone, more in zip(back, units, strict=True)]
    order.returns += 1
    order.status = "RETURNED" if _is_done(order) else "PARTIALLY_RETURNED"
    worth = [more * price for more, (_, price) in zip(units, order.lines, strict=True)]
    gave = sum(_give_back(one, order, worth) for one in standing_of(shop, order))
    refund = max(min(sum(worth) - gave, order.total - order.refunded), 0)
    order.refunded += refund
    return gave, refund


def standing_of(shop: Shop, order: Order) -> list[Redemption]:
    """What was redeemed on an order and not rolled back, without parents."""
    return [
        one
        for one in shop.redemptions.values()
        if one.order is order and one.voucher is not None and not one.rolled_back
    ]


def _give_back(redemption: Redemption, order: Order, worth: list[int]) -> int:
    size = len(order.lines)
    before = redemption.given_back or [0] * size
    gone = redemption.gross_back or [0] * size
    stored = redemption.allocation or [0] * size
    gone = [
        min(so_far + more, quantity * price)
        for so_far, more, (quantity, price) in zip(gone, worth, order.lines, strict=True)
    ]
    if _is_done(order):
        after = stored
    else:
        after = [
            _half_up(amount, came, quantity * price)
            for amount, came, (quantity, price) in zip(stored, gone, order.lines, strict=True)
        ]
    gave = sum(after) - sum(before)
    redemption.given_back, redemption.gross_back = list(after), gone
    redemption.returned += gave
    voucher = redemption.voucher
    assert voucher is not None
    campaign = voucher.campaign
    if campaign is not None and redemption.from_budget:
        campaign.spent -= gave
    if _is_done(order) and not redemption.use_returned:
        redemption.use_returned = True
        voucher.used -= 1
        if campaign is not None and redemption.customer is not None:
            campaign.redeemed_by[redemption.customer] -= 1
    return gave


def _half_up(amount: int, part: int, whole: int) -> int:
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def _is_done(order: Order) -> bool:
    left = [quantity - gone for (quantity, _), gone in zip(order.lines, order.back, strict=True)]
    prices = [price for _, price in order.lines]
    if any(units * price for units, price in zip(left, prices, strict=True)):
        return False
    return any(prices) or not any(left)


def _all_came_back(order: Order) -> bool:
    return bool(order.returns) and _is_done(order)
