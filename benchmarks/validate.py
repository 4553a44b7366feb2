"""Validations over HTTP, against a route of the same server that does nothing.

Ours: `POST /v1/validations` with a fresh voucher under three conditions, a customer and an order
of five lines, 64 connections; what was tried is kept, as always. The baseline, by turns: the same
number of connections asking `GET /healthz`, which needs no key, no body and no database.

Prints one line of JSON; value and baseline are answers per second.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks.load import raw_get
from benchmarks.redeeming import CAP, open_campaign, redeem_body
from benchmarks.stage import (
    code_of,
    fill_pool,
    load,
    open_caps,
    open_shop,
    post,
    raw_requests,
    serve,
    settle,
    take_turns,
    tell,
)

VOUCHERS = 100_000


def main() -> None:
    """Run both and print the ratio."""
    with open_shop() as shop:
        campaign_id = open_campaign(shop)
        fill_pool(shop, campaign_id, VOUCHERS)
        open_caps(shop, campaign_id, CAP)
        settle(shop)
        with serve(shop) as port:
            bodies = _list_bodies()
            answer = post(shop, port, "/v1/validations", next(bodies))
            if not answer["valid"]:
                message = f"what is measured must apply: {answer}"
                raise RuntimeError(message)
            requests = raw_requests(shop, "/v1/validations", bodies)
            nothing = raw_get("/healthz")
            outcome = take_turns(
                lambda turn: load(port, requests),
                lambda turn: load(port, lambda: nothing).per_second(200),
            )
    tell("validate", outcome, unit="answers/s")


def _list_bodies() -> Iterator[Any]:
    return (redeem_body(code_of(number % VOUCHERS), number) for number in count())


if __name__ == "__main__":
    main()
