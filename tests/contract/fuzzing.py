"""schemathesis against a running server, on a shop that has one of everything.

``make fuzz CASES=50000`` runs until so many requests were sent, right and wrong ones, alone and in
chains that follow the document's links. A 5xx (but 501), a status, a media type, a header or a
body that the document does not know is a failure; they are printed with the curl that shows them.
At the end it tells, for each operation, how many requests it got and how many it answered 2xx or
3xx, and how many of the document's links were followed.
"""

import argparse
import asyncio
import concurrent.futures
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from api.stock import Stock, stock_shop
from contract.fuzz_notes import Json, Notes, read_notes
from kaquan.api.links import list_operations
from kaquan.cli.first_steps import set_up
from kaquan.runtime import embedded_postgres, generate_master_key, migrate, open_database

SEED = 20_261_122
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
KNOWN_OFTEN = 0.7
"""How often a path names an object that is there."""
ANY_VERSION, ANY_OFTEN = "any_version", 0.9
"""How often ``If-Match`` lets any version be changed; any other value refuses nearly always."""

WAIT_FOR_WORKER = (
    "/v1/kaquan/metrics/{metric_id}",
    "/v1/reports/campaigns/{campaign_id}/spillover",
)
"""The addresses that say 503 until a worker made the copy that they read."""

_FINE = ["2xx", "3xx", "4xx", 501]
_PATIENCE_S = 300
_SLICES = 12
"""In so many turns every limit of every parameter and member of every path is tried."""
_TIDY = {"project_id", "user_id"}
"""Ids of what carries the test itself; a deleted project would answer nothing more."""


class Round(msgspec.Struct, frozen=True):
    """What one run of schemathesis found; ``told`` is its own report, for people."""

    cases: int
    operations: int
    failures: list[str]
    told: str
    notes: Notes


