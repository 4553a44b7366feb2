"""What the chosen arms are worth on test rows that tell their arm and outcome."""

import msgspec
import numpy as np

from kaquan.insight.allocation import UniformValue, estimate, estimate_propensity
from kaquan.insight.policy.arms import FEWEST_ROWS
from kaquan.insight.policy.choose import Choice
from kaquan.insight.policy.model import Compared, PolicyRequest
from kaquan.insight.policy.prepare import Prepared, known_chances, read_outcome, read_paid
from kaquan.insight.tabular import Table
from kaquan.insight.uplift import Floats, Ints, Trial, doubly_robust_scores, randomised
from kaquan.runtime import InvalidInput


def measure_choice(
    test: Table,
    request: PolicyRequest,
    *,
    prepared: Prepared,
    best: UniformValue,
    choice: Choice,
    said: list[str],
) -> Compared | None:
    """Measure both policies on the test rows, where these tell their arm and outcome."""
    if request.arm not in test.columns or request.outcome not in test.columns:
        return None
    number = prepared.arms.number(test.columns[request.arm])
    arms = len(prepared.arms.names)
    missing = {request.propensity, request.paid} - {None, *test.columns}
    if missing:
        # With chances that differ by row, shares of the arms would stand for them wrongly.
        names = ", ".join(sorted(name for name in missing if name is not None))
        said.append(f"{test.name} lacks {names}: it is not used to measure.")
        return None
    try:
        outcome, known = read_outcome(test, request)
        paid = read_paid(test, request)
        known_chance = (
            known_chances(test, request, arm=number.clip(0), arms=arms)
            if request.propensity
            else None
        )
    except InvalidInput as error:
        said.append(f"{error.message} Values are not measured there.")
        return None
    rows = known & (number >= 0)
    counts = np.bincount(number[rows], minlength=arms)
    if not rows.any() or counts.min() < FEWEST_ROWS:
        said.append(
            f"{test.name} has fewer than {FEWEST_ROWS} rows with an outcome in some arm: it is not"
            " used to measure."
        )
        return None
    if not rows.all():
        said.append(
            f"{int((~rows).sum())} rows of {test.name} have no known arm or no outcome: values on"
            " it are those of the others."
        )
    assert prepared.trial is not None
    features, categorical, _ = prepared.plan.encode(test.take(rows))
    person = prepared.person
    trial = Trial(
        features=features,
        categorical=categorical,
        arm=number[rows],
        outcome=outcome[rows],
        propensity=randomised(number[rows], arms) if known_chance is None else known_chance[rows],
        customer=test.columns[person].codes[rows]
        if person is not None and person in test.columns
        else None,
        paid=None if paid is None else paid[rows],
    )
    if prepared.adjusted:
        trial = msgspec.structs.replace(
            trial, propensity=estimate_propensity(trial, seed=request.seed)
        )
    net = _score_rows(trial, prepared, choice.expected[rows])
    return _compare_rows(net, trial, best=best, choice=choice, rows=np.flatnonzero(rows))


def _score_rows(trial: Trial, prepared: Prepared, expected: Floats) -> Floats:
    """Return doubly robust net values of a trial's rows, ``expected`` by models that never saw it."""
    second = (trial.outcome > 0).astype(np.float64) if trial.paid is None else trial.paid
    targets = [trial.outcome, second][: expected.shape[2]]
    scored = [
        doubly_robust_scores(trial.with_outcome(target), expected[:, :, number])
        for number, target in enumerate(targets)
    ]
    net, _ = prepared.stakes.combine(scored[0], scored[1] if len(scored) > 1 else None)
    return net


def _compare_rows(
    net: Floats, trial: Trial, *, best: UniformValue, choice: Choice, rows: Ints
) -> Compared:
    each = np.arange(len(rows))
    personal = net[each, choice.personal[rows]]
    written = net[each, choice.written[rows]]
    uniform = net @ best.shares
    differs = bool((choice.personal != choice.written).any() or np.ptp(personal - uniform) > 0)
    return Compared(
        rows=len(rows),
        personalised_value=estimate(personal, customer=trial.customer),
        best_uniform_value=estimate(uniform, customer=trial.customer),
        difference=estimate(personal - uniform, customer=trial.customer) if differs else None,
        written_value=estimate(written, customer=trial.customer),
    )
