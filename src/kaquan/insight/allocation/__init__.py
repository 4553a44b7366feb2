"""The certified allocator: who gets which arm, and whether that is known to beat one for all."""

from kaquan.insight.allocation.certificate import (
    FEWEST_OUTCOMES,
    Certificate,
    Interval,
    Policies,
    Reason,
    UniformValue,
    certify,
    count_outcomes,
    estimate,
    measure_policies,
    worst,
)
from kaquan.insight.allocation.dose import DoseCurves, concave_fit, fit_dose_curves
from kaquan.insight.allocation.explore import Explored, blend, explore, spread_chances
from kaquan.insight.allocation.folds import Ceiling, choose_by_fold
from kaquan.insight.allocation.knapsack import Allocation, BudgetTooSmall, allocate
from kaquan.insight.allocation.learn import (
    LEARNERS,
    LearningPlan,
    Learnt,
    Models,
    explored,
    learn,
    shut,
)
from kaquan.insight.allocation.limits import (
    Infeasible,
    Limit,
    LimitedAllocation,
    allocate_in_parts,
    allocate_within,
)
from kaquan.insight.allocation.monitor import (
    BURN_IN,
    Standing,
    Watch,
    bounds_over_time,
    differences_observed,
    watch_certificate,
)
from kaquan.insight.allocation.propensity import (
    ALARM,
    Imbalance,
    estimate_propensity,
    find_imbalances,
    group_values,
    independence,
)
from kaquan.insight.allocation.stack import Weights, stack
from kaquan.insight.allocation.stakes import CostOn, Stakes
from kaquan.insight.allocation.uniform import Uniform, list_uniform

__all__ = [
    "ALARM",
    "BURN_IN",
    "FEWEST_OUTCOMES",
    "LEARNERS",
    "Allocation",
    "BudgetTooSmall",
    "Ceiling",
    "Certificate",
    "CostOn",
    "DoseCurves",
    "Explored",
    "Imbalance",
    "Infeasible",
    "Interval",
    "LearningPlan",
    "Learnt",
    "Limit",
    "LimitedAllocation",
    "Models",
    "Policies",
    "Reason",
    "Stakes",
    "Standing",
    "Uniform",
    "UniformValue",
    "Watch",
    "Weights",
    "allocate",
    "allocate_in_parts",
    "allocate_within",
    "blend",
    "bounds_over_time",
    "certify",
    "choose_by_fold",
    "concave_fit",
    "count_outcomes",
    "differences_observed",
    "estimate",
    "estimate_propensity",
    "explore",
    "explored",
    "find_imbalances",
    "fit_dose_curves",
    "group_values",
    "independence",
    "learn",
    "list_uniform",
    "measure_policies",
    "shut",
    "spread_chances",
    "stack",
    "watch_certificate",
    "worst",
]
