"""The nouns of plans: what is asked, what comes out, and what is lacking when nothing does."""

from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.insight.allocation import Standing


class PlanStatus(StrEnum):
    """Where a plan stands. Only an approved one is ever executed, and a withdrawn one no longer."""

    PENDING = "pending"
    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


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
    EXPLORATION = "exploration"
    ALL_CLOSED = "all_closed"
    LIMITS = "limits"


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is lacking: in which arm, how many there are, and how many are needed."""

    code: LackCode
    arm: str | None = None
    have: int | None = None
    need: int | None = None


class Why(StrEnum):
    """Why a customer gets an arm; the first that applies."""

    DRAWN = "drawn"
    UNIFORM = "uniform"
    BEST = "best"
    CONTACT_LIMIT = "contact_limit"
    PERSON_CAP = "person_cap"
    SEGMENT_CAP = "segment_cap"
    CONTACTS = "contacts"
    BUDGET = "budget"


class SegmentCap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that a segment's members may be expected to cost, and how many may be contacted."""

    segment_id: str
    budget_minor: int | None = None
    contacts: int | None = None


class PlanDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: learn from an experiment, decide for a segment.

    ``learnt_from`` and ``segment_id`` are ids or names; ``campaign_id`` None is the experiment's
    own. ``budget_minor`` limits the expected discount in all. ``floor_bps`` is the chance that
    every arm keeps for everybody, so that the next decision can be measured too.

    ``person_cap_minor`` closes an arm to a customer whose redeemed discounts of the last
    ``person_days`` and the largest discount of the arm exceed it together. ``contact_limit``
    closes arms with a message to whoever got as many messages in the last ``contact_days``.
    ``contacts`` is how many customers may be contacted in all. Sums are expected ones, with what
    the floor spends.
    """

    name: str
    learnt_from: str
    segment_id: str
    campaign_id: str | None = None
    budget_minor: int | None = None
    floor_bps: int = 100
    seed: int = 1
    person_cap_minor: int | None = None
    person_days: int = 30
    contact_limit: int | None = None
    contact_days: int = 30
    contacts: int | None = None
    segment_caps: tuple[SegmentCap, ...] = ()


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


class FrontierPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the best personal choice within a budget is expected to cost and bring, in all.

    ``gain_minor`` is predicted; ``measured`` is what the experiment says such a policy gains, from
    ``gain_low`` to ``gain_high`` (95 %), and ``uniform_gain`` what one arm, or one lottery, for all
    would gain at this budget there; None where it could not be measured. ``gap`` is how far the choice may be below the best possible, as
    a share of it, ``shadow_price`` what one more unit of budget would bring, ``planned`` how many
    customers would be meant to get each of the plan's arms.
    """

    cost_minor: float
    gain_minor: float
    budget_minor: float = 0.0
    measured: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    uniform_gain: float | None = None
    gap: float = 0.0
    shadow_price: float = 0.0
    planned: tuple[int, ...] = ()


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of a plan: what is expected to be used of it, and what another unit would bring.

    ``name`` is ``budget``, ``contacts`` or a segment's id with ``/budget`` or ``/contacts``.
    """

    name: str
    most: float
    used: float
    shadow_price: float


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
    would bring, ``gap`` how far the choice may be below the best possible. ``arm_names`` are the
    arms in the order of all figures by arm; ``closed_contacts`` and ``closed_cap`` customers to
    whom a limit closed an arm, ``moved`` those whose arm is not their best because of a limit.
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
    arm_names: tuple[str, ...] = ()
    limits: tuple[LimitUse, ...] = ()
    gap: float = 0.0
    closed_contacts: int = 0
    closed_cap: int = 0
    moved: int = 0


class PlanWatch(msgspec.Struct, frozen=True, kw_only=True):
    """A look at an approved plan's outcomes.

    ``value`` is the mean difference a customer to the best uniform policy in minor units, ``low``
    and ``high`` its bounds, which hold at all looks together; None before there are enough.
    ``observed`` customers count, ``waiting`` ones have days left. ``withdrawn_after`` is the
    observation that ended the certificate, ``since`` the one its stretch began with.
    """

    plan_id: str
    looked_at: datetime
    standing: Standing
    observed: int
    waiting: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    withdrawn_after: int | None = None
    since: int | None = None


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
    withdrawn_at: datetime | None = None
