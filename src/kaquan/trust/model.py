"""Who may do what: keys of machines, people and their roles."""

from datetime import datetime
from enum import StrEnum

import msgspec


class KeyKind(StrEnum):
    """Where a key may be used."""

    SERVER = "server"
    CLIENT = "client"
    MANAGEMENT = "management"


class KeyScope(StrEnum):
    """What a key may do where it may be used.

    A read-only key reads. A dry-run key works things out: whatever it asks for is only tried. A
    tracking key tells what people do, and reads nothing.
    """

    SERVER = "server"
    CLIENT = "client"
    READ_ONLY = "read_only"
    DRY_RUN = "dry_run"
    TRACKING = "tracking"


class Role(StrEnum):
    """What a person may do; each role's pages and verbs are listed in :data:`ABILITIES`."""

    OWNER = "owner"
    ADMIN = "admin"
    MARKETER = "marketer"
    APPROVER = "approver"
    ANALYST = "analyst"
    CASHIER = "cashier"
    TRAINING = "training"


class Ability(StrEnum):
    """Something that a page or a verb asks for."""

    READ = "read"
    REDEEM = "redeem"
    MANAGE = "manage"
    ADMINISTER = "administer"


ABILITIES: dict[Role, frozenset[Ability]] = {
    Role.OWNER: frozenset(Ability),
    Role.ADMIN: frozenset(Ability),
    Role.MARKETER: frozenset({Ability.READ, Ability.REDEEM, Ability.MANAGE}),
    Role.APPROVER: frozenset({Ability.READ}),
    Role.ANALYST: frozenset({Ability.READ}),
    Role.CASHIER: frozenset({Ability.REDEEM}),
    Role.TRAINING: frozenset({Ability.REDEEM}),
}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that showed a valid key."""

    project_id: int
    key_id: str
    kind: KeyKind
    scope: KeyScope = KeyScope.SERVER
    scopes: tuple[str, ...]
    requests_per_minute: int | None = None
    home_id: int | None = None
    """The project that a management key is of, while it looks after another one."""

    @property
    def actor(self) -> str:
        """The caller as the audit chain names it."""
        return f"key:{self.key_id}"


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as shown once, at its creation; only a digest of the token is stored."""

    key_id: str
    kind: KeyKind
    scope: KeyScope
    app_id: str
    token: str


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who signs in to the console or the till."""

    project_id: int
    id: str
    email: str
    name: str
    role: Role
    language: str | None
    disabled_at: datetime | None = None

    def may(self, ability: Ability) -> bool:
        """Say whether the person's role includes ``ability``."""
        return self.disabled_at is None and ability in ABILITIES[self.role]

    @property
    def actor(self) -> str:
        """The person as the audit chain names them."""
        return f"user:{self.id}"


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh session: ``token`` goes into the cookie and is stored only as a digest."""

    user: User
    token: str
    expires_at: datetime


class ClientAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done with a project's public keys: asking always, the rest when switched on.

    ``trusted_domains`` are where requests may come from; ``*`` is anywhere.
    """

    trusted_domains: tuple[str, ...] = ("*",)
    redeem: bool = False
    publish: bool = False
    list_vouchers: bool = False
    create_customer: bool = False
