"""What was known of customers at a moment: every feature that models use, and nothing later.

Each query joins facts with ``at < as_of``, and uses only the parts of a fact that never change
(docs/algorithms/features.md). A unit is a customer at a moment, and the campaign whose coupon may
be sent to them then, where one is asked about.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kaquan.insight.models.facts import Facts
from kaquan.insight.models.model import Floats

ARROW: Any = pa

_AT = "epoch_us({0}.at) / 86400000000.0"

CUSTOMER_FEATURES: Mapping[str, str] = {
    "purchases": """
    select u.unit,
           count(*) filter (where u.as_of - b.placed <= 30) as orders_30,
           count(*) filter (where u.as_of - b.placed <= 90) as orders_90,
           count(*) filter (where u.as_of - b.placed <= 365) as orders_365,
           coalesce(sum(b.amount) filter (where u.as_of - b.placed <= 30), 0) as spend_30,
           coalesce(sum(b.amount) filter (where u.as_of - b.placed <= 90), 0) as spend_90,
           coalesce(sum(b.amount) filter (where u.as_of - b.placed <= 365), 0) as spend_365,
           avg(b.amount) as average_order,
           max(b.amount) as largest_order,
           min(u.as_of - b.placed) as days_since_last,
           least(max(u.as_of - b.placed), 90) as days_known,
           median(b.gap) as usual_gap,
           min(u.as_of - b.placed) / nullif(median(b.gap), 0) as gaps_since_last,
           sum(b.off) / nullif(sum(b.amount), 0) as discount_share,
           avg(b.lines) as lines_an_order,
           count(distinct b.location_id) as locations
      from unit u join basket b on b.customer_id = u.customer_id and b.placed < u.as_of
     group by u.unit""",
    "vouchers": f"""
    select u.unit, count(*) as published,
           count(*) filter (where u.as_of - {_AT.format("p")} <= 90) as published_90,
           min(u.as_of - {_AT.format("p")}) as days_since_published
      from unit u join publication p
        on p.customer_id = u.customer_id and {_AT.format("p")} < u.as_of
     group by u.unit""",
    "redemptions": f"""
    select u.unit, count(*) as redeemed,
           count(*) filter (where u.as_of - {_AT.format("r")} <= 90) as redeemed_90,
           count(distinct r.campaign_id) / (2 + any_value(g.campaigns))::double
               as campaigns_redeemed_share,
           min(u.as_of - {_AT.format("r")}) as days_since_redeemed
      from unit u join redemption r
        on r.customer_id = u.customer_id and {_AT.format("r")} < u.as_of
       and r.kind = 'redemption' and r.result = 'SUCCESS'
      left join (select v.unit, count(distinct p.campaign_id) as campaigns
                   from unit v join publication p
                     on p.customer_id = v.customer_id and {_AT.format("p")} < v.as_of
                  group by v.unit) g on g.unit = u.unit
     group by u.unit""",
    "events": f"""
    select u.unit, count(*) as events_30
      from unit u join event e
        on e.customer_id = u.customer_id and {_AT.format("e")} < u.as_of
       and u.as_of - {_AT.format("e")} <= 30
     group by u.unit""",
    "messages": f"""
    select u.unit, count(*) as messages_90
      from unit u join message m
        on m.customer_id = u.customer_id and {_AT.format("m")} < u.as_of
       and u.as_of - {_AT.format("m")} <= 90
     group by u.unit""",
}
"""By group, the query of features that every model has; each names the moment it may look up to."""

CAMPAIGN_FEATURES: Mapping[str, str] = {
    "campaign": f"""
    with given as (
        select p.campaign_id, {_AT.format("p")} as given_at, p.voucher_id from publication p
    ), used as (
        select r.voucher_id, min({_AT.format("r")}) as used_at from redemption r
         where r.kind = 'redemption' and r.result = 'SUCCESS' group by r.voucher_id
    ), asked as (
        select distinct campaign_id, as_of from unit where campaign_id is not null
    ), told as (
        select a.campaign_id, a.as_of, avg((coalesce(x.used_at < a.as_of, false))::int) as rate
          from asked a join given g on g.campaign_id = a.campaign_id and g.given_at < a.as_of - 30
          left join used x on x.voucher_id = g.voucher_id
         group by all
    )
    select u.unit, k.place::double as campaign_kind, t.rate as campaign_rate
      from unit u
      left join campaign c on c.id = u.campaign_id
      left join campaign_kind k on k.kind = c.kind
      left join told t on t.campaign_id = u.campaign_id and t.as_of = u.as_of
     where u.campaign_id is not null""",
    "covered": """
    with fits as (
        select distinct u.unit, l.order_id, u.as_of - b.placed as age
          from unit u
          join basket b on b.customer_id = u.customer_id and b.placed < u.as_of
          join order_line l on l.order_id = b.id
          join coverage v on v.campaign_id = u.campaign_id and v.product_id = l.product_id
    )
    select u.unit, count(f.order_id) as covered_orders,
           count(f.order_id) filter (where f.age <= 90) as covered_orders_90,
           min(f.age) as days_since_covered
      from unit u left join fits f on f.unit = u.unit
     where u.campaign_id in (select campaign_id from coverage)
     group by u.unit""",
}
"""What depends on the campaign too; missing for a unit that names none."""

_COUNTS = frozenset(
    (
        *("orders_30", "orders_90", "orders_365", "spend_30", "spend_90", "spend_365"),
        *("locations", "published", "published_90", "redeemed", "redeemed_90"),
        *("campaigns_redeemed_share", "events_30", "messages_90"),
    )
)
"""Features that are zero, not unknown, of whom there is no fact."""


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """Customers at moments (days since 1970), with the campaign asked about or None."""

    customers: list[str]
    as_of: Floats
    campaigns: Sequence[str | None] | None = None

    def __len__(self) -> int:
        return len(self.customers)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Features by name, a row a unit; NaN where there is nothing to say."""

    names: tuple[str, ...]
    values: Floats

    def select(self, names: tuple[str, ...]) -> Floats:
        """Return the columns of these names; one that is not there is all missing."""
        place = {name: number for number, name in enumerate(self.names)}
        rows = len(self.values)
        chosen = [
            self.values[:, place[name]] if name in place else np.full(rows, np.nan)
            for name in names
        ]
        return np.column_stack(chosen) if chosen else np.zeros((rows, 0))


