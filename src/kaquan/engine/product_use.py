"""Products that had their item-level discount, where a project allows one each."""

import msgspec

from kaquan.engine.cart import Cart, Line
from kaquan.engine.facts import Remaining


class DiscountedProducts:
    """Remembers what was discounted. A line without a product or SKU stands for itself."""

    def __init__(self, cart: Cart) -> None:
        self._names = tuple(_name(line) for line in cart.lines)
        self._used: set[str] = set()

    def copy(self) -> "DiscountedProducts":
        """The same memory, to go on from separately."""
        twin = object.__new__(DiscountedProducts)
        twin._names = self._names
        twin._used = self._used.copy()
        return twin

    def add(self, items_minor: tuple[int, ...]) -> None:
        """Remember the products that item-level money came off."""
        self._used.update(name for name, off in zip(self._names, items_minor, strict=False) if off)

    def hide(self, left: Remaining) -> Remaining:
        """What is left, with nothing for item-level discounts on products that had theirs."""
        if not self._used:
            return left
        # Lines that an offer added since have had theirs by being free.
        names = self._names + (None,) * (len(left.subtotals_minor) - len(self._names))
        pairs = zip(left.subtotals_minor, names, strict=True)
        return msgspec.structs.replace(
            left, subtotals_minor=tuple(0 if name in self._used else own for own, name in pairs)
        )


def _name(line: Line) -> str:
    if line.product_id is not None:
        return f"product {line.product_id}"
    return f"line {line.key}" if line.sku_id is None else f"sku {line.sku_id}"
