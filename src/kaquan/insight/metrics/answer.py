"""Working metrics out: one query for each fact that they share, exact until the last division."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import ibis

from kaquan.insight.metrics.definitions import FUNNEL, METRICS
from kaquan.insight.metrics.engine import Engine
from kaquan.insight.metrics.facts import (
    COLUMN_OF,
    bucket_columns,
    fact_rows,
    fact_sample,
    paid_orders,
)
from kaquan.insight.metrics.model import (
    Answer,
    Dimension,
    Grain,
    Metric,
    Point,
    Question,
    Silence,
    Unit,
)

IBIS: Any = ibis
_SHARE, _DAYS = Decimal("0.000001"), Decimal("0.01")
_LABELLED = {
    Dimension.CAMPAIGN: "campaign",
    Dimension.LOCATION: "location",
    Dimension.PRODUCT: "product",
}
_Cell = tuple[str | None, str | None]
_Sums = dict[_Cell, dict[str, int]]


def answer_metrics(
    engine: Engine, metrics: Sequence[Metric], question: Question
) -> dict[str, Answer]:
    """Return each metric's figures by its id. Raises InvalidInput as ``fact_rows`` does.

    A series has a point for each stretch of the window, figures told apart a point for each value
    that has rows, in order of size.
    """
    facts: dict[tuple[str, bool], dict[str, Any]] = {}
    for metric in metrics:
        for measure in metric.measures:
            facts.setdefault((measure.fact, metric.running), {})[measure.name] = measure.of
    found = {fact: _sum_up(engine, *fact, sums, question) for fact, sums in facts.items()}
    labels = _labels(engine, question)
    return {one.id: _answer(engine, one, question, found, labels) for one in metrics}


def answer_funnel(engine: Engine, question: Question) -> list[Answer]:
    """Return the steps of the funnel that the question's scope can be asked of."""
    answers = answer_metrics(engine, [METRICS[name] for name in FUNNEL], question)
    return [answers[name] for name in FUNNEL]


def retention_cohorts(engine: Engine, question: Question) -> list[tuple[str, list[int]]]:
    """Return, by month of the first paid order, the customers who bought that many months later.

    The months of first orders are those of the window; entry 0 is the cohort's size. Months that
    have not begun by the window's end are not there.
    """
    orders = paid_orders(engine.table)
    known = orders.filter(
        orders["customer_id"].notnull() & (orders["day"] <= IBIS.literal(question.until))
    )
    month = known["day"].year().cast("int64") * 12 + known["day"].month().cast("int64") - 1
    bought = known.select("customer_id", month=month).distinct()
    firsts = bought.group_by("customer_id").aggregate(cohort=bought["month"].min())
    joined = bought.join(firsts, "customer_id")
    begin = question.since.year * 12 + question.since.month - 1
    end = question.until.year * 12 + question.until.month - 1
    ours = joined.filter(joined["cohort"] >= begin)
    counted = ours.group_by(["cohort", "month"]).aggregate(customers=ours.count())
    cells = {(r["cohort"], r["month"]): int(r["customers"]) for r in engine.rows(counted)}
    return [
        (
            f"{cohort // 12:04}-{cohort % 12 + 1:02}",
            [cells.get((cohort, later), 0) for later in range(cohort, end + 1)],
        )
        for cohort in range(begin, end + 1)
        if (cohort, cohort) in cells
    ]


def _sum_up(
    engine: Engine, fact: str, running: bool, sums: Mapping[str, Any], question: Question
) -> _Sums:
    rows = fact_rows(fact, engine.table, question, running=running)
    keys = bucket_columns(rows, question.grain)
    if question.by is not None:
        keys["key"] = rows[COLUMN_OF[question.by]]
    rate = engine.source.margin_rate_bps or 0
    wanted = {name: of(rows, rate) for name, of in sums.items()}
    wanted["rows_counted"] = rows.count()
    query = rows.group_by(**keys).aggregate(**wanted) if keys else rows.aggregate(**wanted)
    found: _Sums = {}
    for row in engine.rows(query):
        cell = _bucket(row, question.grain), row.get("key")
        found[cell] = {name: int(row[name] or 0) for name in wanted}
    return found


