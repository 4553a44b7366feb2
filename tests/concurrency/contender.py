"""A process that takes part in races: it says when it is ready, has looked, and has won."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from concurrency.races import RACES, run_race
from concurrency.unlocking import Meeting, unlock
from kaquan.runtime import open_database


async def contend(
    url: str, numbers: Sequence[int], jobs: Sequence[Sequence[Any]], *, locks: bool
) -> None:
    """Run each race with these contenders; a job is its name, its project and what it needs."""
    races = {race.name: race for race in RACES}
    size = len(numbers) + 1
    async with open_database(url, pool_size=size, min_size=size) as database:
        for name, project_id, prepared in jobs:
            await _say_and_hear("ready")
            with contextlib.ExitStack() as stack:
                if not locks:
                    patch = stack.enter_context(pytest.MonkeyPatch.context())
                    unlock(patch, Meeting(len(numbers), lambda: _say_and_hear("looked")))
                won = await run_race(database, project_id, races[name], prepared, numbers)
            print("won", won, flush=True)


async def _say_and_hear(word: str) -> None:
    print(word, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    asyncio.run(contend(told["url"], told["numbers"], told["jobs"], locks=told["locks"]))
