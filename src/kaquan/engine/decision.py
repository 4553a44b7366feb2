"""The answer of the engine."""

from typing import TypeAlias

import msgspec

from kaquan.engine.benefits import AddedUnits, Grant
from kaquan.engine.reasons import Reason, headline
from kaquan.engine.trace import Trace


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Money of the order after a step, in minor units; order-level and item-level never mix."""

    amount_minor: int
    discount_minor: int
    items_discount_minor: int
    total_discount_minor: int
    total_minor: int


class Applied(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="applied"):
    """A candidate that takes effect; amounts in minor units are this step's own.

    `allocation` has one entry a line, both levels together; `items_allocation` is the item-level
    part of it. `unallocated_minor` is order-level money that no line carries, so that
    sum(allocation) + unallocated_minor = discount_minor + items_discount_minor.
    `shipping_minor` is the part of `unallocated_minor` that the delivery carries. `cumulative`
    counts this candidate and those applied before it. `added` are units that it put into the cart:
    lines that it added stand behind those that came in. `balance_taken` is what it takes of a
    voucher's balance, in that balance's units; `grants` what it gives besides money.
    """

    key: str
    discount_minor: int
    items_discount_minor: int
    allocation: tuple[int, ...]
    items_allocation: tuple[int, ...]
    unallocated_minor: int
    cumulative: Figures
    uses: int = 1
    shipping_minor: int = 0
    added: tuple[AddedUnits, ...] = ()
    balance_taken: int = 0
    grants: tuple[Grant, ...] = ()

    @property
    def total_discount_minor(self) -> int:
        """Order-level and item-level money of this step."""
        return self.discount_minor + self.items_discount_minor


class Rejected(msgspec.Struct, frozen=True, tag_field="status", tag="rejected"):
    """A candidate whose offer, limits or rules refuse it; at least one reason."""

    key: str
    reasons: tuple[Reason, ...]

    @property
    def reason(self) -> Reason:
        """The reason of highest precedence."""
        return headline(self.reasons)


class Skipped(msgspec.Struct, frozen=True, tag_field="status", tag="skipped"):
    """A candidate passed over because of the rest of the request, through no fault of its own."""

    key: str
    reason: Reason


CandidateResult: TypeAlias = Applied | Rejected | Skipped


class LineFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one line, in minor units.

    `subtotal_minor` is the amount less item-level money only; `total_minor` also less the line's
    share of the order-level money. `initial_quantity` is what the cart came in with, 0 for a line
    that an offer added.
    """

    key: str
    amount_minor: int
    items_discount_minor: int
    discount_minor: int
    subtotal_minor: int
    total_minor: int
    product_id: str | None = None
    sku_id: str | None = None
    unit_price_minor: int = 0
    quantity: int = 0
    initial_quantity: int = 0


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the request comes to, in minor units.

    Approved when a candidate was applied and, under ALL, none was rejected. When it is not, the
    figures are those of the undiscounted order, and results that say Applied tell what would
    have been. `reasons` refuse the request as a whole; every candidate is then skipped.
    """

    approved: bool
    amount_minor: int
    discount_minor: int
    items_discount_minor: int
    total_discount_minor: int
    total_minor: int
    unallocated_minor: int
    lines: tuple[LineFigures, ...]
    results: tuple[CandidateResult, ...]
    trace: Trace
    reasons: tuple[Reason, ...] = ()

    @property
    def sequence(self) -> tuple[str, ...]:
        """Keys of the candidates in the order in which they were worked out."""
        return tuple(candidate.key for candidate in self.trace.candidates)
