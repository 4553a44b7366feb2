"""How effects place money on lines."""

from collections.abc import Mapping, Sequence

from kaquan.engine.cart import Cart
from kaquan.engine.effects.effect import Outcome
from kaquan.engine.effects.selection import Picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import allocate
from kaquan.engine.reasons import ParamValue
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


def take_off_picks(
    off: Sequence[int],
    picks: Picks,
    facts: Facts,
    *,
    cap_minor: int | None = None,
    total_cap_minor: int | None = None,
    inputs: Mapping[str, ParamValue] | None = None,
) -> Outcome:
    """Item-level money off chosen units: at most what is left of them, and the lowest cap wins.

    `off` has one amount a pick; `cap_minor` holds for each line, `total_cap_minor` for all.
    """
    held = [min(amount, value) for amount, value in zip(off, picks.values_minor, strict=True)]
    if cap_minor is not None:
        held = [min(amount, cap_minor) for amount in held]
    if total_cap_minor is not None:
        held = hold_to(total_cap_minor, held)
    return Outcome(
        items_minor=place_on_lines(held, picks.indexes, size=len(facts.cart.lines)),
        inputs={"base_minor": picks.total_minor, "units": sum(picks.units), **(inputs or {})},
    )


def hold_to(total_minor: int, amounts: Sequence[int]) -> list[int]:
    """The amounts, scaled down in proportion when they sum to more than `total_minor`."""
    if sum(amounts) <= total_minor:
        return list(amounts)
    return allocate(total_minor, amounts)


def spread_within(amount: int, weights: Sequence[int], rooms: Sequence[int]) -> list[int]:
    """Split `amount` by `weights`, no share above its room; what one cannot take the others do.

    The shares sum to `amount`, or to all the room there is when that is less.
    """
    shares = [0] * len(rooms)
    left = amount
    while left:
        free = [
            weight if share < room else 0
            for weight, share, room in zip(weights, shares, rooms, strict=True)
        ]
        if not any(free):
            break
        for index, part in enumerate(allocate(left, free)):
            taken = min(part, rooms[index] - shares[index])
            shares[index] += taken
            left -= taken
    return shares
