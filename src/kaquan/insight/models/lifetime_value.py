"""Training and using the lifetime models: what a customer will buy, and what it is worth.

The forecaster is that of ``kaquan.insight.lifetime``; here its fit is kept, measured on the newest
part of the time, and used on later histories (docs/algorithms/lifetime-value.md).
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from kaquan.insight.lifetime import Fit, Forecast, TooLittle, Transactions, forecast_purchases
from kaquan.insight.lifetime.forecast import (
    FEWEST_CUSTOMERS,
    FEWEST_REPEATERS,
    MODELS,
    expect_damped,
)
from kaquan.insight.lifetime.forecast import Model as Lifetime
from kaquan.insight.lifetime.gammagamma import expect_amount
from kaquan.insight.lifetime.history import (
    Histories,
    count_purchases,
    merge_days,
    summarise_histories,
)
from kaquan.insight.lifetime.rows import gather_rows
from kaquan.insight.models.facts import Facts, to_moment
from kaquan.insight.models.measures import BINS, mean_of, spread_of
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

HORIZON_DAYS = 364
TEST_SHARE = 0.25
LEAST_DAYS = 56
SCORED_AT_ONCE = 100_000
_Z = 1.959963984540054

_PURCHASES = """
    select b.customer_id, floor(b.placed)::bigint as day, sum(b.total) as amount
      from basket b semi join known k on k.customer_id = b.customer_id
     where b.paid and b.total >= 0 and b.placed < $1
     group by 1, 2 order by 1, 2
"""


class StoredFit(msgspec.Struct, frozen=True, kw_only=True):
    """A fit's parameters without its covariance: enough to expect with."""

    names: tuple[str, ...]
    working: tuple[float, ...]
    positive: int


