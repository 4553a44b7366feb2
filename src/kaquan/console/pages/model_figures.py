"""The figures of a model's card as a person reads them."""

from __future__ import annotations

import msgspec

from kaquan.console import formats
from kaquan.console.download import Sheet
from kaquan.console.language import N_, Language, translations
from kaquan.console.page import PageView
from kaquan.insight.models import Card, Drift, Figure, ModelKind, ModelVersion
from kaquan.runtime import format_money

MEASURES = {
    "auc": (N_("Order (AUC)"), N_("50% is chance, 100% a perfect order.")),
    "log_loss": (N_("Log loss"), N_("The lower the better; it punishes being sure and wrong.")),
    "brier": (N_("Brier score"), N_("The mean squared error of the chances.")),
    "calibration_error": (
        N_("Calibration error"),
        N_("How far predictions lie from what came, on average."),
    ),
    "calibration_error_by_chance": (
        N_("… by luck alone"),
        N_("A perfectly calibrated model of this size stays below it 19 times in 20."),
    ),
    "auc_any_campaign": (
        N_("Order, campaign unknown"),
        N_("As for a voucher of a campaign that is not known yet."),
    ),
    "log_loss_any_campaign": (
        N_("Log loss, campaign unknown"),
        N_("As for a voucher of a campaign that is not known yet."),
    ),
    "absolute_error": (
        N_("Error a customer"),
        N_("Purchases that a customer's forecast was off, on average."),
    ),
    "total_error": (N_("Error in all"), N_("Too many (+) or too few (-) purchases forecast.")),
    "uplift_top": (
        N_("Most moved 30%"),
        N_("What the voucher changed a customer among the 30% with the highest uplift."),
    ),
    "uplift_all": (N_("Everybody"), N_("What it changed a customer among all.")),
}
_IN_SHARES = frozenset(("auc", "auc_any_campaign", "calibration_error", "total_error"))
_IN_MONEY = frozenset(("uplift_top", "uplift_all"))


class MeasureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the holdout as written, with that of counting."""

    name: str
    about: str
    value: str
    interval: str
    counted: str


def measure_rows(card: Card, page: PageView) -> list[MeasureRow]:
    """The figures of the holdout that the card has."""
    say = translations(page.language).gettext
    rows: list[MeasureRow] = []
    for name, (label, about) in MEASURES.items():
        figure = card.measures.get(name)
        if figure is None:
            continue
        counted = card.baseline.get(name)
        rows.append(
            MeasureRow(
                name=say(label),
                about=say(about),
                value=_write(name, figure.value, page),
                interval=_interval(name, figure, page),
                counted="–" if counted is None else _write(name, counted.value, page),
            )
        )
    return rows


def say_gain(card: Card, page: PageView) -> str:
    """One sentence on the paired difference to the baseline."""
    if card.gain is None or card.gain.low is None:
        return ""
    say = translations(page.language).gettext
    name = "uplift_top" if card.kind is ModelKind.UPLIFT else "gain"
    told = {
        "value": _write(name, card.gain.value, page),
        "interval": _interval(name, card.gain, page),
    }
    if card.kind is ModelKind.UPLIFT:
        words = (
            N_(
                "Choosing the most moved 30%% changes %(value)s more a customer than taking"
                " anybody (95%% interval %(interval)s)."
            )
            if card.gain.low > 0
            else N_(
                "It is not known that the order helps: %(value)s more a customer than taking"
                " anybody (95%% interval %(interval)s)."
            )
        )
    else:
        words = (
            N_("It loses %(value)s less than counting does (95%% interval %(interval)s).")
            if card.gain.low > 0
            else N_(
                "It is not known to be better than counting: %(value)s less loss (95%% interval"
                " %(interval)s)."
            )
        )
    return say(words) % told


def _interval(name: str, figure: Figure, page: PageView) -> str:
    if figure.low is None or figure.high is None:
        return "–"
    between = " 至 " if page.language is Language.ZH else " to "
    return _write(name, figure.low, page) + between + _write(name, figure.high, page)


def _write(name: str, value: float, page: PageView) -> str:
    if name in _IN_MONEY:
        return format_money(round(value), currency=page.currency, language=page.language)
    if name in _IN_SHARES or name == "calibration_error_by_chance":
        return formats.percent(value)
    return formats.number(value, digits=4)


def card_sheet(model: ModelVersion, drift: Drift | None) -> Sheet:
    """The figures of a card: measures, calibration, features, and the latest look at drift."""
    card, rows = model.card, list[tuple[str | float | None, ...]]()
    for name, one in card.measures.items():
        counted = card.baseline.get(name)
        rows.append(
            (
                "measure",
                name,
                one.value,
                one.low,
                one.high,
                None if counted is None else counted.value,
            )
        )
    if card.gain is not None:
        rows.append(("gain", "", card.gain.value, card.gain.low, card.gain.high, None))
    for place, part in enumerate(card.bins, start=1):
        rows.append(("tenth", str(place), part.observed, part.low, part.high, part.predicted))
    for spread in card.spreads:
        rows.append(("feature", spread.name, spread.weight, None, None, None))
    for shift in () if drift is None else drift.shifts:
        rows.append(("stability", shift.name, shift.index, None, shift.by_chance, None))
    return Sheet(
        name=f"model-{model.kind}-{model.version}",
        headings=("part", "name", "value", "low", "high", "baseline"),
        rows=tuple(rows),
    )
