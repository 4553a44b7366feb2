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
from kaquan.insight.metrics.rows import (
    ORDER_FACTS,
    FigureRows,
    Part,
    list_cohort_customers,
    list_figure_rows,
)
from kaquan.insight.metrics.spillover import (
    MOST_DAYS,
    USUAL_DAYS,
    NotTold,
    PromotedGoods,
    Spill,
    SpillEffect,
    Spillover,
    find_promoted,
    lacks_holdout,
    read_spillover,
)

__all__ = [
    "FUNNEL",
    "METRICS",
    "MOST_DAYS",
    "ORDER_FACTS",
    "USUAL_DAYS",
    "Answer",
    "Dimension",
    "Engine",
    "FigureRows",
    "FileFormat",
    "Grain",
    "Metric",
    "NotTold",
    "Part",
    "Point",
    "PromotedGoods",
    "Question",
    "Scope",
    "Silence",
    "Source",
    "Spill",
    "SpillEffect",
    "Spillover",
    "Unit",
    "answer_funnel",
    "answer_metrics",
    "answer_table",
    "export_at_night",
    "export_days",
    "fact_table",
    "find_promoted",
    "get_metric",
    "lacks_holdout",
    "list_cohort_customers",
    "list_figure_rows",
    "metrics_page",
    "read_source",
    "read_spillover",
    "retention_cohorts",
    "table_bytes",
    "usual_window",
    "work_out",
    "write_table",
]
