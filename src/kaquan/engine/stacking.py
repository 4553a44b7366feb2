"""A project's rules for several redeemables in one request."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from kaquan.engine.money import Rounding

MOST_SENT = 30
"""No project may let more redeemables into one request."""


class InvalidRules(ValueError):
    """The rules contradict themselves or a limit; `field` names the first wrong one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Application(StrEnum):
    """ALL: everything that was sent or nothing. PARTIAL: what can be applied, is."""

    ALL = "all"
    PARTIAL = "partial"


class Sorting(StrEnum):
    """What comes first: as sent, the lower category hierarchy, or the lower priority number."""

    REQUESTED_ORDER = "requested_order"
    CATEGORY_HIERARCHY = "category_hierarchy"
    PRIORITY = "priority"


class Grouping(StrEnum):
    """Joint coupons beside exclusive ones: after them, or sorted among them."""

    JOINT_LAST = "joint_last"
    TOGETHER = "together"


class ProductUse(StrEnum):
    """Item-level discounts on one product: as many as apply, or only the first."""

    STACK = "stack"
    ONCE = "once"


class NoEffect(StrEnum):
    """A coupon that would take nothing off: kept for another time, or redeemed all the same."""

    SKIP = "skip"
    REDEEM_ANYWAY = "redeem_anyway"


class AmountBase(StrEnum):
    """Percentages of what earlier coupons left, or of the amounts that came in."""

    REMAINING = "remaining"
    INITIAL_AMOUNT = "initial_amount"


class RollbackOrder(StrEnum):
    """What becomes of the order of a redemption that is rolled back: undone with it, or left."""

    WITH_ORDER = "with_order"
    WITHOUT_ORDER = "without_order"


class StackingRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which redeemables may go together, in what order, on what they work, and how they round.

    Limits count redeemables, 1 to 30. `category_limits` replaces `max_per_category` (or, for an
    exclusive category, `max_exclusive_per_category`) for the categories it names. The lists hold
    category ids. With `by_lane` items come before the order, shipping and payment means, whatever
    the `sorting`. Raises InvalidRules for a limit out of range or a category in two lists that
    contradict each other.
    """

    max_sent: int = 30
    max_applied: int = 5
    max_per_category: int = 1
    category_limits: Mapping[str, int] = {}
    max_exclusive: int = 1
    max_exclusive_per_category: int = 1
    exclusive_categories: tuple[str, ...] = ()
    joint_categories: tuple[str, ...] = ()
    application: Application = Application.ALL
    sorting: Sorting = Sorting.REQUESTED_ORDER
    grouping: Grouping = Grouping.JOINT_LAST
    by_lane: bool = False
    products: ProductUse = ProductUse.STACK
    no_effect: NoEffect = NoEffect.SKIP
    no_effect_skip_categories: tuple[str, ...] = ()
    no_effect_redeem_categories: tuple[str, ...] = ()
    base: AmountBase = AmountBase.REMAINING
    initial_base_categories: tuple[str, ...] = ()
    remaining_base_categories: tuple[str, ...] = ()
    rounding: Rounding = Rounding.HALF_EVEN
    rollback: RollbackOrder = RollbackOrder.WITH_ORDER

    def __post_init__(self) -> None:
        limits = {
            "max_sent": self.max_sent,
            "max_applied": self.max_applied,
            "max_per_category": self.max_per_category,
            "max_exclusive": self.max_exclusive,
            "max_exclusive_per_category": self.max_exclusive_per_category,
            **{f"category_limits.{name}": limit for name, limit in self.category_limits.items()},
        }
        for name, limit in limits.items():
            if not 1 <= limit <= MOST_SENT:
                message = f"{name} must be from 1 to {MOST_SENT}"
                raise InvalidRules(name, message)
        for one, other in (
            ("exclusive_categories", "joint_categories"),
            ("no_effect_skip_categories", "no_effect_redeem_categories"),
            ("initial_base_categories", "remaining_base_categories"),
        ):
            self._forbid_overlap(one, other)

    def _forbid_overlap(self, one: str, other: str) -> None:
        both: set[str] = set(getattr(self, one)) & set(getattr(self, other))
        if both:
            message = f"{', '.join(sorted(both))} cannot be in both {one} and {other}"
            raise InvalidRules(one, message)

    def limit_of(self, category_id: str) -> int:
        """How many redeemables of the category may be applied."""
        general = self.max_per_category
        if category_id in self.exclusive_categories:
            general = self.max_exclusive_per_category
        return self.category_limits.get(category_id, general)

    def redeems_without_effect(self, category_ids: Iterable[str]) -> bool:
        """Whether a redeemable of these categories is used up even when it takes nothing off."""
        ids = set(category_ids)
        if not ids.isdisjoint(self.no_effect_skip_categories):
            return False
        if not ids.isdisjoint(self.no_effect_redeem_categories):
            return True
        return self.no_effect is NoEffect.REDEEM_ANYWAY

    def works_on_initial(self, category_ids: Iterable[str]) -> bool:
        """Whether a percentage of these categories is one of the initial amounts."""
        ids = set(category_ids)
        if not ids.isdisjoint(self.remaining_base_categories):
            return False
        if not ids.isdisjoint(self.initial_base_categories):
            return True
        return self.base is AmountBase.INITIAL_AMOUNT
