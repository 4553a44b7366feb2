"""Working out a plan, and approving it.

Reading, learning and storing are three steps: what is learnt takes a while, and no transaction is
held open meanwhile. What a plan chose is stored as an experiment's presets, in draft: sending does
nothing with it before a person has approved.
"""

from collections import Counter
from datetime import datetime

import msgspec
from msgspec.structs import replace

from kaquan.campaigns import get_campaign
from kaquan.experiments import (
    HOLDOUT,
    WHOLE_BPS,
    Experiment,
    ExperimentDraft,
    ExperimentKind,
    Overrides,
    Variant,
    get_experiment,
    insert_presets,
    start_experiment,
)
from kaquan.insight.allocation import LearningPlan
from kaquan.insight.experiment import find_margin_rate
from kaquan.insight.plans.asked import Bounds
from kaquan.insight.plans.check import check_limits
from kaquan.insight.plans.decide import Decision, decide
from kaquan.insight.plans.limit_store import Had, find_members_then, list_had
from kaquan.insight.plans.model import Lack, LackCode, Plan, PlanDraft, PlanResult, PlanStatus
from kaquan.insight.plans.store import (
    FEATURES,
    Observed,
    get_plan,
    insert_plan,
    list_features,
    list_observed,
    update_plan,
)
from kaquan.insight.policy import FEWEST_TO_LEARN
from kaquan.outreach import define_experiment
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    KaquanError,
    Tx,
    check_name,
    new_id,
    words,
)
from kaquan.segments import evaluate_segment, get_segment, list_member_ids

FEWEST_AUDIENCE = 50
"""Customers of a segment below which a plan is no plan but a list to write by hand."""
MOST_AUDIENCE = 1_000_000


class NotReady(KaquanError):
    """The plan cannot be approved: it has not come out, or was refused."""

    key = "plan_not_ready"


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """All that a plan is worked out from; ``lacks`` when that is not enough."""

    plan: Plan
    experiment: Experiment
    lacks: tuple[Lack, ...]
    observed: list[Observed]
    past: dict[str, tuple[float | None, ...]]
    audience: dict[str, tuple[float | None, ...]]
    bounds: Bounds


async def create_plan(tx: Tx, draft: PlanDraft, *, now: datetime) -> Plan:
    """Store what is asked. Raises NotFound, InvalidInput with the field, and Duplicate."""
    experiment = await get_experiment(tx, draft.learnt_from)
    if experiment.kind is ExperimentKind.GLOBAL_HOLDOUT or experiment.campaign_id is None:
        message = "A plan learns from an experiment of a campaign."
        raise InvalidInput(message, field="learnt_from")
    segment = await get_segment(tx, draft.segment_id)
    campaign = await get_campaign(tx, draft.campaign_id or experiment.campaign_id)
    caps = await check_limits(tx, draft, experiment)
    name = check_name(draft.name, "name")
    if not name:
        raise InvalidInput("A name may not be empty.", field="name")
    plan = Plan(
        id=new_id("plan"),
        name=name,
        learnt_from=experiment.id,
        segment_id=segment.id,
        experiment_id=None,
        status=PlanStatus.PENDING,
        request=replace(draft, name=name, campaign_id=campaign.id, segment_caps=caps),
        result=None,
        approved_by=None,
        approved_at=None,
        created_at=now,
        updated_at=None,
    )
    if not await insert_plan(tx, plan):
        message = words("There is a plan '%(name)s' already.", name=name)
        raise Duplicate(message, field="name")
    return plan


