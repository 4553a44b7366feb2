"""The rows that a likelihood is worked out on: equal customers are counted, not repeated."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from scipy import special

from kaquan.insight.lifetime.history import Floats, Histories

_ROUGH_ROWS = 5_000
# SciPy's own annotations leave it open.
_DIGAMMA: Any = special.digamma  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Frequency, recency and age (weeks) of a row, how many customers it stands for."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    covariates: Floats | None = None

    def of_frequency(self, function: Callable[[Floats], Floats]) -> Floats:
        """Return the function of each row's frequency, worked out once for each that occurs.

        With covariates it is worked out row by row, as other parameters may differ too.
        """
        largest = int(self.frequency.max(initial=0))
        if self.covariates is not None or largest >= len(self.frequency):
            return function(self.frequency)
        return function(np.arange(largest + 1.0))[self.frequency.astype(np.intp)]


def digamma(values: Floats | float) -> Floats:
    """Return the derivative of ln Γ."""
    return np.asarray(_DIGAMMA(values), dtype=np.float64)


def weigh(weight: Floats, values: Floats) -> float:
    """Return the weighted sum.

    Not by BLAS, whose threads wait for each other on a machine that has other work.
    """
    return float((weight * values).sum())


def gather_rows(
    histories: Histories, covariates: Floats | None = None, *, group: bool = True
) -> Rows:
    """Return the customers' rows, equal ones put together unless they have covariates."""
    columns = (histories.frequency, histories.recency, histories.age)
    if covariates is not None or not group:
        x, recency, age = columns
        return Rows(
            frequency=x,
            recency=recency,
            age=age,
            weight=np.ones(len(x)),
            covariates=covariates,
        )
    order = np.lexsort(columns)
    x, recency, age = (column[order] for column in columns)
    changed = (np.diff(x) != 0) | (np.diff(recency) != 0) | (np.diff(age) != 0)
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
    weight = np.diff(np.concatenate((starts, [len(x)]))).astype(np.float64)
    return Rows(frequency=x[starts], recency=recency[starts], age=age[starts], weight=weight)


def thin_out(rows: Rows) -> Rows:
    """Return an even sample of many rows, to get near the maximum cheaply; few rows as they are."""
    if len(rows.weight) <= _ROUGH_ROWS:
        return rows
    every = slice(None, None, len(rows.weight) // _ROUGH_ROWS + 1)
    return Rows(
        frequency=rows.frequency[every],
        recency=rows.recency[every],
        age=rows.age[every],
        weight=rows.weight[every],
        covariates=None if rows.covariates is None else rows.covariates[every],
    )
