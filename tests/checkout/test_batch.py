"""Batches: who goes together, in what order, and how one's trouble stays one's own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import psycopg
import pytest

from checkout.shop import enter_customer
from kaquan.checkout import Batcher, Contended
from kaquan.checkout.batch import LARGEST_BATCH
from kaquan.runtime import Apart, Database, InvalidInput, Project, Tx

HOUR_S = 3600.0
"""Patience that nobody runs out of: batches begin when others end, and at no other time."""


class Workshop:
    """Enters a customer for each item, and keeps book of the batches in which it did.

    Each batch waits for leave, so that a test decides what is under way at the same time.
    """

    def __init__(self, database: Database, project: Project, *, patience_s: float = HOUR_S) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self._project_id = project.project_id
        self.batcher = Batcher(database, self._carry_out, patience_s=patience_s)

    def submit(
        self, item: str, *, names: Sequence[str] = (), lone: bool = False
    ) -> "asyncio.Task[str]":
        """Hand an item in; the task has its answer."""
        work = self.batcher.submit(self._project_id, item, names=names, lone=lone)
        return asyncio.ensure_future(work)

    async def _carry_out(self, tx: Tx, items: Sequence[str]) -> Sequence[str | Exception]:
        self.batches.append(list(items))
        self.begun.release()
        await self.open.wait()
        return [await self._carry_out_one(tx, item, alone=len(items) == 1) for item in items]

    async def _carry_out_one(self, tx: Tx, item: str, *, alone: bool) -> str | Exception:
        match item.partition(" ")[0]:
            case "wrong":
                return InvalidInput("This one is wrong.", field=item)
            case "poison":
                await tx.execute("select 1/0")
            case "bug":
                raise ZeroDivisionError(item)
            case "outage":
                raise psycopg.OperationalError("the server closed the connection")
            case "single" if not alone:
                return Apart("Alone, please.")
            case _:
                pass
        await enter_customer(tx, item)
        return f"did {item}"


@pytest.fixture
async def shop(database: Database, project: Project) -> AsyncGenerator[Workshop]:
    """A workshop on the test's project, in which nobody runs out of patience."""
    workshop = Workshop(database, project)
    yield workshop
    workshop.open.set()
    await workshop.batcher.drain()


async def list_done(database: Database, project: Project) -> list[str]:
    """What was carried out and committed, in no particular order."""
    async with database.transaction(project.project_id) as tx:
        cursor = await tx.execute("select source_id from customer order by source_id")
        return [row[0] for row in await cursor.fetchall()]


async def test_a_lone_request_begins_at_once(shop: Workshop) -> None:
    task = shop.submit("only")
    await shop.begun.acquire()
    assert shop.batches == [["only"]]
    shop.open.set()
    assert await task == "did only"


async def test_who_comes_in_the_same_turn_goes_together(shop: Workshop) -> None:
    tasks = [shop.submit(item) for item in "abc"]
    shop.open.set()
    assert await asyncio.gather(*tasks) == ["did a", "did b", "did c"]
    assert shop.batches == [["a", "b", "c"]]


async def test_who_comes_while_one_is_under_way_gathers_in_order(shop: Workshop) -> None:
    tasks = [shop.submit("first")]
    await shop.begun.acquire()
    for item in "abc":
        tasks.append(shop.submit(item))
        await asyncio.sleep(0)
    assert shop.batches == [["first"]]
    shop.open.set()
    await asyncio.gather(*tasks)
    assert shop.batches == [["first"], ["a", "b", "c"]]


