"""Uplift: what an offer makes of each customer, and how well that is known."""

from kaquan.insight.uplift.curves import (
    Band,
    Bin,
    Curve,
    auuc_score,
    bootstrap,
    qini_curve,
    qini_score,
    uplift_at,
    uplift_by_bin,
    uplift_curve,
)
from kaquan.insight.uplift.learners import (
    Effects,
    Learner,
    cross_fit_uplift,
    doubly_robust_scores,
    fit_arms,
    fit_uplift,
    predict_arms,
)
from kaquan.insight.uplift.linear import Encoding, Ridge, fit_ridge, learn_encoding
from kaquan.insight.uplift.trees import TreePlan, Trees, fit_trees
from kaquan.insight.uplift.trial import Flags, Floats, Ints, Trial, deal_folds, randomised

__all__ = [
    "Band",
    "Bin",
    "Curve",
    "Effects",
    "Encoding",
    "Flags",
    "Floats",
    "Ints",
    "Learner",
    "Ridge",
    "TreePlan",
    "Trees",
    "Trial",
    "auuc_score",
    "bootstrap",
    "cross_fit_uplift",
    "deal_folds",
    "doubly_robust_scores",
    "fit_arms",
    "fit_ridge",
    "fit_trees",
    "fit_uplift",
    "learn_encoding",
    "predict_arms",
    "qini_curve",
    "qini_score",
    "randomised",
    "uplift_at",
    "uplift_by_bin",
    "uplift_curve",
]
