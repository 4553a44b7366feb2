"""Experiments read from their summaries."""

from kaquan.insight.experiment.compare import (
    Compared,
    Comparison,
    Interval,
    Lack,
    NoComparison,
    Reading,
    always_valid_half_width,
    read_experiment,
    sample_ratio_p,
)
from kaquan.insight.experiment.moments import Moments, arm_moments, cuped_moments
from kaquan.insight.experiment.summary import (
    ArmSummary,
    ExperimentSummary,
    MetricKind,
    Second,
    parse_summary,
)
from kaquan.insight.experiment.verdict import tell_verdict

__all__ = [
    "ArmSummary",
    "Compared",
    "Comparison",
    "ExperimentSummary",
    "Interval",
    "Lack",
    "MetricKind",
    "Moments",
    "NoComparison",
    "Reading",
    "Second",
    "always_valid_half_width",
    "arm_moments",
    "cuped_moments",
    "parse_summary",
    "read_experiment",
    "sample_ratio_p",
    "tell_verdict",
]
