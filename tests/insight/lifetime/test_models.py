"""The models against published fits, against their own simulations, and at their edges."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad  # pyright: ignore[reportUnknownVariableType]

from kaquan.insight.lifetime import (
    BgNbd,
    Columns,
    Forecast,
    Histories,
    ParetoNbd,
    Transactions,
    count_purchases,
    expect_amount,
    fit_gamma_gamma,
    forecast_purchases,
    merge_days,
    read_transactions,
    summarise_histories,
)
from kaquan.insight.lifetime.paretonbd import leave_between
from kaquan.insight.lifetime.rows import Rows, gather_rows

CDNOW = Path(__file__).parents[4] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
MODELS = [BgNbd(), BgNbd(modified=True), ParetoNbd()]
TRUTH = {"BG/NBD": [0.6, 5.0, 0.8, 2.5], "MBG/NBD": [0.6, 5.0, 0.8, 2.5]}
QUAD: Any = quad  # pyright: ignore[reportUnknownVariableType]
TRUTH["Pareto/NBD"] = [0.6, 8.0, 0.6, 12.0]


def _day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def cdnow() -> tuple[Transactions, Histories]:
    if not CDNOW.exists():
        pytest.skip("the CDNOW sample is not on this machine (../shared/data)")
    file = read_transactions(CDNOW, Columns(customer="1", date="3", amount="5"))
    merged = merge_days(file.transactions)
    return merged, summarise_histories(merged, until_day=_day("1997-09-30"))


# Fader, Hardie, Lee (2005); Fader, Hardie (2005); Fader, Hardie (2013).
@pytest.mark.parametrize(
    ("model", "published", "log_likelihood", "predicted"),
    [
        (BgNbd(), {"r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258}, -9582.43, 1653),
        (
            ParetoNbd(),
            {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.668},
            -9594.98,
            1666,
        ),
    ],
    ids=["BG/NBD", "Pareto/NBD"],
)
def test_published_fits_of_cdnow(
    cdnow: tuple[Transactions, Histories],
    model: BgNbd | ParetoNbd,
    published: dict[str, float],
    log_likelihood: float,
    predicted: float,
) -> None:
    fit = model.fit(cdnow[1])
    assert fit.parameters == pytest.approx(published, rel=2e-4)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert model.expect_purchases(fit, cdnow[1], 39).sum() == pytest.approx(predicted, abs=1)


def test_published_amounts_of_cdnow(cdnow: tuple[Transactions, Histories]) -> None:
    fit = fit_gamma_gamma(cdnow[1])
    assert fit is not None
    assert fit.customers == 946
    assert fit.parameters == pytest.approx({"p": 6.2488, "q": 3.7446, "v": 15.4477}, rel=5e-4)
    assert fit.log_likelihood == pytest.approx(-4055.92, abs=0.01)


def test_the_forecast_of_cdnow_beats_bg_nbd(cdnow: tuple[Transactions, Histories]) -> None:
    until = _day("1997-09-30")
    forecast = forecast_purchases(cdnow[0], until_day=until, weeks=39, seed=1)
    assert isinstance(forecast, Forecast)
    actual, _ = count_purchases(
        cdnow[0], forecast.histories, after_day=until, until_day=until + 273
    )
    assert actual.sum() == 1882
    assert np.abs(forecast.purchases - actual).mean() < 0.7855
    assert abs(forecast.purchases.sum() / actual.sum() - 1) < 0.06
    assert forecast.total_low < actual.sum() < forecast.total_high
    assert np.mean((actual >= forecast.low) & (actual <= forecast.high)) >= 0.88


def _simulate(model: BgNbd | ParetoNbd, customers: int, *, seed: int) -> Histories:
    """Customers' first 52 weeks, drawn purchase by purchase from the model's own story."""
    random = np.random.default_rng(seed)
    r, alpha, a_or_s, b_or_beta = TRUTH[model.name]
    frequency, recency = np.zeros(customers), np.zeros(customers)
    for i in range(customers):
        rate = random.gamma(r, 1 / alpha)
        if isinstance(model, ParetoNbd):
            leaving, end = 0.0, random.exponential(1 / random.gamma(a_or_s, 1 / b_or_beta))
        else:
            leaving, end = random.beta(a_or_s, b_or_beta), np.inf
        clock, gone = 0.0, isinstance(model, BgNbd) and model.modified and random.random() < leaving
        while not gone:
            clock += random.exponential(1 / rate)
            if clock > min(52.0, end):
                break
            frequency[i], recency[i] = frequency[i] + 1, clock
            gone = random.random() < leaving
    return Histories(
        customer=np.arange(customers),
        frequency=frequency,
        recency=recency,
        age=np.full(customers, 52.0),
        monetary=np.zeros(customers),
        first_day=np.zeros(customers, dtype=np.int64),
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_fit_finds_the_parameters_it_was_drawn_from(model: BgNbd | ParetoNbd) -> None:
    fit = model.fit(_simulate(model, 4000, seed=3))
    assert fit.problem is None
    errors = list(fit.standard_errors.values())
    off = (fit.values - TRUTH[model.name]) / np.array(errors)
    assert np.abs(off).max() < 3.5, dict(zip(fit.names, off.tolist(), strict=True))


@pytest.mark.parametrize("staying", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_expectations_agree_with_drawn_futures(model: BgNbd | ParetoNbd, staying: bool) -> None:
    rows = gather_rows(_simulate(model, 300, seed=5), group=False)
    values = np.array(TRUTH[model.name])
    random = np.random.default_rng(7)
    drawn = np.mean(
        [
            model.sample_purchases(values, rows, 26, staying=staying, random=random).sum()
            for _ in range(400)
        ]
    )
    expected = model.expect_with(values, rows, 26)
    if staying:
        expected = 26 * model.staying_rate(values, rows)
    assert drawn == pytest.approx(expected.sum(), rel=0.03)


def test_covariates_shift_rate_and_drop_out() -> None:
    model, base = BgNbd(), _simulate(BgNbd(), 3000, seed=11)
    noise = np.random.default_rng(1).normal(size=(3000, 1))
    fit = model.fit(base, covariates=noise)
    errors = fit.standard_errors
    # Noise explains nothing, and what does explain is found.
    assert abs(fit.parameters["rate_0"]) < 3.5 * errors["rate_0"]
    keen = (base.frequency > np.median(base.frequency)).astype(np.float64)[:, None]
    told = model.fit(base, covariates=keen)
    assert told.parameters["rate_0"] > 3 * told.standard_errors["rate_0"]
    assert told.log_likelihood > fit.log_likelihood + 50


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_longer_silence_means_less_hope(model: BgNbd | ParetoNbd) -> None:
    silent = Histories(
        customer=np.arange(3),
        frequency=np.full(3, 4.0),
        recency=np.array([50.0, 30.0, 5.0]),
        age=np.full(3, 52.0),
        monetary=np.zeros(3),
        first_day=np.zeros(3, dtype=np.int64),
    )
    alive = model.alive_with(np.array(TRUTH[model.name]), gather_rows(silent, group=False))
    assert alive[0] > alive[1] > alive[2] > 0
    assert alive.max() <= 1


def test_amounts_shrink_towards_the_population(cdnow: tuple[Transactions, Histories]) -> None:
    fit = fit_gamma_gamma(cdnow[1])
    assert fit is not None
    seen = Histories(
        customer=np.arange(3),
        frequency=np.array([0.0, 1.0, 50.0]),
        recency=np.zeros(3),
        age=np.ones(3),
        monetary=np.array([0.0, 100.0, 100.0]),
        first_day=np.zeros(3, dtype=np.int64),
    )
    nobody, once, often = expect_amount(fit, seen).tolist()
    p, q, v = (float(value) for value in fit.values)
    assert nobody == pytest.approx(p * v / (q - 1))
    assert nobody < once < often < 100


def test_who_buys_daily_can_be_told_of() -> None:
    """The likelihood's hypergeometric term overflows for hundreds of purchases as it is written."""
    rows = Rows(
        frequency=np.array([300.0, 3.0]),
        recency=np.array([52.0, 20.0]),
        age=np.array([52.1, 52.0]),
        weight=np.ones(2),
    )
    values = np.array([1.4115, 1.3736, 0.4508, 542.73])
    model = ParetoNbd()
    assert np.isfinite(model.log_likelihood(values, rows)).all()
    assert (model.expect_with(values, rows, 52.0) > 0).all()
    assert model.alive_with(values, rows)[0] > 0.99


