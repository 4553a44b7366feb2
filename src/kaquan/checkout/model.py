"""The nouns: what is asked of a checkout, what it answers, and what is kept of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from kaquan.campaigns import Campaign, Voucher, VoucherUsage
from kaquan.checkout.session_model import Session
from kaquan.customers import Customer, CustomerDraft, Order, OrderDraft
from kaquan.engine import (
    AddedUnits,
    Applied,
    Candidate,
    CandidateResult,
    Cart,
    Context,
    Decision,
    Grant,
    LineFigures,
    Reason,
    Rejected,
    StackingRules,
)
from kaquan.experiments import Assignment
from kaquan.ledger import AccountKey, AccountKind
from kaquan.runtime import KaquanError, Project


class Contended(KaquanError):
    """Another request stored the same new order first; asking again gets the right answer."""

    key = "try_again"


class Redeemable(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be redeemed: a voucher by its code, or a promotion's tier by its id.

    ``face_value_minor`` is the value printed on a manufacturer's coupon, where the offer takes it.
    ``credits`` is what to pay from a gift card, in minor units, or from a card of points, in
    points; None pays what the order needs.
    """

    id: str
    object: Literal["voucher", "promotion_tier"] = "voucher"
    face_value_minor: int | None = None
    credits: int | None = None


class CheckoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """1 to 30 redeemables on an order, for a customer, somewhere.

    ``order`` is a draft, or the id or source_id of a stored order; ``customer`` likewise. Without
    a customer the order's applies; without that the buyer is a guest. Without an order the
    redeemables are used up for nothing: rules about an order are not met by none. ``location_id`` is ours or
    the merchant's. With ``order_already_discounted`` the stored order came with the discounts of
    these redemptions: offers are worked out on its amounts before any discount, the redemptions
    are linked to it, and the order stays as it is. ``payment_method`` is how the order is paid,
    ``redeemer_id`` who redeems for the customer: a person of ours, or a key. With a ``session`` a validation reserves what it
    finds, and a redemption takes what that session reserved.
    """

    redeemables: tuple[Redeemable, ...]
    order: OrderDraft | str | None = None
    customer: CustomerDraft | str | None = None
    location_id: str | None = None
    channel: str = "API"
    tracking_id: str | None = None
    metadata: dict[str, Any] = {}
    order_already_discounted: bool = False
    payment_method: str | None = None
    redeemer_id: str | None = None
    session: Session | None = None


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
    """What was decided about one redeemable; ``coupon`` is None for a code nobody knows.

    ``pays_from`` is the account of its balance, where it pays from one, and ``balance`` what was
    free on it; ``earns_to`` the account of points that the customer earns to, where there is a
    customer.
    """

    redeemable: Redeemable
    coupon: Coupon | None
    result: CandidateResult
    pays_from: AccountKey | None = None
    balance: int | None = None
    earns_to: AccountKey | None = None

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


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision was made from: the same inputs always give the same decision.

    ``sent`` are the codes of the request; one without a candidate was unknown, or not looked at.
    """

    sent: tuple[str, ...]
    cart: Cart
    candidates: tuple[Candidate, ...]
    context: Context
    rules: StackingRules


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What a redemption would come to: the engine's decision and all that it was made about.

    ``rules`` say how its redeemables went together. ``attempts`` follow the request. ``order`` is
    the order as it would be stored without this
    request's discounts, its id empty while it is new; None for a request without an order, whose
    ``figures`` are zeros. ``met`` are arms of measured campaigns that are to be logged.
    """

    rules: StackingRules
    decision: Decision
    inputs: Inputs
    attempts: tuple[Attempt, ...]
    figures: OrderFigures
    customer: Customer | None
    order: Order | None
    project: Project
    met: tuple[tuple[tuple[str, str], Assignment], ...] = ()

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


class RedemptionStatus(StrEnum):
    """What has become of an attempt: ROLLED_BACK says that nothing of it stands any more."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"


class Given(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a redemption moved besides money off the order.

    ``balance_taken`` came off the voucher's balance of ``balance_kind``, in its own units; ``added``
    are units that entered the order, at the positions of its lines; ``grants`` are points and
    services, of which ``points`` were put on an account at once; ``shipping_minor`` is the
    delivery's part of the discount.
    """

    balance_taken: int = 0
    balance_kind: AccountKind | None = None
    added: tuple[AddedUnits, ...] = ()
    grants: tuple[Grant, ...] = ()
    points: int = 0
    shipping_minor: int = 0


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to redeem or to roll back, kept for good.

    Amounts are minor units. ``allocation`` and ``items_allocation`` (its item-level part) have
    one entry a line of the order. A parent stands for several redeemables: it has no voucher, and
    its figures are the sums of its children's. ``trace`` is the engine's, of this row's
    redeemables only. ``reverses_id`` names what a rollback undid. ``rolled_back`` tells whether
    that happened to this redemption. ``returned_minor`` of the discount was given back or clawed
    back by returns, and ``use_returned`` says whether its use was.
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
    given: Given | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    trace: dict[str, Any] | None = None
    metadata: dict[str, Any] = {}
    by_user_id: str | None = None
    created_at: datetime
    rolled_back: bool = False
    returned_minor: int = 0
    use_returned: bool = False

    @property
    def total_discount_minor(self) -> int:
        """Order-level and item-level money together."""
        return self.discount_minor + self.items_discount_minor

    @property
    def returned_in_full(self) -> bool:
        """Whether returns have taken back all that it took off, or its use if that was nothing."""
        if self.kind is not RedemptionKind.REDEMPTION:
            return False
        if self.total_discount_minor:
            return self.returned_minor >= self.total_discount_minor
        return self.use_returned

    @property
    def status(self) -> RedemptionStatus:
        """What has become of it: rolled back, or returned in full, is the same to a list."""
        if self.result is RedemptionResult.FAILURE:
            return RedemptionStatus.FAILED
        undone = self.rolled_back or self.returned_in_full
        return RedemptionStatus.ROLLED_BACK if undone else RedemptionStatus.SUCCEEDED


class CustomerRedemptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a customer's redemptions succeeded (rolled back or not), failed, were undone."""

    customer_id: str
    succeeded: int = 0
    failed: int = 0
    rolled_back: int = 0


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption that took place. ``parent`` is set when there were several redeemables.

    ``redemptions`` has one row for each redeemable that was applied, in their order; ``order`` is
    as it is stored now, None when the request came without one. ``usages`` tells by voucher how
    often it was used, this redemption included.
    """

    parent: Redemption | None
    redemptions: tuple[Redemption, ...]
    validation: Validation
    customer: Customer | None
    order: Order | None
    usages: Mapping[str, VoucherUsage] = {}


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