async def gather_material(tx: Tx, plan_id: str, *, now: datetime) -> Material:
    """Read what a plan is worked out from, and say what is lacking."""
    plan = await get_plan(tx, plan_id)
    experiment = await get_experiment(tx, plan.learnt_from)
    rate = await find_margin_rate(tx, experiment.campaign_id)
    observed = await list_observed(tx, experiment, margin_rate_bps=rate or 0, now=now)
    await evaluate_segment(tx, plan.segment_id, now=now)
    members = await list_member_ids(tx, plan.segment_id, limit=MOST_AUDIENCE)
    lacks = _find_lacks(experiment, observed, audience=len(members))
    if rate is None:
        lacks = [Lack(code=LackCode.MARGIN), *lacks]
    return Material(
        plan=plan,
        experiment=experiment,
        lacks=tuple(lacks),
        observed=observed,
        past={}
        if lacks
        else await list_features(tx, [(one.customer_id, one.assigned_at) for one in observed]),
        audience={} if lacks else await list_features(tx, [(one, now) for one in members]),
        bounds=Bounds()
        if lacks
        else await _gather_bounds(tx, plan, experiment, observed, members=members, now=now),
    )


async def _gather_bounds(
    tx: Tx,
    plan: Plan,
    experiment: Experiment,
    observed: list[Observed],
    *,
    members: list[str],
    now: datetime,
) -> Bounds:
    """Read what the plan's limits go by; nothing where it has none."""
    request = plan.request
    contacting = frozenset(
        arm.name
        for arm in experiment.arms
        if not arm.overrides.nothing and arm.overrides.channel != "wallet"
    )
    capped: dict[str, frozenset[str]] = {}
    then: dict[str, frozenset[str]] = {}
    given = [(one.customer_id, one.assigned_at) for one in observed]
    for cap in request.segment_caps:
        segment = await get_segment(tx, cap.segment_id)
        await evaluate_segment(tx, cap.segment_id, now=now)
        found = await list_member_ids(tx, cap.segment_id, limit=MOST_AUDIENCE)
        capped[cap.segment_id] = frozenset(found)
        known = await find_members_then(tx, segment, given, now=now)
        then |= {} if known is None else {cap.segment_id: known}
    past: dict[str, Had] = {}
    had: dict[str, Had] = {}
    if request.contact_limit is not None or request.person_cap_minor is not None:
        days = {"contact_days": request.contact_days, "person_days": request.person_days}
        past = await list_had(tx, given, **days)
        had = await list_had(tx, [(one, now) for one in members], **days)
    return Bounds(contacting=contacting, past=past, now=had, members=capped, past_members=then)


def run_plan(material: Material, *, learning: LearningPlan | None = None) -> Decision:
    """Learn and decide; pure, and slow for many customers."""
    if material.lacks:
        return Decision(result=PlanResult(lacks=material.lacks), presets=[])
    return decide(
        material.plan.request,
        observed=material.observed,
        past=material.past,
        audience=material.audience,
        features=FEATURES,
        control=_control_name(material.experiment),
        bounds=material.bounds,
        learning=learning,
    )


async def store_decision(tx: Tx, plan_id: str, decision: Decision, *, now: datetime) -> Plan:
    """Store what came out, with an experiment in draft that would carry it out."""
    plan = await get_plan(tx, plan_id, lock=True)
    if plan.status is not PlanStatus.PENDING:
        return plan
    after = replace(plan, result=decision.result, status=PlanStatus.REFUSED, updated_at=now)
    if not decision.result.lacks:
        draft = await _draft(tx, plan, decision)
        experiment = await define_experiment(tx, draft, now=now)
        await insert_presets(tx, experiment.id, decision.presets)
        after = replace(after, status=PlanStatus.READY, experiment_id=experiment.id)
    await update_plan(tx, after)
    return after


async def approve_plan(tx: Tx, id_or_name: str, *, by: str, now: datetime) -> Plan:
    """Let a plan be carried out by the campaign's next sendings to its segment.

    Raises NotFound, NotReady, and ExperimentConflict when another experiment runs there.
    """
    plan = await get_plan(tx, id_or_name, lock=True)
    if plan.status is not PlanStatus.READY or plan.experiment_id is None:
        message = words(
            "The plan '%(name)s' is %(status)s, not ready.",
            name=plan.name,
            status=words(plan.status.value),
        )
        raise NotReady(message, object_id=plan.id)
    await start_experiment(tx, plan.experiment_id, now=now)
    after = replace(
        plan, status=PlanStatus.APPROVED, approved_by=by, approved_at=now, updated_at=now
    )
    await update_plan(tx, after)
    return after


