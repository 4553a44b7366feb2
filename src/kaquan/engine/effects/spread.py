"""How effects place money on lines."""

from collections.abc import Sequence

from kaquan.engine.cart import Cart
from kaquan.engine.money import allocate
from kaquan.engine.scope import Scope


def find_carriers(scope: Scope, cart: Cart) -> tuple[int, ...] | None:
    """The lines that carry order-level money; None for the whole order."""
    return None if scope.is_everything() else scope.indexes(cart)


def place_on_lines(amounts: Sequence[int], indexes: Sequence[int], *, size: int) -> tuple[int, ...]:
    """One entry a line: the amounts at their positions, nothing elsewhere."""
    placed = [0] * size
    for index, amount in zip(indexes, amounts, strict=True):
        placed[index] = amount
    return tuple(placed)


def hold_to(total_minor: int, amounts: Sequence[int]) -> list[int]:
    """The amounts, scaled down in proportion when they sum to more than `total_minor`."""
    if sum(amounts) <= total_minor:
        return list(amounts)
    return allocate(total_minor, amounts)
