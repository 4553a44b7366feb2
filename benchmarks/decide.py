"""How long the engine takes to decide: a cart of 20 lines with 10 redeemables, no I/O.

Prints one line of JSON: the median and the slowest hundredth of the decisions, in microseconds;
value is the median. Beside it the same for one redeemable on five lines, the everyday case.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.sizes import QUICK
from kaquan.engine import (
    Candidate,
    Cart,
    Context,
    CustomerFacts,
    Decision,
    LineInput,
    StackingRules,
    build_cart,
    decide,
    parse_offer,
)

ROUNDS = 300 if QUICK else 3_000
WARM_UP = 50
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = StackingRules(max_applied=10)
CONDITION = {
    "all": [
        {"code": "minimum_spend", "amount_minor": 5_000},
        {"code": "line_count", "at_least": 2},
        {"code": "per_customer_count", "at_most": 100},
    ]
}
EFFECTS: list[dict[str, Any]] = [
    {"code": "percent_off", "rate_bps": 500, "target": "items"},
    {"code": "amount_off", "amount_minor": 50, "target": "items"},
    {"code": "percent_off", "rate_bps": 300, "cap_minor": 2_000},
    {"code": "amount_off", "amount_minor": 700},
    {"code": "percent_off", "rate_bps": 200, "target": "items"},
]


def main() -> None:
    """Time both and print the line."""
    large = _time(_build_cart(20), _build_candidates(10))
    small = _time(_build_cart(5), _build_candidates(1))
    result = {
        "name": "decide",
        "value": round(statistics.median(large), 1),
        "p99_us": round(_percentile(large, 0.99), 1),
        "small_us": round(statistics.median(small), 1),
        "small_p99_us": round(_percentile(small, 0.99), 1),
        "unit": "us",
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _build_cart(lines: int) -> Cart:
    return build_cart(
        [
            LineInput(product_id=f"prod_{n}", sku_id=f"sku_{n}", quantity=n, unit_price=1_000 + n)
            for n in range(1, lines + 1)
        ]
    )


def _build_candidates(count: int) -> list[Candidate]:
    offers = [
        parse_offer(
            {"id": f"offer_{n}", "effect": EFFECTS[n % len(EFFECTS)], "condition": CONDITION}
        )
        for n in range(count)
    ]
    return [
        Candidate(key=f"CODE-{n}", offer=offer, campaign_id=f"camp_{n}", uses_left=1)
        for n, offer in enumerate(offers)
    ]


def _time(cart: Cart, candidates: list[Candidate]) -> list[float]:
    context = Context(now=NOW, currency="USD", customer=CustomerFacts(id="cust_1"))

    def work() -> Decision:
        return decide(cart, candidates, context, rules=RULES)

    if not work().approved:
        message = "what is measured must apply"
        raise RuntimeError(message)
    return [_time_once(work) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]


def _time_once(work: Callable[[], Decision]) -> float:
    begun = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - begun) / 1_000


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


if __name__ == "__main__":
    main()
