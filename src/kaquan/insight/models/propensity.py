"""Training and using a model of chances: who buys next, and which coupon is redeemed."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from kaquan.insight.models.classify import (
    Boosting,
    Classifier,
    CountBaseline,
    fit_classifier,
    fit_counts,
    varying,
)
from kaquan.insight.models.facts import Facts, to_moment
from kaquan.insight.models.features import Table, Units, compute_features
from kaquan.insight.models.measures import (
    MOST_EVALUATED,
    Measure,
    auc,
    brier,
    calibration_error,
    chance_calibration_error,
    figure_of,
    log_loss,
    log_losses,
    mean_of,
    reliability,
    spread_of,
)
from kaquan.insight.models.model import (
    Bin,
    Card,
    Figure,
    Floats,
    Ints,
    Lack,
    LackCode,
    ModelKind,
    Refused,
    Scores,
    Spread,
    Trained,
)
from kaquan.insight.models.units import Outcomes, Split, list_buyers, list_sent, split_by_time

FEWEST_CUSTOMERS = 100
FEWEST_OF_A_CLASS = 30
FEWEST_TESTED = 10
"""Rows of either class in the holdout below which no interval is worth giving."""
SCORED_AT_ONCE = 100_000
HORIZON_DAYS = {ModelKind.NEXT_PURCHASE: 30, ModelKind.REDEMPTION: 30}
COUNTED = {ModelKind.NEXT_PURCHASE: "orders_90", ModelKind.REDEMPTION: "redeemed"}
"""What the baseline counts."""
_OF_CAMPAIGNS = frozenset(
    ("campaign_kind", "campaign_rate", "covered_orders", "covered_orders_90", "days_since_covered")
)
_EVERYBODY = "select customer_id from known order by customer_id"
_BUYERS = "select customer_id from known semi join basket using (customer_id) order by customer_id"


class Propensity(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a model: the classifier, and the baseline it was measured against."""

    classifier: Classifier
    baseline: CountBaseline
    counted: str


class _Tested(msgspec.Struct, frozen=True, kw_only=True):
    table: Table
    measures: dict[str, Figure]
    baseline: dict[str, Figure]
    gain: Figure
    bins: tuple[Bin, ...]
    score_spread: Spread


_MEASURES: Mapping[str, Measure] = {"auc": auc, "log_loss": log_loss, "brier": brier}


def train_propensity(
    kind: ModelKind,
    facts: Facts,
    *,
    until: float,
    days: float,
    seed: int,
    plan: Boosting | None = None,
) -> Trained | Refused:
    """Learn from what was over before the newest quarter began, and measure on that quarter.

    ``until`` is the moment (days since 1970) up to which facts are complete; ``days`` the horizon.
    """
    outcomes = list_outcomes(kind, facts, until=until, days=days)
    if isinstance(outcomes, Lack):
        return Refused((outcomes,))
    split = split_by_time(outcomes) if len(outcomes) else None
    lacks = _find_lacks(kind, outcomes, split)
    if split is None or lacks:
        return Refused(tuple(lacks))
    learnt = _learn(kind, facts, split.train, seed=seed, plan=plan or Boosting())
    if isinstance(learnt, Lack):
        return Refused((learnt,))
    model, weights = learnt
    tested = _measure(model, facts, split.test, seed=seed)
    window = facts.window()
    assert window is not None
    classifier = model.classifier
    card = Card(
        kind=kind,
        horizon_days=int(days),
        seed=seed,
        data_from=to_moment(window[0]),
        data_until=to_moment(until),
        holdout_from=to_moment(split.test_from),
        train_rows=len(split.train),
        train_positives=int(split.train.label.sum()),
        test_rows=len(split.test),
        test_positives=int(split.test.label.sum()),
        features=classifier.features,
        parameters={
            **msgspec.to_builtins(plan or Boosting()),
            "sigmoid_slope": classifier.slope,
            "sigmoid_offset": classifier.offset,
        },
        measures=tested.measures,
        baseline=tested.baseline,
        gain=tested.gain,
        bins=tested.bins,
        score_spread=tested.score_spread,
        spreads=tuple(
            spread_of(name, tested.table.select((name,))[:, 0], weight=weights[name])
            for name in sorted(weights, key=lambda one: -weights[one])
        ),
    )
    return Trained(card=card, artifact=msgspec.json.encode(model))


def list_outcomes(kind: ModelKind, facts: Facts, *, until: float, days: float) -> Outcomes | Lack:
    """Return whom a kind of model asks about, and what they did."""
    if kind is ModelKind.NEXT_PURCHASE:
        return list_buyers(facts, until=until, days=days)
    return list_sent(facts, until=until, days=days)


def predict(model: Propensity, facts: Facts, units: Units) -> Floats:
    """Return the chance of each unit."""
    return predict_table(model, _features(model, facts, units))


def predict_table(model: Propensity, table: Table) -> Floats:
    """Return the chance of each row of features."""
    return model.classifier.predict(table.select(model.classifier.features))


def losses_of(model: Propensity, facts: Facts, test: Outcomes) -> tuple[Floats, Floats]:
    """Return the log loss of each row by the model, and by its baseline."""
    table = _features(model, facts, test.units)
    counts = table.select((model.counted,))[:, 0]
    return (
        log_losses(test.label, predict_table(model, table)),
        log_losses(test.label, model.baseline.predict(counts)),
    )


