"""Redemptions over HTTP, spread over a million vouchers, against the same by pgbench.

Ours: `kaquan serve` with one web process, 64 keep-alive connections, each redeeming a fresh
voucher of a campaign with a budget and a cap per person, under three conditions, on an order of
five lines. The baseline, by turns on the same database: pgbench with 32 clients and prepared
statements that does the same reads and writes statement by statement, one redemption a
transaction.

Prints one line of JSON; value and baseline are redemptions per second.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks.redeeming import CAP, keep_trace, open_campaign, redeem_body, write_script
from benchmarks.sizes import QUICK
from benchmarks.stage import (
    CODE_OF_TURN,
    PGBENCH_TURN,
    code_of,
    fill_pool,
    load,
    open_caps,
    open_shop,
    post,
    raw_requests,
    run_pgbench,
    serve,
    settle,
    take_turns,
    tell,
)

VOUCHERS = 100_000 if QUICK else 1_000_000
BASELINE_FROM = VOUCHERS // 2


def main() -> None:
    """Run both and print the ratio."""
    with open_shop() as shop:
        campaign_id = open_campaign(shop)
        fill_pool(shop, campaign_id, VOUCHERS)
        open_caps(shop, campaign_id, CAP)
        settle(shop)
        with serve(shop) as port:
            bodies = _list_bodies()
            post(shop, port, "/v1/redemptions", next(bodies))
            keep_trace(shop)
            requests = raw_requests(shop, "/v1/redemptions", bodies)
            script = write_script(CODE_OF_TURN)
            outcome = take_turns(
                lambda turn: load(port, requests),
                lambda turn: run_pgbench(shop, script, start=BASELINE_FROM + turn * PGBENCH_TURN),
            )
    tell("redeem_spread", outcome, unit="redemptions/s")


def _list_bodies() -> Iterator[Any]:
    return (redeem_body(code_of(number), number) for number in count())


if __name__ == "__main__":
    main()