async def test_without_patience_a_second_batch_begins_beside_the_first(
    database: Database, project: Project
) -> None:
    shop = Workshop(database, project, patience_s=0)
    tasks = [shop.submit("first")]
    await shop.begun.acquire()
    tasks.append(shop.submit("second"))
    await shop.begun.acquire()
    tasks.append(shop.submit("third"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert shop.batches == [["first"], ["second"]]
    shop.open.set()
    await asyncio.gather(*tasks)
    assert shop.batches == [["first"], ["second"], ["third"]]


async def test_a_full_batch_waits_for_nobody(shop: Workshop) -> None:
    tasks = [shop.submit("first")]
    await shop.begun.acquire()
    tasks += [shop.submit(f"{number:03}") for number in range(LARGEST_BATCH + 1)]
    await shop.begun.acquire()
    assert [len(batch) for batch in shop.batches] == [1, LARGEST_BATCH]
    shop.open.set()
    await asyncio.gather(*tasks)
    assert shop.batches[2] == [f"{LARGEST_BATCH:03}"]


@pytest.mark.parametrize(
    ("names", "batches"),
    [
        ({"a": "x", "b": "y", "c": "z"}, [["a", "b", "c"]]),
        ({"a": "x", "b": "x", "c": "z"}, [["a", "c"], ["b"]]),
        ({"a": "x", "b": "x", "c": "x"}, [["a"], ["b"], ["c"]]),
        ({"a": "xy", "b": "yz", "c": "zx"}, [["a"], ["b"], ["c"]]),
        ({"a": "xy", "b": "y", "c": "zw"}, [["a", "c"], ["b"]]),
    ],
)
async def test_a_name_is_under_way_once(
    database: Database, project: Project, names: dict[str, str], batches: list[list[str]]
) -> None:
    shop = Workshop(database, project, patience_s=0)
    shop.open.set()
    await asyncio.gather(*(shop.submit(item, names=list(own)) for item, own in names.items()))
    assert shop.batches == batches


async def test_a_loner_has_no_company(shop: Workshop) -> None:
    tasks = [shop.submit("a"), shop.submit("b", lone=True), shop.submit("c")]
    shop.open.set()
    await asyncio.gather(*tasks)
    assert sorted(shop.batches) == [["a", "c"], ["b"]]


async def test_a_mistake_is_its_own(database: Database, project: Project, shop: Workshop) -> None:
    tasks = [shop.submit(item) for item in ("a", "wrong", "b")]
    shop.open.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[::2] == ["did a", "did b"]
    assert isinstance(done[1], InvalidInput)
    assert shop.batches == [["a", "wrong", "b"]]
    assert await list_done(database, project) == ["a", "b"]


@pytest.mark.parametrize(
    ("item", "error"), [("poison", psycopg.errors.DivisionByZero), ("bug", ZeroDivisionError)]
)
async def test_poison_reaches_nobody_else(
    database: Database, project: Project, shop: Workshop, item: str, error: type[Exception]
) -> None:
    tasks = [shop.submit(one) for one in ("a", item, "b")]
    shop.open.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[::2] == ["did a", "did b"]
    assert isinstance(done[1], error)
    assert shop.batches[0] == ["a", item, "b"]
    assert sorted(shop.batches[1:]) == sorted([["a"], [item], ["b"]])
    assert await list_done(database, project) == ["a", "b"]


async def test_who_asks_for_it_is_carried_out_alone(
    database: Database, project: Project, shop: Workshop
) -> None:
    tasks = [shop.submit(item) for item in ("a", "single", "b")]
    shop.open.set()
    assert await asyncio.gather(*tasks) == ["did a", "did single", "did b"]
    assert shop.batches == [["a", "single", "b"], ["single"]]
    assert await list_done(database, project) == ["a", "b", "single"]


async def test_an_outage_is_told_to_all_and_not_tried_again(
    database: Database, project: Project, shop: Workshop
) -> None:
    """What was under way may have happened: doing it again could double it."""
    tasks = [shop.submit(item) for item in ("a", "outage", "b")]
    shop.open.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in done} == {psycopg.OperationalError}
    assert shop.batches == [["a", "outage", "b"]]
    assert await list_done(database, project) == []


async def test_whoever_goes_away_changes_nothing_for_others(
    database: Database, project: Project, shop: Workshop
) -> None:
    first = shop.submit("first")
    await shop.begun.acquire()
    gone, stays = shop.submit("gone"), shop.submit("stays")
    await asyncio.sleep(0)
    first.cancel()
    gone.cancel()
    await asyncio.wait([first, gone])
    shop.open.set()
    assert await stays == "did stays"
    await shop.batcher.drain()
    # Nobody can tell whether somebody who is gone has gone before or after it was done.
    assert await list_done(database, project) == ["first", "gone", "stays"]


async def test_projects_have_nothing_to_do_with_each_other(
    database: Database, project: Project, shop: Workshop
) -> None:
    mine = shop.submit("mine")
    await shop.begun.acquire()
    other = asyncio.ensure_future(shop.batcher.submit(project.project_id + 100_000, "wrong"))
    await shop.begun.acquire()
    assert shop.batches == [["mine"], ["wrong"]]
    shop.open.set()
    with pytest.raises(InvalidInput):
        await other
    assert await mine == "did mine"


async def test_a_lock_that_stays_taken_holds_up_nobody_else(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction(project.project_id) as tx:
        for name in "ab":
            await enter_customer(tx, name)
    monkeypatch.setattr("kaquan.checkout.batch.BATCH_LOCK_TIMEOUT_MS", 20)
    monkeypatch.setattr("kaquan.checkout.batch.LONE_LOCK_TIMEOUT_MS", 200)

    async def lock(tx: Tx, items: Sequence[str]) -> Sequence[str | Exception]:
        for item in items:
            query = "select source_id from customer where source_id = %s for update"
            await (await tx.execute(query, (item,))).fetchall()
        return list(items)

    batcher = Batcher(database, lock)
    async with database.transaction(project.project_id) as blocking:
        await blocking.execute("select from customer where source_id = 'a' for update")
        answers = await asyncio.gather(
            *(batcher.submit(project.project_id, item) for item in "ab"), return_exceptions=True
        )
    assert isinstance(answers[0], Contended)
    assert answers[1] == "b"


async def test_draining_waits_for_everybody(
    database: Database, project: Project, shop: Workshop
) -> None:
    for item in "abc":
        shop.submit(item)
        await asyncio.sleep(0)
    shop.open.set()
    await shop.batcher.drain()
    assert await list_done(database, project) == ["a", "b", "c"]