def compute_features(
    facts: Facts,
    units: Units,
    *,
    kinds: tuple[str, ...] = (),
    groups: Mapping[str, str] | None = None,
) -> Table:
    """Return the features of units, each as of its own moment.

    ``kinds`` are the kinds of campaigns that a model knows, in the order of their numbers;
    ``groups`` the queries to run, all that apply if not given.
    """
    with_campaign = units.campaigns is not None
    if groups is None:
        groups = {**CUSTOMER_FEATURES, **(CAMPAIGN_FEATURES if with_campaign else {})}
    campaigns = list(units.campaigns or [None] * len(units))
    facts.register(
        "unit",
        ARROW.table(
            {
                "unit": ARROW.array(np.arange(len(units), dtype=np.int64)),
                "customer_id": ARROW.array(units.customers, ARROW.string()),
                "campaign_id": ARROW.array(campaigns, ARROW.string()),
                "as_of": ARROW.array(units.as_of, ARROW.float64()),
            }
        ),
    )
    facts.register(
        "campaign_kind",
        ARROW.table(
            {
                "kind": ARROW.array(list(kinds), ARROW.string()),
                "place": ARROW.array(list(range(len(kinds))), ARROW.int64()),
            }
        ),
    )
    names: list[str] = []
    columns: list[Floats] = []
    for query in groups.values():
        found = facts.columns(query)
        rows = np.asarray(found.pop("unit"), dtype=np.int64)
        for name, values in found.items():
            column = np.full(len(units), 0.0 if name in _COUNTS else np.nan)
            column[rows] = _as_floats(values)
            names.append(name)
            columns.append(column)
    values = np.column_stack(columns) if columns else np.zeros((len(units), 0))
    return Table(names=tuple(names), values=values)


def _as_floats(values: Any) -> Floats:
    # DuckDB gives masked arrays where numbers are missing.
    missing = np.ma.getmaskarray(values)
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(missing, np.nan, numbers)
