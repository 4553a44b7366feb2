"""schemathesis against a running server, on a shop that has one of everything.

``make fuzz CASES=50000`` runs until so many requests were sent, right and wrong ones, alone and in
chains that follow the document's links. A 5xx (but 501), a status, a media type, a header or a
body that the document does not know is a failure; they are printed with the curl that shows them.
"""

import argparse
import asyncio
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
from kaquan.cli.first_steps import set_up
from kaquan.runtime import embedded_postgres, migrate, open_database

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

WAITS_FOR_WORKER = "/v1/kaquan/metrics/{metric_id}"
"""The one address that says 503 until a worker made the copy that it reads."""

_FINE = ["2xx", "3xx", "4xx", 501]
_PATIENCE_S = 60
_TIDY = {"project_id", "user_id"}
"""Ids of what carries the test itself; a deleted project would answer nothing more."""


class Round(msgspec.Struct, frozen=True):
    """What one run of schemathesis found; ``told`` is its own report, for people."""

    cases: int
    operations: int
    failures: list[str]
    told: str


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
    command += ["--report", "json", "--report-json-path", str(report), "--no-color", *arguments]
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
    )


def _write_settings(headers: Mapping[str, str], stock: Stock, *, seed: int) -> str:
    known = {name: ids for name, ids in stock.items() if name not in _TIDY}
    checks = [
        f"[checks.{name}]\nenabled = true"
        + (f"\nexpected-statuses = {_FINE}" if name == CHECKS[0] else "")
        for name in CHECKS
    ]
    waits = [
        f"[[operations]]\ninclude-path = {json.dumps(WAITS_FOR_WORKER)}",
        f"[operations.checks.{CHECKS[0]}]\nenabled = true",
        f"expected-statuses = {[*_FINE, 503]}",
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
        "[parameters]",
        *(
            f'"path.{name}" = {{ dictionary = "{name}", probability = {KNOWN_OFTEN} }}'
            for name in known
        ),
        *waits,
    ]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Fuzz a server of its own until enough cases were sent; prints one line of JSON.

    The first turn tries every limit of every parameter and member, the others go on at random.
    """
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.cases} cases", file=sys.stderr, flush=True)
    began, cases, operations, failures = time.monotonic(), 0, 0, list[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _serve(folder) as (address, headers):
            turn = 0
            while cases < options.cases:
                stock = asyncio.run(_stock(address, headers, mark=f"F{turn}"))
                done = fuzz(
                    address,
                    headers=headers,
                    stock=stock,
                    folder=folder,
                    arguments=["--phases", "fuzzing,stateful" if turn else "coverage,stateful"],
                    each=max(2, min(50, (options.cases - cases) // 320)),
                    chains=50,
                    seed=options.seed + turn,
                )
                if done.failures:
                    print(done.told, file=sys.stderr)
                failures += done.failures
                cases, operations, turn = cases + done.cases, done.operations, turn + 1
                print(f"{cases} cases", file=sys.stderr, flush=True)
    figures = {
        "name": "fuzz",
        "seed": options.seed,
        "cases": cases,
        "operations": operations,
        "failures": len(failures),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(figures))
    return 1 if failures else 0


async def _stock(address: str, headers: Mapping[str, str], *, mark: str) -> Stock:
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
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
        outside = {k: v for k, v in os.environ.items() if not k.startswith("KAQUAN_")}
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
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = "the server did not become ready"
    raise RuntimeError(message)


if __name__ == "__main__":
    sys.exit(main())
