"""``/v1/kaquan/metrics``: our own addition, every figure by its one definition."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
from litestar import Request, Router
from litestar.params import FromPath, FromQuery

from kaquan.api.call import CurrentCall
from kaquan.api.routes import reads
from kaquan.insight.metrics import (
    METRICS,
    Answer,
    Dimension,
    Grain,
    Metric,
    Question,
    Scope,
    Silence,
    Unit,
    answer_metrics,
    get_metric,
    read_source,
    usual_window,
    work_out,
)
from kaquan.runtime import get_project
from kaquan.trust import Caller


class MetricView(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is: its unit, and what it counts in both languages."""

    id: str
    unit: Unit
    name: dict[Literal["zh", "en"], str]
    description: dict[Literal["zh", "en"], str]
    formula: str
    object: Literal["metric"] = "metric"


class MetricListView(msgspec.Struct, frozen=True, kw_only=True):
    """All metrics."""

    data: list[MetricView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class PointView(msgspec.Struct, frozen=True, kw_only=True):
    """A figure: counts and minor units as whole numbers, shares and days as decimals in text.

    ``bucket`` is its day (with ``T`` and the hour by the hour), ``key`` and ``label`` what it is
    of. ``reason`` says why there is no value, or that a zero is of a window without anything.
    """

    value: int | str | None
    bucket: str | None
    key: str | None
    label: str | None
    reason: Silence | None


class MetricFiguresView(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's figures in a window, and the moment whose facts they show."""

    metric: MetricView
    since: date
    until: date
    time_zone: str
    currency: str
    as_of: datetime | None
    data: list[PointView]
    object: Literal["metric_figures"] = "metric_figures"


def view_metric(metric: Metric) -> MetricView:
    """Map a metric to the wire."""
    return MetricView(
        id=metric.id,
        unit=metric.unit,
        name={"zh": metric.name_zh, "en": metric.name_en},
        description={"zh": metric.about_zh, "en": metric.about_en},
        formula=metric.formula,
    )


def _view_points(answer: Answer) -> list[PointView]:
    return [
        PointView(
            value=str(one.value) if isinstance(one.value, Decimal) else one.value,
            bucket=one.bucket,
            key=one.key,
            label=one.label,
            reason=one.silence,
        )
        for one in answer.points
    ]


@reads("/", "List metrics")
async def list_metrics() -> MetricListView:
    """List every metric with what it counts."""
    data = [view_metric(one) for one in METRICS.values()]
    return MetricListView(data=data, total=len(data))


@reads("/{metric_id:str}", "Read a metric")
async def read_metric(
    metric_id: FromPath[str],
    call: CurrentCall,
    request: Request[Any, Caller, Any],
    *,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    grain: FromQuery[Grain | None] = None,
    by: FromQuery[Dimension | None] = None,
    campaign_id: FromQuery[str | None] = None,
    channel: FromQuery[str | None] = None,
    location_id: FromQuery[str | None] = None,
    segment_id: FromQuery[str | None] = None,
) -> MetricFiguresView:
    """Work a metric out for days of the project's calendar, the last included; else thirty days.

    ``grain`` makes a series, ``by`` tells figures apart; the ids narrow down what is counted.
    """
    metric = get_metric(metric_id)
    async with call.transaction() as tx:
        project = await get_project(tx)
        source = await read_source(tx)
    usual = usual_window(project, now=call.now)
    question = Question(
        since=since or min(usual.since, until or usual.since),
        until=until or max(usual.until, since or usual.until),
        grain=grain,
        by=by,
        scope=Scope(
            campaign_id=campaign_id,
            channel=channel,
            location_id=location_id,
            segment_id=segment_id,
        ),
    )
    settings = request.app.state.settings
    answers = await work_out(
        settings, source, lambda engine: answer_metrics(engine, [metric], question)
    )
    answer = answers[metric_id]
    return MetricFiguresView(
        metric=view_metric(metric),
        since=question.since,
        until=question.until,
        time_zone=project.time_zone,
        currency=project.currency,
        as_of=answer.as_of,
        data=_view_points(answer),
    )


def metrics_router() -> Router:
    """Routes of metrics."""
    return Router(
        path="/kaquan/metrics", route_handlers=[list_metrics, read_metric], tags=["Metrics"]
    )
