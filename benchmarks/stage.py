"""What the benchmarks of the server share: a shop, a server on it, and pgbench beside it.

Every figure is a ratio of two rates that were measured in turns, a few seconds each, on the same
machine and the same database.
"""

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from benchmarks.load import LoadReport, drive, raw_post
from benchmarks.sizes import QUICK
from kaquan.cli.first_steps import set_up
from kaquan.runtime import binary, embedded_postgres, migrate, open_database

CONNECTIONS = 64
CLIENTS = 32
TURNS = 2
SECONDS = 3.0 if QUICK else 6.0
CUSTOMERS = 5_000 if QUICK else 50_000

VOUCHER_ID = "'v_' || lpad(n::text, 20, '0')"
VOUCHER_CODE = "'C' || upper(substr(md5(n::text), 1, 15))"
CODE_OF_TURN = "'C' || upper(substr(md5((:turn)::text), 1, 15))"
"""The code of the voucher whose number is pgbench's turn."""

_EACH_CLIENT = 700
PGBENCH_TURN = CLIENTS * _EACH_CLIENT
"""So many numbers one run of pgbench may use."""

_LIKE_OURS = (
    "-c role=kaquan_app -c search_path=kaquan -c enable_seqscan=off -c enable_hashjoin=off"
    " -c enable_mergejoin=off"
)
"""The baseline's sessions plan as a batch of ours does."""

_TRANSFER = "insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at)"
_ACCOUNT = "insert into account (project_id, owner, kind, balance, granted)"


class Shop(msgspec.Struct, frozen=True):
    """Where it is, and what a caller shows to be let in."""

    url: str
    data_dir: Path
    project_id: int
    headers: dict[str, str]


class Outcome(msgspec.Struct, frozen=True):
    """What alternating turns came to: the rates, and what callers of ours met."""

    ours: float
    theirs: float
    reports: list[LoadReport]


