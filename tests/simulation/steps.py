"""What can happen in the simulated shop, and what came of it: the words both sides speak.

The reference and the real system get the same steps. Nothing here knows how either works.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

EffectName: TypeAlias = Literal["amount", "percent", "items"]


class Step(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One thing that somebody does. With a ``key`` it may be sent again and happens once."""

    key: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ended: its kind and figures are compared, ``names`` only made known.

    Kinds are words such as "redeemed", or the key of an error.
    """

    kind: str
    figures: Any = None
    names: dict[str, Any] = {}

    def same_as(self, other: "Outcome") -> bool:
        """Say whether both tell the same story."""
        return (self.kind, self.figures) == (other.kind, other.figures)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a coupon gives: an amount off the order or off each line, or basis points off."""

    effect: EffectName
    value: int
    cap_minor: int | None = None
    minimum_minor: int | None = None
    at_most: int | None = None
    first_order: bool = False


class OpenCampaign(Step, frozen=True):
    """A campaign is created, with so many vouchers of ``quantity`` uses (None: unlimited)."""

    name: str
    offer: Offer
    vouchers: int
    quantity: int | None
    budget_minor: int | None = None
    per_customer_cap: int | None = None
    holdout_bps: int = 0
    join_once: bool = True
    is_static: bool = False
    starts_at: datetime | None = None
    expires_at: datetime | None = None


class ChangeCampaign(Step, frozen=True):
    """Fields of a campaign get new values, by the names they have in OpenCampaign, and active."""

    campaign: str
    changes: dict[str, Any]


class DeleteCampaign(Step, frozen=True):
    """A campaign is to go with its vouchers."""

    campaign: str


class IssueVouchers(Step, frozen=True):
    """A campaign gets more vouchers."""

    campaign: str
    count: int


class AddVoucher(Step, frozen=True):
    """One voucher is added, to a campaign or standing alone with an offer."""

    code: str
    campaign: str | None
    offer: Offer | None
    quantity: int | None
    starts_at: datetime | None = None
    expires_at: datetime | None = None


class ChangeVoucher(Step, frozen=True):
    """A voucher gets another quantity, or is switched on or off."""

    code: str
    changes: dict[str, Any]


class DeleteVoucher(Step, frozen=True):
    """A voucher is to go."""

    code: str


class Publish(Step, frozen=True):
    """A customer gets a voucher of a campaign, or the one with this code."""

    campaign: str | None
    code: str | None
    customer: str
    source_id: str | None = None
    join_once: bool | None = None


class PublishToMany(Step, frozen=True):
    """Several customers each get a voucher of a campaign."""

    campaign: str
    customers: list[str]


class Expose(Step, frozen=True):
    """Customers are assigned to the arms of a campaign."""

    campaign: str
    customers: list[str]


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a checkout sends it: a stored one, or lines of quantity and unit price."""

    order: str | None = None
    source_id: str | None = None
    lines: list[tuple[int, int]] = []


class Checkout(Step, frozen=True):
    """Codes on an order for a customer: known by id, named by the shop's own id, or a guest."""

    codes: list[str]
    basket: Basket
    customer: str | None = None
    customer_source_id: str | None = None


class Validate(Checkout, frozen=True):
    """What redeeming would come to."""


class LockSession(Checkout, frozen=True, kw_only=True):
    """The same, and what applies is reserved for a session."""

    session: str
    ttl_s: int


class Redeem(Checkout, frozen=True):
    """The codes are used, through a ``session`` that may have reserved them."""

    session: str | None = None


class ReturnGoods(Step, frozen=True):
    """Units of a line of an order come back; without a line all that is left does."""

    order: str
    line: int | None = None
    quantity: int = 0


class RollBack(Step, frozen=True):
    """A redemption is undone."""

    redemption: str


class PlaceHold(Step, frozen=True):
    """An amount of an account is reserved: uses of a voucher, or budget of a campaign."""

    hold: str
    owner: str
    kind: Literal["uses", "budget"]
    amount: int
    ttl_s: int


class ReleaseHold(Step, frozen=True):
    """A reservation is given up."""

    hold: str


class ReleaseSession(Step, frozen=True):
    """A session lets a code go."""

    session: str
    code: str


class ExpireHolds(Step, frozen=True):
    """Reservations and sessions whose time has passed are freed."""


class EnterCustomer(Step, frozen=True):
    """Something is said about a customer, who is entered when unknown."""

    source_id: str
    name: str


class EraseCustomer(Step, frozen=True):
    """A person is forgotten."""

    customer: str


class EnterOrder(Step, frozen=True):
    """An order is stored, or the one with the same source_id changed."""

    source_id: str
    customer: str | None
    lines: list[tuple[int, int]]


class ChangeOrder(Step, frozen=True):
    """An order gets another status or other lines."""

    order: str
    status: str | None = None
    lines: list[tuple[int, int]] | None = None


def describe(step: Step) -> str:
    """The step in one line, without what was left at its default."""
    shown = [
        f"{name}={value!r}"
        for name in step.__struct_fields__
        if (value := getattr(step, name)) not in (None, [], "")
    ]
    return f"{type(step).__name__}({', '.join(shown)})"
