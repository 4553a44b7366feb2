"""The facts that metrics sum, as Ibis expressions over the lake's tables.

Each has ``day`` and ``hour`` of the project's calendar. A scope's column that a fact does not have
is asked of its order's redemptions, where the fact has an order; else the scope is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

import ibis

from kaquan.insight.metrics.model import Dimension, Grain, Question, Scope
from kaquan.runtime import InvalidInput, words

IBIS: Any = ibis
TableOf = Callable[[str], Any]
COLUMN_OF: Mapping[Dimension, str] = {
    Dimension.CAMPAIGN: "campaign_id",
    Dimension.CHANNEL: "channel",
    Dimension.LOCATION: "location_id",
    Dimension.PRODUCT: "product_id",
    Dimension.CATEGORY: "category",
}


def standing(tables: TableOf) -> Any:
    """Return the redemptions that stand."""
    redemption = tables("redemption")
    return redemption.filter(redemption["stands"])


def paid_orders(tables: TableOf) -> Any:
    """Return the paid orders, with ``order_id`` beside ``id``."""
    orders = tables("orders")
    return orders.filter(orders["paid"]).mutate(order_id=orders["id"])


def _with_coupon(tables: TableOf, orders: Any) -> Any:
    return orders.semi_join(standing(tables).select("order_id"), "order_id")


def _without_coupon(tables: TableOf, orders: Any) -> Any:
    used = standing(tables)
    return orders.anti_join(used.filter(used["order_id"].notnull()).select("order_id"), "order_id")


def _buyer_orders(tables: TableOf) -> Any:
    orders = paid_orders(tables)
    known = orders.filter(orders["customer_id"].notnull())
    firsts = known.group_by("customer_id").aggregate(first_id=known["id"].argmin(known["at"]))
    both = known.join(firsts, "customer_id")
    first = both["id"] == both["first_id"]
    return both.mutate(first=first, repeated=~first)


def _newcomers(tables: TableOf) -> Any:
    """One row a customer who ever bought, on the day of the first order, with all revenue so far."""
    orders = paid_orders(tables)
    known = orders.filter(orders["customer_id"].notnull())
    return known.group_by("customer_id").aggregate(
        day=known["day"].argmin(known["at"]),
        hour=known["hour"].argmin(known["at"]),
        value_minor=known["total_minor"].sum(),
    )


def _acquisitions(tables: TableOf) -> Any:
    bought = _buyer_orders(tables)
    return _with_coupon(tables, bought.filter(bought["first"]))


def _first_uses(tables: TableOf) -> Any:
    used = standing(tables)
    return used.group_by("voucher_id").aggregate(used_at=used["at"].min())


def _usage(tables: TableOf) -> Any:
    # Grouping in one go costs half of what finding the first row and joining it back does; columns
    # that nobody asks for are not gathered.
    given = tables("publication")
    told = ("id", "campaign_id", "customer_id", "channel", "day", "hour")
    first = given.group_by("voucher_id").aggregate(
        **{name: given[name].argmin(given["at"]) for name in told}, given_at=given["at"].min()
    )
    both = first.left_join(_first_uses(tables), "voucher_id")
    return both.mutate(used=both["used_at"].notnull())


def _uses(tables: TableOf) -> Any:
    """One row a voucher that was given and used, on the day it was first given."""
    # Joined before it is grouped: few of those given are ever used.
    given = tables("publication").join(_first_uses(tables), "voucher_id")
    told = ("id", "campaign_id", "customer_id", "channel", "day", "hour")
    first = given.group_by("voucher_id").aggregate(
        **{name: given[name].argmin(given["at"]) for name in told},
        given_at=given["at"].min(),
        used_at=given["used_at"].min(),
    )
    seconds = first["used_at"].epoch_seconds() - first["given_at"].epoch_seconds()
    return first.mutate(seconds=IBIS.ifelse(seconds < 0, 0, seconds))


def _expiries(tables: TableOf) -> Any:
    vouchers = tables("voucher")
    held = vouchers.filter(vouchers["customer_id"].notnull() & vouchers["expires_on"].notnull())
    both = held.mutate(voucher_id=held["id"]).left_join(_first_uses(tables), "voucher_id")
    return both.mutate(
        day=both["expires_on"], hour=both["hour"] * 0, unused=both["used_at"].isnull()
    )


def _lines(tables: TableOf) -> Any:
    lines = tables("order_line")
    paid = lines.filter(lines["paid"])
    return paid.mutate(net_minor=paid["amount_minor"] - paid["discount_minor"])


def _where(table: str, condition: Callable[[Any], Any]) -> Callable[[TableOf], Any]:
    def select(tables: TableOf) -> Any:
        rows = tables(table)
        return rows.filter(condition(rows))

    return select


def _budget(tables: TableOf) -> Any:
    moved = tables("transfer")
    spent = moved.filter((moved["kind"] == "budget") & moved["cause"].isin(["redeem", "return"]))
    return spent.mutate(spent=-spent["into_amount"])


def _exposures(tables: TableOf) -> Any:
    exposed = tables("exposure")
    return exposed.mutate(held=exposed["arm"] == "holdout")


_FACTS: Mapping[str, Callable[[TableOf], Any]] = {
    "voucher": lambda tables: tables("voucher"),
    "publication": lambda tables: tables("publication"),
    "claim": _where("publication", lambda t: t["claimed"]),
    "delivery": _where("message", lambda t: t["status"] == "sent"),
    "opening": _where("event", lambda t: t["name"] == "message_opened"),
    "redemption": standing,
    "reversal": _where(
        "redemption",
        lambda t: (t["kind"] == "redemption") & (t["result"] == "SUCCESS") & t["came_back"],
    ),
    "refusal": _where(
        "redemption", lambda t: (t["kind"] == "redemption") & (t["result"] == "FAILURE")
    ),
    "usage": _usage,
    "use": _uses,
    "expiry": _expiries,
    "budget": _budget,
    "value": _where("transfer", lambda t: t["kind"] == "value"),
    "order": paid_orders,
    "coupon_order": lambda tables: _with_coupon(tables, paid_orders(tables)),
    "plain_order": lambda tables: _without_coupon(tables, paid_orders(tables)),
    "buyer_order": _buyer_orders,
    "acquisition": _acquisitions,
    "newcomer": _newcomers,
    "customer": _where("customer", lambda t: ~t["erased"]),
    "line": _lines,
    "attempt": lambda tables: tables("attempt"),
    "exposure": _exposures,
}


def fact_rows(name: str, tables: TableOf, question: Question, *, running: bool) -> Any:
    """Return a fact's rows that a question is about; ``running`` ones from the beginning on.

    Raises InvalidInput for a scope or a dimension that the fact knows nothing of.
    """
    rows = _FACTS[name](tables)
    upper = rows["day"] <= IBIS.literal(question.until)
    inside = upper if running else upper & (rows["day"] >= IBIS.literal(question.since))
    rows = _in_scope(rows.filter(inside), tables, question.scope, fact=name)
    if question.by is None:
        return rows
    if question.by is Dimension.CATEGORY and "product_id" in rows.columns:
        product = tables("product")
        named = product.select(product_id=product["id"], category=product["category"])
        rows = rows.left_join(named, "product_id")
    if COLUMN_OF[question.by] not in rows.columns:
        message = words(
            "This metric cannot be told apart by %(dimension)s.", dimension=words(question.by.value)
        )
        raise InvalidInput(message, field="by")
    return rows


def fact_sample(name: str, tables: TableOf) -> Any:
    """Return the expression of a row of a fact, where it has any at all."""
    return _FACTS[name](tables).select("day").limit(1)


def bucket_columns(rows: Any, grain: Grain | None) -> dict[str, Any]:
    """Return the columns to group a series by, by name."""
    match grain:
        case None:
            return {}
        case Grain.HOUR:
            return {"bucket": rows["day"], "bucket_hour": rows["hour"]}
        case Grain.DAY:
            return {"bucket": rows["day"]}
        case Grain.WEEK:
            return {"bucket": rows["day"].truncate("W")}
        case Grain.MONTH:
            return {"bucket": rows["day"].truncate("M")}


def _in_scope(rows: Any, tables: TableOf, scope: Scope, *, fact: str) -> Any:
    wanted = {
        "campaign_id": scope.campaign_id,
        "channel": scope.channel,
        "location_id": scope.location_id,
    }
    by_order: dict[str, str] = {}
    for column, value in wanted.items():
        if value is None:
            continue
        if column in rows.columns:
            rows = rows.filter(rows[column] == IBIS.literal(value))
        elif "order_id" in rows.columns:
            by_order[column] = value
        else:
            message = words(
                "This metric knows nothing of a %(thing)s.",
                thing=words(column.removesuffix("_id")),
            )
            raise InvalidInput(message, field=column)
    if by_order:
        used = standing(tables)
        for column, value in by_order.items():
            used = used.filter(used[column] == IBIS.literal(value))
        rows = rows.semi_join(used.select("order_id"), "order_id")
    if scope.segment_id is None:
        return rows
    if "customer_id" not in rows.columns and fact == "customer":
        rows = rows.mutate(customer_id=rows["id"])
    if "customer_id" not in rows.columns:
        raise InvalidInput("This metric knows nothing of customers.", field="segment_id")
    member = tables("segment_member")
    ours = member.filter(member["segment_id"] == IBIS.literal(scope.segment_id))
    return rows.semi_join(ours.select("customer_id"), "customer_id")
