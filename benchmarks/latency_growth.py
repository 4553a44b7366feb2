"""How long a redemption takes with a million stored redemptions, against a hundred thousand.

Two shops that differ in nothing else, each on an embedded server of its own, asked by turns, one
request at a time. Their customers are the same in number, so that each has ten times as many
redemptions and orders in the larger shop.

Prints one line of JSON; value and baseline are median milliseconds.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from benchmarks.redeeming import CAP, open_campaign, redeem_body
from benchmarks.sizes import QUICK
from benchmarks.stage import (
    CUSTOMERS,
    Shop,
    as_owner,
    code_of,
    fill_pool,
    load,
    open_caps,
    open_shop,
    post,
    raw_requests,
    serve,
    settle,
)

SMALL = 20_000 if QUICK else 100_000
LARGE = 10 * SMALL
FRESH = 20_000
"""Vouchers of both shops that are not used yet."""
TURNS = 3


def main() -> None:
    """Ask both by turns and print the ratio of the medians."""
    with open_shop() as small, open_shop() as large:
        _fill(small, SMALL)
        _fill(large, LARGE)
        with serve(small) as small_port, serve(large) as large_port:
            ask_small = _make_requests(small, small_port, SMALL)
            ask_large = _make_requests(large, large_port, LARGE)
            before: list[float] = []
            after: list[float] = []
            for _ in range(TURNS):
                before.append(load(small_port, ask_small, connections=1).p50_ms)
                after.append(load(large_port, ask_large, connections=1).p50_ms)
    value, baseline = statistics.median(after), statistics.median(before)
    result = {
        "name": "latency_growth",
        "value": round(value, 2),
        "baseline": round(baseline, 2),
        "ratio": round(value / baseline, 3),
        "unit": "ms",
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _make_requests(shop: Shop, port: int, used: int) -> Callable[[], bytes]:
    """Requests to redeem what is not used yet; the first few, which warm up, are made here."""
    bodies = _list_bodies(used)
    for _ in range(50):
        post(shop, port, "/v1/redemptions", next(bodies))
    return raw_requests(shop, "/v1/redemptions", bodies)


def _list_bodies(used: int) -> Iterator[Any]:
    return (redeem_body(code_of(number), number) for number in count(used))


def _fill(shop: Shop, redemptions: int) -> None:
    """Store so many redemptions with their orders, past the triggers that would book them."""
    campaign_id = open_campaign(shop)
    fill_pool(shop, campaign_id, redemptions + FRESH)
    open_caps(shop, campaign_id, CAP)
    named = {"last": redemptions - 1, "customers": CUSTOMERS, "campaign": campaign_id}
    with as_owner(shop) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into orders (id, customer_id, status, amount_minor, discount_minor,"
            " line_source_ids, line_product_ids, line_quantities, line_unit_prices, line_amounts,"
            " line_discounts, placed_at, created_at)"
            " select 'ord_' || lpad(n::text, 20, '0'),"
            " 'cust_' || lpad((n %% %(customers)s)::text, 20, '0'), 'PAID', 15055, 1505,"
            " '{article-1,article-2,article-3,article-4,article-5}',"
            " array[null, null, null, null, null]::text[], '{1,2,3,4,5}',"
            " '{1001,1002,1003,1004,1005}', '{1001,2004,3009,4016,5025}', '{0,0,0,0,0}',"
            " now() - n * interval '1 second', now() - n * interval '1 second'"
            " from generate_series(0, %(last)s) as n",
            named,
        )
        connection.execute(
            "insert into redemption (id, kind, result, voucher_id, campaign_id, customer_id,"
            " order_id, channel, discount_minor, order_amount_minor, allocation, items_allocation,"
            " created_at)"
            " select 'r_' || lpad(n::text, 20, '0'), 'redemption', 'SUCCESS',"
            " 'v_' || lpad(n::text, 20, '0'), %(campaign)s,"
            " 'cust_' || lpad((n %% %(customers)s)::text, 20, '0'),"
            " 'ord_' || lpad(n::text, 20, '0'), 'API', 1505, 15055, '{100,200,301,402,502}',"
            " '{0,0,0,0,0}', now() - n * interval '1 second'"
            " from generate_series(0, %(last)s) as n",
            named,
        )
        connection.execute(
            "insert into customer_summary (customer_id, order_count, spend_minor, first_order_at,"
            " last_order_at) select customer_id, count(*), sum(total_minor), min(placed_at),"
            " max(placed_at) from orders group by 1"
        )
    settle(shop)


if __name__ == "__main__":
    main()
