"""Experiments read from their summaries."""

from kaquan.insight.experiment.advice import (
    Advice,
    Course,
    advise,
    needed_in_all,
    say_advice,
)
from kaquan.insight.experiment.bandit import move_weights, thompson_weights
from kaquan.insight.experiment.compare import (
    Compared,
    Comparison,
    Lack,
    NoComparison,
    Reading,
    always_valid_half_width,
    read_experiment,
    sample_ratio_p,
)
from kaquan.insight.experiment.factors import Effect, factor_effects
from kaquan.insight.experiment.intervals import Interval, benjamini_hochberg, holm
from kaquan.insight.experiment.jobs import move_adaptive_weights
from kaquan.insight.experiment.moments import Moments, arm_moments, cuped_moments
from kaquan.insight.experiment.offpolicy import Logged, PolicyValue, Value, value_policies
from kaquan.insight.experiment.outcome_store import (
    UNIT_OUTCOMES,
    ArmSize,
    find_margin_rate,
    outcome_window,
)
from kaquan.insight.experiment.results import (
    EVEN_POLICY,
    NOW_POLICY,
    ExperimentResults,
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
from kaquan.insight.experiment.strata import (
    NotStratified,
    Stratified,
    post_stratify,
    stratify_summary,
)
from kaquan.insight.experiment.summary import (
    ArmSummary,
    ExperimentSummary,
    MetricKind,
    Second,
    Weighed,
    parse_summary,
)
from kaquan.insight.experiment.verdict import name_arm, tell_verdict

__all__ = [
    "EVEN_POLICY",
    "NOW_POLICY",
    "UNIT_OUTCOMES",
    "Advice",
    "ArmSize",
    "ArmSummary",
    "CannotPlan",
    "Compared",
    "Comparison",
    "Course",
    "Effect",
    "ExperimentResults",
    "ExperimentSummary",
    "Interval",
    "Lack",
    "Logged",
    "Look",
    "MetricKind",
    "Moments",
    "NoComparison",
    "NotStratified",
    "PolicyValue",
    "Reading",
    "Second",
    "SizePlan",
    "SizeRequest",
    "Stratified",
    "Value",
    "Weighed",
    "advise",
    "always_valid_half_width",
    "arm_moments",
    "benjamini_hochberg",
    "cuped_moments",
    "detectable_difference",
    "factor_effects",
    "find_margin_rate",
    "holm",
    "metric_kind",
    "move_adaptive_weights",
    "move_weights",
    "name_arm",
    "name_metric",
    "needed_customers",
    "needed_in_all",
    "outcome_window",
    "parse_summary",
    "plan_size",
    "post_stratify",
    "read_experiment",
    "read_results",
    "sample_ratio_p",
    "say_advice",
    "say_compared",
    "stratify_summary",
    "tell_verdict",
    "thompson_weights",
    "value_policies",
    "write_figure",
]
