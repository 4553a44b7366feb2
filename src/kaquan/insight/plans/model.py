"""The nouns of plans: what is asked, what comes out, and what is lacking when nothing does."""

from datetime import datetime
from enum import StrEnum

import msgspec


class PlanStatus(StrEnum):
    """Where a plan stands. Only an approved one is ever executed."""

    PENDING = "pending"
    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"
    APPROVED = "approved"


class LackCode(StrEnum):
    """What a plan needs and does not have."""

    MARGIN = "margin"
    HOLDOUT = "holdout"
    MIXED_CONTROLS = "mixed_controls"
    ONE_ARM = "one_arm"
    NOT_OVER = "not_over"
    ARM_TOO_SMALL = "arm_too_small"
    AUDIENCE = "audience"
    SAME_OUTCOMES = "same_outcomes"
    BUDGET = "budget"


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is lacking: in which arm, how many there are, and how many are needed."""

    code: LackCode
    arm: str | None = None
    have: int | None = None
    need: int | None = None


class PlanDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: learn from an experiment, decide for a segment.

    ``learnt_from`` and ``segment_id`` are ids or names; ``campaign_id`` None is the experiment's
    own. ``budget_minor`` limits the expected discount in all. ``floor_bps`` is the chance that
    every arm keeps for everybody, so that the next decision can be measured too.
    """

    name: str
    learnt_from: str
    segment_id: str
    campaign_id: str | None = None
    budget_minor: int | None = None
    floor_bps: int = 100
    seed: int = 1


class ArmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An arm: customers it was learnt from, its measured net value and cost a customer in minor
    units with the interval of the value, and to how many the plan gives it.
    """

    arm: str
    learnt_from: int
    value: float | None
    value_low: float | None
    value_high: float | None
    cost: float | None
    planned: int


class FrontierPoint(msgspec.Struct, frozen=True):
    """What the best personal choice within a budget is expected to cost and bring, in all."""

    cost_minor: float
    gain_minor: float


class UniformPoint(msgspec.Struct, frozen=True):
    """The same of one arm for everybody."""

    arm: str
    cost_minor: float
    gain_minor: float


class PlanResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came out; ``lacks`` says why nothing did. Money in minor units, a customer unless a
    name says otherwise.

    ``certified``: the personal choice is known to beat the best uniform one (``best_uniform``, its
    shares) at equal spend, by ``difference``; otherwise the uniform one is planned. ``reason`` and
    ``why`` are the allocator's. ``gain_total_minor`` and ``cost_total_minor`` are expected of the
    audience, beside nobody getting anything. ``shadow_price`` is what one more unit of budget
    would bring.
    """

    lacks: tuple[Lack, ...] = ()
    control: str = ""
    certified: bool = False
    reason: str = ""
    why: str = ""
    statements: tuple[str, ...] = ()
    best_uniform: dict[str, float] = {}
    best_uniform_value: float | None = None
    personal_value: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    rows_needed: int | None = None
    shadow_price: float | None = None
    learnt_from: int = 0
    audience: int = 0
    gain_total_minor: float = 0.0
    cost_total_minor: float = 0.0
    arms: tuple[ArmSummary, ...] = ()
    frontier: tuple[FrontierPoint, ...] = ()
    uniforms: tuple[UniformPoint, ...] = ()
    features: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan; ``experiment_id`` is the experiment that carries it out once it is approved."""

    id: str
    name: str
    learnt_from: str
    segment_id: str
    experiment_id: str | None
    status: PlanStatus
    request: PlanDraft
    result: PlanResult | None
    approved_by: str | None
    approved_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