@pytest.mark.parametrize(
    ("values", "frequency", "recency", "age"),
    [
        ((0.5533, 10.578, 0.6062, 11.668), 0.0, 0.0, 39.0),
        ((0.5533, 10.578, 0.6062, 11.668), 7.0, 30.0, 38.7),
        ((1.4115, 1.3736, 0.4508, 542.73), 300.0, 52.0, 52.1),
        ((0.02, 0.03, 9.0, 400.0), 0.0, 0.0, 150.0),
        ((0.5, 1e-3, 1.0, 1e4), 2.0, 0.1, 104.0),
        ((2.0, 30.0, 1e-4, 0.01), 40.0, 100.0, 101.0),
        ((1.0, 5.0, 1.0, 5.0), 3.0, 20.0, 20.0 + 1e-6),
    ],
    ids=["once", "often", "daily", "small rate", "far apart", "hardly leaves", "a moment ago"],
)
def test_when_somebody_left_is_integrated_to_rounding(
    values: tuple[float, ...], frequency: float, recency: float, age: float
) -> None:
    """Against SciPy's adaptive quadrature, decade by decade behind the last purchase."""
    r, alpha, s, beta = values
    top = -(r + frequency) * np.log(alpha + recency) - (s + 1) * np.log(beta + recency)

    def density(log_gap: float) -> float:
        gap = float(np.exp(log_gap))
        power = (r + frequency) * np.log(alpha + recency + gap)
        return float(np.exp(-power - (s + 1) * np.log(beta + recency + gap) - top)) * gap

    end = float(np.log(age - recency))
    ranges = [(end - 2 * step - 2, end - 2 * step) for step in range(20)]
    total = sum(QUAD(density, *one, epsabs=0, epsrel=1e-11)[0] for one in ranges)
    rows = Rows(
        frequency=np.array([frequency]),
        recency=np.array([recency]),
        age=np.array([age]),
        weight=np.ones(1),
    )
    found = leave_between(np.array(values), rows).log_total[0]
    assert found - top == pytest.approx(np.log(total), abs=1e-8)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_gradient_is_that_of_the_likelihood(model: BgNbd | ParetoNbd) -> None:
    base = _simulate(model, 200, seed=9)
    covariates = np.random.default_rng(2).normal(size=(200, 1))
    plain = gather_rows(base)
    with_covariates = gather_rows(base, covariates)
    tries = [(plain, np.array(TRUTH[model.name]) * 1.3)]
    if isinstance(model, BgNbd):
        tries.append((with_covariates, np.array([*TRUTH[model.name], 0.2, -0.1]) * 1.3))
    for rows, at in tries:
        total, slope = model.score(at, rows)
        assert total == pytest.approx(float(rows.weight @ model.log_likelihood(at, rows)))
        steps = np.eye(len(at)) * 1e-5
        ahead = [(model.score(at + one, rows)[0] - model.score(at - one, rows)[0]) for one in steps]
        assert slope == pytest.approx(np.array(ahead) / 2e-5, rel=1e-5, abs=1e-4)
