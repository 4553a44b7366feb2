"""Purchase histories reduced to what the buy-till-you-die models need of a customer."""

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Transactions(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases, one a row: customer as a number from 0, day as days since 1970, amount."""

    customer: Whole
    day: Whole
    amount: Floats


class Histories(msgspec.Struct, frozen=True, kw_only=True):
    """One row a customer, times in weeks.

    ``frequency`` counts the repeat purchases (days with a purchase after the first), ``recency``
    is the time from the first to the last of them, ``age`` the time from the first to the end of
    observation and ``monetary`` the mean amount of the repeat purchases, 0 without any.
    ``first_day`` and ``customer`` are those of the transactions.
    """

    customer: Whole
    frequency: Floats
    recency: Floats
    age: Floats
    monetary: Floats
    first_day: Whole

    def __len__(self) -> int:
        return len(self.customer)


DAYS_A_WEEK = 7.0


def merge_days(transactions: Transactions) -> Transactions:
    """Return one purchase a customer and day, amounts added up, sorted by customer and day."""
    order = np.lexsort((transactions.day, transactions.customer))
    customer, day = transactions.customer[order], transactions.day[order]
    starts = np.flatnonzero(
        np.concatenate(([True], (np.diff(customer) != 0) | (np.diff(day) != 0)))[: len(customer)]
    )
    if not len(customer):
        return transactions
    amount = np.add.reduceat(transactions.amount[order], starts)
    return Transactions(customer=customer[starts], day=day[starts], amount=amount)


def summarise_histories(merged: Transactions, *, until_day: int) -> Histories:
    """Summarise the purchases up to and with ``until_day`` of ``merge_days``' result.

    Customers without a purchase by then are left out.
    """
    kept = merged.day <= until_day
    customer, day, amount = merged.customer[kept], merged.day[kept], merged.amount[kept]
    who, starts, counts = np.unique(customer, return_index=True, return_counts=True)
    if not len(who):
        nothing = np.zeros(0)
        return Histories(
            customer=who,
            frequency=nothing,
            recency=nothing,
            age=nothing,
            monetary=nothing,
            first_day=who,
        )
    first, last = day[starts], day[starts + counts - 1]
    frequency = (counts - 1).astype(np.float64)
    repeat_amount = np.add.reduceat(amount, starts) - amount[starts]
    return Histories(
        customer=who,
        frequency=frequency,
        recency=(last - first) / DAYS_A_WEEK,
        age=(until_day - first) / DAYS_A_WEEK,
        monetary=np.divide(repeat_amount, frequency, out=np.zeros(len(who)), where=frequency > 0),
        first_day=first,
    )


def count_purchases(
    merged: Transactions, histories: Histories, *, after_day: int, until_day: int
) -> tuple[Whole, Floats]:
    """Return for each history the days with a purchase after ``after_day`` and their amounts."""
    kept = (merged.day > after_day) & (merged.day <= until_day)
    if not len(histories):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    position = np.searchsorted(histories.customer, merged.customer[kept])
    known = position < len(histories)
    known &= histories.customer[np.minimum(position, len(histories) - 1)] == merged.customer[kept]
    position = position[known]
    counts = np.bincount(position, minlength=len(histories))
    sums = np.bincount(position, weights=merged.amount[kept][known], minlength=len(histories))
    return counts.astype(np.int64), sums.astype(np.float64)
