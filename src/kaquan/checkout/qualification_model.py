"""The nouns of qualifications: what is asked, what could be used, and what qualifies."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.checkout.model import CheckoutRequest, Coupon, Validation
from kaquan.checkout.scenarios import Scenario
from kaquan.checkout.store.candidates import OptionKind
from kaquan.checkout.tried import Tried
from kaquan.customers import Customer, Order
from kaquan.engine import Applied, Offer, StackingRules
from kaquan.runtime import Project


class QualificationSorting(StrEnum):
    """What comes first: the newest, the largest discount, or the smallest."""

    DEFAULT = "DEFAULT"
    BEST_DEAL = "BEST_DEAL"
    LEAST_DEAL = "LEAST_DEAL"


class Place(msgspec.Struct, frozen=True):
    """A place in what is listed by time: after ``seen`` of those created at ``at``, or before it."""

    at: datetime
    seen: int = 0


class QualificationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What could be used on ``about``'s order by its customer; its redeemables are left empty.

    ``matches`` filters what is looked at. ``after`` is where the last page ended; with a sorting
    by deals the first 1,000 after it are compared.
    """

    about: CheckoutRequest
    scenario: Scenario = Scenario.ALL
    sorting: QualificationSorting = QualificationSorting.DEFAULT
    limit: int = 5
    after: Place | None = None
    matches: Callable[["Option"], bool] | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """Something that might be used; a campaign stands for a voucher that it could give.

    ``parts`` are what it is made of, each with its offer: one, or the tiers of a stack. ``name``
    and ``banner`` are those of a promotion's tier or stack.
    """

    object: OptionKind
    key: str
    created_at: datetime
    parts: tuple[tuple[Coupon, Offer], ...]
    name: str | None = None
    banner: str | None = None

    @property
    def coupon(self) -> Coupon:
        """The coupon that it is, or the first of a stack."""
        return self.parts[0][0]

    @property
    def offer(self) -> Offer:
        """What it does, or the first of a stack."""
        return self.parts[0][1]


class Qualified(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be used; ``validation`` is of it alone, on the order as it is.

    That of a stack has an attempt for each of its tiers.

    Where the scenario lists offers that give nothing yet, its decision may be a refusal.
    """

    option: Option
    validation: Validation

    @property
    def discount_minor(self) -> int:
        """What it takes off the order, in minor units."""
        return total_discount(self.validation)

    @property
    def balance_taken(self) -> int:
        """What it takes of a card's balance, in the balance's units."""
        result = self.validation.attempts[0].result
        return result.balance_taken if isinstance(result, Applied) else 0


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    """What qualifies, the next place if there may be more, and what is kept of the attempt.

    ``tried`` has the stacks apart: their tiers were decided together.
    """

    found: tuple[Qualified, ...]
    more: bool
    next_place: Place | None
    customer: Customer | None
    order: Order | None
    project: Project
    rules: StackingRules
    tried: tuple[Tried, ...]


def total_discount(validation: Validation) -> int:
    """What all of a validation takes off the order, in minor units."""
    results = [attempt.result for attempt in validation.attempts]
    return sum(one.total_discount_minor for one in results if isinstance(one, Applied))
