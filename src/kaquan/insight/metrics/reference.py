"""The reference page of metrics, written from their definitions."""

from kaquan.insight.metrics.definitions import METRICS
from kaquan.insight.metrics.model import Metric, Silence

_HEAD = """# Metrics

Written from `src/kaquan/insight/metrics/definitions.py` by `kaquan lake metrics`; a test fails when
the two differ. Tables are those of [the BI views](bi-views.md), which the lake copies. Days and
hours are the project's; money is minor units. A window includes its last day.

A figure that cannot be said is null, with the reason:

| reason | meaning |
|---|---|
"""
_REASONS = {
    Silence.EMPTY: "nothing of the kind happened in the window; a count is then 0, a ratio null",
    Silence.NO_MARGIN: "the project has no setting `margin_rate_bps` from 0 to 10000",
    Silence.NOT_RECORDED: "the merchant has never recorded what this counts",
    Silence.NOTHING_TO_DIVIDE: "there are rows, but their sum to divide by is 0",
}


def metrics_page() -> str:
    """Return the page as Markdown."""
    reasons = "\n".join(f"| `{one}` | {_REASONS[one]} |" for one in Silence)
    return f"{_HEAD}{reasons}\n\n" + "\n".join(_section(one) for one in METRICS.values())


def _section(metric: Metric) -> str:
    return (
        f"## `{metric.id}` · {metric.name_en} · {metric.name_zh}\n\n"
        f"{metric.about_en} {metric.about_zh}\n\n"
        f"- Unit: {metric.unit}\n- Formula: `{metric.formula}`\n"
    )
