"""Reads of a voucher over HTTP, against a route of the same server that does nothing.

Ours: `GET /v1/vouchers/{code}`, another of many vouchers each time, one request after the other,
once with a key pair and once with a bearer token. The baseline, by turns: `GET /healthz`, which
needs no key and no database. One connection waits for no other, so the median is what the server
takes, the client's own part of it included.

Prints one line of JSON; value and baseline are medians in milliseconds, lower is better.
"""

import json
import sys
from collections.abc import Callable
from itertools import count

import httpx

from benchmarks.load import raw_get
from benchmarks.redeeming import CAP, open_campaign
from benchmarks.stage import (
    TURNS,
    Shop,
    code_of,
    fill_pool,
    load,
    open_caps,
    open_shop,
    serve,
    settle,
)

VOUCHERS = 100_000
MOST_MS = 2.0
"""What a read may take in the median."""


def main() -> None:
    """Run all three by turns and print the medians."""
    with open_shop() as shop:
        campaign_id = open_campaign(shop)
        fill_pool(shop, campaign_id, VOUCHERS)
        open_caps(shop, campaign_id, CAP)
        settle(shop)
        with serve(shop) as port:
            pair = _ask(shop.headers)
            bearer = _ask(_bearer(shop, port))
            nothing = raw_get("/healthz")
            medians: dict[str, list[float]] = {"pair": [], "bearer": [], "nothing": []}
            for _ in range(TURNS):
                medians["pair"].append(_median(port, pair))
                medians["bearer"].append(_median(port, bearer))
                medians["nothing"].append(_median(port, lambda: nothing))
    value, baseline = min(medians["pair"]), min(medians["nothing"])
    result = {
        "name": "voucher_read",
        "value": round(value, 3),
        "baseline": round(baseline, 3),
        "ratio": round(value / baseline, 2),
        "unit": "ms",
        "bearer": round(min(medians["bearer"]), 3),
        "target": MOST_MS,
        "met": max(value, min(medians["bearer"])) <= MOST_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _ask(headers: dict[str, str]) -> Callable[[], bytes]:
    numbers = count()
    return lambda: raw_get(f"/v1/vouchers/{code_of(next(numbers) % VOUCHERS)}", headers=headers)


def _bearer(shop: Shop, port: int) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "scope": "api"}
    address = f"http://127.0.0.1:{port}/v1/oauth/token"
    answer = httpx.post(address, headers=shop.headers, data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _median(port: int, ask: Callable[[], bytes]) -> float:
    report = load(port, ask, connections=1)
    if set(report.statuses) != {200}:
        message = f"what is measured must be there: {report.statuses}"
        raise RuntimeError(message)
    return report.p50_ms


if __name__ == "__main__":
    main()
