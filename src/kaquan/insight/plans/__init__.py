"""Plans: who should get which arm of a campaign, from what an experiment showed."""

from kaquan.insight.plans.jobs import make_plan, request_plan
from kaquan.insight.plans.model import (
    ArmSummary,
    FrontierPoint,
    Lack,
    LackCode,
    Plan,
    PlanDraft,
    PlanResult,
    PlanStatus,
    UniformPoint,
)
from kaquan.insight.plans.run import NotReady, approve_plan, run_plan
from kaquan.insight.plans.store import PLAN_ORDERS, get_plan, list_plans
from kaquan.insight.plans.words import say_lack, say_plan

__all__ = [
    "PLAN_ORDERS",
    "ArmSummary",
    "FrontierPoint",
    "Lack",
    "LackCode",
    "NotReady",
    "Plan",
    "PlanDraft",
    "PlanResult",
    "PlanStatus",
    "UniformPoint",
    "approve_plan",
    "get_plan",
    "list_plans",
    "make_plan",
    "request_plan",
    "run_plan",
    "say_lack",
    "say_plan",
]
