"""A grocer of forty households in the shape of Complete Journey, with rows of every odd kind."""

# The published types of pyarrow leave some parameters open.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HOUSEHOLDS = 40
DOLLAR, TWO_FOR_DOLLAR, STORES_OWN = 52100026076, 51600070033, 10000089290
TILL_DAY, STORE_DAY, LATE_DAY, BARE_DAY = (date(2017, 3, day) for day in (6, 7, 8, 9))


class Row(NamedTuple):
    """A row of the transactions table; money in dollars, the time in UTC."""

    household_id: int
    store_id: int
    basket_id: int
    product_id: int
    quantity: int
    sales_value: float
    retail_disc: float
    coupon_disc: float
    coupon_match_disc: float
    week: int
    transaction_timestamp: datetime


class Used(NamedTuple):
    """A row of the redemptions table."""

    household_id: int
    coupon_upc: int
    campaign_id: int
    redemption_date: datetime


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """A folder with the seven files, the same ones each time."""
    used = _used()
    tables: dict[str, pa.Table] = {
        "transactions": _table(
            Row, [*_odd_rows(), *_coupon_rows(), *_usual_rows(), *_large_rows()]
        ),
        "coupon_redemptions": _table(Used, used),
        "products": pa.table(
            {
                "product_id": list(range(1, 31)),
                "manufacturer_id": [69] * 30,
                "department": ["FUEL", *["GROCERY"] * 29],
                "brand": ["Private"] * 30,
                "product_category": [None, *["SOUP"] * 29],
                "product_type": ["GASOLINE-REG UNLEADED", *["CONDENSED SOUP"] * 29],
                "package_size": [None, *["10 OZ"] * 29],
            }
        ),
        "demographics": pa.table(
            {
                "household_id": [1, 2],
                "age": ["35-44", "65+"],
                "income": ["50-74K", None],
                "home_ownership": ["Homeowner", None],
                "marital_status": ["Married", None],
                "household_size": ["3", "1"],
                "household_comp": ["2 Adults Kids", "1 Adult No Kids"],
                "kids_count": ["1", "0"],
            }
        ),
        "campaigns": pa.table(
            {
                "campaign_id": [1] * 20 + [2] * 5,
                "household_id": [*range(1, 21), *range(1, 6)],
            }
        ),
        "campaign_descriptions": pa.table(
            {
                "campaign_id": [1, 2],
                "campaign_type": ["Type A", "Type B"],
                "start_date": [datetime(2017, 3, 1), datetime(2016, 12, 20)],  # noqa: DTZ001
                "end_date": [datetime(2017, 4, 9), datetime(2017, 2, 1)],  # noqa: DTZ001
            }
        ),
        "coupons": pa.table(
            {
                "coupon_upc": [DOLLAR] * 3 + [TWO_FOR_DOLLAR] + [STORES_OWN] * 2 + [DOLLAR],
                "product_id": [2, 3, 3, 4, 5, 6, 7],
                "campaign_id": [1, 1, 1, 1, 1, 1, 2],
            }
        ),
    }
    for name, table in tables.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


def _odd_rows() -> list[Row]:
    """Basket 100 of household 1: fuel, a till's note, coupon money on no goods, an odd count."""
    at = _store_time(date(2017, 1, 2), 9)
    basket = (1, 7, 100)
    return [
        Row(*basket, 1, 10500, 26.00, 0.0, 0.0, 0.0, 1, at),
        Row(*basket, 2, 2, 3.00, 1.00, 0.50, 0.25, 1, at),
        Row(*basket, 8, 0, 1.20, 0.0, 0.0, 0.0, 1, at),
        Row(*basket, 9, 1, 0.40, 0.0, 1.00, 0.0, 1, at),
        Row(*basket, 999, 0, 0.0, 0.0, 1.50, 0.0, 1, at),
        Row(*basket, 998, 0, 0.0, 0.0, 0.0, 0.0, 1, at),
    ]


def _coupon_rows() -> list[Row]:
    """What households 1 to 4 bought on the days on which they used coupons."""
    return [
        # The till shows a dollar off product 2; the store's evening is the next day in UTC.
        Row(1, 7, 201, 2, 1, 4.00, 0.0, 1.00, 0.0, 9, _store_time(TILL_DAY, 22)),
        Row(1, 7, 201, 10, 1, 9.00, 0.0, 0.0, 0.0, 9, _store_time(TILL_DAY, 22)),
        # No coupon money on the goods: the printed dollar counts.
        Row(2, 7, 202, 4, 2, 5.00, 0.0, 0.0, 0.0, 9, _store_time(TILL_DAY, 10)),
        # The store's own coupon, twice with the same card discount.
        Row(3, 8, 203, 5, 1, 3.00, 0.35, 0.0, 0.0, 9, _store_time(STORE_DAY, 10)),
        Row(4, 8, 204, 6, 1, 2.00, 0.35, 0.0, 0.0, 9, _store_time(STORE_DAY, 11)),
        # Nothing that the coupon covers was bought.
        Row(5, 8, 205, 20, 1, 8.00, 0.0, 0.0, 0.0, 9, _store_time(LATE_DAY, 12)),
        # A visit without goods.
        Row(6, 8, 206, 998, 0, 0.0, 0.0, 0.0, 0.0, 9, _store_time(BARE_DAY, 12)),
    ]


def _used() -> list[Used]:
    return [
        Used(1, DOLLAR, 1, _midnight(TILL_DAY)),
        Used(2, TWO_FOR_DOLLAR, 1, _midnight(TILL_DAY)),
        Used(3, STORES_OWN, 1, _midnight(STORE_DAY)),
        Used(4, STORES_OWN, 1, _midnight(STORE_DAY)),
        Used(5, DOLLAR, 1, _midnight(LATE_DAY)),
        Used(6, DOLLAR, 1, _midnight(BARE_DAY)),
    ]


def _usual_rows() -> list[Row]:
    """A year of other visits: every household its own pace and size, a third of them lapsing."""
    random = Random(20170101)
    rows: list[Row] = []
    basket_id = 1000
    for household in range(1, HOUSEHOLDS + 1):
        last_day = 365 if household % 3 else 200
        for day in range(household % 7, last_day, 3 + household % 11):
            basket_id += 1
            at = _store_time(date(2017, 1, 1) + timedelta(days=day), random.randint(8, 21))
            for product in random.sample(range(10, 31), random.randint(1, 6)):
                sales = random.randint(100, 900 + 40 * household) / 100
                rows.append(Row(household, 7, basket_id, product, 1, sales, 0.0, 0.0, 0.0, 1, at))
    return rows


def _large_rows() -> list[Row]:
    """For each household a large basket in July and one in October, which coupons ask for."""
    return [
        Row(household, 7, 9_000 + number, 10, 1, 65.0, 0.0, 0.0, 0.0, 1, _store_time(day, 12))
        for number, (household, day) in enumerate(
            (household, day)
            for household in range(1, HOUSEHOLDS + 1)
            for day in (date(2017, 7, 10), date(2017, 10, 5))
        )
    ]


def _table(kind: type[Row] | type[Used], rows: Sequence[Row] | Sequence[Used]) -> pa.Table:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    return pa.table(dict(zip(kind._fields, columns, strict=True)))


def _store_time(day: date, hour: int) -> datetime:
    """A time at the stores, as the data has it: in UTC, without saying so (winter time)."""
    return datetime.combine(day, time(hour)) + timedelta(hours=5)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
