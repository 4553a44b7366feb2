"""A sender that is killed after its message arrived sends it again, in another process."""

import asyncio
import signal
import sys
from contextlib import suppress

import pytest

from kaquan.runtime import Database, Project, utc_now
from kaquan.webhooks import LEASE, DeliveryStatus
from webhooks.receiver import Receiver
from webhooks.samples import Clock, enter, log_of, open_dispatcher, subscribe

SENDER = """
import asyncio, sys
from kaquan.runtime import open_database
from kaquan.webhooks import Dispatcher

async def main():
    async with open_database(sys.argv[1], pool_size=3) as database:
        await Dispatcher(database, private_allowed=True).drain(int(sys.argv[2]))

asyncio.run(main())
"""


@pytest.mark.slow
async def test_killed_between_sending_and_noting(
    database: Database, project: Project, receiver: Receiver, postgres_url: str
) -> None:
    people = [f"p{number}" for number in range(5)]
    async with database.transaction(project.project_id) as tx:
        endpoint = await subscribe(tx, url=receiver.url)
        await enter(tx, *people)
    receiver.answer = lambda got: None
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDER, postgres_url, str(project.project_id)
    )
    try:
        while len(receiver.got) < len(people):
            assert sender.returncode is None
            await asyncio.sleep(0.02)
    finally:
        with suppress(ProcessLookupError):
            sender.send_signal(signal.SIGKILL)
        await sender.wait()
    first = {got.id for got in receiver.got}
    receiver.got.clear()
    receiver.answer = lambda _: 204
    clock = Clock(utc_now())
    await open_dispatcher(database, clock).drain(project.project_id)
    assert receiver.got == []
    clock.turn(LEASE)
    await open_dispatcher(database, clock).drain(project.project_id)
    assert {got.id for got in receiver.got} == first
    assert len(receiver.got) == len(people)
    logged = await log_of(database, project, endpoint)
    assert [one.status for one in logged] == [DeliveryStatus.SUCCEEDED] * len(people)