@contextmanager
def open_shop() -> Generator[Shop]:
    """An empty shop with customers ``c-0``, ``c-1``, … on a durable embedded server."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o755)
        with embedded_postgres(data_dir) as url:
            migrate(url)
            project_id, headers = asyncio.run(_open_project(url))
            shop = Shop(url, data_dir, project_id, headers)
            with as_owner(shop) as connection:
                connection.execute(
                    "insert into customer (id, source_id, created_at)"
                    " select 'cust_' || lpad(n::text, 20, '0'), 'c-' || n, now()"
                    " from generate_series(0, %s) as n",
                    (CUSTOMERS - 1,),
                )
            yield shop


async def _open_project(url: str) -> tuple[int, dict[str, str]]:
    async with open_database(url) as database:
        setup = await set_up(
            database,
            name="Benchmark",
            currency="USD",
            time_zone="UTC",
            language="en",
            admin_email="bench@example.com",
        )
    assert setup.credentials is not None
    key = setup.credentials.server
    return setup.project.project_id, {"X-App-Id": key.app_id, "X-App-Token": key.token}


@contextmanager
def as_owner(shop: Shop) -> Generator[psycopg.Connection[Any]]:
    """A transaction of the shop's project as the database's owner, for preparing things."""
    with psycopg.connect(shop.url) as connection:
        connection.execute("set search_path = kaquan")
        connection.execute(
            "select set_config('kaquan.project_id', %s, false)", (str(shop.project_id),)
        )
        yield connection


def fill_pool(shop: Shop, campaign_id: str, count: int) -> None:
    """Give a campaign ``count`` vouchers with a use each; ``code_of`` knows their codes.

    Written past the triggers, with the accounts that they would have opened.
    """
    with as_owner(shop) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into voucher (id, code, campaign_id, quantity, created_at)"
            f" select {VOUCHER_ID}, {VOUCHER_CODE}, %s, 1, now() from generate_series(0, %s) as n",
            (campaign_id, count - 1),
        )
        connection.execute(
            f"{_TRANSFER} select '@issued', id, 'uses', 1, 'issue', campaign_id, now()"
            " from voucher where campaign_id = %s",
            (campaign_id,),
        )
        connection.execute(
            f"{_ACCOUNT} select current_project(), id, 'uses', 1, 1 from voucher"
            " where campaign_id = %s",
            (campaign_id,),
        )


def open_caps(shop: Shop, campaign_id: str, cap: int) -> None:
    """Open every customer's account under the campaign's cap."""
    named = {"campaign": campaign_id, "cap": cap}
    with as_owner(shop) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            f"{_TRANSFER} select '@issued', %(campaign)s || '/' || id, 'customer_uses', %(cap)s,"
            " 'issue', %(campaign)s, now() from customer",
            named,
        )
        connection.execute(
            f"{_ACCOUNT} select current_project(), %(campaign)s || '/' || id, 'customer_uses',"
            " %(cap)s, %(cap)s from customer",
            named,
        )


def settle(shop: Shop) -> None:
    """Bring statistics and visibility up to date, and what was written to disk."""
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def code_of(number: int) -> str:
    """The code of a voucher of the pool."""
    return "C" + hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:15].upper()


@contextmanager
def serve(shop: Shop, *, worker: bool = False) -> Generator[int]:
    """Serve the shop with one web process, and a ``worker`` if asked; yields the port it is on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "kaquan", "serve", *([] if worker else ["--no-worker"])]
    server = subprocess.Popen(
        [*command, "--data-dir", str(shop.data_dir), "--port", str(port)],
        env=os.environ | {"KAQUAN_LOG_LEVEL": "error"},
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = "the server did not become ready"
    raise RuntimeError(message)


def post(shop: Shop, port: int, path: str, body: Any) -> Any:
    """Send one request and return its answer, which must be a good one."""
    answer = httpx.post(
        f"http://127.0.0.1:{port}{path}", headers=shop.headers, json=body, timeout=60
    )
    if answer.status_code != 200:
        message = f"{path} answered {answer.status_code}: {answer.text[:500]}"
        raise RuntimeError(message)
    return answer.json()


def raw_requests(shop: Shop, path: str, bodies: Iterator[Any]) -> Callable[[], bytes]:
    """Return what makes the bytes of the next request."""
    encode = msgspec.json.Encoder().encode
    return lambda: raw_post(path, headers=shop.headers, body=encode(next(bodies)))


def load(
    port: int, next_request: Callable[[], bytes | None], *, connections: int = CONNECTIONS
) -> LoadReport:
    """Drive the server for one turn."""
    return asyncio.run(
        drive(
            "127.0.0.1",
            port,
            connections=connections,
            seconds=SECONDS,
            next_request=next_request,
        )
    )


def run_pgbench(shop: Shop, script: str, *, start: int) -> float:
    """Run a script in the application's role for one turn; returns transactions a second.

    ``:turn`` is different in each transaction, from ``start`` on.
    """
    path = shop.data_dir / "pgbench.sql"
    head = f"\\set i :i + 1\n\\set turn {start} + :client_id * {_EACH_CLIENT} + :i\n"
    path.write_text(head + script.format(project_id=shop.project_id))
    command = [str(binary("pgbench")), "-n", "-M", "prepared", "-D", "i=-1", "-f", str(path)]
    command += ["-c", str(CLIENTS), "-j", "2", "-T", str(round(SECONDS)), shop.url]
    done = subprocess.run(
        command,
        env=os.environ | {"PGOPTIONS": _LIKE_OURS},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


def take_turns(
    ours: Callable[[int], LoadReport], theirs: Callable[[int], float], *, status: int = 200
) -> Outcome:
    """Run both by turns; each gets the number of the turn."""
    reports: list[LoadReport] = []
    rates: list[float] = []
    for turn in range(TURNS):
        reports.append(ours(turn))
        rates.append(theirs(turn))
    mine = sum(report.per_second(status) for report in reports) / TURNS
    return Outcome(ours=mine, theirs=sum(rates) / TURNS, reports=reports)


def tell(name: str, outcome: Outcome, *, unit: str, **more: Any) -> None:
    """Print a result as a line of JSON."""
    statuses: dict[int, int] = {}
    for report in outcome.reports:
        for status, count in report.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    result = {
        "name": name,
        "value": round(outcome.ours),
        "baseline": round(outcome.theirs),
        "ratio": round(outcome.ours / outcome.theirs, 3),
        "unit": unit,
        "p50_ms": round(max(report.p50_ms for report in outcome.reports), 1),
        "p99_ms": round(max(report.p99_ms for report in outcome.reports), 1),
        "statuses": statuses,
        **more,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
