"""The left navigation: by job, not by table; only pages that exist, for people who may see them."""

from __future__ import annotations

import msgspec

from kaquan.console.language import N_
from kaquan.trust import Ability, User


class NavigationItem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `label` is a catalogue key, `needs` is what its page asks of a person."""

    key: str
    label: str
    icon: str
    href: str
    needs: Ability


NAVIGATION = (
    NavigationItem(key="home", label=N_("Home"), icon="home", href="/console", needs=Ability.READ),
    NavigationItem(
        key="figures",
        label=N_("Figures"),
        icon="chart-bar",
        href="/console/figures",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="customers",
        label=N_("Customers"),
        icon="users",
        href="/console/customers",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="segments",
        label=N_("Segments"),
        icon="users-group",
        href="/console/segments",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="campaigns",
        label=N_("Campaigns"),
        icon="ticket",
        href="/console/campaigns",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="experiments",
        label=N_("Experiments"),
        icon="flask",
        href="/console/experiments",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="redemptions",
        label=N_("Redemptions"),
        icon="discount",
        href="/console/redemptions",
        needs=Ability.READ,
    ),
    NavigationItem(
        key="outbox", label=N_("Outbox"), icon="send", href="/console/outbox", needs=Ability.READ
    ),
    NavigationItem(
        key="settings",
        label=N_("Settings"),
        icon="settings",
        href="/console/settings/team",
        needs=Ability.ADMINISTER,
    ),
    NavigationItem(key="till", label=N_("Till"), icon="scan", href="/staff", needs=Ability.REDEEM),
)


def navigation_for(person: User | None) -> tuple[NavigationItem, ...]:
    """What this person sees, in order; nothing for strangers."""
    if person is None:
        return ()
    return tuple(item for item in NAVIGATION if person.may(item.needs))
