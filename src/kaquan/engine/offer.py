"""An offer: what it does, when it may, and during which time."""

import msgspec

from kaquan.engine.conditions import NO_CONDITION, Node
from kaquan.engine.effects import Effect
from kaquan.engine.validity import ALWAYS, Validity


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One effect under a tree of conditions, usable within a window."""

    id: str
    effect: Effect
    condition: Node = NO_CONDITION
    window: Validity = ALWAYS
