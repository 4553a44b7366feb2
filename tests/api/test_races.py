"""Requests that get in each other's way: each gets its right answer, and all of them add up."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
from httpx import AsyncClient

from kaquan.api.call import Call
from kaquan.api.once import move_value, succeed
from kaquan.api.orders import OrderBody
from kaquan.api.problems import AnyRequest
from kaquan.api.redeeming import RedeemWork, answer_redemptions
from kaquan.api.validations import CheckoutBody, RedeemableBody
from kaquan.checkout import Batcher, Contended
from kaquan.checkout.again import ATTEMPTS
from kaquan.checkout.store.found import Situation, Wanted
from kaquan.checkout.store.situation import read_situations
from kaquan.customers import Customer, CustomerDraft, upsert_customer
from kaquan.ledger import check_ledger
from kaquan.runtime import Answer, Database, Project, Tx, utc_now
from kaquan.trust import Caller, KeyKind

CONTENDERS = 12
OFF = 100
ANYBODY = cast("AnyRequest", None)
"""Without an idempotency key nothing is read from the request."""


@pytest.fixture
def call(database: Database, project: Project) -> Call:
    """A call of the test's project."""
    caller = Caller(project_id=project.project_id, key_id="key", kind=KeyKind.SERVER, scopes=())
    return Call(caller=caller, database=database, now=utc_now())


def meet_after_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first attempts of all contenders look before any of them writes."""
    all_have_looked = asyncio.Barrier(CONTENDERS)
    looks = 0

    async def look(tx: Tx, wanted: Sequence[Wanted], *, locking: bool = False) -> list[Situation]:
        nonlocal looks
        looks += 1
        is_first_attempt = looks <= CONTENDERS
        found = await read_situations(tx, wanted, locking=locking)
        if is_first_attempt:
            await all_have_looked.wait()
        return found

    monkeypatch.setattr("kaquan.checkout.snapshot.read_situations", look)


async def redeem_on_one_new_order(crowd: AsyncClient, call: Call) -> list[dict[str, Any]]:
    """Every contender redeems a code of its own on the same order, which nobody has stored yet.

    Each has a batcher of its own, as processes have: within one they would wait for each other.
    """
    for contender in range(CONTENDERS):
        discount = {"type": "AMOUNT", "amount_off": OFF}
        await crowd.post(f"/v1/vouchers/C{contender}", json={"discount": discount})

    async def contend(contender: int) -> dict[str, Any]:
        body = CheckoutBody(
            redeemables=[RedeemableBody(object="voucher", id=f"C{contender}")],
            order=OrderBody(source_id="new", amount=5_000),
        )
        work = RedeemWork(body=body, call=call, request_id=f"req_{contender}")
        batcher = Batcher(call.database, answer_redemptions)
        try:
            answer = await batcher.submit(call.caller.project_id, work, names=work.names)
        except Contended as error:
            return {"key": error.key}
        return msgspec.json.decode(answer.body)

    return await asyncio.gather(*map(contend, range(CONTENDERS)))


async def test_the_first_redemptions_of_one_new_order(
    crowd: AsyncClient,
    call: Call,
    database: Database,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meet_after_looking(monkeypatch)
    answers = await redeem_on_one_new_order(crowd, call)
    left = sorted(answer["order"]["total_amount"] for answer in answers)
    assert left == [5_000 - OFF * taken for taken in range(CONTENDERS, 0, -1)]
    (order,) = (await crowd.get("/v1/orders")).json()["orders"]
    assert order["total_discount_amount"] == OFF * CONTENDERS
    assert (await crowd.get("/v1/redemptions?result=SUCCESS")).json()["total"] == CONTENDERS
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def test_without_trying_again_all_but_one_would_lose(
    crowd: AsyncClient, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: it can fail."""
    meet_after_looking(monkeypatch)
    monkeypatch.setattr("kaquan.checkout.again.ATTEMPTS", 1)
    answers = await redeem_on_one_new_order(crowd, call)
    lost = [answer for answer in answers if "key" in answer]
    assert len(lost) == CONTENDERS - 1
    assert {answer["key"] for answer in lost} == {"try_again"}


async def test_who_waits_in_a_circle_is_let_out(call: Call) -> None:
    async with call.transaction() as tx:
        first, second = [
            await upsert_customer(tx, CustomerDraft(source_id=name), now=call.now) for name in "ab"
        ]
    both_hold_one = asyncio.Barrier(2)
    attempts = 0

    async def lock_both(tx: Tx, *, one: Customer, other: Customer) -> Answer:
        nonlocal attempts
        attempts += 1
        is_first_attempt = attempts <= 2
        await tx.execute("select from customer where id = %s for update", (one.id,))
        if is_first_attempt:
            await both_hold_one.wait()
        await tx.execute("select from customer where id = %s for update", (other.id,))
        return succeed(one)

    answers = await asyncio.gather(
        move_value(ANYBODY, call, None, produce=lambda tx: lock_both(tx, one=first, other=second)),
        move_value(ANYBODY, call, None, produce=lambda tx: lock_both(tx, one=second, other=first)),
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert attempts == 3


async def test_an_end_to_trying(call: Call) -> None:
    attempts = 0

    async def lose(tx: Tx) -> Answer:
        nonlocal attempts
        attempts += 1
        raise Contended("again")

    with pytest.raises(Contended):
        await move_value(ANYBODY, call, None, produce=lose)
    assert attempts == ATTEMPTS


async def test_what_lost_leaves_nothing_behind(call: Call) -> None:
    attempts = 0

    async def win_at_last(tx: Tx) -> Answer:
        nonlocal attempts
        attempts += 1
        customer = await upsert_customer(tx, CustomerDraft(source_id=f"{attempts}"), now=call.now)
        if attempts < ATTEMPTS:
            raise Contended("again")
        return succeed(customer)

    await move_value(ANYBODY, call, None, produce=win_at_last)
    async with call.transaction() as tx:
        cursor = await tx.execute("select source_id from customer")
        assert await cursor.fetchall() == [(f"{ATTEMPTS}",)]
