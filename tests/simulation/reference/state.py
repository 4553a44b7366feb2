"""The reference shop's memory: plain counters and lists, no database, nothing of Kaquan."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from simulation.steps import Offer


class Given(NamedTuple):
    """What a step comes with: the moment, and the names that the real shop made up for it."""

    now: datetime
    names: dict[str, Any]


@dataclass
class Campaign:
    """A campaign; ``spent`` is the discount given under its budget, less what came back."""

    id: str
    offer: Offer
    quantity: int | None
    budget_minor: int | None
    per_customer_cap: int | None
    join_once: bool
    is_static: bool
    starts_at: datetime | None
    expires_at: datetime | None
    active: bool = True
    spent: int = 0
    codes: list[str] = field(default_factory=list[str])
    redeemed_by: dict[str, int] = field(default_factory=dict[str, int])
    arms: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Voucher:
    """A voucher; ``used`` is how often it was redeemed, less what was rolled back."""

    id: str
    code: str
    campaign: Campaign | None
    offer: Offer
    quantity: int | None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    active: bool = True
    used: int = 0
    holder: str | None = None


@dataclass
class Publication:
    """That a customer was given a voucher, in the order in which it happened."""

    campaign: str | None
    voucher: Voucher
    customer: str
    source_id: str | None


@dataclass
class Customer:
    """A person."""

    id: str
    source_id: str | None
    name: str | None
    erased: bool = False


@dataclass
class Order:
    """A purchase; lines are pairs of quantity and unit price, ``back`` units that came back."""

    id: str
    source_id: str | None
    customer: str | None
    status: str
    lines: list[tuple[int, int]]
    placed_at: datetime
    discount: int = 0
    items_discount: int = 0
    back: list[int] = field(default_factory=list[int])
    refunded: int = 0
    returns: int = 0

    @property
    def amount(self) -> int:
        """What the lines come to."""
        return amount_of(self.lines)

    @property
    def total(self) -> int:
        """What is left to pay."""
        return self.amount - self.discount - self.items_discount


@dataclass
class Redemption:
    """A voucher that was used, or a parent of several (``children``, no voucher)."""

    id: str
    order: Order
    customer: str | None
    discount: int
    items_discount: int
    voucher: Voucher | None = None
    from_budget: bool = False
    parent: str | None = None
    children: list[str] = field(default_factory=list[str])
    rolled_back: bool = False
    allocation: list[int] = field(default_factory=list[int])
    given_back: list[int] = field(default_factory=list[int])
    gross_back: list[int] = field(default_factory=list[int])
    returned: int = 0
    use_returned: bool = False


@dataclass(eq=False)
class Hold:
    """A reservation of an account."""

    owner: str
    kind: str
    amount: int
    expires_at: datetime


@dataclass(eq=False)
class Lock:
    """What a session reserved of a code."""

    holds: list[Hold]
    expires_at: datetime


class View(NamedTuple):
    """Who looks at what is left: overdue reservations and their own do not bind them."""

    now: datetime
    own: list[Hold]

    def is_free(self, hold: Hold) -> bool:
        """Whether a reservation is no obstacle."""
        return hold.expires_at <= self.now or hold in self.own


class Shop:
    """Everything the reference remembers."""

    def __init__(self) -> None:
        self.campaigns: dict[str, Campaign] = {}
        self.vouchers: dict[str, Voucher] = {}
        self.publications: list[Publication] = []
        self.customers: dict[str, Customer] = {}
        self.customer_by_source: dict[str, str] = {}
        self.orders: dict[str, Order] = {}
        self.order_by_source: dict[str, str] = {}
        self.redemptions: dict[str, Redemption] = {}
        self.rollbacks: dict[str, str] = {}
        self.failures = 0
        self.holds: dict[str, list[Hold]] = {}
        self.pending: list[Hold] = []
        self.locks: dict[tuple[str, str], Lock] = {}
        self.reserved = Counter[tuple[str, str]]()
        self.first_publication: dict[tuple[str, str], Publication] = {}
        self.by_source_id: dict[tuple[str, str], Publication] = {}
        self.by_code: dict[str, Publication] = {}

    def held(self, owner: str, kind: str, view: View | None = None) -> int:
        """What is reserved of an account, and binds the one who looks."""
        reserved = self.reserved[owner, kind]
        if not reserved or view is None:
            return reserved
        return reserved - sum(hold.amount for hold in self.free_holds({(owner, kind)}, view))

    def free_holds(self, accounts: set[tuple[str, str]], view: View) -> list[Hold]:
        """Reservations on these accounts that do not bind the one who looks."""
        return [
            hold
            for hold in self.pending
            if (hold.owner, hold.kind) in accounts and view.is_free(hold)
        ]

    def place(self, hold_id: str, hold: Hold) -> None:
        """Reserve."""
        self.holds.setdefault(hold_id, []).append(hold)
        self.reserve(hold)

    def reserve(self, hold: Hold) -> None:
        """Reserve, under no name."""
        self.pending.append(hold)
        self.reserved[hold.owner, hold.kind] += hold.amount

    def end(self, holds: list[Hold]) -> int:
        """End those of the reservations that are pending; returns how many were."""
        ended = [hold for hold in holds if hold in self.pending]
        for hold in ended:
            self.pending.remove(hold)
            self.reserved[hold.owner, hold.kind] -= hold.amount
        return len(ended)

    def end_on(self, owner: str, kind: str) -> None:
        """An account has no limit any more: what is reserved of it binds nobody."""
        self.end([hold for hold in self.pending if (hold.owner, hold.kind) == (owner, kind)])

    def uses_left(self, voucher: Voucher, view: View | None = None) -> int | None:
        """Uses that may still be taken; None without limit."""
        if voucher.quantity is None:
            return None
        return voucher.quantity - voucher.used - self.held(voucher.id, "uses", view)

    def budget_left(self, campaign: Campaign, view: View | None = None) -> int | None:
        """Discount that may still be given; None without a budget."""
        if campaign.budget_minor is None:
            return None
        return campaign.budget_minor - campaign.spent - self.held(campaign.id, "budget", view)

    def forget(self, code: str) -> None:
        """A code is no more, nor is what sessions locked of it; reservations run out."""
        gone = self.vouchers.pop(code)
        self.by_code.pop(code, None)
        self.by_source_id = {k: p for k, p in self.by_source_id.items() if p.voucher is not gone}
        self.first_publication = {}
        for publication in self.publications:
            stands = self.vouchers.get(publication.voucher.code) is publication.voucher
            if stands and publication.campaign is not None:
                named = (publication.campaign, publication.customer)
                self.first_publication.setdefault(named, publication)
        for named in [named for named in self.locks if named[1] == code]:
            del self.locks[named]

    def is_known(self, customer: str) -> bool:
        """Whether the customer exists and was not erased."""
        return customer in self.customers and not self.customers[customer].erased


def amount_of(lines: list[tuple[int, int]]) -> int:
    """What lines come to before any discount."""
    return sum(quantity * price for quantity, price in lines)


def window_of(voucher: Voucher) -> tuple[datetime | None, datetime | None]:
    """From when and until just before when a voucher may be used."""
    campaign = voucher.campaign
    starts = [voucher.starts_at, None if campaign is None else campaign.starts_at]
    ends = [voucher.expires_at, None if campaign is None else campaign.expires_at]
    return (
        max((moment for moment in starts if moment is not None), default=None),
        min((moment for moment in ends if moment is not None), default=None),
    )


def is_over(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a period of use has ended."""
    return expires_at is not None and now >= expires_at
