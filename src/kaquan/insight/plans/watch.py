"""Whether an approved plan's certificate still holds, on the outcomes as they come in.

Everybody who was given an arm by the plan and whose days are over is one observation, in the order
of being given it: a later look only adds to the sequence, and the bounds hold at all looks at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np

from kaquan.experiments import HOLDOUT, Preset, get_experiment, halt_plan, list_presets_placed
from kaquan.insight.allocation import Standing, differences_observed, watch_certificate
from kaquan.insight.experiment import find_margin_rate
from kaquan.insight.plans.model import Plan, PlanResult, PlanStatus, PlanWatch
from kaquan.insight.plans.run import NotReady
from kaquan.insight.plans.store import Observed, get_plan, list_observed, update_plan
from kaquan.insight.plans.watch_store import insert_watch
from kaquan.insight.uplift import Floats
from kaquan.outreach import withhold_messages
from kaquan.runtime import Tx, words


class NoCertificate(NotReady):
    """The plan has no certificate that could be watched: uniform, or never approved."""

    key = "plan_without_certificate"


async def watch_plan(tx: Tx, id_or_name: str, *, now: datetime) -> PlanWatch:
    """Look at a plan's outcomes, write down what they say, and withdraw what no longer holds.

    A withdrawn plan gives nobody anything any more, and messages of it that have not left do not
    leave. Raises NotFound, and NoCertificate for a plan that has none in force.
    """
    plan = await get_plan(tx, id_or_name, lock=True)
    result = plan.result
    certified = result is not None and result.certified
    if plan.status is not PlanStatus.APPROVED or not certified or plan.experiment_id is None:
        message = words("The plan '%(name)s' has no certificate in force.", name=plan.name)
        raise NoCertificate(message, object_id=plan.id)
    assert result is not None
    experiment = await get_experiment(tx, plan.experiment_id)
    rate = await find_margin_rate(tx, experiment.campaign_id)
    presets = {one.customer_id: one for one in await list_presets_placed(tx, experiment.id)}
    observed = await list_observed(tx, experiment, margin_rate_bps=rate or 0, now=now)
    differences = measure_differences(result, presets, observed)
    found = watch_certificate(differences)
    treated = sum(one.arm != HOLDOUT for one in presets.values())
    watch = PlanWatch(
        plan_id=plan.id,
        looked_at=now,
        standing=found.standing,
        observed=found.observed,
        waiting=max(treated - found.observed, 0),
        value=found.value,
        low=_finite(found.low),
        high=_finite(found.high),
        withdrawn_after=found.withdrawn_at,
        since=found.since,
    )
    await insert_watch(tx, watch)
    if found.standing is Standing.WITHDRAWN:
        await _withdraw(tx, plan, now=now)
    return watch


def measure_differences(
    result: PlanResult, presets: Mapping[str, Preset], observed: Sequence[Observed]
) -> Floats:
    """Return each customer's doubly robust difference, personal less best uniform, in time's order.

    In minor units. Every open arm has a chance, by the floor, so what has none was closed. The
    campaign's own holdout is drawn before the plan and left out; where an arm
    was closed to a customer, the uniform policy gives nothing, as it did in the certificate.
    """
    order = {arm: number for number, arm in enumerate(result.arm_names)}
    control = order[result.control]
    seen = [
        (one, presets[one.customer_id])
        for one in sorted(observed, key=lambda one: (one.assigned_at, one.customer_id))
        if one.arm in order and one.customer_id in presets
    ]
    seen = [(one, preset) for one, preset in seen if preset.chances[order[one.arm]] > 0]
    if not seen:
        return np.zeros(0)
    chances = np.array([preset.chances for _, preset in seen])
    arm = np.array([order[one.arm] for one, _ in seen])
    each = np.arange(len(seen))
    gave = np.zeros_like(chances)
    gave[each, arm] = chances[each, arm]
    personal = np.zeros_like(chances)
    personal[each, [order[preset.intended or result.control] for _, preset in seen]] = 1.0
    shares = np.array([result.best_uniform.get(name, 0.0) for name in result.arm_names])
    uniform = np.where(chances > 0, shares, 0.0)
    uniform[:, control] += 1 - uniform.sum(axis=1)
    return differences_observed(
        np.array([one.margin for one, _ in seen]),
        gave=gave,
        personal=personal,
        uniform=uniform,
        expected=np.array([preset.expected for _, preset in seen]),
    )


async def _withdraw(tx: Tx, plan: Plan, *, now: datetime) -> None:
    assert plan.experiment_id is not None
    await halt_plan(tx, plan.experiment_id, now=now)
    await withhold_messages(tx, plan.experiment_id)
    await update_plan(
        tx,
        msgspec.structs.replace(
            plan, status=PlanStatus.WITHDRAWN, withdrawn_at=now, updated_at=now
        ),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