def fuzz(
    address: str,
    *,
    headers: Mapping[str, str],
    stock: Stock,
    folder: Path,
    arguments: Sequence[str],
    each: int = 2,
    chains: int = 10,
    seed: int = SEED,
) -> Round:
    """Run schemathesis once: ``each`` random cases a route, ``chains`` of requests that follow links.

    ``arguments`` are further ones for it, as its phases.
    """
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(
        _write_settings(headers, stock, seed=seed)
        + f"[phases.fuzzing.generation]\nmax-examples = {each}\n"
        + f"[phases.stateful.generation]\nmax-examples = {chains}\n"
    )
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "--config-file", str(settings), "run", f"{address}/docs/openapi.json"]
    events = folder / "report.ndjson"
    command += ["--report", "json", "--report-json-path", str(report), "--no-color"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(events), *arguments]
    report.unlink(missing_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if not report.exists():
        raise RuntimeError(done.stdout[-4000:] + done.stderr[-4000:])
    found = json.loads(report.read_text())
    failures = [
        f"{one['title']}: {', '.join(one['operations'])}"
        for one in [*found["failures"], *found["errors"]]
    ]
    return Round(
        cases=found["test_cases"]["generated"],
        operations=found["operations"]["tested"],
        failures=failures,
        told=done.stdout,
        notes=read_notes(events),
    )


def _write_settings(headers: Mapping[str, str], stock: Stock, *, seed: int) -> str:
    known = {name: ids for name, ids in stock.items() if name not in _TIDY}
    checks = [
        f"[checks.{name}]\nenabled = true"
        + (f"\nexpected-statuses = {_FINE}" if name == CHECKS[0] else "")
        for name in CHECKS
    ]
    waits = [
        f"[[operations]]\ninclude-path = {json.dumps(path)}\n"
        f"[operations.checks.{CHECKS[0]}]\nenabled = true\n"
        f"expected-statuses = {[*_FINE, 503]}"
        for path in WAIT_FOR_WORKER
    ]
    parts = [
        f"seed = {seed}\ncontinue-on-failure = true\nrequest-timeout = 30\nmax-failures = 200",
        "warnings = false",
        '[generation]\nmode = "all"\nno-shrink = true\ndatabase = "none"',
        "with-security-parameters = false",
        "[checks]\nenabled = false",
        *checks,
        "[headers]",
        *(f"{name} = {json.dumps(value)}" for name, value in headers.items()),
        *(f"[dictionaries.{name}]\nvalues = {json.dumps(ids)}" for name, ids in known.items()),
        f'[dictionaries.{ANY_VERSION}]\nvalues = ["*"]',
        "[parameters]",
        f'"header.If-Match" = {{ dictionary = "{ANY_VERSION}", probability = {ANY_OFTEN} }}',
        *(
            f'"path.{name}" = {{ dictionary = "{name}", probability = {KNOWN_OFTEN} }}'
            for name in known
        ),
        *waits,
    ]
    return "\n".join(parts) + "\n"


class Campaign(msgspec.Struct, frozen=True):
    """A server to be tried, and what its document says there is."""

    address: str
    headers: Mapping[str, str]
    folder: Path
    document: Json
    seed: int
    chains: int

    def take_turn(self, turn: int, stock: Stock) -> Round:
        """Try all paths at random, alone and in chains; or, in turns, some at all their limits."""
        folder = self.folder / f"turn{turn}"
        folder.mkdir()
        arguments = ["--phases", "fuzzing,stateful"]
        if turn % 2:
            slice_ = (self.seed + turn // 2) % _SLICES
            some = sorted(self.document["paths"])[slice_::_SLICES]
            paths = [part for path in some for part in ("--include-path", path)]
            arguments = ["--phases", "coverage", *paths]
        return fuzz(
            self.address,
            headers=self.headers,
            stock=stock,
            folder=folder,
            arguments=arguments,
            chains=self.chains,
            seed=self.seed + turn,
        )

    def take_turns(self, cases: int, jobs: int) -> Generator[Round]:
        """Take turns, several at once, until so many requests were sent."""
        count = itertools.count()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            while cases > 0:
                turns = list(itertools.islice(count, jobs))
                marks = [f"F{turn}" for turn in turns]
                stocks = [asyncio.run(_stock(self.address, self.headers, mark=m)) for m in marks]
                for done in pool.map(self.take_turn, turns, stocks):
                    cases -= done.cases
                    yield done


def main() -> int:
    """Fuzz a server of its own until enough cases were sent; prints one line of JSON."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--chains", type=int, default=50, help="chains of requests a turn")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    os.environ.setdefault("KAQUAN_MASTER_KEY", generate_master_key())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers end as well
    _say(f"seed {options.seed}, {options.cases} cases, {options.jobs} at once")
    began, cases, failures, notes = time.monotonic(), 0, list[str](), Notes.nothing()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _serve(folder) as (address, headers):
            document = httpx.get(f"{address}/docs/openapi.json", timeout=_PATIENCE_S).json()
            campaign = Campaign(address, headers, folder, document, options.seed, options.chains)
            for done in campaign.take_turns(options.cases, options.jobs):
                if done.failures:
                    _say(done.told)
                failures += done.failures
                cases += done.cases
                notes.add(done.notes)
                seconds = time.monotonic() - began
                _say(f"{cases} cases, {cases / seconds:.0f} a second")
    figures = {"name": "fuzz", "seed": options.seed, "cases": cases, "failures": len(failures)}
    figures |= _sum_up(document, notes) | {"seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(figures))
    return 1 if failures else 0


def _sum_up(document: Json, notes: Notes) -> Json:
    """Tell of each operation how it went; returns the figures of all of them."""
    operations = [(f"{m.upper()} {path}", one) for path, m, one in list_operations(document)]
    for name, _ in operations:
        _say(f"{notes.sent[name]:6} sent {notes.reached[name]:6} reached  {name}")
    for link, count in sorted(notes.followed.items()):
        _say(f"{count:6} followed  {link}")
    links = [
        answer.get("links", {}) for _, one in operations for answer in one["responses"].values()
    ]
    known = {name for name, _ in operations}
    led_to = {name for some in links for name in some}
    return {
        **{f"{mode}_cases": count for mode, count in sorted(notes.modes.items())},
        "operations": len(operations),
        "operations_sent": len(known & notes.sent.keys()),
        "operations_reached": len(known & notes.reached.keys()),
        "links": sum(map(len, links)),
        "operations_linked_to": len(led_to),
        "links_followed": len(notes.followed),
        "requests_by_links": notes.followed.total(),
        "requests_by_guessed_links": notes.guessed.total(),
        "statuses": dict(sorted(notes.statuses.items())),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _stock(address: str, headers: Mapping[str, str], *, mark: str) -> Stock:
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=_PATIENCE_S) as client:
        return await stock_shop(client, mark)


@contextmanager
def _serve(folder: Path) -> Generator[tuple[str, dict[str, str]]]:
    """A server with a shop of its own, and the headers that show its keys."""
    with embedded_postgres(folder, durable=False) as url:
        migrate(url)
        headers = asyncio.run(_open_shop(url))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "kaquan", "serve", "--no-worker", "--port", str(port)]
        kept = "KAQUAN_MASTER_KEY"
        outside = {k: v for k, v in os.environ.items() if k == kept or not k.startswith("KAQUAN_")}
        server = subprocess.Popen(
            [*command, "--data-dir", str(folder)],
            env=outside | {"KAQUAN_DATABASE_URL": url, "KAQUAN_LOG_LEVEL": "error"},
        )
        try:
            _wait_until_ready(server, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}", headers
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_PATIENCE_S)


async def _open_shop(url: str) -> dict[str, str]:
    async with open_database(url) as database:
        setup = await set_up(
            database,
            name="Fuzz",
            currency="USD",
            time_zone="UTC",
            language="en",
            admin_email="fuzz@example.com",
        )
    assert setup.credentials is not None
    server, client, managing = (
        setup.credentials.server,
        setup.credentials.client,
        setup.credentials.management,
    )
    return {
        "X-App-Id": server.app_id,
        "X-App-Token": server.token,
        "X-Client-Application-Id": client.app_id,
        "X-Client-Token": client.token,
        "X-Management-Id": managing.app_id,
        "X-Management-Token": managing.token,
    }


def _wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if httpx.get(f"{address}/readyz", timeout=_PATIENCE_S).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = "the server did not become ready"
    raise RuntimeError(message)


if __name__ == "__main__":
    sys.exit(main())
