"""Experiments read from their summaries."""

from kaquan.insight.experiment.bandit import move_weights, thompson_weights
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
from kaquan.insight.experiment.jobs import move_all_weights
from kaquan.insight.experiment.moments import Moments, arm_moments, cuped_moments
from kaquan.insight.experiment.outcome_store import (
    UNIT_OUTCOMES,
    ArmSize,
    find_margin_rate,
    outcome_window,
)
from kaquan.insight.experiment.results import (
    ExperimentResults,
    FactorReading,
    Look,
    metric_kind,
    read_results,
)
from kaquan.insight.experiment.sentence import name_metric, say_compared, write_figure
from kaquan.insight.experiment.sizing import (
    CannotPlan,
    SizePlan,
    SizeRequest,
    detectable_difference,
    needed_customers,
    plan_size,
)
from kaquan.insight.experiment.summary import (
    ArmSummary,
    ExperimentSummary,
    MetricKind,
    Second,
    Weighed,
    parse_summary,
)
from kaquan.insight.experiment.verdict import tell_verdict

__all__ = [
    "UNIT_OUTCOMES",
    "ArmSize",
    "ArmSummary",
    "CannotPlan",
    "Compared",
    "Comparison",
    "ExperimentResults",
    "ExperimentSummary",
    "FactorReading",
    "Interval",
    "Lack",
    "Look",
    "MetricKind",
    "Moments",
    "NoComparison",
    "Reading",
    "Second",
    "SizePlan",
    "SizeRequest",
    "Weighed",
    "always_valid_half_width",
    "arm_moments",
    "cuped_moments",
    "detectable_difference",
    "find_margin_rate",
    "metric_kind",
    "move_all_weights",
    "move_weights",
    "name_metric",
    "needed_customers",
    "outcome_window",
    "parse_summary",
    "plan_size",
    "read_experiment",
    "read_results",
    "sample_ratio_p",
    "say_compared",
    "tell_verdict",
    "thompson_weights",
    "write_figure",
]