def _bucket(row: Mapping[str, Any], grain: Grain | None) -> str | None:
    if grain is None:
        return None
    day = str(row["bucket"])[:10]
    return f"{day}T{row['bucket_hour']:02}" if grain is Grain.HOUR else day


def _labels(engine: Engine, question: Question) -> dict[str, str]:
    table = None if question.by is None else _LABELLED.get(question.by)
    if table is None:
        return {}
    named = engine.table(table)
    found = engine.rows(named.select("id", "name"))
    return {row["id"]: row["name"] for row in found if row["name"] is not None}


def _answer(
    engine: Engine,
    metric: Metric,
    question: Question,
    found: Mapping[tuple[str, bool], _Sums],
    labels: Mapping[str, str],
) -> Answer:
    silent = _silence(engine, metric)
    top = found[metric.top.fact, metric.running]
    bottom = found[metric.bottom.fact, metric.running] if metric.bottom else {}
    if metric.running and question.grain is not None:
        top = _run_up(top, metric.top.name, question)
    points: list[Point] = []
    for cell in _cells(question, top):
        bucket, key = cell
        value, silence = (None, silent)
        if silent is None:
            value, silence = _figure(metric, top.get(cell, {}), bottom.get(cell, {}))
        label = None if question.by is None else labels.get(key or "", key)
        points.append(Point(value=value, bucket=bucket, key=key, label=label, silence=silence))
    if question.by is not None and question.grain is None:
        points.sort(key=lambda one: (one.value is None, -(one.value or 0), one.key or ""))
    return Answer(metric=metric, points=points, as_of=engine.source.as_of)


def _silence(engine: Engine, metric: Metric) -> Silence | None:
    if metric.needs_margin and engine.source.margin_rate_bps is None:
        return Silence.NO_MARGIN
    if metric.recorded is None or engine.rows(fact_sample(metric.recorded, engine.table)):
        return None
    return Silence.NOT_RECORDED


def _cells(question: Question, found: _Sums) -> list[_Cell]:
    keys = sorted({key for _, key in found}, key=lambda key: key or "") if question.by else [None]
    buckets = question.buckets() or [None]
    return [(bucket, key) for key in keys for bucket in buckets]


def _figure(
    metric: Metric, top: Mapping[str, int], bottom: Mapping[str, int]
) -> tuple[int | Decimal | None, Silence | None]:
    part = top.get(metric.top.name, 0)
    empty = Silence.EMPTY if not top.get("rows_counted", 0) else None
    if metric.bottom is None:
        return part, empty
    whole = bottom.get(metric.bottom.name, 0)
    if whole == 0 or empty:
        return None, empty or Silence.NOTHING_TO_DIVIDE
    return _rounded(Fraction(part, whole), metric.unit), None


def _rounded(figure: Fraction, unit: Unit) -> int | Decimal:
    if unit in (Unit.COUNT, Unit.MONEY):
        return round(figure)
    exact = Decimal(figure.numerator) / Decimal(figure.denominator)
    return exact.quantize(_SHARE if unit is Unit.SHARE else _DAYS, rounding=ROUND_HALF_EVEN)


def _run_up(found: _Sums, name: str, question: Question) -> _Sums:
    """Return, for each stretch of the window, the sum of everything up to its end."""
    summed: _Sums = {}
    for key in {key for _, key in found}:
        cells = sorted((bucket or "", sums) for (bucket, of), sums in found.items() if of == key)
        total, rows, at = 0, 0, 0
        for bucket in question.buckets():
            while at < len(cells) and cells[at][0] <= bucket:
                total += cells[at][1][name]
                rows += cells[at][1]["rows_counted"]
                at += 1
            summed[bucket, key] = {name: total, "rows_counted": rows}
    return summed
