"""Policies from plain files: who gets which arm, what it is worth, and whether that is known."""

from kaquan.insight.policy.arms import FEWEST_TO_LEARN
from kaquan.insight.policy.evaluate import evaluate_policy
from kaquan.insight.policy.model import (
    ArmFigures,
    Compared,
    PolicyEvaluation,
    PolicyRequest,
    PolicyResult,
    Predicted,
)

__all__ = [
    "FEWEST_TO_LEARN",
    "ArmFigures",
    "Compared",
    "PolicyEvaluation",
    "PolicyRequest",
    "PolicyResult",
    "Predicted",
    "evaluate_policy",
]
