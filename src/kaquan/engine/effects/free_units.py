"""Goods for free (赠品): into the cart, or from it."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from kaquan.engine.benefits import AddedUnits
from kaquan.engine.cart import Cart, Goods, Line
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.personal import check_formula, personalise
from kaquan.engine.effects.selection import Count
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, share_of_units
from kaquan.engine.reasons import Reason, ReasonCode

Adding: TypeAlias = Literal["new", "missing"]
"""Always add the units, or free those that are in the cart and add only what is missing."""


class FreeUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` units of one product, or of one SKU when that is named too.

    `quantity_formula` takes the place of `quantity` where it has a value for the request.
    """

    product_id: str | None = None
    sku_id: str | None = None
    quantity: Count = 1
    quantity_formula: str | None = None
    adding: Adding = "new"

    def __post_init__(self) -> None:
        check_formula(self.quantity_formula)
        if not (self.product_id or self.sku_id):
            raise ValueError("free units need a product_id or a sku_id")

    def is_on(self, line: Line) -> bool:
        """Whether the line is of these goods; a product covers its SKUs."""
        if self.sku_id is not None:
            return line.sku_id == self.sku_id
        return line.product_id == self.product_id


@EFFECTS.register
class FreeUnits(Effect, frozen=True, kw_only=True):
    """Units of named goods for free; each named good says whether they are always added.

    Added units enter the order's amount and come off as item-level money. They go onto the line
    of the same goods if there is one, at its price, else onto a new last line.
    """

    code: ClassVar[str] = "free_units"

    units: Annotated[tuple[FreeUnit, ...], msgspec.Meta(min_length=1, max_length=20)]

    def apply(self, facts: Facts) -> Outcome | Reason:
        basket = _Basket(facts)
        for unit in self.units:
            quantity, _ = personalise(unit.quantity, unit.quantity_formula, facts)
            refusal = basket.give(unit, quantity)
            if refusal is not None:
                return refusal
        added = tuple(one for one in basket.added if one.units)
        if _overflows(facts.cart, added):
            return Reason(ReasonCode.AMOUNT_OVERFLOW, {"field": "amount"})
        return Outcome(
            items_minor=basket.list_off(),
            added=added,
            inputs={
                "units": sum(basket.freed) + sum(one.units for one in added),
                "added": sum(one.units for one in added),
            },
        )


def _overflows(cart: Cart, added: tuple[AddedUnits, ...]) -> bool:
    cost = sum(one.amount_minor for one in added)
    units = sum(one.units for one in added)
    amount = max(cart.amount, sum(line.amount for line in cart.lines) + cart.shipping_minor)
    quantity = max((line.quantity for line in cart.lines), default=0)
    return max(amount + cost, quantity + units) > MAX_MINOR


class _Basket:
    """The cart while units are given: what was freed of each line, and what was added."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._lines = list(facts.cart.lines)
        self._known = len(self._lines)
        self.freed = [0] * self._known
        self.added: list[AddedUnits] = []

    def give(self, unit: FreeUnit, quantity: int) -> Reason | None:
        """Free or add so many units; a reason when nobody knows what they cost."""
        positions = [index for index, line in enumerate(self._lines) if unit.is_on(line)]
        if unit.adding == "missing":
            quantity -= self._free(positions, quantity)
        if quantity == 0:
            return None
        goods = self._find_goods(unit, positions)
        if goods is None:
            params = {"item_id": unit.sku_id or unit.product_id or ""}
            return Reason(ReasonCode.FREE_ITEM_WITHOUT_PRICE, params)
        self._add(positions[0] if positions else len(self._lines), quantity, goods)
        return None

    def list_off(self) -> tuple[int, ...]:
        """What comes off each line, those that were added last."""
        left = self._facts.left.subtotals_minor
        off = [
            share_of_units(left[index], self._lines[index].quantity, units=units)
            for index, units in enumerate(self.freed)
        ]
        off += [0] * (len(self._lines) - self._known)
        for one in self.added:
            off[one.position] += one.amount_minor
        return tuple(off)

    def _free(self, positions: list[int], quantity: int) -> int:
        freed = 0
        for index in positions:
            if index < self._known:
                units = min(self._lines[index].quantity - self.freed[index], quantity - freed)
                self.freed[index] += units
                freed += units
        return freed

    def _find_goods(self, unit: FreeUnit, positions: list[int]) -> Goods | None:
        if positions:
            line = self._lines[positions[0]]
            return Goods(
                product_id=line.product_id,
                sku_id=line.sku_id,
                unit_price=line.unit_price,
                attributes=line.attributes,
            )
        return self._facts.context.catalogue.get(unit.sku_id or unit.product_id or "")

    def _add(self, position: int, units: int, goods: Goods) -> None:
        self.added.append(AddedUnits(position=position, units=units, goods=goods))
        if position == len(self._lines):
            self._lines.append(
                Line(
                    key="",
                    product_id=goods.product_id,
                    sku_id=goods.sku_id,
                    quantity=0,
                    unit_price=goods.unit_price,
                    amount=0,
                )
            )
