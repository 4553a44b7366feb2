"""Policies from plain files: who gets which arm, what it is worth, and whether that is known."""

from kaquan.insight.policy.arms import FEWEST_TO_LEARN
from kaquan.insight.policy.evaluate import evaluate_policy
from kaquan.insight.policy.model import (
    CLOSED_BY,
    ArmFigures,
    Compared,
    Measured,
    PolicyEvaluation,
    PolicyRequest,
    PolicyResult,
    Predicted,
    SumLimit,
)
from kaquan.insight.policy.words import NO_FEATURES, TOO_FEW_ROWS, describe_uniform

__all__ = [
    "CLOSED_BY",
    "FEWEST_TO_LEARN",
    "NO_FEATURES",
    "TOO_FEW_ROWS",
    "ArmFigures",
    "Compared",
    "Measured",
    "PolicyEvaluation",
    "PolicyRequest",
    "PolicyResult",
    "Predicted",
    "SumLimit",
    "describe_uniform",
    "evaluate_policy",
]
