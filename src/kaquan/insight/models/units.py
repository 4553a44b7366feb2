"""Who was asked about when, and what came of it: the rows that chances are learnt from."""

from typing import Any

import msgspec
import numpy as np

from kaquan.insight.models.facts import Facts
from kaquan.insight.models.features import Units
from kaquan.insight.models.model import Floats, Ints, Lack, LackCode

MOST_ROWS = 200_000
"""Rows that are learnt from at most: customers, or publications, drawn by a hash of their id."""
MOST_ORIGINS = 12
LEAST_HISTORY_DAYS = 30.0
TEST_SHARE = 0.25

_HASH = "(md5_number_lower({0}) % 1000000)"

_BUYERS = f"""
    select f.customer_id, o.as_of,
           coalesce(bool_or(b.placed is not null), false)::int as label
      from (select customer_id, min(placed) as first_at from basket semi join known using (customer_id)
             where {_HASH.format("customer_id")} < $2 group by customer_id) f
      join (select unnest($1::double[]) as as_of) o on f.first_at < o.as_of
      left join basket b on b.customer_id = f.customer_id and b.paid
       and b.placed >= o.as_of and b.placed < o.as_of + $3
     group by f.customer_id, o.as_of order by o.as_of, f.customer_id
"""
_SENT = f"""
    with sent as (
        select p.voucher_id, p.customer_id, p.campaign_id, epoch_us(p.at) / 86400000000.0 as as_of
          from publication p semi join known k on k.customer_id = p.customer_id
         where p.voucher_id is not null and p.campaign_id is not null
           and {_HASH.format("p.voucher_id")} < $1
    ), first as (
        select voucher_id, any_value(customer_id) as customer_id,
               any_value(campaign_id) as campaign_id, min(as_of) as as_of
          from sent group by voucher_id having count(distinct customer_id) = 1
    )
    select f.customer_id, f.campaign_id, f.as_of,
           coalesce(bool_or(r.voucher_id is not null), false)::int as label
      from first f
      left join redemption r on r.voucher_id = f.voucher_id and r.stands
       and epoch_us(r.at) / 86400000000.0 >= f.as_of
       and epoch_us(r.at) / 86400000000.0 < f.as_of + $2
     where f.as_of + $2 <= $3
     group by all order by f.as_of, f.customer_id, f.campaign_id
"""


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """Units and what each did in the days after: 1 or 0, the person as a number, when it is over."""

    units: Units
    label: Floats
    customer: Ints
    until: Floats

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Any) -> "Outcomes":
        """Return the outcomes of some rows, persons numbered anew."""
        place: list[int] = np.flatnonzero(rows).tolist()
        campaigns = self.units.campaigns
        return make_outcomes(
            Units(
                customers=[self.units.customers[row] for row in place],
                as_of=self.units.as_of[rows],
                campaigns=None if campaigns is None else [campaigns[row] for row in place],
            ),
            self.label[rows],
            self.until[rows],
        )


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The newest units, and those whose outcome was known before the first of them."""

    train: Outcomes
    test: Outcomes
    test_from: float


def make_outcomes(units: Units, label: Floats, until: Floats) -> Outcomes:
    """Number the persons of units."""
    _, customer = np.unique(np.asarray(units.customers, dtype=str), return_inverse=True)
    return Outcomes(units=units, label=label, customer=customer.astype(np.int64), until=until)


def list_buyers(facts: Facts, *, until: float, days: float) -> Outcomes | Lack:
    """Ask of everybody who had bought, at moments ``days`` apart, whether they did again.

    The last such moment is ``days`` before ``until``: what comes after is then known in full.
    """
    window = facts.window()
    if window is None:
        return Lack(code=LackCode.CUSTOMERS, have=0, need=1)
    reach = until - window[0] - LEAST_HISTORY_DAYS
    count = min(int(reach // days), MOST_ORIGINS)
    if count < 2:
        return Lack(
            code=LackCode.TIME,
            have=int(until - window[0]),
            need=int(2 * days + LEAST_HISTORY_DAYS),
        )
    origins = [until - days * number for number in range(count, 0, -1)]
    people = int(facts.columns("select count(distinct customer_id) as n from basket")["n"][0])
    found = facts.columns(_BUYERS, (origins, _part(people * count), days))
    as_of = np.asarray(found["as_of"], dtype=np.float64)
    return make_outcomes(
        Units(customers=[str(one) for one in found["customer_id"]], as_of=as_of),
        np.asarray(found["label"], dtype=np.float64),
        as_of + days,
    )


def list_sent(facts: Facts, *, until: float, days: float) -> Outcomes | Lack:
    """Ask of every voucher given to a customer whether it was redeemed within ``days``.

    Vouchers given to several people are left out, and those whose days are not over.
    """
    sent = int(facts.columns("select count(*) as n from publication")["n"][0])
    if sent == 0:
        return Lack(code=LackCode.PUBLICATIONS, have=0, need=1)
    found = facts.columns(_SENT, (_part(sent), days, until))
    as_of = np.asarray(found["as_of"], dtype=np.float64)
    units = Units(
        customers=[str(one) for one in found["customer_id"]],
        as_of=as_of,
        campaigns=[str(one) for one in found["campaign_id"]],
    )
    return make_outcomes(units, np.asarray(found["label"], dtype=np.float64), as_of + days)


def split_by_time(outcomes: Outcomes) -> Split:
    """Hold out the newest quarter; what was not over when it began is in neither part.

    López de Prado, Advances in Financial Machine Learning (2018), ch. 7: purging.
    """
    as_of = outcomes.units.as_of
    start = float(np.quantile(as_of, 1 - TEST_SHARE, method="lower"))
    return Split(
        train=outcomes.take(outcomes.until <= start + 1e-9),
        test=outcomes.take(as_of >= start),
        test_from=start,
    )


def _part(rows: int) -> int:
    return min(1_000_000, 1_000_000 * MOST_ROWS // max(rows, 1))