class LifetimeValue(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored: the chosen model with its fit, and what an order is worth."""

    model: str
    fit: StoredFit
    amount_fit: StoredFit | None
    mean_amount: float


class _Bought(msgspec.Struct, frozen=True, kw_only=True):
    customers: list[str]
    merged: Transactions


def train_lifetime(
    facts: Facts, *, until: float, seed: int, days: float | None = None
) -> Trained | Refused:
    """Fit on all but the newest quarter of the time, and measure the purchases forecast for it.

    ``days`` shortens the holdout; it is ``HORIZON_DAYS`` at most.
    """
    bought = _read_purchases(facts, until=until)
    if bought is None:
        return Refused((Lack(code=LackCode.CUSTOMERS, have=0, need=FEWEST_CUSTOMERS),))
    window = facts.window()
    assert window is not None
    first, last = int(bought.merged.day.min()), int(until)
    held = int(min(days or HORIZON_DAYS, HORIZON_DAYS, (last - first) * TEST_SHARE))
    if last - first < LEAST_DAYS:
        return Refused((Lack(code=LackCode.TIME, have=last - first, need=LEAST_DAYS),))
    until_day = last - held
    lacks = _find_lacks(bought.merged, until_day)
    if lacks:
        return Refused(lacks)
    found = forecast_purchases(bought.merged, until_day=until_day, weeks=held / 7, seed=seed)
    assert not isinstance(found, TooLittle)
    histories = found.histories
    actual, _ = count_purchases(bought.merged, histories, after_day=until_day, until_day=last)
    stored = _store_fit(found, bought.merged, until_day)
    card = Card(
        kind=ModelKind.LIFETIME_VALUE,
        horizon_days=HORIZON_DAYS,
        seed=seed,
        data_from=to_moment(window[0]),
        data_until=to_moment(until),
        holdout_from=to_moment(until_day),
        train_rows=len(histories),
        train_positives=int((histories.frequency > 0).sum()),
        test_rows=len(histories),
        test_positives=int((actual > 0).sum()),
        features=("frequency", "recency", "age", "monetary"),
        parameters={"model": stored.model, **_parameters(stored)},
        measures=_measures(found.purchases, actual, seed=seed),
        baseline=_measures(rate_forecast(histories, held / 7), actual, seed=seed),
        gain=_gain(found.purchases, histories, actual, weeks=held / 7, seed=seed),
        bins=bins_of_counts(found.purchases, actual),
        spreads=_spreads(histories),
        score_spread=spread_of("score", found.purchases / (held / 7)),
    )
    return Trained(card=card, artifact=msgspec.json.encode(stored))


def score_lifetime(stored: LifetimeValue, facts: Facts, *, as_of: float) -> Iterator[Scores]:
    """Yield the purchases of the coming 52 weeks, their worth, and the chance to be active still.

    The worth is in minor units.
    """
    bought = _read_purchases(facts, until=as_of)
    if bought is None:
        return
    histories = summarise_histories(bought.merged, until_day=int(as_of))
    purchases, alive, amount = expect(stored, histories, weeks=HORIZON_DAYS / 7)
    # Whoever's purchases are beyond what can be worked out is not scored, rather than wrongly.
    told = np.flatnonzero(np.isfinite(purchases) & np.isfinite(alive) & np.isfinite(amount))
    for start in range(0, len(told), SCORED_AT_ONCE):
        part = told[start : start + SCORED_AT_ONCE]
        yield Scores(
            customers=[bought.customers[row] for row in histories.customer[part].tolist()],
            values={
                "clv_purchases": purchases[part],
                "clv_value": np.round(purchases[part] * amount[part]),
                "alive": alive[part],
            },
        )


def forecast_until(
    stored: LifetimeValue, facts: Facts, *, since: float, until: float
) -> tuple[Floats, Floats, Histories] | None:
    """Return what was to be expected of the time between, and what came; None without customers."""
    bought = _read_purchases(facts, until=until)
    if bought is None:
        return None
    histories = summarise_histories(bought.merged, until_day=int(since))
    if not len(histories):
        return None
    weeks = (int(until) - int(since)) / 7
    purchases, _, _ = expect(stored, histories, weeks=weeks)
    actual, _ = count_purchases(
        bought.merged, histories, after_day=int(since), until_day=int(until)
    )
    return purchases, actual.astype(np.float64), histories


def expect(
    stored: LifetimeValue, histories: Histories, *, weeks: float
) -> tuple[Floats, Floats, Floats]:
    """Return expected purchases, the chance to be active still, and the amount of a purchase."""
    model = _named(stored.model)
    fit = _restore(stored.fit)
    rows = gather_rows(histories, group=False)
    amount = np.full(len(histories), stored.mean_amount)
    if stored.amount_fit is not None:
        told = expect_amount(_restore(stored.amount_fit), histories)
        amount = np.where(np.isfinite(told), told, amount)
    return expect_damped(model, fit, rows, weeks), model.alive_with(fit.values, rows), amount


def rate_forecast(histories: Histories, weeks: float) -> Floats:
    """Return the baseline: everybody goes on as until now, purchases over the time known."""
    return (histories.frequency + 1) / np.maximum(histories.age, 4.0) * weeks


def bins_of_counts(predicted: Floats, actual: Ints | Floats) -> tuple[Bin, ...]:
    """Return ten bins of equal size by the forecast, with the interval of the mean that came."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(BINS, len(predicted)))
    found: list[Bin] = []
    for part in parts:
        came = np.asarray(actual, dtype=np.float64)[part]
        half = _Z * float(came.std(ddof=1)) / len(part) ** 0.5 if len(part) > 1 else 0.0
        mean = float(came.mean())
        found.append(
            Bin(
                rows=len(part),
                predicted=float(predicted[part].mean()),
                observed=mean,
                low=max(mean - half, 0.0),
                high=mean + half,
            )
        )
    return tuple(found)


def _read_purchases(facts: Facts, *, until: float) -> _Bought | None:
    found = facts.columns(_PURCHASES, (until,))
    if not len(found["customer_id"]):
        return None
    names, number = np.unique(np.asarray(found["customer_id"], dtype=str), return_inverse=True)
    transactions = Transactions(
        customer=number.astype(np.int64),
        day=np.asarray(found["day"], dtype=np.int64),
        amount=np.asarray(found["amount"], dtype=np.float64),
    )
    return _Bought(customers=names.tolist(), merged=merge_days(transactions))


def _find_lacks(merged: Transactions, until_day: int) -> tuple[Lack, ...]:
    histories = summarise_histories(merged, until_day=until_day)
    if len(histories) < FEWEST_CUSTOMERS:
        return (Lack(code=LackCode.CUSTOMERS, have=len(histories), need=FEWEST_CUSTOMERS),)
    repeaters = int((histories.frequency > 0).sum())
    if repeaters < FEWEST_REPEATERS:
        return (Lack(code=LackCode.REPEATERS, have=repeaters, need=FEWEST_REPEATERS),)
    return ()


def _measures(predicted: Floats, actual: Ints, *, seed: int) -> dict[str, Figure]:
    customer = np.arange(len(actual))
    total = float(actual.sum())
    figures = {
        "absolute_error": mean_of(np.abs(predicted - actual), customer=customer, seed=seed),
    }
    if total:
        surplus = (predicted - actual) / (total / len(actual))
        figures["total_error"] = mean_of(surplus, customer=customer, seed=seed)
    return figures


def _gain(
    predicted: Floats, histories: Histories, actual: Ints, *, weeks: float, seed: int
) -> Figure:
    less = np.abs(rate_forecast(histories, weeks) - actual) - np.abs(predicted - actual)
    return mean_of(less, customer=np.arange(len(actual)), seed=seed)


def _spreads(histories: Histories) -> tuple[Spread, ...]:
    columns = {
        "frequency": histories.frequency,
        "recency": histories.recency,
        "age": histories.age,
        "monetary": histories.monetary,
    }
    return tuple(spread_of(name, values) for name, values in columns.items())


def _store_fit(found: Forecast, merged: Transactions, until_day: int) -> LifetimeValue:
    seen = merged.amount[merged.day <= until_day]
    return LifetimeValue(
        model=found.model,
        fit=_keep(dict(found.fits)[found.model]),
        amount_fit=None if found.amount_fit is None else _keep(found.amount_fit),
        mean_amount=float(seen.mean()),
    )


def _keep(fit: Fit) -> StoredFit:
    return StoredFit(names=fit.names, working=tuple(fit.working.tolist()), positive=fit.positive)


def _restore(stored: StoredFit) -> Fit:
    size = len(stored.working)
    return Fit(
        names=stored.names,
        working=np.asarray(stored.working),
        positive=stored.positive,
        covariance=np.zeros((size, size)),
        log_likelihood=0.0,
        customers=0,
    )


def _parameters(stored: LifetimeValue) -> dict[str, float]:
    fits: Sequence[StoredFit] = [one for one in (stored.fit, stored.amount_fit) if one is not None]
    return {name: value for one in fits for name, value in _restore(one).parameters.items()}


def _named(name: str) -> Lifetime:
    return next(model for model in MODELS if model.name == name)
