"""Whether things are still as they were when a model learnt: columns, scores, and outcomes.

The population stability index compares shares of bins (Siddiqi, Credit Risk Scorecards, 2006:
below .1 little, from .25 much); beside it stands what chance alone exceeds one time in twenty
(Yurdakul & Naranjo, Journal of Risk Model Validation 14, 2020: the index over 1/n + 1/m is about
χ² with bins - 1 degrees of freedom), which small numbers need. docs/algorithms/drift.md.
"""

from datetime import datetime
from typing import Any

import numpy as np
from scipy import stats

from kaquan.insight.models.facts import Facts
from kaquan.insight.models.features import Units, compute_features
from kaquan.insight.models.lifetime_value import LifetimeValue, forecast_until
from kaquan.insight.models.measures import MOST_EVALUATED, shares_in
from kaquan.insight.models.model import (
    Card,
    Drift,
    DriftState,
    Floats,
    Lack,
    ModelKind,
    Shift,
    Spread,
)
from kaquan.insight.models.propensity import Propensity, list_outcomes, predict_table

WATCHED, SHIFTED = 0.1, 0.25
FEWEST_ROWS = 50
Z_WATCHED, Z_SHIFTED = 2.0, 4.0
LEAST_GAP = 0.1
"""Relative difference of what came and what was expected that is worth a word."""
_LEAST_SHARE = 1e-4
_CHI2: Any = stats.chi2


def stability_index(reference: Spread, values: Floats) -> Shift:
    """Return how far values have moved from the spread that a model learnt on."""
    now = np.maximum(shares_in(values, reference.edges), _LEAST_SHARE)
    then = np.maximum(reference.shares, _LEAST_SHARE)
    index = float(((now - then) * np.log(now / then)).sum())
    bins = int((np.maximum(now, then) > _LEAST_SHARE).sum())
    by_chance = float(
        _CHI2.ppf(0.95, max(bins - 1, 1)) * (1 / max(len(values), 1) + 1 / max(reference.rows, 1))
    )
    return Shift(
        name=reference.name,
        index=index,
        by_chance=by_chance,
        state=_index_state(index, by_chance, len(values)),
    )


def watch_propensity(
    kind: ModelKind, model: Propensity, card: Card, facts: Facts, *, until: float, now: datetime
) -> Drift:
    """Look at the customers of now, and at the outcomes of those asked about since the holdout.

    Features are worked out anew as of the moments asked about, so nothing needs to have been kept.
    """
    names = model.classifier.features
    outcomes = list_outcomes(kind, facts, until=until, days=card.horizon_days)
    if isinstance(outcomes, Lack) or not len(outcomes):
        return _nothing(now)
    newest = outcomes.take(outcomes.units.as_of >= np.quantile(outcomes.units.as_of, 0.75))
    if len(newest) > MOST_EVALUATED:
        newest = newest.take(np.arange(len(newest)) % (len(newest) // MOST_EVALUATED + 1) == 0)
    units = _latest_units(kind, newest.units, until=until)
    table = compute_features(facts, units, kinds=model.classifier.kinds)
    shifts = tuple(
        stability_index(spread, table.select((spread.name,))[:, 0])
        for spread in card.spreads
        if spread.name in names
    )
    assert card.score_spread is not None
    scores = stability_index(card.score_spread, predict_table(model, table))
    then = compute_features(facts, newest.units, kinds=model.classifier.kinds)
    chance = predict_table(model, then)
    spread = float((chance * (1 - chance)).sum())
    return _drift(
        shifts,
        scores,
        rows=len(units),
        expected=float(chance.sum()),
        observed=float(newest.label.sum()),
        variance=spread,
        outcomes=len(newest),
        now=now,
    )


def watch_lifetime(
    model: LifetimeValue, card: Card, facts: Facts, *, until: float, now: datetime
) -> Drift:
    """Look at the histories of now, and at what came in the newest quarter of the time."""
    window = facts.window()
    if window is None:
        return _nothing(now)
    since = until - (until - window[0]) / 4
    found = forecast_until(model, facts, since=since, until=until)
    if found is None:
        return _nothing(now)
    expected, actual, histories = found
    columns = {
        "frequency": histories.frequency,
        "recency": histories.recency,
        "monetary": histories.monetary,
    }
    # Everybody's age grows by a week a week: that it moved says nothing.
    shifts = tuple(
        stability_index(one, columns[one.name]) for one in card.spreads if one.name in columns
    )
    assert card.score_spread is not None
    scores = stability_index(card.score_spread, expected / max((until - since) / 7, 1e-9))
    return _drift(
        shifts,
        scores,
        rows=len(histories),
        expected=float(expected.sum()),
        observed=float(actual.sum()),
        # Purchases of a customer come in clusters: their own spread, not Poisson's, is the error.
        variance=float(((actual - expected) ** 2).sum()),
        outcomes=len(histories),
        now=now,
    )


def _latest_units(kind: ModelKind, newest: Units, *, until: float) -> Units:
    """Ask of the same people about the present; of coupons, as of when they were sent."""
    if kind is ModelKind.REDEMPTION:
        return newest
    people = sorted(set(newest.customers))
    return Units(customers=people, as_of=np.full(len(people), until))


def _drift(
    shifts: tuple[Shift, ...],
    scores: Shift,
    *,
    rows: int,
    expected: float,
    observed: float,
    variance: float,
    outcomes: int,
    now: datetime,
) -> Drift:
    z = (observed - expected) / max(np.sqrt(variance), 1e-9)
    came = _outcome_state(z, expected, observed, outcomes)
    states = [came, scores.state, *(one.state for one in shifts)]
    # One feature that moved is worth a look; that the model's own word moved is more.
    grave = DriftState.SHIFTED in (came, scores.state)
    light = any(state in (DriftState.WATCH, DriftState.SHIFTED) for state in states)
    state = DriftState.SHIFTED if grave else DriftState.WATCH if light else DriftState.STABLE
    if rows < FEWEST_ROWS:
        state = DriftState.UNKNOWN
    return Drift(
        state=state,
        checked_at=now,
        rows=rows,
        shifts=tuple(sorted(shifts, key=lambda one: -one.index)),
        scores=scores,
        outcomes=outcomes,
        expected=expected,
        observed=observed,
        z=float(z),
        outcome_state=came,
    )


def _nothing(now: datetime) -> Drift:
    return Drift(
        state=DriftState.UNKNOWN,
        checked_at=now,
        rows=0,
        shifts=(),
        scores=None,
        outcomes=0,
        expected=None,
        observed=None,
        z=None,
        outcome_state=DriftState.UNKNOWN,
    )


def _index_state(index: float, by_chance: float, rows: int) -> DriftState:
    if rows < FEWEST_ROWS:
        return DriftState.UNKNOWN
    if index < WATCHED or index <= by_chance:
        return DriftState.STABLE
    return DriftState.SHIFTED if index >= SHIFTED else DriftState.WATCH


def _outcome_state(z: float, expected: float, observed: float, outcomes: int) -> DriftState:
    if outcomes < FEWEST_ROWS:
        return DriftState.UNKNOWN
    gap = abs(observed - expected) / max(expected, 1.0)
    if abs(z) < Z_WATCHED or gap < LEAST_GAP:
        return DriftState.STABLE
    return DriftState.SHIFTED if abs(z) >= Z_SHIFTED and gap >= 2 * LEAST_GAP else DriftState.WATCH
