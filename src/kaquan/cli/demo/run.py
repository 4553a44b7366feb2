"""The demo's steps, each done once: a second run finds them finished and only tells about them."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from kaquan.cli.demo.answers import answer_coupons
from kaquan.cli.demo.audience import build_segments, score_households
from kaquan.cli.demo.autumn import send_autumn
from kaquan.cli.demo.comeback import send_comeback
from kaquan.cli.demo.dataset import TIME_ZONE, find_dataset, open_dataset
from kaquan.cli.demo.doubles import enter_doubles
from kaquan.cli.demo.mailings import publish_mailings
from kaquan.cli.demo.model import DemoAccess, DemoState, StepReport
from kaquan.cli.demo.replay import replay_redemptions
from kaquan.cli.demo.shop import load_baskets, load_goods, load_households, load_stores
from kaquan.cli.demo.store import find_state, insert_report, insert_state
from kaquan.cli.demo.summary import print_summary
from kaquan.cli.demo.work import Done, Work
from kaquan.cli.demo.work import Progress as StepProgress
from kaquan.customers import count_customers
from kaquan.runtime import Database, InvalidInput, get_project, utc_now

CURRENCY = "USD"

StepWork: TypeAlias = Callable[[Work, StepProgress], Awaitable[Done]]


class Step(msgspec.Struct, frozen=True):
    """A step: the name it is remembered by, what its bar says, and what does it.

    Each can be begun again after it was cut short, and then only adds what is missing.
    """

    name: str
    title: str
    work: StepWork


STEPS = (
    Step("goods", "Products", load_goods),
    Step("stores", "Stores", load_stores),
    Step("households", "Households", load_households),
    Step("baskets", "Order lines", load_baskets),
    Step("mailings", "Coupon booklets", publish_mailings),
    Step("redemptions", "Redemptions", replay_redemptions),
    Step("scores", "RFM scores", score_households),
    Step("segments", "Segments", build_segments),
    Step("comeback", "New campaign", send_comeback),
    Step("autumn", "Measured campaign", send_autumn),
    Step("answers", "Simulated answers", answer_coupons),
    Step("doubles", "Entered twice", enter_doubles),
)


async def run_demo(
    database: Database,
    project_id: int,
    *,
    households: int | None,
    access: DemoAccess,
    console: Console,
    folder: Path | None = None,
) -> None:
    """Fill the project with the demo unless that was done before, and print what there is.

    ``households`` takes only that many of them. ``folder`` holds the data's files; without it
    they are those of the installed package, looked for only when something is left to do.
    Raises Unavailable when the data is not installed, and as check_fitting does.
    """
    state = await check_fitting(database, project_id, households=households)
    waiting = [step for step in STEPS if state is None or step.name not in state.steps]
    if waiting:
        await _work_off(
            database,
            project_id,
            waiting,
            folder=folder or find_dataset(),
            households=households,
            access=access,
            console=console,
        )
    await print_summary(database, project_id, access=access, console=console)


async def check_fitting(
    database: Database, project_id: int, *, households: int | None
) -> DemoState | None:
    """Return what the project remembers of the demo, if it holds one.

    Raises InvalidInput when the project is somebody's own, or its demo has other households.
    """
    async with database.transaction(project_id) as tx:
        project = await get_project(tx)
        state = await find_state(tx)
        taken = state is None and await count_customers(tx) > 0
    if taken or (project.currency, project.time_zone) != (CURRENCY, TIME_ZONE):
        message = f"This database holds the project '{project.name}'. Give the demo its own folder."
        raise InvalidInput(message, field="data_dir")
    if state is not None and households not in (None, state.households):
        had = "all" if state.households is None else str(state.households)
        message = f"This folder has the demo with {had} households. Use another folder."
        raise InvalidInput(message, field="households")
    return state


async def _work_off(
    database: Database,
    project_id: int,
    waiting: list[Step],
    *,
    folder: Path,
    households: int | None,
    access: DemoAccess,
    console: Console,
) -> None:
    async with database.transaction(project_id) as tx:
        state = await find_state(tx)
        if state is None:
            state = DemoState(households=households)
            await insert_state(tx, state)
    with open_dataset(folder, households=state.households) as dataset, _bars(console) as bars:
        work = Work(
            database=database,
            project_id=project_id,
            dataset=dataset,
            access=access,
            now=utc_now(),
        )
        for step in waiting:
            await _do(step, work, bars)


async def _do(step: Step, work: Work, bars: Progress) -> None:
    bar = _Bar(bars, bars.add_task(step.title, total=None))
    begun = time.perf_counter()
    done = await step.work(work, bar)
    bar.finish()
    report = StepReport(
        rows=done.rows,
        seconds=round(time.perf_counter() - begun, 3),
        figures=done.figures,
    )
    async with work.transaction() as tx:
        await insert_report(tx, step.name, report)


class _Bar:
    """One step's line among the bars."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def reach(self, done: int, total: int) -> None:
        """Say that so many of all rows are done."""
        self._bars.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        """Show the step as finished, also one that had nothing to do."""
        task = self._bars.tasks[self._bars.task_ids.index(self._task)]
        total = task.total or 1
        self._bars.update(self._task, total=total, completed=total)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
