"""What an experiment showed beside its arms' differences, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kaquan.console import formats
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.experiments import Metric
from kaquan.insight import (
    EVEN_POLICY,
    NOW_POLICY,
    Comparison,
    ExperimentResults,
    NoComparison,
    NotStratified,
    Value,
    name_arm,
    name_metric,
    write_figure,
)

_STRATA = {
    "none": N_("bought nothing before"),
    "low": N_("bought little before"),
    "middle": N_("bought a middling amount before"),
    "high": N_("bought much before"),
}


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """What it is of, its figure, its interval, and what is to be said of it."""

    name: str
    figure: str
    interval: str = "–"
    note: str = ""


def effect_rows(results: ExperimentResults, page: PageView) -> list[TableRow]:
    """Each factor's levels beside its first one, and two factors together."""
    metric = results.experiment.metric
    say = translations(page.language).gettext
    if isinstance(results.effects, NoComparison):
        lack = say("Nobody counts yet, or all are alike, in %(arm)s.")
        return [TableRow(name="–", figure="–", note=lack % {"arm": results.effects.lacking_arm})]
    return [
        TableRow(
            name=" × ".join(
                f"{factor}: {level}" for factor, level in zip(one.factors, one.levels, strict=True)
            ),
            figure=_write(one.difference.value, metric, page),
            interval=_span(one.difference.low, one.difference.high, metric, page),
            note=_judge(one.q, page),
        )
        for one in results.effects
    ]


def check_rows(results: ExperimentResults, page: PageView) -> Iterator[TableRow]:
    """The same differences reckoned otherwise: within strata, and as a bet."""
    metric = results.experiment.metric
    say = translations(page.language).gettext
    for one in results.stratified:
        name = say("%(arm)s, within groups by what was bought before") % {
            "arm": name_arm(one.arm, page.language.value)
        }
        if isinstance(one, NotStratified):
            group = say(_STRATA.get(one.thin_stratum, one.thin_stratum))
            note = say("Too few to compare among those who %(group)s.") % {"group": group}
            yield TableRow(name=name, figure="–", note=note)
        else:
            gap = one.difference
            yield TableRow(
                name=name,
                figure=_write(gap.value, metric, page),
                interval=_span(gap.low, gap.high, metric, page),
            )
    for one in results.reading.comparisons:
        if isinstance(one, Comparison):
            chance = _chance(one.probability_better)
            loss = _write(one.expected_loss, metric, page)
            yield TableRow(
                name=say("Chance that %(arm)s is better")
                % {"arm": name_arm(one.arm, page.language.value)},
                figure=chance,
                note=say("Expected loss if it is chosen: %(loss)s") % {"loss": loss},
            )


def metric_rows(results: ExperimentResults, page: PageView) -> Iterator[TableRow]:
    """The metrics beside the experiment's own, judged together."""
    language = page.language.value
    for metric, reading in results.readings.items():
        if metric is results.experiment.metric:
            continue
        for one in reading.comparisons:
            if isinstance(one, Comparison) and one.q is not None:
                gap = one.difference
                yield TableRow(
                    name=f"{name_metric(metric, language)} · {name_arm(one.arm, language)}",
                    figure=_write(gap.value, metric, page),
                    interval=_span(gap.low, gap.high, metric, page),
                    note=_judge(one.q, page),
                )


def policy_rows(results: ExperimentResults, page: PageView) -> list[TableRow]:
    """What other ways of choosing would have brought a customer."""
    metric = results.experiment.metric
    say = translations(page.language).gettext
    names = {
        EVEN_POLICY: say("Even shares"),
        NOW_POLICY: say("The chances as they are now"),
    }
    rows: list[TableRow] = []
    for one in results.policies:
        name = names.get(one.policy) or say("%(arm)s for everybody") % {"arm": one.policy}
        found: Value | None = one.doubly_robust
        if found is None:
            rows.append(TableRow(name=name, figure="–", note=say("Too few were treated so.")))
            continue
        rows.append(
            TableRow(
                name=name,
                figure=_write(found.value, metric, page),
                interval=_span(found.low, found.high, metric, page),
                note=say("%(count)s customers' worth of information")
                % {"count": formats.number(round(one.effective_n))},
            )
        )
    return rows


def _chance(share: float) -> str:
    """No chance is 0 or 1, however it is rounded."""
    if share < 0.001 or share > 0.999:
        return "<0.1%" if share < 0.5 else ">99.9%"
    return formats.percent(share)


def _judge(rate: float, page: PageView) -> str:
    say = translations(page.language).gettext
    return say("probably real") if rate < 0.05 else say("may be chance")


def _write(value: float, metric: Metric, page: PageView) -> str:
    return write_figure(value, metric, currency=page.currency, language=page.language.value)


def _span(low: float, high: float, metric: Metric, page: PageView) -> str:
    return f"{_write(low, metric, page)} … {_write(high, metric, page)}"
