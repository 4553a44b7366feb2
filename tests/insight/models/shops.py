"""Shops made by chance, as the lake's tables: who buys often, who stops, who redeems."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from kaquan.insight.lake import lake_arrow_schema
from kaquan.insight.models import Facts, to_day

ARROW: Any = pa
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 300
UNTIL = START + timedelta(days=DAYS)
WAVES = (120, 150, 180, 210, 240, 265)
Tables = dict[str, Any]
Row = dict[str, Any]


def make_shop(
    customers: int = 400, *, redeems: bool = True, alike: bool = False, seed: int = 7
) -> Tables:
    """A shop of ``DAYS`` days with six mailings; ``alike`` customers all buy every tenth day."""
    random = np.random.default_rng(seed)
    orders: list[Row] = []
    lines: list[Row] = []
    given: list[Row] = []
    used: list[Row] = []
    for number in range(customers):
        name = f"c{number:04}"
        gap = 10.0 if alike else float(random.gamma(2.0, 12.0)) + 2
        stops = DAYS if alike or random.random() < 0.6 else float(random.uniform(40, DAYS))
        fond = random.random() < 0.3
        day = 0.5 if alike else float(random.uniform(0, 40))
        while day < stops:
            amount = 5000 if alike else int(random.integers(1000, 9000))
            order = _order(f"o{len(orders):06}", name, amount, day=day)
            orders.append(order)
            lines.append(
                _line(order, f"p{number % 5}", off=amount // 5 if fond and not alike else 0)
            )
            day += gap if alike else float(random.exponential(gap))
        for wave in WAVES:
            coupon = _coupon(name, wave)
            given.append(coupon | {"id": f"g{coupon['voucher_id']}", "claimed": False})
            chance = (0.5 if fond else 0.08) * (1.0 if stops > wave else 0.1)
            if redeems and random.random() < chance:
                used.append(_use(coupon, days=float(random.uniform(1, 20))))
    names = [f"c{number:04}" for number in range(customers)]
    return {
        "orders": table("orders", orders),
        "order_line": table("order_line", lines),
        "publication": table("publication", given),
        "redemption": table("redemption", used),
        "customer": table(
            "customer", [{"id": name, "erased": False, "at": START} for name in names]
        ),
        "campaign": table(
            "campaign",
            [{"id": campaign_of(wave), "kind": "DISCOUNT_COUPONS"} for wave in WAVES[:2]],
        ),
    }


def _order(order_id: str, name: str, amount: int, *, day: float) -> Row:
    return {
        "id": order_id,
        "customer_id": name,
        "status": "PAID",
        "paid": True,
        "amount_minor": amount,
        "total_minor": amount,
        "discount_minor": 0,
        "at": START + timedelta(days=day),
    }


def _line(order: Row, product_id: str, *, off: int) -> Row:
    return {
        "order_id": order["id"],
        "line_no": 1,
        "customer_id": order["customer_id"],
        "paid": True,
        "product_id": product_id,
        "quantity": 1,
        "amount_minor": order["amount_minor"],
        "discount_minor": off,
        "at": order["at"],
    }


def _coupon(name: str, wave: int) -> Row:
    return {
        "campaign_id": campaign_of(wave),
        "customer_id": name,
        "voucher_id": f"v{name}-{wave}",
        "at": START + timedelta(days=wave),
    }


def _use(coupon: Row, *, days: float) -> Row:
    told = {"kind": "redemption", "result": "SUCCESS", "stands": True}
    at = coupon["at"] + timedelta(days=days)
    return coupon | told | {"id": f"r{coupon['voucher_id']}", "at": at}


def campaign_of(wave: int) -> str:
    """Two campaigns take turns in mailing."""
    return "even" if WAVES.index(wave) % 2 == 0 else "odd"


def table(name: str, rows: list[dict[str, Any]]) -> Any:
    """Rows as one of the lake's tables; columns that they do not name are empty."""
    return ARROW.Table.from_pylist(rows, schema=lake_arrow_schema(name))


def cut(tables: Tables, at: datetime) -> Tables:
    """The same shop as it was known before a moment."""
    return {
        name: one.filter(ARROW.compute.less(one["at"], ARROW.scalar(at)))
        if "at" in one.column_names and name != "customer"
        else one
        for name, one in tables.items()
    }


def opened(tables: Tables) -> Facts:
    """The shop's facts; its goods p0 are what one campaign is good for."""
    coverage = ARROW.table({"campaign_id": ["even"], "product_id": ["p0"]})
    return Facts(tables, coverage=coverage)


END = to_day(UNTIL)
