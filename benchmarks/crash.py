"""Killing the server and its database at random moments under load, and looking what is left.

Each cycle loads `kaquan serve` over HTTP with redemptions, publications and roll-backs, every
one under an idempotency key; at a random moment the server's processes, all of PostgreSQL's, or
both are killed (SIGKILL); after the restart every request without an answer is sent again under
its key. Then nothing acknowledged may be missing, nothing may be there twice, no limit may be
exceeded, an answer given before must be given again, and the ledger must be whole.

With ``--without-durability`` PostgreSQL acknowledges before it writes: then there must be losses,
or the harness could not find any.

Prints one line of JSON.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.crashing.callers import Caller, ask_until_answered, press
from benchmarks.crashing.server import CrashServer
from benchmarks.crashing.shop import Request, Requests, Shop, open_shop
from benchmarks.crashing.verify import Findings, verify
from kaquan.runtime import embedded_postgres, migrate

CYCLES = 3
CONNECTIONS = 24
EARLIEST_S, LATEST_S = 0.3, 3.0
MOST_WITHOUT_S = 1.0
ASKED_AGAIN = 30
HANG_UPS = 0.02
VICTIMS = ("server", "database", "both")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run saw.

    ``unanswered`` requests were sent again; ``had_happened`` of them were done before the crash.
    ``changed_answers`` counts answers that were not repeated as they were first given.
    """

    cycles: int
    killed: dict[str, int]
    sent: int
    acknowledged: int
    unanswered: int
    had_happened: int
    changed_answers: int
    failed_ledger_checks: int
    lost: int
    doubled: int
    over_limit: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing at all was wrong."""
        wrong = self.lost + self.doubled + self.over_limit
        return wrong + self.changed_answers + self.failed_ledger_checks == 0


class _Run:
    def __init__(self, server: CrashServer, shop: Shop, chance: random.Random) -> None:
        self._server = server
        self._shop = shop
        self._chance = chance
        self._requests = Requests(shop, chance)
        self._killed = Counter[str]()
        self._counts = Counter[str]()
        self._findings = Findings()

    def cycle(self, number: int, victim: str) -> None:
        """Load, kill, start again, settle what was open, look."""
        before = len(self._requests.journal)
        after_s = self._chance.uniform(EARLIEST_S, LATEST_S)
        asyncio.run(self._load_and_kill(number, victim, after_s))
        self._server.start()
        sent = self._requests.journal[before:]
        unanswered = [request for request in sent if request.status is None]
        answered = [request for request in sent if request.status is not None]
        self._killed[victim] += 1
        self._counts["unanswered"] += len(unanswered)
        # Before anything is sent again, which could cover up what is missing; then all of it.
        found = verify(self._server.database_address(), self._shop, answered)
        happened = asyncio.run(self._settle(unanswered, answered))
        found |= verify(self._server.database_address(), self._shop, self._requests.journal)
        self._findings |= found
        self._counts["failed_ledger_checks"] += not self._server.check_ledger()
        sys.stderr.write(
            f"cycle {number + 1}: {victim} killed after {after_s:.2f} s; {len(answered)} answered,"
            f" {len(unanswered)} open of which {happened} had happened; lost {len(found.lost)},"
            f" doubled {len(found.doubled)}, over limit {sorted(found.over_limit)}\n"
        )

    def report(self) -> Report:
        """Sum the cycles up."""
        journal = self._requests.journal
        return Report(
            cycles=self._killed.total(),
            killed=dict(self._killed),
            sent=len(journal),
            acknowledged=sum(request.succeeded for request in journal),
            unanswered=self._counts["unanswered"],
            had_happened=self._counts["had_happened"],
            changed_answers=self._counts["changed_answers"],
            failed_ledger_checks=self._counts["failed_ledger_checks"],
            lost=len(self._findings.lost),
            doubled=len(self._findings.doubled),
            over_limit=len(self._findings.over_limit),
        )

    def _callers(self) -> list[Caller]:
        return [Caller(self._server.port, self._shop.headers) for _ in range(CONNECTIONS)]

    async def _load_and_kill(self, number: int, victim: str, after_s: float) -> None:
        over = asyncio.Event()
        pressing = asyncio.create_task(
            press(
                self._callers(),
                lambda: self._requests.next_request(number),
                hangs_up=lambda: self._chance.random() < HANG_UPS,
                until=over,
            )
        )
        await asyncio.sleep(after_s)
        if victim in ("database", "both"):
            await asyncio.to_thread(self._server.kill_database)
        if victim == "database":
            # For a moment the server goes on without it; then it has to be started again too.
            await asyncio.sleep(self._chance.uniform(0, MOST_WITHOUT_S))
        await asyncio.to_thread(self._server.kill_server)
        over.set()
        await asyncio.wait_for(pressing, 60)

    async def _settle(self, unanswered: list[Request], answered: list[Request]) -> int:
        """Send again what is open, and some of what was answered; returns what had happened."""
        callers = self._callers()
        asked = self._chance.sample(answered, min(ASKED_AGAIN, len(answered)))
        queue = [*unanswered, *asked]
        happened = 0

        async def work(caller: Caller) -> None:
            nonlocal happened
            while queue:
                request = queue.pop(0)
                reply = await ask_until_answered(caller, request)
                if request.status is None:
                    happened += reply.replayed
                    request.status, request.answer = reply.status, reply.body
                elif _is_remembered(request) and (request.status, request.answer) != (
                    reply.status,
                    reply.body,
                ):
                    self._counts["changed_answers"] += 1
                    sys.stderr.write(f"{request.key}: {request.answer} became {reply.body}\n")
            caller.close()

        await asyncio.gather(*map(work, callers))
        self._counts["had_happened"] += happened
        return happened


def _is_remembered(request: Request) -> bool:
    """Whether the answer was one that is kept: done, or refused for reasons of business."""
    return request.status in (200, 400)


def run(cycles: int, *, seed: int, durable: bool = True) -> Report:
    """Crash so many times; without durability the database is among the killed each time."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "data"
        with embedded_postgres(data_dir) as url:
            migrate(url)
            shop = asyncio.run(open_shop(url))
        server = CrashServer(data_dir)
        if not durable:
            server.make_lossy()
        victims = VICTIMS if durable else VICTIMS[1:]
        try:
            server.start()
            crashes = _Run(server, shop, chance)
            for number in range(cycles):
                # Each in turn first, then by chance.
                victim = victims[number] if number < len(victims) else chance.choice(victims)
                crashes.cycle(number, victim)
            server.stop()
        finally:
            server.clear_away()
        return crashes.report()


def main() -> int:
    """Run and print; fails when something was lost, or in the control run when nothing was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--without-durability", action="store_true")
    options = parser.parse_args()
    sys.stderr.write(f"seed {options.seed}\n")
    began = time.monotonic()
    report = run(options.cycles, seed=options.seed, durable=not options.without_durability)
    name = "crash_without_durability" if options.without_durability else "crash"
    members = msgspec.to_builtins(report)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"name": name, "seed": options.seed, **members, "seconds": seconds}))
    as_expected = report.lost > 0 if options.without_durability else report.is_clean
    return 0 if as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
