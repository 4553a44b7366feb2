"""The ledger's nouns."""

from datetime import datetime
from enum import StrEnum

import msgspec

ISSUED = "@issued"
REDEEMED = "@redeemed"
UNLIMITED = "@unlimited"
EXPIRED = "@expired"


class AccountKind(StrEnum):
    """What an account counts."""

    USES = "uses"
    USED = "used"
    BUDGET = "budget"
    CUSTOMER_USES = "customer_uses"
    CLAIMS = "claims"
    VALUE = "value"
    POINTS = "points"


class Cause(StrEnum):
    """Why value moved."""

    ISSUE = "issue"
    WITHDRAW = "withdraw"
    REDEEM = "redeem"
    RETURN = "return"
    EXPIRE = "expire"
    MERGE = "merge"


class AccountKey(msgspec.Struct, frozen=True, order=True):
    """An account's name: whose it is, and what it counts. Sorted, it is the order of locking."""

    owner: str
    kind: AccountKind


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account: ``granted`` came in by issue, ``balance`` is left, ``held`` of it is reserved."""

    owner: str
    kind: AccountKind
    balance: int
    held: int
    granted: int

    @property
    def available(self) -> int:
        """What may be taken now."""
        return self.balance - self.held


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer to be posted: ``amount`` of ``kind`` from one owner to another."""

    from_owner: str
    to_owner: str
    kind: AccountKind
    amount: int
    cause: Cause
    cause_id: str
    reverses: int | None = None


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A posted transfer; ``reversed`` of its amount has been returned so far."""

    id: int
    from_owner: str
    to_owner: str
    kind: AccountKind
    amount: int
    reversed: int
    cause: Cause
    cause_id: str
    reverses: int | None
    at: datetime


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation of ``amount`` on an account until ``expires_at``."""

    id: str
    owner: str
    kind: AccountKind
    amount: int
    state: str
    cause_id: str
    expires_at: datetime
    created_at: datetime


class Discrepancy(msgspec.Struct, frozen=True):
    """Something the ledger check found: which rule, where, and the figures that disagree."""

    rule: str
    subject: str
    expected: int
    found: int
