"""The rows that a figure is made of, a page at a time, and the customers of a cohort's cell."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, TypeAlias

import ibis
import msgspec

from kaquan.insight.metrics.engine import Engine
from kaquan.insight.metrics.facts import fact_rows, paid_orders
from kaquan.insight.metrics.model import Metric, Question
from kaquan.runtime import InvalidInput, words

IBIS: Any = ibis
Part: TypeAlias = Literal["top", "bottom"]
_COLUMNS = (
    "at", "given_at", "used_at", "expires_on", "day", "id", "order_id", "voucher_id", "customer_id",
    "campaign_id", "product_id", "location_id", "channel", "name", "kind", "result", "failure_code",
    "cause", "arm", "claimed", "first", "repeated", "held", "used", "unused", "quantity",
    "amount_minor", "discount_minor", "net_minor", "total_minor", "value_minor", "into_amount",
    "spent", "seconds",
)  # fmt: skip
ORDER_FACTS = ("order", "coupon_order", "plain_order", "buyer_order", "acquisition")
"""Facts whose rows are orders: their ``id`` is one's."""
_NAMED = {"campaign_id": "campaign", "location_id": "location", "product_id": "product"}


class FigureRows(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the rows of a figure, and how many there are in all.

    ``columns`` are those that the fact has, in order; money is in minor units. ``names`` are what
    campaigns, locations and products are called, by id.
    """

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    total: int
    names: dict[str, str]


def list_figure_rows(
    engine: Engine,
    metric: Metric,
    question: Question,
    *,
    part: Part = "top",
    limit: int,
    page: int = 1,
) -> FigureRows:
    """Return the rows that a figure, or what it is divided by, sums: the latest first.

    Raises InvalidInput for the divisor of a figure that has none, and as ``fact_rows`` does.
    """
    measure = metric.top if part == "top" else metric.bottom
    if measure is None:
        message = words("%(metric)s is not divided by anything.", metric=metric.id)
        raise InvalidInput(message, field="part")
    plain = msgspec.structs.replace(question, grain=None, by=None)
    rows = fact_rows(measure.fact, engine.table, plain, running=metric.running)
    columns = tuple(name for name in _COLUMNS if name in rows.columns)
    # What another column says as well is left out.
    for name, instead in (
        ("day", "at"),
        ("day", "given_at"),
        ("order_id", "id"),
        ("first", "repeated"),
    ):
        if instead in columns and (name != "order_id" or measure.fact in ORDER_FACTS):
            columns = tuple(column for column in columns if column != name)
    ties = [name for name in ("id", "order_id", "voucher_id", "customer_id") if name in columns]
    latest = [IBIS.desc(rows[columns[0]]), *(rows[name] for name in ties)]
    return _cut(engine, rows.order_by(latest).select(*columns), columns, limit=limit, page=page)


def list_cohort_customers(
    engine: Engine, cohort: date, *, later: int, limit: int, page: int = 1
) -> FigureRows:
    """Return who first bought in the month of a day and again so many months later.

    With the orders and the revenue of that later month, those of the most revenue first.
    """
    orders = paid_orders(engine.table)
    known = orders.filter(orders["customer_id"].notnull())
    month = known["day"].year().cast("int64") * 12 + known["day"].month().cast("int64") - 1
    bought = known.mutate(month=month)
    firsts = bought.group_by("customer_id").aggregate(cohort=bought["month"].min())
    wanted = cohort.year * 12 + cohort.month - 1
    ours = firsts.filter(firsts["cohort"] == IBIS.literal(wanted)).select("customer_id")
    cell = bought.filter(bought["month"] == IBIS.literal(wanted + later)).semi_join(
        ours, "customer_id"
    )
    summed = cell.group_by("customer_id").aggregate(
        orders=cell.count(), total_minor=cell["total_minor"].sum()
    )
    columns = ("customer_id", "orders", "total_minor")
    ordered = summed.order_by([IBIS.desc(summed["total_minor"]), summed["customer_id"]])
    return _cut(engine, ordered, columns, limit=limit, page=page)


def _cut(engine: Engine, rows: Any, columns: Sequence[str], *, limit: int, page: int) -> FigureRows:
    (counted,) = engine.rows(rows.aggregate(total=rows.count()))
    # Times come by way of Arrow: DuckDB's own rows would need a library of time zones.
    cut = engine.arrow(rows.limit(limit, offset=(page - 1) * limit))
    found: list[dict[str, Any]] = cut.to_pylist()
    names: dict[str, str] = {}
    for column, table in _NAMED.items():
        ids = sorted({row[column] for row in found if row.get(column) is not None})
        if ids:
            named = engine.table(table)
            told = named.filter(named["id"].isin(ids)).select("id", "name")
            names |= {row["id"]: row["name"] for row in engine.rows(told) if row["name"]}
    return FigureRows(columns=tuple(columns), rows=found, total=int(counted["total"]), names=names)
