"""The pictures of an experiment."""

from __future__ import annotations

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import translations
from kaquan.console.page import PageView
from kaquan.experiments import Metric
from kaquan.insight import Comparison, ExperimentResults, name_arm, name_metric

_SHARES = {Metric.BUYERS, Metric.REDEEMERS}


def difference_chart(results: ExperimentResults, page: PageView) -> Chart | None:
    """Each arm against the control with the interval that holds however often one looks."""
    say = translations(page.language).gettext
    found = [one for one in results.reading.comparisons if isinstance(one, Comparison)]
    if not found:
        return None
    metric = results.experiment.metric
    return Chart(
        name="differences",
        kind=ChartKind.WHISKER,
        title=say("Difference to %(control)s")
        % {"control": name_arm(results.control, page.language.value)},
        text=say(
            "Each point is an arm, its line the 95%% interval of %(metric)s, however often one"
            " looks. Where it does not touch zero, the difference is not chance."
        )
        % {"metric": name_metric(metric, page.language.value)},
        categories=tuple(name_arm(one.arm, page.language.value) for one in found),
        category_label=say("Arm"),
        unit=Unit.SHARE if metric in _SHARES else Unit.MONEY,
        currency=page.currency,
        series=(
            Series(
                name=say("Difference"),
                values=tuple(one.difference.value for one in found),
                low=tuple(one.always_low for one in found),
                high=tuple(one.always_high for one in found),
            ),
        ),
    )


def sequence_chart(results: ExperimentResults, page: PageView) -> Chart | None:
    """How the difference of the first arm that is not the control became known, day by day; None where
    all of it became known on one day.
    """
    say = translations(page.language).gettext
    arms = list(dict.fromkeys(look.arm for look in results.looks))
    if not arms:
        return None
    looks = [look for look in results.looks if look.arm == arms[0]]
    if len(looks) < 2:
        return None
    metric = results.experiment.metric
    return Chart(
        name="sequence",
        kind=ChartKind.LINE,
        title=say("%(arm)s against %(control)s, day by day")
        % {"arm": arms[0], "control": results.control},
        text=say(
            "The lines hold on all days at once, so looking daily is safe. Customers counted:"
            " %(first)s at first, %(last)s now."
        )
        % {"first": formats.number(looks[0].n), "last": formats.number(looks[-1].n)},
        categories=tuple(
            formats.day(look.day, language=page.language, zone=page.zone) for look in looks
        ),
        category_label=say("Day"),
        unit=Unit.SHARE if metric in _SHARES else Unit.MONEY,
        currency=page.currency,
        series=(
            Series(
                name=say("Difference"),
                values=tuple(look.value for look in looks),
                low=tuple(look.low for look in looks),
                high=tuple(look.high for look in looks),
            ),
        ),
    )
