"""Features are of their moment: nothing that came or changed later may move them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from insight.models.shops import START, WAVES, Tables, cut, make_shop, opened, table
from kaquan.insight.models import (
    CAMPAIGN_FEATURES,
    CUSTOMER_FEATURES,
    Units,
    compute_features,
    to_day,
)

ARROW: Any = pa
COMPUTE: Any = pc
AS_OF = START + timedelta(days=WAVES[2])
QUERIES = {**CUSTOMER_FEATURES, **CAMPAIGN_FEATURES}


@pytest.fixture(scope="module")
def shop() -> Tables:
    return make_shop(60)


def features_of(tables: Tables, queries: dict[str, str] | None = None) -> dict[str, list[float]]:
    """Everybody's features as of the third mailing, by name."""
    names = [f"c{number:04}" for number in range(60)]
    units = Units(
        customers=names,
        as_of=np.full(len(names), to_day(AS_OF)),
        campaigns=["even"] * len(names),
    )
    with opened(tables) as facts:
        found = compute_features(facts, units, kinds=("DISCOUNT_COUPONS",), groups=queries)
    return {name: found.values[:, number].tolist() for number, name in enumerate(found.names)}


def leaks(tables: Tables, other: Tables, queries: dict[str, str] | None = None) -> list[str]:
    """The features that are not the same in two shops which differ after the moment only."""
    first, second = features_of(tables, queries), features_of(other, queries)
    return [name for name in first if not np.array_equal(first[name], second[name], equal_nan=True)]


def _add_later(tables: Tables) -> Tables:
    """Everybody buys, is given and redeems a coupon on the day of the moment and after."""
    more = make_shop(60, seed=8)
    later = {
        name: one.filter(COMPUTE.greater_equal(one["at"], ARROW.scalar(AS_OF)))
        for name, one in more.items()
        if name in ("orders", "order_line", "publication", "redemption")
    }
    names = [f"c{number:04}" for number in range(60)]
    told = {"at": AS_OF, "name": "viewed"}
    extra = {
        "event": table("event", [told | {"id": f"e{one}", "customer_id": one} for one in names]),
        "message": table(
            "message", [told | {"id": f"m{one}", "customer_id": one} for one in names]
        ),
    }
    return (
        tables
        | extra
        | {name: ARROW.concat_tables([tables[name], _renamed(one)]) for name, one in later.items()}
    )


def _renamed(rows: Any) -> Any:
    for column in ("id", "order_id"):
        if column in rows.column_names:
            place = rows.column_names.index(column)
            text = COMPUTE.binary_join_element_wise("later-", rows[column], "")
            rows = rows.set_column(place, column, text)
    return rows


def _undo_later(tables: Tables) -> Tables:
    """Orders are cancelled, paid back, and redemptions rolled back: facts of before, changed."""
    orders, redemption = tables["orders"], tables["redemption"]

    def all_of(rows: Any, column: str, value: Any) -> Any:
        place = rows.column_names.index(column)
        kind = rows.schema.field(column).type
        return rows.set_column(place, column, ARROW.array([value] * len(rows), kind))

    for column, value in (("status", "CANCELED"), ("paid", False), ("total_minor", 0)):
        orders = all_of(orders, column, value)
    # A partial return lowers what the order is said to have been worth; its lines stay as sold.
    orders = all_of(orders, "amount_minor", 1)
    redemption = all_of(redemption, "stands", False)
    return tables | {"orders": orders, "redemption": redemption}


ALTERATIONS: dict[str, Callable[[Tables], Tables]] = {
    "the future is not known yet": lambda tables: cut(tables, AS_OF),
    "more is bought, sent and redeemed later": _add_later,
    "orders are cancelled and coupons rolled back later": _undo_later,
}


@pytest.mark.parametrize("alteration", list(ALTERATIONS))
def test_what_comes_later_changes_no_feature(shop: Tables, alteration: str) -> None:
    assert leaks(shop, ALTERATIONS[alteration](shop)) == []


@pytest.mark.parametrize(
    ("group", "condition", "as_written", "alteration"),
    [
        ("purchases", "b.placed < u.as_of", "true", "more is bought, sent and redeemed later"),
        ("purchases", "b.placed < u.as_of", "b.paid", "the future is not known yet"),
        ("vouchers", "< u.as_of", "<= u.as_of", "more is bought, sent and redeemed later"),
        ("redemptions", "< u.as_of", "< u.as_of + 30", "the future is not known yet"),
        ("events", "< u.as_of", "<= u.as_of", "more is bought, sent and redeemed later"),
        ("messages", "< u.as_of", "<= u.as_of", "more is bought, sent and redeemed later"),
        ("campaign", "< a.as_of - 30", "< a.as_of + 70", "the future is not known yet"),
        ("covered", "b.placed < u.as_of", "true", "the future is not known yet"),
    ],
)
def test_a_query_that_looks_ahead_is_caught(
    shop: Tables, *, group: str, condition: str, as_written: str, alteration: str
) -> None:
    assert condition in QUERIES[group]
    leaking = {group: QUERIES[group].replace(condition, as_written)}
    assert leaks(shop, ALTERATIONS[alteration](shop), leaking) != []


def test_features_say_what_they_are_called() -> None:
    """One customer by hand: bought for 30 and 50 a week apart, redeemed one of two coupons."""
    at = {"a": START, "b": START + timedelta(days=7), "given": START + timedelta(days=8)}
    amount = {"a": 3000, "b": 5000}
    tables = {
        "orders": table(
            "orders",
            [
                {"id": one, "customer_id": "x", "paid": True, "at": at[one]} | {"amount_minor": n}
                for one, n in amount.items()
            ],
        ),
        "order_line": table(
            "order_line",
            [
                {"order_id": one, "amount_minor": n, "discount_minor": n // 10, "at": at[one]}
                for one, n in amount.items()
            ],
        ),
        "publication": table(
            "publication",
            [
                {"campaign_id": one, "customer_id": "x", "voucher_id": one, "at": at["given"]}
                for one in ("m", "n")
            ],
        ),
        "redemption": table(
            "redemption",
            [
                {"campaign_id": "m", "customer_id": "x", "voucher_id": "m"}
                | {"kind": "redemption", "result": result, "at": START + timedelta(days=9)}
                for result in ("SUCCESS", "FAILURE")
            ],
        ),
    }
    units = Units(customers=["x", "nobody"], as_of=np.full(2, to_day(START) + 37))
    with opened(tables) as facts:
        found = compute_features(facts, units)
    x, nobody = (dict(zip(found.names, row, strict=True)) for row in found.values.tolist())
    told = {
        "orders_30": 1,
        "orders_90": 2,
        "spend_90": 8000,
        "largest_order": 5000,
        "days_since_last": 30,
        "usual_gap": 7,
        "discount_share": 0.1,
        "published": 2,
        "redeemed": 1,
        "campaigns_redeemed_share": 0.25,
        "days_since_redeemed": 28,
    }
    assert {name: round(x[name], 6) for name in told} == told
    assert (nobody["orders_90"], nobody["published"]) == (0, 0)
    assert np.isnan(nobody["days_since_last"])
