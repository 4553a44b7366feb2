"""The pictures of models: calibration, features, drift, distributions, uplift by tenths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.insight.models import (
    SHARES,
    Card,
    Drift,
    ModelKind,
    is_amount,
    name_prediction,
)
from kaquan.runtime import format_money

MOST_FEATURES = 10
_A_HUNDRED = 100.0
FEATURES = {
    "orders_30": N_("Orders in 30 days"),
    "orders_90": N_("Orders in 90 days"),
    "orders_365": N_("Orders in a year"),
    "spend_30": N_("Spent in 30 days"),
    "spend_90": N_("Spent in 90 days"),
    "spend_365": N_("Spent in a year"),
    "average_order": N_("Average order"),
    "largest_order": N_("Largest order"),
    "days_since_last": N_("Days since the last order"),
    "days_since_first": N_("Days since the first order"),
    "days_known": N_("Days known, 90 at most"),
    "usual_gap": N_("Usual days between orders"),
    "gaps_since_last": N_("Usual gaps since the last order"),
    "discount_share": N_("Share of discounts in goods bought"),
    "lines_an_order": N_("Lines an order"),
    "locations": N_("Stores bought at"),
    "published": N_("Vouchers received"),
    "published_90": N_("Vouchers received in 90 days"),
    "days_since_published": N_("Days since the last voucher"),
    "redeemed": N_("Redemptions"),
    "redeemed_90": N_("Redemptions in 90 days"),
    "redeemed_365": N_("Redemptions in a year"),
    "discount_365": N_("Discounts in a year"),
    "campaigns_redeemed_share": N_("Share of campaigns redeemed"),
    "days_since_redeemed": N_("Days since the last redemption"),
    "events_30": N_("Events in 30 days"),
    "messages_90": N_("Messages in 90 days"),
    "campaign_kind": N_("Kind of campaign"),
    "campaign_rate": N_("Earlier usage rate of the campaign"),
    "covered_orders": N_("Orders with goods of the campaign"),
    "covered_orders_90": N_("Orders with goods of the campaign in 90 days"),
    "days_since_covered": N_("Days since goods of the campaign were bought"),
    "frequency": N_("Repeat purchases"),
    "recency": N_("Weeks from the first to the last purchase"),
    "age": N_("Weeks since the first purchase"),
    "monetary": N_("Worth of a purchase"),
    "score": N_("The prediction"),
}


def name_feature(name: str, page: PageView) -> str:
    """A feature's name in the reader's language."""
    return translations(page.language).gettext(FEATURES.get(name, name))


def calibration_chart(card: Card, page: PageView) -> Chart:
    """What was predicted and what came, by tenths of the holdout's customers."""
    say = translations(page.language).gettext
    chances = card.kind is not ModelKind.LIFETIME_VALUE
    scale = 1.0 if chances else _A_HUNDRED
    numbers = [one.rows for one in card.bins]
    text = say(
        "Each tenth of the holdout by what was predicted, the lowest first: about %(count)s"
        " customers each. Where the interval of what came holds the prediction, the model says"
        " what happens."
    ) % {"count": formats.number(min(numbers))}
    return Chart(
        name="calibration",
        kind=ChartKind.WHISKER,
        title=say("Predicted and what came")
        if chances
        else say("Purchases of 100 customers, predicted and what came"),
        text=text,
        categories=tuple(str(place + 1) for place in range(len(card.bins))),
        category_label=say("Tenth"),
        unit=Unit.SHARE if chances else Unit.COUNT,
        currency=page.currency,
        series=(
            Series(
                name=say("What came"),
                values=tuple(one.observed * scale for one in card.bins),
                low=tuple(one.low * scale for one in card.bins),
                high=tuple(one.high * scale for one in card.bins),
            ),
            Series(
                name=say("Predicted"),
                values=tuple(one.predicted * scale for one in card.bins),
            ),
        ),
    )


def uplift_chart(card: Card, page: PageView) -> Chart:
    """What the voucher changed, by tenths of the customers from the most to the least moved."""
    say = translations(page.language).gettext
    return Chart(
        name="uplift",
        kind=ChartKind.WHISKER,
        title=say("What the voucher changed a customer, by tenths"),
        text=say(
            "Customers in ten parts by predicted uplift, the highest first. Each point is the"
            " measured difference to those compared with, its line the 95%% interval. If the"
            " order is right, the points fall from left to right."
        )
        % {},
        categories=tuple(str(place + 1) for place in range(len(card.bins))),
        category_label=say("Tenth"),
        unit=Unit.MONEY,
        currency=page.currency,
        series=(
            Series(
                name=say("Measured"),
                values=tuple(one.observed for one in card.bins),
                low=tuple(one.low for one in card.bins),
                high=tuple(one.high for one in card.bins),
            ),
            Series(name=say("Predicted"), values=tuple(one.predicted for one in card.bins)),
        ),
    )


def feature_shares(card: Card, page: PageView) -> list[tuple[str, float]]:
    """What the trees lean on most: names, and shares of what all splits gained."""
    leading = [one for one in card.spreads if one.weight > 0][:MOST_FEATURES]
    return [(name_feature(one.name, page), one.weight) for one in leading]


def drift_chart(drifts: Sequence[Drift], page: PageView) -> Chart | None:
    """How the index of the predictions moved, look by look."""
    say = translations(page.language).gettext
    looks = [one for one in reversed(drifts) if one.scores is not None]
    if len(looks) < 2:
        return None
    return Chart(
        name="drift",
        kind=ChartKind.LINE,
        title=say("Stability of the predictions"),
        text=say("Below 10% little has moved since the model learnt, from 25% on much."),
        categories=tuple(
            formats.day(one.checked_at.date(), language=page.language, zone=page.zone)
            for one in looks
        ),
        category_label=say("Looked at"),
        unit=Unit.SHARE,
        series=(
            Series(
                name=say("Stability index"),
                values=tuple(None if one.scores is None else one.scores.index for one in looks),
            ),
        ),
    )


def distribution_chart(
    name: str,
    total: int,
    steps: list[tuple[float, float, int]],
    *,
    page: PageView,
    experiments: Mapping[str, str] | None = None,
) -> Chart:
    """How a prediction spreads over the customers."""
    say = translations(page.language).gettext
    label = name_prediction(name, page.language.value, experiments=experiments)
    middle = _middle(total, steps)
    return Chart(
        name=f"distribution-{name}",
        kind=ChartKind.BAR,
        title=label,
        text=say(
            "%(total)s customers; about %(value)s is in the middle. The last column holds all above"
            " it too."
        )
        % {"total": formats.number(total), "value": write_prediction(name, middle, page)},
        categories=tuple(write_prediction(name, low, page) for low, _, _ in steps),
        category_label=say("From"),
        series=(Series(name=say("Customers"), values=tuple(float(step[2]) for step in steps)),),
    )


def _middle(total: int, steps: list[tuple[float, float, int]]) -> float:
    """The value that half of the customers lie below, as if they were even within each step."""
    below = 0
    for low, high, count in steps:
        if (below + count) * 2 >= total and count:
            return low + (high - low) * (total / 2 - below) / count
        below += count
    return steps[-1][1]


def write_prediction(name: str, value: float, page: PageView) -> str:
    """A prediction as a person reads it."""
    if name in SHARES:
        return formats.percent(value)
    if is_amount(name):
        return format_money(round(value), currency=page.currency, language=page.language)
    return formats.number(value, digits=1)
