"""What is said about people, roles and keys; every text is a catalogue key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kaquan.console.language import N_
from kaquan.console.pages.words import Badge
from kaquan.trust import KeyKind, KeyScope, KeyView, Role

ROLES: Mapping[Role, str] = {
    Role.OWNER: N_("Owner"),
    Role.ADMIN: N_("Administrator"),
    Role.MARKETER: N_("Marketer"),
    Role.APPROVER: N_("Approver"),
    Role.ANALYST: N_("Analyst"),
    Role.CASHIER: N_("Cashier"),
    Role.TRAINING: N_("In training"),
}
MEANINGS: Mapping[Role, str] = {
    Role.OWNER: N_("Everything, owners included."),
    Role.ADMIN: N_("Everything but making and removing owners."),
    Role.MARKETER: N_("Works on customers and campaigns, and redeems."),
    Role.APPROVER: N_("Reads everything and approves what is expensive."),
    Role.ANALYST: N_("Reads everything and changes nothing."),
    Role.CASHIER: N_("Redeems at the till and sees nothing else."),
    Role.TRAINING: N_("A cashier who learns, in the sandbox."),
}
KINDS: Mapping[KeyKind, str] = {
    KeyKind.SERVER: N_("Server"),
    KeyKind.CLIENT: N_("Browser or app"),
    KeyKind.MANAGEMENT: N_("Management"),
}
SCOPES: Mapping[KeyScope, str] = {
    KeyScope.SERVER: N_("everything"),
    KeyScope.CLIENT: N_("what browsers may do"),
    KeyScope.READ_ONLY: N_("only reads"),
    KeyScope.DRY_RUN: N_("only tries out"),
    KeyScope.TRACKING: N_("only tells what people do"),
}
REFUSALS = (
    N_("A password needs at least 10 characters."),
    N_("A password has at most 1024 characters."),
    N_("This is not an e-mail address."),
    N_("A name stands on one line."),
    N_("Control characters are not accepted."),
    N_("This person belongs to the project already."),
    N_("Only an owner can make, change or remove an owner."),
    N_("A project needs an owner: make somebody else one first."),
    N_("This person belongs to other projects too and has to ask for it at the login."),
    N_("A key needs a name, to tell it from others."),
    N_("This must be a whole number from 1 to 1000000."),
    N_("This is not your password."),
    N_("This e-mail address and password do not go together."),
)
"""What the rooms below refuse forms with, word by word as they say it."""

_LIVE = Badge(N_("Works"), "good")
_ENDING = Badge(N_("Being replaced"), "wait")
_REVOKED = Badge(N_("Revoked"), "off")


def key_badge(key: KeyView, *, now: datetime) -> Badge:
    """Whether a key works, and for how long still."""
    if not key.is_live(now):
        return _REVOKED
    return _LIVE if key.revoked_at is None else _ENDING