async def fail_plan(tx: Tx, plan_id: str, *, now: datetime) -> None:
    """Note that a plan could not be worked out."""
    plan = await get_plan(tx, plan_id, lock=True)
    if plan.status is PlanStatus.PENDING:
        await update_plan(tx, replace(plan, status=PlanStatus.FAILED, updated_at=now))


def _find_lacks(experiment: Experiment, observed: list[Observed], *, audience: int) -> list[Lack]:
    counts = Counter(one.arm for one in observed)
    nothing = [arm.name for arm in experiment.arms if arm.overrides.nothing]
    offers = [arm.name for arm in experiment.arms if not arm.overrides.nothing]
    if not observed:
        return [Lack(code=LackCode.NOT_OVER)]
    lacks: list[Lack] = []
    if not counts[HOLDOUT] and not any(counts[name] for name in nothing):
        lacks.append(Lack(code=LackCode.HOLDOUT, need=FEWEST_TO_LEARN))
    if counts[HOLDOUT] and nothing:
        lacks.append(Lack(code=LackCode.MIXED_CONTROLS, arm=nothing[0]))
    if not offers:
        lacks.append(Lack(code=LackCode.ONE_ARM))
    names = [*offers, *nothing, *([HOLDOUT] if counts[HOLDOUT] else [])]
    lacks += [
        Lack(code=LackCode.ARM_TOO_SMALL, arm=name, have=counts[name], need=FEWEST_TO_LEARN)
        for name in names
        if counts[name] < FEWEST_TO_LEARN
    ]
    if len({(one.margin, one.paid) for one in observed}) == 1:
        lacks.append(Lack(code=LackCode.SAME_OUTCOMES))
    if audience < FEWEST_AUDIENCE:
        lacks.append(Lack(code=LackCode.AUDIENCE, have=audience, need=FEWEST_AUDIENCE))
    return lacks


def _control_name(experiment: Experiment) -> str:
    """The arm that gets nothing; the campaign's holdout becomes one in a plan."""
    nothing = [arm.name for arm in experiment.arms if arm.overrides.nothing]
    free = [name for name in ("nothing", "no voucher") if experiment.variant(name) is None]
    return (nothing or free or ["no voucher at all"])[0]


async def _draft(tx: Tx, plan: Plan, decision: Decision) -> ExperimentDraft:
    """The experiment that carries a plan out: the arms learnt from, and one that gets nothing."""
    source = await get_experiment(tx, plan.learnt_from)
    assert source.campaign_id is not None
    learnt = await get_campaign(tx, source.campaign_id)
    arms: dict[str, Overrides] = {}
    for arm in source.arms:
        given = arm.overrides
        elsewhere = plan.request.campaign_id != learnt.id
        if elsewhere and given.offer is None and not given.nothing:
            # What was tried was the other campaign's offer, whatever this one's own is.
            given = replace(given, offer={k: v for k, v in learnt.offer.items() if k != "id"})
        arms[arm.name] = given
    arms.setdefault(decision.result.control, Overrides(nothing=True))
    share, rest = divmod(WHOLE_BPS, len(arms))
    return ExperimentDraft(
        name=f"{plan.name} ({plan.id[-6:]})",
        kind=ExperimentKind.PLAN,
        campaign_id=plan.request.campaign_id,
        arms=tuple(
            Variant(name=name, weight_bps=share + (number < rest), overrides=overrides)
            for number, (name, overrides) in enumerate(arms.items())
        ),
        metric=source.metric,
        horizon_days=source.horizon_days,
    )
