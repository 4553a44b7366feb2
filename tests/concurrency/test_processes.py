"""Limits hold between operating-system processes: the database decides, not a process."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

import pytest

from checkout.shop import NOW
from concurrency import contender
from concurrency.races import CONTENDERS, RACES, Race, prepare_race
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, create_project, open_database

pytestmark = pytest.mark.slow

PROCESSES = 2


async def prepare_all(
    database: Database, races: Sequence[Race] = RACES
) -> list[tuple[str, int, Any]]:
    """Set up each race in a project of its own; returns the jobs of every process."""
    return [
        (race.name, project_id, await prepare_race(database, project_id, race))
        for race in races
        for project_id in [await _open_project(database, race)]
    ]


async def _open_project(database: Database, race: Race) -> int:
    async with database.transaction() as tx:
        project = await create_project(
            tx, race.name, currency="CNY", time_zone="UTC", language="en", now=NOW
        )
    return project.project_id


async def compete(url: str, jobs: list[tuple[str, int, Any]], *, locks: bool) -> dict[str, int]:
    """Let two processes run each race at the same time; returns how many won, by race.

    Without locks all contenders of both have looked before one of them goes on.
    """
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", contender.__file__),
            json.dumps(
                {
                    "url": url,
                    "numbers": list(range(start, CONTENDERS, PROCESSES)),
                    "jobs": jobs,
                    "locks": locks,
                }
            ),
            stdin=PIPE,
            stdout=PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for start in range(PROCESSES)
    ]
    won: dict[str, int] = {}
    for name, *_ in jobs:
        for word in ("ready",) if locks else ("ready", "looked"):
            assert [await _hear(one) for one in racers] == [word] * PROCESSES, name
            for one in racers:
                assert one.stdin is not None
                one.stdin.write(b"go\n")
        said = [await _hear(one) for one in racers]
        won[name] = sum(int(one.removeprefix("won ")) for one in said)
    await asyncio.gather(*(one.communicate() for one in racers))
    return won


async def _hear(racer: Process) -> str:
    assert racer.stdout is not None
    return (await racer.stdout.readline()).decode().strip()


async def test_two_processes_share_what_is_left(database: Database, postgres_url: str) -> None:
    jobs = await prepare_all(database)
    won = await compete(postgres_url, jobs, locks=True)
    assert won == {race.name: race.winners for race in RACES}
    for _, project_id, _ in jobs:
        async with database.transaction(project_id) as tx:
            assert await check_ledger(tx) == []


async def test_without_locks_and_constraints_more_would_win(unprotected_url: str) -> None:
    """The twin of the test above: each race can be lost, until pytest's own time-out.

    Whom deadlocks leave may be few by chance: then the race is run again.
    """
    races: Sequence[Race] = RACES
    async with open_database(unprotected_url) as database:
        while races:
            jobs = await prepare_all(database, races)
            won = await compete(unprotected_url, jobs, locks=False)
            races = [race for race in races if won[race.name] <= race.winners]
