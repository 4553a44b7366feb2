"""What every effect is."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

import msgspec

from kaquan.engine.benefits import AddedUnits, Grant
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.reasons import ParamValue, Reason
from kaquan.engine.registry import Registry
from kaquan.engine.scope import Scope

Target: TypeAlias = Literal["order", "items"]
"""Whether the money comes off the order as a whole or off its lines; the two never mix."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an effect would take off, in minor units, before it is held to what is left.

    `items_minor` has one entry a line, or none; units in `added` enter the cart before it comes
    off, so their new lines have an entry too. `carriers` are the positions of the lines that are
    to carry the order-level money; None spreads it over the whole order, and `off_shipping` puts
    it on the delivery alone. `balance_taken` is what is taken of the voucher's balance, in its
    own units. `grants` are what is given besides money.
    """

    order_minor: int = 0
    carriers: tuple[int, ...] | None = None
    off_shipping: bool = False
    items_minor: tuple[int, ...] = ()
    added: tuple[AddedUnits, ...] = ()
    balance_taken: int = 0
    grants: tuple[Grant, ...] = ()
    inputs: Mapping[str, ParamValue] = {}


class Effect(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a coupon does: pure, its fields are its arguments."""

    code: ClassVar[str]

    @property
    def lane(self) -> Lane:
        """What it works on, where a project sorts by that; without a target, the items."""
        return Lane.ORDER if getattr(self, "target", "items") == "order" else Lane.ITEM

    @property
    def is_for_everything(self) -> bool:
        """Whether it works on whatever goods are in the cart."""
        scope: Scope | None = getattr(self, "scope", None)
        return scope is None or scope.is_everything()

    def apply(self, facts: Facts) -> Outcome | Reason:
        """The money it takes off, or why it has nothing to work on."""
        raise NotImplementedError


EFFECTS: Registry[Effect] = Registry("effect")
