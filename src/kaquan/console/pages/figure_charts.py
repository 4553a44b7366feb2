"""The pictures of the figures: a metric's course, and the funnel."""

from __future__ import annotations

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import Language, translations
from kaquan.console.page import PageView
from kaquan.insight.metrics import Answer, Metric
from kaquan.insight.metrics import Unit as MetricUnit
from kaquan.runtime import format_money


def course_chart(answer: Answer, page: PageView) -> Chart:
    """A metric by day or week."""
    say = translations(page.language).gettext
    money = answer.metric.unit is MetricUnit.MONEY
    best = max(answer.points, key=lambda one: one.value or 0)
    text = say("Most in the stretch from %(day)s: %(figure)s.") % {
        "day": best.bucket,
        "figure": _figure(best.value or 0, money=money, page=page),
    }
    if not best.value:
        text = say("Nothing of the kind happened in this time.")
    return Chart(
        name=f"course-{answer.metric.id}",
        kind=ChartKind.LINE if money else ChartKind.BAR,
        title=name_of(answer.metric, page),
        text=text,
        categories=tuple(str(one.bucket) for one in answer.points),
        category_label=say("From"),
        unit=Unit.MONEY if money else Unit.COUNT,
        currency=page.currency,
        series=(
            Series(
                name=name_of(answer.metric, page),
                values=tuple(
                    None if one.value is None else float(one.value) for one in answer.points
                ),
            ),
        ),
    )


def figure_funnel(steps: list[Answer], page: PageView) -> Chart:
    """The way of vouchers from made to given back; steps that nobody records are left out."""
    say = translations(page.language).gettext
    known = [one for one in steps if one.point.value is not None]
    unknown = [name_of(one.metric, page) for one in steps if one.point.value is None]
    between = "、" if page.language is Language.ZH else ", "
    text = between.join(
        f"{name_of(one.metric, page)} {formats.number(one.point.value or 0)}" for one in known
    )
    if unknown:
        text = say("%(steps)s. Not recorded: %(unknown)s.") % {
            "steps": text,
            "unknown": between.join(unknown),
        }
    return Chart(
        name="figure-funnel",
        kind=ChartKind.FUNNEL,
        title=say("From issue to return"),
        text=text,
        categories=tuple(name_of(one.metric, page) for one in known),
        category_label=say("Step"),
        series=(
            Series(
                name=say("Vouchers"), values=tuple(float(one.point.value or 0) for one in known)
            ),
        ),
    )


def name_of(metric: Metric, page: PageView) -> str:
    """A metric's name in the reader's language."""
    return metric.name_zh if page.language is Language.ZH else metric.name_en


def _figure(value: object, *, money: bool, page: PageView) -> str:
    whole = int(str(value))
    if money:
        return format_money(whole, currency=page.currency, language=page.language)
    return formats.number(whole)