def score_customers(
    kind: ModelKind, model: Propensity, facts: Facts, *, as_of: float
) -> Iterator[Scores]:
    """Yield everybody's chance as of a moment, some customers at a time.

    Of a redemption it is the chance that a coupon of a campaign not known yet is redeemed.
    """
    bought = kind is ModelKind.NEXT_PURCHASE
    people = facts.columns(_BUYERS if bought else _EVERYBODY)["customer_id"]
    for start in range(0, len(people), SCORED_AT_ONCE):
        customers = [str(one) for one in people[start : start + SCORED_AT_ONCE]]
        units = Units(customers=customers, as_of=np.full(len(customers), as_of))
        chance = predict(model, facts, units)
        values = {kind.value: chance}
        if bought:
            values["churn"] = 1 - chance
        yield Scores(customers=customers, values=values)


def _features(model: Propensity, facts: Facts, units: Units) -> Table:
    return compute_features(facts, units, kinds=model.classifier.kinds)


def _campaign_kinds(facts: Facts) -> tuple[str, ...]:
    found = facts.columns("select distinct kind from campaign where kind is not null order by kind")
    return tuple(str(one) for one in found["kind"])


def _with_unknown_campaigns(table: Table, train: Outcomes) -> tuple[Floats, Floats, Ints]:
    """Add each row once more as if nothing were known of its campaign.

    So the same trees answer for a campaign that is named, and for a coupon in general.
    """
    hidden = [number for number, name in enumerate(table.names) if name in _OF_CAMPAIGNS]
    if not hidden:
        return table.values, train.label, train.customer
    blind = table.values.copy()
    blind[:, hidden] = np.nan
    return (
        np.vstack([table.values, blind]),
        np.tile(train.label, 2),
        np.tile(train.customer, 2),
    )


def _sample(outcomes: Outcomes, seed: int) -> Outcomes:
    if len(outcomes) <= MOST_EVALUATED:
        return outcomes
    chosen = np.zeros(len(outcomes), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(len(outcomes))[:MOST_EVALUATED]] = True
    return outcomes.take(chosen)


def _learn(
    kind: ModelKind, facts: Facts, train: Outcomes, *, seed: int, plan: Boosting
) -> tuple[Propensity, dict[str, float]] | Lack:
    """Fit trees and baseline; returns them with each feature's share of the trees' gain."""
    kinds = _campaign_kinds(facts) if kind is ModelKind.REDEMPTION else ()
    table = compute_features(facts, train.units, kinds=kinds)
    rows, label, customer = _with_unknown_campaigns(table, train)
    kept = varying(rows)
    if not len(kept):
        return Lack(code=LackCode.CONSTANT_FEATURES)
    numbers: list[int] = kept.tolist()
    classifier, weights = fit_classifier(
        rows[:, kept],
        label,
        customer=customer,
        features=tuple(table.names[number] for number in numbers),
        kinds=kinds,
        seed=seed,
        plan=plan,
    )
    counts = table.select((COUNTED[kind],))[:, 0]
    baseline = fit_counts(counts, train.label)
    return Propensity(classifier=classifier, baseline=baseline, counted=COUNTED[kind]), weights


def _measure(model: Propensity, facts: Facts, holdout: Outcomes, *, seed: int) -> _Tested:
    """Measure the model and its baseline on the same rows."""
    test = _sample(holdout, seed)
    table = _features(model, facts, test.units)
    chance = predict_table(model, table)
    counted = model.baseline.predict(table.select((model.counted,))[:, 0])

    def figure(measure: Measure, chances: Floats) -> Figure:
        return figure_of(measure, test.label, chances, customer=test.customer, seed=seed)

    def figures(chances: Floats) -> dict[str, Figure]:
        found = {name: figure(one, chances) for name, one in _MEASURES.items()}
        error = Figure(value=calibration_error(test.label, chances))
        return found | {"calibration_error": error}

    measures = figures(chance)
    measures["calibration_error_by_chance"] = Figure(
        value=chance_calibration_error(chance, seed=seed)
    )
    if test.units.campaigns is not None:
        blind = Units(customers=test.units.customers, as_of=test.units.as_of)
        unknown = predict_table(model, _features(model, facts, blind))
        measures["auc_any_campaign"] = figure(auc, unknown)
        measures["log_loss_any_campaign"] = figure(log_loss, unknown)
    less = log_losses(test.label, counted) - log_losses(test.label, chance)
    return _Tested(
        table=table,
        measures=measures,
        baseline=figures(counted),
        gain=mean_of(less, customer=test.customer, seed=seed),
        bins=reliability(test.label, chance),
        score_spread=spread_of("score", chance),
    )


def _find_lacks(kind: ModelKind, outcomes: Outcomes, split: Split | None) -> list[Lack]:
    if split is None:
        return [Lack(code=LackCode.PUBLICATIONS, have=0, need=FEWEST_CUSTOMERS)]
    people = int(outcomes.customer.max()) + 1
    if people < FEWEST_CUSTOMERS:
        return [Lack(code=LackCode.CUSTOMERS, have=people, need=FEWEST_CUSTOMERS)]
    hits = int(outcomes.label.sum())
    if kind is ModelKind.REDEMPTION and hits < FEWEST_OF_A_CLASS:
        return [Lack(code=LackCode.REDEMPTIONS, have=hits, need=FEWEST_OF_A_CLASS)]
    lacks: list[Lack] = []
    for part, code, need in (
        (split.train, LackCode.ONE_CLASS, FEWEST_OF_A_CLASS),
        (split.test, LackCode.HOLDOUT, FEWEST_TESTED),
    ):
        hits = int(part.label.sum())
        rarer = min(hits, len(part) - hits)
        if rarer < need:
            lacks.append(Lack(code=code, have=rarer, need=need))
    return lacks
