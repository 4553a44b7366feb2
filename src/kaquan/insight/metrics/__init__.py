"""Metrics: figures defined once, worked out on the lake by DuckDB or another engine."""

from kaquan.insight.metrics.answer import answer_funnel, answer_metrics, retention_cohorts
from kaquan.insight.metrics.ask import usual_window, work_out
from kaquan.insight.metrics.definitions import FUNNEL, METRICS, get_metric
from kaquan.insight.metrics.engine import Engine, Source, read_source
from kaquan.insight.metrics.files import (
    FileFormat,
    answer_table,
    fact_table,
    table_bytes,
    write_table,
)
from kaquan.insight.metrics.jobs import export_at_night, export_days
from kaquan.insight.metrics.model import (
    Answer,
    Dimension,
    Grain,
    Metric,
    Point,
    Question,
    Scope,
    Silence,
    Unit,
)
from kaquan.insight.metrics.reference import metrics_page

__all__ = [
    "FUNNEL",
    "METRICS",
    "Answer",
    "Dimension",
    "Engine",
    "FileFormat",
    "Grain",
    "Metric",
    "Point",
    "Question",
    "Scope",
    "Silence",
    "Source",
    "Unit",
    "answer_funnel",
    "answer_metrics",
    "answer_table",
    "export_at_night",
    "export_days",
    "fact_table",
    "get_metric",
    "metrics_page",
    "read_source",
    "retention_cohorts",
    "table_bytes",
    "usual_window",
    "work_out",
    "write_table",
]
