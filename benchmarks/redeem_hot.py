"""Redemptions of one and the same code over HTTP, against the same by pgbench.

As `redeem_spread`, but all 64 connections redeem one code that may be used without end, under the
campaign's budget: every redemption takes from the same two accounts. The baseline's clients wait
for each other on those rows, transaction by transaction, and so for each other's commit.

Prints one line of JSON; value and baseline are redemptions per second.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks.redeeming import CAP, keep_trace, open_campaign, redeem_body, write_script
from benchmarks.stage import (
    PGBENCH_TURN,
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

CODE = "HOT"


def main() -> None:
    """Run both and print the ratio."""
    with open_shop() as shop:
        campaign_id = open_campaign(shop, hot_code=CODE)
        open_caps(shop, campaign_id, CAP)
        settle(shop)
        with serve(shop) as port:
            bodies = _list_bodies()
            post(shop, port, "/v1/redemptions", next(bodies))
            keep_trace(shop)
            requests = raw_requests(shop, "/v1/redemptions", bodies)
            script = write_script(f"'{CODE}'")
            outcome = take_turns(
                lambda turn: load(port, requests),
                lambda turn: run_pgbench(shop, script, start=turn * PGBENCH_TURN),
            )
    tell("redeem_hot", outcome, unit="redemptions/s")


def _list_bodies() -> Iterator[Any]:
    return (redeem_body(CODE, number) for number in count())


if __name__ == "__main__":
    main()
