"""What a plan would cost and bring at other budgets: predicted, and measured on the experiment."""

from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from kaquan.insight.plans.model import FrontierPoint, SegmentCap
from kaquan.insight.plans.spread import Rules, TooTight, choose
from kaquan.insight.policy import Measured
from kaquan.insight.uplift import Floats

STEPS = 20
_SAMPLE_CELLS = 12_000


class _Few(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the customers, with the limits' share of them, and how many each stands for."""

    gain: Floats
    cost: Floats
    rules: Rules
    scale: float


def draw_frontier(
    gain: Floats, cost: Floats, rules: Rules, *, measured: Sequence[Measured], seed: int
) -> tuple[FrontierPoint, ...]:
    """Return the best choices of `STEPS` + 1 budgets, from the least possible to the most useful.

    Other limits hold throughout; with any, a large audience is stood for by a random sample.
    ``gain`` (beside the control) and ``cost`` are customers × arms as predicted, ``measured`` what
    the experiment says of such policies, not of those with a cap that could not be measured;
    exploration is counted into both.
    """
    few = _sample(gain, cost, rules, seed=seed)
    allowed, rows = few.rules.allowed, np.arange(len(few.gain))
    spent, brought = (few.rules.blend(one) for one in (few.cost, few.gain))
    least = float(np.where(allowed, spent, np.inf).min(axis=1).sum())
    try:
        free = choose(few.gain, few.cost, _with_budget(few.rules, None), seed=seed)
    except TooTight:
        return ()
    most = float(spent[rows, free.choice].sum())
    count = STEPS if most > least * (1 + 1e-9) + 1 else 0
    points: list[FrontierPoint] = []
    for step in range(count + 1):
        # Whole minor units, as budgets are asked for; rounding up keeps the cheapest choice open.
        budget = int(np.ceil(least + (most - least) * step / max(count, 1)))
        try:
            found = choose(few.gain, few.cost, _with_budget(few.rules, budget), seed=seed)
        except TooTight:
            continue
        counts = np.bincount(found.choice, minlength=gain.shape[1]) * few.scale
        points.append(
            FrontierPoint(
                budget_minor=budget * few.scale,
                cost_minor=float(spent[rows, found.choice].sum()) * few.scale,
                gain_minor=float(brought[rows, found.choice].sum()) * few.scale,
                gap=found.gap,
                shadow_price=found.price("budget"),
                planned=tuple(round(one) for one in counts.tolist()),
            )
        )
    if rules.unmeasured:
        return tuple(points)
    return tuple(_measure(point, measured, count=len(gain)) for point in points)


def _with_budget(rules: Rules, budget: int | None) -> Rules:
    return replace(rules, draft=replace(rules.draft, budget_minor=budget))


def _sample(gain: Floats, cost: Floats, rules: Rules, *, seed: int) -> _Few:
    most = _SAMPLE_CELLS // gain.shape[1]
    if not (rules.members or rules.draft.contacts is not None) or len(gain) <= most:
        return _Few(gain=gain, cost=cost, rules=rules, scale=1.0)
    rows = np.random.default_rng(seed).permutation(len(gain))[:most]
    share = most / len(gain)
    draft = rules.draft
    fewer = replace(
        rules,
        draft=replace(draft, contacts=_part(draft.contacts, share)),
        over_contacts=rules.over_contacts[rows],
        over_cap=rules.over_cap[rows],
        members=tuple(
            (
                SegmentCap(
                    segment_id=cap.segment_id,
                    budget_minor=_part(
                        cap.budget_minor, float(who[rows].sum() / max(who.sum(), 1))
                    ),
                    contacts=_part(cap.contacts, float(who[rows].sum() / max(who.sum(), 1))),
                ),
                who[rows],
            )
            for cap, who in rules.members
        ),
    )
    return _Few(gain=gain[rows], cost=cost[rows], rules=fewer, scale=1 / share)


def _part(whole: int | None, share: float) -> int | None:
    return None if whole is None else int(np.ceil(whole * share))


def _measure(point: FrontierPoint, measured: Sequence[Measured], *, count: int) -> FrontierPoint:
    """Add what the experiment says of such a policy, scaled to the audience.

    Between two measured budgets stands a lottery of their policies: its gain lies on the line
    between theirs, and its interval within the line between their intervals' ends.
    """
    if not measured:
        return point
    budgets = [one.budget for one in measured]

    def at(figures: list[float]) -> float | None:
        found = float(np.interp(point.cost_minor / count, budgets, figures))
        return count * found if np.isfinite(found) else None

    return replace(
        point,
        measured=at([one.gain.value for one in measured]),
        gain_low=at([one.gain.low for one in measured]),
        gain_high=at([one.gain.high for one in measured]),
        uniform_gain=at([one.uniform_gain.value for one in measured]),
    )
