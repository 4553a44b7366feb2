"""The simulation: step after step on both sides, with crashes, lost replies and late repetitions.

Everything follows from the seed, so a run is repeated by giving its seed again.
"""

import hashlib
import random
from collections import Counter, deque
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import msgspec
import psycopg

from kaquan.runtime import Database, KaquanError, Tx, create_project
from kaquan.runtime import InvalidInput as Invalid
from simulation.compare import find_differences
from simulation.determinism import Clock, repeatable
from simulation.draw import Draw
from simulation.reference.play import Reference
from simulation.steps import EnterCustomer, Outcome, Step, describe
from simulation.system import System

POPULATION = 2000
SHOWN = 20
CRASHES, LOST_REPLIES = 0.05, 0.08
MOST_STATEMENTS = 14


class StepCrashed(Exception):
    """The process that performed a step died before it could commit."""


class Diverged(AssertionError):
    """The real shop and the reference tell different stories; the text has the last steps."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. ``digest`` is of every step and outcome: equal for equal runs."""

    seed: int
    steps: int
    crashes: int
    repetitions: int
    comparisons: int
    outcomes: dict[str, int]
    digest: str


class Simulation:
    """One run: a project of its own, a seed, and a shop in plain Python beside it."""

    def __init__(
        self,
        database: Database,
        *,
        seed: int,
        system: System | None = None,
        reference: Reference | None = None,
        compare_every: int = 1000,
        population: int = POPULATION,
    ) -> None:
        self._database = database
        self._seed = seed
        self._chance = random.Random(f"steps {seed}")
        self._clock = Clock(self._chance)
        self._system = system or System()
        self._reference = reference or Reference()
        self._draw = Draw(self._chance, self._reference.shop, population=population)
        self._compare_every = compare_every
        self._population = population
        self._project = 0
        self._steps = 0
        self._counts = Counter[str]()
        self._outcomes = Counter[str]()
        self._last = deque[str](maxlen=SHOWN)
        self._digest = hashlib.sha256()

    async def run(self, steps: int) -> Report:
        """Play so many steps. Raises Diverged at the first difference."""
        # Its identifier is the only one that two runs on one database may not share.
        self._project = await self._create_project()
        with repeatable(self._seed, self._clock):
            await self._enter_population()
            while self._steps < steps:
                self._steps += 1
                await self._turn()
                if self._steps % self._compare_every == 0 or self._steps == steps:
                    await self._compare()
        return Report(
            seed=self._seed,
            steps=self._steps,
            crashes=self._counts["crashes"],
            repetitions=self._counts["repetitions"],
            comparisons=self._counts["comparisons"],
            outcomes=dict(sorted(self._outcomes.items())),
            digest=self._digest.hexdigest(),
        )

    async def _create_project(self) -> int:
        async with self._database.transaction() as tx:
            project = await create_project(
                tx,
                f"Simulation {self._seed}",
                currency="CNY",
                time_zone="Asia/Shanghai",
                language="en",
                now=self._clock.moment,
            )
        return project.project_id

    async def _enter_population(self) -> None:
        """The customers who are there from the beginning."""
        now = self._clock.moment
        async with self._database.transaction(self._project) as tx:
            for number in range(self._population):
                step = EnterCustomer(source_id=f"person-{number}", name=f"Person {number}")
                seen, _ = await self._system.perform(tx, step, now)
                self._reference.play(step, now, seen)

    async def _turn(self) -> None:
        self._clock.tick()
        step, now = self._draw.next_step(self._clock.moment), self._clock.on_some_server()
        if self._chance.random() < CRASHES:
            await self._crash(step, now)
            if self._chance.random() < 0.5:
                return
        seen, replayed = await self._perform(step, now)
        expected = self._reference.play(step, now, seen)
        self._outcomes[f"{type(step).__name__}: {seen.kind}"] += 1
        self._note(now, step, f"{seen.kind} {seen.figures}" + " (repeated)" * replayed)
        self._digest.update(msgspec.json.encode([now, step, seen]))
        if not seen.same_as(expected):
            self._fail(f"expected: {expected.kind} {expected.figures}")
        if step.key is not None and self._chance.random() < LOST_REPLIES:
            await self._ask_again(step, seen)

    async def _ask_again(self, step: Step, first: Outcome) -> None:
        """The reply was lost: whoever asks again with the same key must get the same."""
        self._clock.tick()
        now = self._clock.moment
        self._counts["repetitions"] += 1
        again, replayed = await self._perform(step, now)
        expected = self._reference.play(step, now, again)
        self._note(now, step, f"{again.kind} {again.figures} (reply was lost)")
        if (replayed and again != first) or not again.same_as(expected):
            self._fail(f"expected: {expected.kind} {expected.figures}")

    async def _perform(self, step: Step, now: datetime) -> tuple[Outcome, bool]:
        try:
            async with self._database.transaction(self._project) as tx:
                return await self._system.perform(tx, step, now)
        except Invalid:
            return Outcome(kind="invalid"), False
        except KaquanError as error:
            return Outcome(kind=error.key), False
        except (psycopg.Error, AssertionError) as error:
            self._note(now, step, f"broke: {error!r}")
            self._fail("expected: an outcome")

    async def _crash(self, step: Step, now: datetime) -> None:
        """Let the step die after some of its statements, or just before its commit."""
        after = self._chance.randrange(MOST_STATEMENTS)
        self._counts["crashes"] += 1
        self._note(now, step, f"crashes after {after} statements")
        try:
            async with self._database.transaction(self._project) as tx:
                with _dying(tx, after):
                    await self._system.perform(tx, step, now)
                raise StepCrashed
        except (StepCrashed, KaquanError):
            return

    async def _compare(self) -> None:
        self._counts["comparisons"] += 1
        async with self._database.snapshot(self._project) as tx:
            differences = await find_differences(tx, self._reference.shop)
        if differences:
            more = f"\n… and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
            self._fail("\n".join(differences[:SHOWN]) + more)

    def _note(self, now: datetime, step: Step, ending: str) -> None:
        self._last.append(f"#{self._steps} {now:%Y-%m-%d %H:%M:%S} {describe(step)} -> {ending}")

    def _fail(self, why: str) -> NoReturn:
        again = f"Again: make simulate SEED={self._seed} STEPS={self._steps}"
        said = [f"seed {self._seed}, step {self._steps}", *self._last, why, again]
        raise Diverged("\n".join(said))


@contextmanager
def _dying(tx: Tx, after: int) -> Generator[None]:
    """Let the ``after + 1``-th statement on the connection raise StepCrashed."""
    left = after
    alive = tx.cursor_factory

    class DyingCursor(psycopg.AsyncCursor[Any]):
        async def execute(self, *arguments: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                raise StepCrashed
            left -= 1
            return await super().execute(*arguments, **options)

    tx.cursor_factory = DyingCursor
    try:
        yield
    finally:
        tx.cursor_factory = alive
