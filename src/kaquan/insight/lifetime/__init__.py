"""What customers will buy: histories, buy-till-you-die models, forecasts."""

from kaquan.insight.lifetime.bgnbd import BgNbd
from kaquan.insight.lifetime.fit import Fit
from kaquan.insight.lifetime.forecast import (
    COVERAGE,
    FEWEST_CUSTOMERS,
    FEWEST_REPEATERS,
    Forecast,
    TooLittle,
    Validated,
    forecast_purchases,
)
from kaquan.insight.lifetime.gammagamma import expect_amount, fit_gamma_gamma
from kaquan.insight.lifetime.history import (
    Histories,
    Transactions,
    count_purchases,
    merge_days,
    summarise_histories,
)
from kaquan.insight.lifetime.paretonbd import ParetoNbd
from kaquan.insight.lifetime.read import Columns, TransactionFile, read_transactions

__all__ = [
    "COVERAGE",
    "FEWEST_CUSTOMERS",
    "FEWEST_REPEATERS",
    "BgNbd",
    "Columns",
    "Fit",
    "Forecast",
    "Histories",
    "ParetoNbd",
    "TooLittle",
    "TransactionFile",
    "Transactions",
    "Validated",
    "count_purchases",
    "expect_amount",
    "fit_gamma_gamma",
    "forecast_purchases",
    "merge_days",
    "read_transactions",
    "summarise_histories",
]
