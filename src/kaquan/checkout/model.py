"""The nouns: what is asked of a checkout, what it answers, and what is kept of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from kaquan.campaigns import Campaign, Voucher
from kaquan.customers import Customer, CustomerDraft, Order, OrderDraft
from kaquan.engine import Applied, CandidateResult, Decision, LineFigures, Reason, Rejected
from kaquan.runtime import KaquanError, Project


class Contended(KaquanError):
    """Another request stored the same new order first; asking again gets the right answer."""

    key = "try_again"


class Redeemable(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be redeemed: a voucher by its code.

    ``face_value_minor`` is the value printed on a manufacturer's coupon, where the offer takes it.
    """

    id: str
    object: Literal["voucher"] = "voucher"
    face_value_minor: int | None = None


class CheckoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """1 to 30 redeemables on an order, for a customer, somewhere.

    ``order`` is a draft, or the id or source_id of a stored order; ``customer`` likewise. Without
    a customer the order's applies; without that the buyer is a guest. Without an order the
    redeemables are used up for nothing: rules about an order are not met by none. ``location_id`` is ours or
    the merchant's. With ``order_already_discounted`` the stored order came with the discounts of
    these redemptions: offers are worked out on its amounts before any discount, the redemptions
    are linked to it, and the order stays as it is.
    """

    redeemables: tuple[Redeemable, ...]
    order: OrderDraft | str | None = None
    customer: CustomerDraft | str | None = None
    location_id: str | None = None
    channel: str = "API"
    tracking_id: str | None = None
    metadata: dict[str, Any] = {}
    order_already_discounted: bool = False


class Coupon(msgspec.Struct, frozen=True):
    """A voucher as a checkout finds it, with the campaign it belongs to, if any."""

    voucher: Voucher
    campaign: Campaign | None


class OrderFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Money of an order in minor units, discounts given to it earlier included.

    ``lines`` have one entry a line; their money leaves this request's discounts apart.
    """

    amount_minor: int
    discount_minor: int
    items_discount_minor: int
    total_discount_minor: int
    total_minor: int
    lines: tuple[LineFigures, ...]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one redeemable; ``coupon`` is None for a code nobody knows."""

    redeemable: Redeemable
    coupon: Coupon | None
    result: CandidateResult

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it does not apply; empty when it does."""
        match self.result:
            case Applied():
                return ()
            case Rejected():
                return self.result.reasons
            case _:
                return (self.result.reason,)


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What a redemption would come to: the engine's decision and all that it was made about.

    ``attempts`` follow the request. ``order`` is the order as it would be stored without this
    request's discounts, its id empty while it is new; None for a request without an order, whose
    ``figures`` are zeros.
    """

    decision: Decision
    attempts: tuple[Attempt, ...]
    figures: OrderFigures
    customer: Customer | None
    order: Order | None
    project: Project

    @property
    def valid(self) -> bool:
        """Whether a redemption of the same request would succeed."""
        return self.decision.approved


class RedemptionKind(StrEnum):
    """What a row of the register is about."""

    REDEMPTION = "redemption"
    ROLLBACK = "rollback"


class RedemptionResult(StrEnum):
    """How an attempt ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to redeem or to roll back, kept for good.

    Amounts are minor units. ``allocation`` and ``items_allocation`` (its item-level part) have
    one entry a line of the order. A parent stands for several redeemables: it has no voucher, and
    its figures are the sums of its children's. ``trace`` is the engine's, of this row's
    redeemables only. ``reverses_id`` names what a rollback undid. ``rolled_back`` tells whether
    that happened to this redemption.
    """

    id: str
    kind: RedemptionKind
    result: RedemptionResult
    parent_id: str | None = None
    reverses_id: str | None = None
    voucher_id: str | None = None
    voucher_code: str | None = None
    campaign_id: str | None = None
    customer_id: str | None = None
    order_id: str | None = None
    location_id: str | None = None
    channel: str
    tracking_id: str | None = None
    discount_minor: int = 0
    items_discount_minor: int = 0
    order_amount_minor: int | None = None
    allocation: tuple[int, ...] = ()
    items_allocation: tuple[int, ...] = ()
    failure_code: str | None = None
    failure_message: str | None = None
    trace: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}
    by_user_id: str | None = None
    created_at: datetime
    rolled_back: bool = False

    @property
    def total_discount_minor(self) -> int:
        """Order-level and item-level money together."""
        return self.discount_minor + self.items_discount_minor


class CustomerRedemptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a customer's redemptions succeeded (rolled back or not), failed, were undone."""

    customer_id: str
    succeeded: int = 0
    failed: int = 0
    rolled_back: int = 0


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption that took place. ``parent`` is set when there were several redeemables.

    ``redemptions`` has one row for each redeemable that was applied, in their order; ``order`` is
    as it is stored now, None when the request came without one.
    """

    parent: Redemption | None
    redemptions: tuple[Redemption, ...]
    validation: Validation
    customer: Customer | None
    order: Order | None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption that did not take place, and the failed attempts that were recorded."""

    failures: tuple[Redemption, ...]
    validation: Validation

    @property
    def reason(self) -> Reason:
        """The headline: the highest reason of the first redeemable that was refused."""
        for attempt in self.validation.attempts:
            if isinstance(attempt.result, Rejected):
                return attempt.result.reason
        return self.validation.attempts[0].reasons[0]


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption undone: its rollback rows, and the order as it is stored now.

    ``parent`` is the rollback of a parent; ``rollbacks`` are those of its children, or the one.
    """

    parent: Redemption | None
    rollbacks: tuple[Redemption, ...]
    order: Order | None


class RollBackRefusal(StrEnum):
    """Why a redemption cannot be rolled back, by the key that the wire shows."""

    NOT_A_REDEMPTION = "invalid_redemption"
    CHILD = "invalid_redemption_parent"
    ALREADY = "already_rolled_back"


class RollBackRefused(msgspec.Struct, frozen=True):
    """A rollback that did not take place."""

    refusal: RollBackRefusal
    redemption: Redemption
