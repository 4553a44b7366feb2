"""Plans: who should get which arm of a campaign, from what an experiment showed."""

from kaquan.insight.plans.jobs import make_plan, request_plan, watch_plans
from kaquan.insight.plans.model import (
    ArmSummary,
    FrontierPoint,
    Lack,
    LackCode,
    LimitUse,
    Plan,
    PlanDraft,
    PlanResult,
    PlanStatus,
    PlanWatch,
    SegmentCap,
    UniformPoint,
    Why,
)
from kaquan.insight.plans.run import NotReady, approve_plan, run_plan
from kaquan.insight.plans.store import PLAN_ORDERS, get_plan, list_plans
from kaquan.insight.plans.watch import NoCertificate, watch_plan
from kaquan.insight.plans.watch_store import list_watches
from kaquan.insight.plans.words import say_lack, say_plan, say_reason, say_watch

__all__ = [
    "PLAN_ORDERS",
    "ArmSummary",
    "FrontierPoint",
    "Lack",
    "LackCode",
    "LimitUse",
    "NoCertificate",
    "NotReady",
    "Plan",
    "PlanDraft",
    "PlanResult",
    "PlanStatus",
    "PlanWatch",
    "SegmentCap",
    "UniformPoint",
    "Why",
    "approve_plan",
    "get_plan",
    "list_plans",
    "list_watches",
    "make_plan",
    "request_plan",
    "run_plan",
    "say_lack",
    "say_plan",
    "say_reason",
    "say_watch",
    "watch_plan",
    "watch_plans",
]
