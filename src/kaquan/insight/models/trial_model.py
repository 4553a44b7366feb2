"""Whom an offer moves: uplift learnt from a past experiment, and what it says of customers.

What is sent to whom is decided by a plan, with a certificate (docs/algorithms/certificate.md).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np

from kaquan.experiments import HOLDOUT, Experiment
from kaquan.insight.models.measures import spread_of
from kaquan.insight.models.model import (
    UPLIFT_PREFIX,
    Bin,
    Card,
    Figure,
    Floats,
    Ints,
    Lack,
    LackCode,
    ModelKind,
    Refused,
    Trained,
)
from kaquan.insight.plans.store import FEATURES, Observed
from kaquan.insight.uplift import (
    Learner,
    TreePlan,
    Trial,
    WrittenTrees,
    bootstrap,
    cross_fit_uplift,
    fit_doubly_robust,
    read_trees,
    uplift_at,
    uplift_by_bin,
    write_trees,
)

FEWEST_OF_AN_ARM = 200
TOP_SHARE = 0.3
_Z = 1.959963984540054

Known = dict[str, tuple[float | None, ...]]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment's customers with what was known of them before; ``arm`` None is the largest,
    ``control`` None those who got nothing.

    ``in_margin`` says whether outcomes are margins, rather than revenue for want of a rate.
    """

    experiment: Experiment
    observed: list[Observed]
    past: Known
    arm: str | None
    control: str | None
    in_margin: bool


class UpliftModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored: the regression of uplift on the features, in minor units a customer."""

    features: tuple[str, ...]
    uplift: WrittenTrees


def train_uplift(tried: Tried, *, seed: int, plan: TreePlan | None = None) -> Trained | Refused:
    """Cross-fit a doubly robust learner on one arm against the control, and measure by tenths.

    Each measured customer's uplift is by models that have not seen them; what is kept to score
    others with is the same learner, fitted to all.
    """
    control = tried.control or control_of(tried.experiment, tried.observed)
    lacks = _find_lacks(tried, control)
    arm = tried.arm or _largest(tried.observed, control)
    if lacks or arm is None or control is None:
        return Refused(tuple(lacks) or (Lack(code=LackCode.ARM),))
    rows = [one for one in tried.observed if one.arm in (arm, control)]
    trial = _trial(rows, tried.past, arm=arm)
    uplift = cross_fit_uplift(Learner.DOUBLY_ROBUST, trial, seed=seed, plan=plan)[:, 1]
    outcome, treated = trial.outcome, trial.arm

    def top(y: Floats, u: Floats, t: Ints) -> float | None:
        return uplift_at(y, u, t, share=TOP_SHARE)

    def everybody(y: Floats, u: Floats, t: Ints) -> float | None:
        return uplift_at(y, u, t, share=1.0)

    def advantage(y: Floats, u: Floats, t: Ints) -> float | None:
        best, whole = top(y, u, t), everybody(y, u, t)
        return None if best is None or whole is None else best - whole

    found = {
        name: bootstrap(score, outcome=outcome, uplift=uplift, treated=treated, seed=seed)
        for name, score in (("top", top), ("all", everybody), ("advantage", advantage))
    }
    figures = {
        name: Figure(value=band.value, low=band.low, high=band.high)
        for name, band in found.items()
        if band is not None
    }
    card = _card(tried, rows, arm=arm, control=control, seed=seed)
    card = msgspec.structs.replace(
        card,
        measures={f"uplift_{name}": figures[name] for name in ("top", "all") if name in figures},
        gain=figures.get("advantage"),
        bins=_bins(outcome, uplift, treated),
        spreads=tuple(
            spread_of(name, trial.features[:, number]) for number, name in enumerate(FEATURES)
        ),
        score_spread=spread_of("uplift", uplift),
    )
    learnt = fit_doubly_robust(trial, seed=seed, plan=plan)[0]
    kept = UpliftModel(features=FEATURES, uplift=write_trees(learnt))
    return Trained(card=card, artifact=msgspec.json.encode(kept))


def score_uplift(model: UpliftModel, past: Known) -> Floats:
    """Return what the offer would change of each customer, in minor units, in the order given.

    ``past`` has the `FEATURES` of each.
    """
    place = [FEATURES.index(name) for name in model.features]
    rows = np.array(list(past.values()), dtype=np.float64).reshape(len(past), len(FEATURES))
    return read_trees(model.uplift).predict(rows[:, place])


def name_uplift(card: Card) -> str:
    """Return the name that rules know a version's scores by, behind ``score.``."""
    return UPLIFT_PREFIX + card.scope


