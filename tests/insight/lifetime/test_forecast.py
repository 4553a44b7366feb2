"""Forecasts: only the past is learnt from, and too little data is said, not guessed."""

import numpy as np
import pytest

from kaquan.insight.lifetime import Forecast, TooLittle, Transactions, forecast_purchases

pytestmark = pytest.mark.slow


def _shop(customers: int, *, seed: int = 1, buys: float = 6.0) -> Transactions:
    """Customers that come within the first 60 days and buy for a year at rates of their own."""
    random = np.random.default_rng(seed)
    who, day = [np.arange(customers)], [random.integers(0, 60, customers)]
    for one in range(customers):
        count = random.poisson(random.gamma(0.8, buys / 0.8))
        who.append(np.full(count, one))
        day.append(day[0][one] + 1 + random.integers(0, 364, count))
    amount = random.gamma(5, 4, sum(map(len, who)))
    return Transactions(
        customer=np.concatenate(who), day=np.concatenate(day), amount=amount.round(2)
    )


def test_what_comes_later_is_not_looked_at() -> None:
    shop = _shop(150)
    until = 250
    known = shop.day <= until
    past = Transactions(
        customer=shop.customer[known], day=shop.day[known], amount=shop.amount[known]
    )
    with_future = forecast_purchases(shop, until_day=until, weeks=10, seed=1)
    without = forecast_purchases(past, until_day=until, weeks=10, seed=1)
    assert isinstance(with_future, Forecast)
    assert isinstance(without, Forecast)
    assert with_future.purchases.tolist() == without.purchases.tolist()
    assert with_future.value.tolist() == without.value.tolist()
    assert with_future.validated == without.validated


def test_steady_customers_are_forecast_to_go_on() -> None:
    shop = _shop(300, seed=2)
    forecast = forecast_purchases(shop, until_day=300, weeks=8, seed=1)
    assert isinstance(forecast, Forecast)
    later = (shop.day > 300) & (shop.day <= 356)
    actual = len(np.unique(shop.customer[later] * 10_000 + shop.day[later]))
    assert forecast.purchases.sum() == pytest.approx(actual, rel=0.1)
    assert forecast.total_low < actual < forecast.total_high
    assert (forecast.low <= forecast.high).all()
    assert np.isfinite(forecast.value).all()


def test_the_seed_makes_it_repeatable() -> None:
    shop = _shop(100)
    first, again, other = (
        forecast_purchases(shop, until_day=300, weeks=4, seed=seed) for seed in (1, 1, 2)
    )
    assert isinstance(first, Forecast)
    assert isinstance(again, Forecast)
    assert isinstance(other, Forecast)
    assert first.high.tolist() == again.high.tolist()
    assert first.total_high != other.total_high
    assert first.purchases.tolist() == other.purchases.tolist()


@pytest.mark.parametrize(
    ("shop", "cause"),
    [
        (_shop(12), "12 customers bought until then"),
        (_shop(200, buys=0.02), "bought on more than one day"),
    ],
    ids=["twelve customers", "hardly a repeat purchase"],
)
def test_too_little_to_say_anything(shop: Transactions, cause: str) -> None:
    said = forecast_purchases(shop, until_day=400, weeks=10, seed=1)
    assert isinstance(said, TooLittle)
    assert cause in said.cause


def test_one_price_for_everything_needs_no_amount_model() -> None:
    shop = _shop(200)
    flat = Transactions(customer=shop.customer, day=shop.day, amount=np.full(len(shop.day), 9.9))
    # Two purchases on one day make a different amount: take one a day.
    keep = np.unique(shop.customer * 10_000 + shop.day, return_index=True)[1]
    flat = Transactions(customer=flat.customer[keep], day=flat.day[keep], amount=flat.amount[keep])
    forecast = forecast_purchases(flat, until_day=300, weeks=4, seed=1)
    assert isinstance(forecast, Forecast)
    assert forecast.amount_fit is None
    assert forecast.amount == pytest.approx(9.9)
