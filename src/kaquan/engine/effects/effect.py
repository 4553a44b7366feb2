"""What every effect is."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

import msgspec

from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ParamValue, Reason
from kaquan.engine.registry import Registry

Target: TypeAlias = Literal["order", "items"]
"""Whether the money comes off the order as a whole or off its lines; the two never mix."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an effect would take off, in minor units, before it is held to what is left.

    `items_minor` has one entry a line, or none. `carriers` are the positions of the lines that
    are to carry the order-level money; None spreads it over the whole order.
    """

    order_minor: int = 0
    carriers: tuple[int, ...] | None = None
    items_minor: tuple[int, ...] = ()
    inputs: Mapping[str, ParamValue] = {}


class Effect(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a coupon does: pure, its fields are its arguments."""

    code: ClassVar[str]

    def apply(self, facts: Facts) -> Outcome | Reason:
        """The money it takes off, or why it has nothing to work on."""
        raise NotImplementedError


EFFECTS: Registry[Effect] = Registry("effect")
