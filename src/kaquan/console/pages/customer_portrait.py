"""A customer's portrait in words, for the customer's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from kaquan.console.language import N_
from kaquan.console.page import PageView
from kaquan.console.pages.model_charts import write_prediction
from kaquan.customers import IdentityKind, Likeness, Portrait, Stage, ValueTier
from kaquan.insight.models import PREDICTIONS, name_prediction

TIERS: Mapping[ValueTier, str] = {
    ValueTier.HIGH: N_("High value"),
    ValueTier.MID: N_("Middle value"),
    ValueTier.LOW: N_("Low value"),
    ValueTier.NONE: N_("No value yet"),
}
STAGES: Mapping[Stage, tuple[str, str]] = {
    Stage.PROSPECT: (N_("Has not bought yet"), "off"),
    Stage.NEW: (N_("New"), "good"),
    Stage.ACTIVE: (N_("Active"), "good"),
    Stage.SLOWING: (N_("Slowing down"), "wait"),
    Stage.LOST: (N_("Probably lost"), "bad"),
}
IDENTITIES: Mapping[str, str] = {
    IdentityKind.PHONE: N_("Phone"),
    IdentityKind.EMAIL: N_("E-mail"),
    IdentityKind.MERCHANT: N_("Your own id"),
    IdentityKind.OPENID: N_("WeChat openid"),
    IdentityKind.UNIONID: N_("WeChat unionid"),
    IdentityKind.CARD: N_("Card"),
    IdentityKind.DEVICE: N_("Device"),
}
LIKENESSES: Mapping[Likeness, str] = {
    Likeness.IDENTITY: N_("same card, device or login"),
    Likeness.PHONE: N_("same phone"),
    Likeness.EMAIL: N_("same e-mail"),
    Likeness.EMAIL_USER: N_("same e-mail name"),
    Likeness.NAME: N_("same name"),
    Likeness.ALIKE_NAME: N_("similar name"),
    Likeness.BIRTH_DATE: N_("same birthday"),
    Likeness.ALIKE_BIRTH_DATE: N_("similar birthday"),
    Likeness.ADDRESS: N_("same address"),
    Likeness.POSTAL_CODE: N_("same postal code"),
}
MOVES: Mapping[str, str] = {
    "orders": N_("Orders"),
    "redemptions": N_("Redemptions"),
    "publications": N_("Publications"),
    "vouchers": N_("Vouchers"),
    "messages": N_("Messages"),
    "events": N_("Events"),
    "consents": N_("Consents"),
    "identities": N_("Identities"),
    "notes": N_("Notes"),
}
"""What of a merge's moves a person wants to know, in order."""

DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


class Usual(msgspec.Struct, frozen=True):
    """When a customer usually buys: the weekday's place from Monday, and the hours from and to."""

    weekday: int
    first_hour: int
    last_hour: int


def usual_time(portrait: Portrait) -> Usual | None:
    """The busiest weekday and three hours of a customer; None for one without orders."""
    if not any(portrait.hours):
        return None
    first = _busiest([sum(portrait.hours[hour : hour + 3]) for hour in range(22)])
    return Usual(_busiest(portrait.weekdays), first, first + 3)


def prediction_rows(
    portrait: Portrait, page: PageView, *, experiments: Mapping[str, str]
) -> list[tuple[str, str, datetime]]:
    """What models predict: each one's name, the value as written, and as of when.

    Ours come first, in their own order; ``experiments`` are the names of those behind uplifts.
    """
    order = {name: place for place, name in enumerate(PREDICTIONS)}
    # The risk of losing somebody is the rest of their chance to buy: one of them says both.
    shown = set(portrait.predictions) - (
        {"churn"} if "next_purchase" in portrait.predictions else set()
    )
    names = sorted(shown, key=lambda name: (order.get(name, len(order)), name))
    return [
        (
            name_prediction(name, page.language.value, experiments=experiments),
            write_prediction(name, float(portrait.predictions[name]), page),
            portrait.predicted_at[name],
        )
        for name in names
    ]


def _busiest(counts: Sequence[int]) -> int:
    return max(range(len(counts)), key=lambda place: (counts[place], -place))