def control_of(experiment: Experiment, observed: Sequence[Observed]) -> str | None:
    """Return the arm that got nothing; None when there is none."""
    seen = {one.arm for one in observed}
    if HOLDOUT in seen:
        return HOLDOUT
    nothing = [one.name for one in experiment.arms if one.overrides.nothing]
    return next((name for name in nothing if name in seen), None)


def _card(tried: Tried, rows: list[Observed], *, arm: str, control: str, seed: int) -> Card:
    since = min(one.assigned_at for one in rows)
    until = max(one.assigned_at for one in rows) + timedelta(days=tried.experiment.horizon_days)
    treated = sum(one.arm == arm for one in rows)
    return Card(
        kind=ModelKind.UPLIFT,
        horizon_days=tried.experiment.horizon_days,
        seed=seed,
        data_from=since,
        data_until=until,
        holdout_from=since,
        train_rows=len(rows),
        train_positives=treated,
        test_rows=len(rows),
        test_positives=treated,
        features=FEATURES,
        parameters={"outcome": "margin" if tried.in_margin else "revenue", "learner": "DR"},
        measures={},
        baseline={},
        gain=None,
        bins=(),
        subject=tried.experiment.id,
        arm=arm,
        control=control,
    )


def _find_lacks(tried: Tried, control: str | None) -> list[Lack]:
    if not tried.observed:
        return [Lack(code=LackCode.NOT_OVER)]
    if control is None:
        return [Lack(code=LackCode.CONTROL, have=0, need=FEWEST_OF_AN_ARM)]
    counts = Counter(one.arm for one in tried.observed)
    arm = tried.arm or _largest(tried.observed, control)
    lacks = [
        Lack(code=code, have=counts[name] if name else 0, need=FEWEST_OF_AN_ARM)
        for name, code in ((control, LackCode.CONTROL), (arm, LackCode.ARM))
        if name is None or counts[name] < FEWEST_OF_AN_ARM
    ]
    if not lacks and len({one.margin for one in tried.observed}) == 1:
        lacks.append(Lack(code=LackCode.SAME_OUTCOMES))
    return lacks


def _largest(observed: Sequence[Observed], control: str | None) -> str | None:
    counts = Counter(one.arm for one in observed if one.arm != control)
    return max(counts, key=lambda name: (counts[name], name)) if counts else None


def _trial(rows: list[Observed], past: Known, *, arm: str) -> Trial:
    unknown = (None,) * len(FEATURES)
    features = np.array([past.get(one.customer_id, unknown) for one in rows], dtype=np.float64)
    treated = np.array([one.arm == arm for one in rows], dtype=np.int64)
    chance = np.array([one.propensity for one in rows])
    # Among those of the two arms, the chance of one is its share of both.
    other = _mean(chance, 1 - treated)
    share = _mean(chance, treated)
    own: Floats = chance / (chance + np.array([share, other])[treated])
    given: Floats = treated * own + (1 - treated) * (1 - own)
    return Trial(
        features=features,
        arm=treated,
        outcome=np.array([one.margin for one in rows]),
        propensity=np.column_stack([1 - given, given]),
    )


def _mean(values: Floats, chosen: Ints) -> float:
    return float(values @ chosen) / max(int(chosen.sum()), 1)


def _bins(outcome: Floats, uplift: Floats, treated: Ints) -> tuple[Bin, ...]:
    parts = np.array_split(np.argsort(uplift, kind="stable")[::-1], 10)
    found: list[Bin] = []
    for part, one in zip(parts, uplift_by_bin(outcome, uplift, treated), strict=True):
        if one.uplift is None or one.standard_error is None:
            continue
        half = _Z * one.standard_error
        found.append(
            Bin(
                rows=len(part),
                predicted=float(uplift[part].mean()),
                observed=one.uplift,
                low=one.uplift - half,
                high=one.uplift + half,
            )
        )
    return tuple(found)


def outcome_rate(rate: int | None) -> tuple[int, bool]:
    """Return the rate that outcomes are worked out with, and whether it is a margin's."""
    return (10_000, False) if rate is None else (rate, True)
