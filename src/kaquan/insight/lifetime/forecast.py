"""The forecast of each customer's purchases, chosen and levelled on the past alone.

How it is made, and what it was measured at, is in docs/algorithms/lifetime-value.md.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from kaquan.insight.lifetime.bgnbd import BgNbd
from kaquan.insight.lifetime.fit import Fit
from kaquan.insight.lifetime.gammagamma import expect_amount, fit_gamma_gamma
from kaquan.insight.lifetime.history import (
    Floats,
    Histories,
    Transactions,
    count_purchases,
    merge_days,
    summarise_histories,
)
from kaquan.insight.lifetime.paretonbd import ParetoNbd
from kaquan.insight.lifetime.rows import Rows, gather_rows

Model: TypeAlias = BgNbd | ParetoNbd

MODELS: tuple[Model, ...] = (BgNbd(), BgNbd(modified=True), ParetoNbd())
FEWEST_CUSTOMERS = 50
FEWEST_REPEATERS = 20
COVERAGE = 0.9
_DRAWS = 400
_DRAWS_FOR_MANY = 100
_MANY = 50_000
_ORIGINS = (0.75, 0.6)


class Validated(msgspec.Struct, frozen=True, kw_only=True):
    """How a model did on a part of the training time that it had not seen."""

    model: str
    train_weeks: float
    horizon_weeks: float
    customers: int
    actual: int
    predicted: float
    mean_absolute_error: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """One row a customer, in the order of ``histories``, for the coming ``weeks``.

    ``low`` and ``high`` bound the middle 90 % of the predictive distribution of a customer's
    purchases, ``total_low`` and ``total_high`` that of their sum. ``amount`` is the expected
    amount of a purchase, NaN where it cannot be told; ``value`` is purchases times amount.
    """

    histories: Histories
    weeks: float
    purchases: Floats
    low: Floats
    high: Floats
    alive: Floats
    amount: Floats
    value: Floats
    total_low: float
    total_high: float
    model: str
    fits: tuple[tuple[str, Fit], ...]
    amount_fit: Fit | None
    validated: tuple[Validated, ...]
    notes: tuple[str, ...]


class TooLittle(msgspec.Struct, frozen=True):
    """Nothing can be forecast, and why."""

    cause: str


def forecast_purchases(
    transactions: Transactions, *, until_day: int, weeks: float, seed: int
) -> Forecast | TooLittle:
    """Learn from the purchases up to and with ``until_day`` and forecast the ``weeks`` after it.

    Later purchases are not looked at. The model is the one with the smallest mean absolute error
    on held-back parts of that time.
    """
    merged = merge_days(transactions)
    histories = summarise_histories(merged, until_day=until_day)
    cause = _find_lack(histories)
    if cause is not None:
        return TooLittle(cause)
    fits = tuple((model.name, model.fit(histories)) for model in MODELS)
    validated = validate_models(
        merged, histories, until_day=until_day, weeks=weeks, near=dict(fits)
    )
    model, notes = _choose(fits, validated)
    fit = dict(fits)[model.name]
    rows = gather_rows(histories, group=False)
    purchases = expect_damped(model, fit, rows, weeks)
    amount_fit = fit_gamma_gamma(histories)
    amount = _amounts(merged, histories, amount_fit, until_day=until_day)
    low, high, total_low, total_high = _intervals(model, fit, rows, weeks, seed=seed)
    return Forecast(
        histories=histories,
        weeks=weeks,
        purchases=purchases,
        low=low,
        high=high,
        alive=model.alive_with(fit.values, rows),
        amount=amount,
        value=purchases * amount,
        total_low=total_low,
        total_high=total_high,
        model=model.name,
        fits=fits,
        amount_fit=amount_fit,
        validated=validated,
        notes=notes,
    )


def expect_damped(model: Model, fit: Fit, rows: Rows, weeks: float) -> Floats:
    """Return the mean of the expectations with and without customers dropping out from now on.

    The models stretch the drop-out of the first weeks into a future that they have not seen and
    forecast too little; that everybody stays is too much. Their mean needs no parameter.
    """
    leaving = model.expect_with(fit.values, rows, weeks)
    return (leaving + weeks * model.staying_rate(fit.values, rows)) / 2


def validate_models(
    merged: Transactions,
    histories: Histories,
    *,
    until_day: int,
    weeks: float,
    near: Mapping[str, Fit],
) -> tuple[Validated, ...]:
    """Fit each model at earlier moments and compare with what followed, inside the training time.

    The moments lie at three quarters and at three fifths of the observed time; the horizon is
    what is left of it, ``weeks`` at most. ``near`` are the fits to all of the time: where the
    searches begin, not what they find.
    """
    observed = until_day - int(histories.first_day.min())
    results: list[Validated] = []
    for share in _ORIGINS:
        origin = until_day - round(observed * (1 - share))
        horizon_days = min(until_day - origin, round(weeks * 7))
        past = summarise_histories(merged, until_day=origin)
        if horizon_days < 1 or _find_lack(past) is not None:
            continue
        actual, _ = count_purchases(merged, past, after_day=origin, until_day=origin + horizon_days)
        for model in MODELS:
            rows = gather_rows(past, group=False)
            fit = model.fit(past, near=near[model.name])
            predicted = expect_damped(model, fit, rows, horizon_days / 7)
            results.append(
                Validated(
                    model=model.name,
                    train_weeks=(origin - int(past.first_day.min())) / 7,
                    horizon_weeks=horizon_days / 7,
                    customers=len(past),
                    actual=int(actual.sum()),
                    predicted=float(predicted.sum()),
                    mean_absolute_error=float(np.abs(predicted - actual).mean()),
                )
            )
    return tuple(results)


def _find_lack(histories: Histories) -> str | None:
    if len(histories) < FEWEST_CUSTOMERS:
        people = "1 customer" if len(histories) == 1 else f"{len(histories)} customers"
        return (
            f"{people} bought until then; the models need"
            f" {FEWEST_CUSTOMERS} at least to tell people's habits apart"
        )
    repeaters = int((histories.frequency > 0).sum())
    if repeaters < FEWEST_REPEATERS:
        return (
            f"{repeaters} of {len(histories)} customers bought on more than one day; without"
            f" {FEWEST_REPEATERS} at least there is no rate of buying to learn"
        )
    return None


def _choose(
    fits: Sequence[tuple[str, Fit]], validated: Sequence[Validated]
) -> tuple[Model, tuple[str, ...]]:
    """Take the model that was closest in validation among those that have an estimate at all."""
    notes = [f"{name}: {fit.problem}" for name, fit in fits if fit.problem]
    sound = [model for model, (_, fit) in zip(MODELS, fits, strict=True) if not fit.problem]
    candidates = sound or list(MODELS)
    errors = {model.name: 0.0 for model in candidates}
    for result in validated:
        if result.model in errors:
            errors[result.model] += result.mean_absolute_error / max(result.horizon_weeks, 1e-9)
    if not validated:
        notes.append("the observed time is too short to validate on: the likeliest model is taken")
        likelihoods = {name: fit.log_likelihood for name, fit in fits}
        return max(candidates, key=lambda model: likelihoods[model.name]), tuple(notes)
    return min(candidates, key=lambda model: errors[model.name]), tuple(notes)


def _amounts(
    merged: Transactions, histories: Histories, fit: Fit | None, *, until_day: int
) -> Floats:
    """Expected amounts; without a Gamma-Gamma fit each purchase is worth the common mean."""
    if fit is not None:
        amounts = expect_amount(fit, histories)
        if np.isfinite(amounts).all():
            return amounts
    seen = merged.amount[merged.day <= until_day]
    return np.full(len(histories), float(seen.mean()))


def _intervals(
    model: Model, fit: Fit, rows: Rows, weeks: float, *, seed: int
) -> tuple[Floats, Floats, float, float]:
    """Quantiles of drawn futures; parameters are drawn too, and every second time all stay."""
    random = np.random.default_rng(seed)
    draws = _DRAWS_FOR_MANY if len(rows.age) > _MANY else _DRAWS
    futures = np.empty((draws, len(rows.age)), dtype=np.float32)
    for i, values in enumerate(fit.draw(draws, seed=seed)):
        futures[i] = model.sample_purchases(values, rows, weeks, staying=i % 2 == 0, random=random)
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(futures, [tail, 1 - tail], axis=0, method="closest_observation")
    total_low, total_high = np.quantile(futures.sum(axis=1), [tail, 1 - tail])
    return low.astype(np.float64), high.astype(np.float64), float(total_low), float(total_high)
