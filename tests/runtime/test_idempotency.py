"""The first answer to a key is the answer to every repetition."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kaquan.runtime import (
    Answer,
    Database,
    InvalidInput,
    KeyInFlight,
    KeyReused,
    Project,
    Tx,
    answer_once,
    create_project,
    forget_answers,
    list_actions,
    start_action,
)
from kaquan.runtime.idempotency import REMEMBERED_FOR

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "order-4711-redeem"
ROUTE = "POST /v1/redemptions"


async def _answer(
    tx: Tx,
    *,
    key: str = KEY,
    route: str = ROUTE,
    request: bytes = b"{}",
    lasting: bool = True,
    now: datetime = NOW,
) -> Answer:
    async def produce() -> Answer:
        action = await start_action(tx, "effect", request={}, total=None, now=now)
        return Answer(200, action.id.encode(), lasting=lasting)

    return await answer_once(tx, key, route=route, request=request, produce=produce, now=now)


async def _count_effects(tx: Tx) -> int:
    return len(await list_actions(tx, limit=100))


@pytest.mark.parametrize(
    ("lasting", "key", "route", "later", "replayed"),
    [
        pytest.param(True, KEY, ROUTE, timedelta(0), True, id="the same again"),
        pytest.param(True, KEY, ROUTE, timedelta(days=30), True, id="thirty days on"),
        pytest.param(True, KEY, ROUTE, timedelta(days=30, seconds=1), False, id="forgotten"),
        pytest.param(True, KEY + "x", ROUTE, timedelta(0), False, id="another key"),
        pytest.param(True, KEY, ROUTE + "/x", timedelta(0), False, id="another route"),
        pytest.param(False, KEY, ROUTE, timedelta(0), False, id="an answer that does not last"),
    ],
)
async def test_repetition(
    tx: Tx, lasting: bool, key: str, route: str, later: timedelta, replayed: bool
) -> None:
    first = await _answer(tx, lasting=lasting)
    second = await _answer(tx, key=key, route=route, now=NOW + later)
    assert (first.replayed, second.replayed) == (False, replayed)
    assert (second.body == first.body) is replayed
    assert await _count_effects(tx) == (1 if replayed else 2)


async def test_another_request_under_the_same_key(tx: Tx) -> None:
    await _answer(tx, request=b'{"amount": 1}')
    with pytest.raises(KeyReused):
        await _answer(tx, request=b'{"amount": 2}')
    assert await _count_effects(tx) == 1


@pytest.mark.parametrize(
    ("length", "accepted"), [(0, False), (15, False), (16, True), (255, True), (256, False)]
)
async def test_length_of_the_key(tx: Tx, length: int, accepted: bool) -> None:
    if accepted:
        assert not (await _answer(tx, key="k" * length)).replayed
        return
    with pytest.raises(InvalidInput) as refused:
        await _answer(tx, key="k" * length)
    assert refused.value.field == "Idempotency-Key"


async def test_what_failed_is_not_remembered(database: Database, project: Project) -> None:
    async def fail() -> Answer:
        raise ConnectionError("the shop went away")

    with pytest.raises(ConnectionError):
        async with database.transaction(project.project_id) as tx:
            await answer_once(tx, KEY, route=ROUTE, request=b"{}", produce=fail, now=NOW)
    async with database.transaction(project.project_id) as tx:
        assert not (await _answer(tx)).replayed


async def test_old_answers_are_deleted_in_parts(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        for number in range(7):
            given = NOW + timedelta(days=number % 3)
            await _answer(tx, key=f"{KEY}-{number}", route=f"POST /{number % 2}", now=given)
    moments = (NOW + REMEMBERED_FOR, NOW + REMEMBERED_FOR + timedelta(days=1, seconds=1))
    left: list[list[int]] = []
    for now in moments:
        place: tuple[str, str] | None = ("", "")
        parts = 0
        while place is not None:
            async with database.transaction(project.project_id) as tx:
                place = await forget_answers(tx, place, now=now, limit=2)
            parts += 1
        assert parts > 2
        async with database.transaction(project.project_id) as tx:
            cursor = await tx.execute("select key from idempotency order by key")
            left.append([int(row[0].rpartition("-")[2]) for row in await cursor.fetchall()])
    assert left == [[0, 1, 2, 3, 4, 5, 6], [2, 5]]
    async with database.transaction(project.project_id) as tx:
        assert (await _answer(tx, key=f"{KEY}-2", route="POST /0", now=moments[1])).replayed
        assert not (await _answer(tx, key=f"{KEY}-0", route="POST /0", now=moments[1])).replayed


async def test_an_answer_that_is_being_renewed_is_left_alone(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        await _answer(tx)
    later = NOW + REMEMBERED_FOR + timedelta(seconds=1)
    async with database.transaction(project.project_id) as renewing:
        renewed = await _answer(renewing, request=b"new", now=later)
        async with database.transaction(project.project_id) as tx:
            assert await forget_answers(tx, now=later) == (ROUTE, KEY)
    async with database.transaction(project.project_id) as tx:
        await forget_answers(tx, now=later)
        assert (await _answer(tx, request=b"new", now=later)).body == renewed.body


async def test_projects_do_not_share_keys(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await _answer(tx)
    async with database.transaction() as tx:
        await create_project(tx, "Other", currency="CNY", time_zone="UTC", language="zh", now=NOW)
        assert not (await _answer(tx, request=b"other")).replayed


async def test_one_in_flight_at_a_time(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as first:
        answer = await _answer(first)
        with pytest.raises(KeyInFlight) as refused:
            async with database.transaction(project.project_id) as second:
                await _answer(second)
        assert refused.value.details == {"retry_after_s": 1}
    async with database.transaction(project.project_id) as third:
        again = await _answer(third)
    assert (again.body, again.replayed) == (answer.body, True)


async def test_many_at_once_have_one_effect(database: Database, project: Project) -> None:
    async def attempt() -> bytes | None:
        try:
            async with database.transaction(project.project_id) as tx:
                return (await _answer(tx)).body
        except KeyInFlight:
            return None

    answers = await asyncio.gather(*(attempt() for _ in range(32)))
    async with database.transaction(project.project_id) as tx:
        assert await _count_effects(tx) == 1
    assert len({answer for answer in answers if answer is not None}) == 1
