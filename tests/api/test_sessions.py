"""Sessions over HTTP: locking by validating, listing, redeeming through, releasing."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient, Response
from litestar import Litestar
from litestar.testing import AsyncTestClient
from voucherify.models.session import Session
from voucherify.models.validations_validate_response_body import ValidationsValidateResponseBody

from checkout.shop import add_code, amount_off
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Database, Project

Api = AsyncTestClient[Litestar]
ORDER = {"amount": 10_000}


@pytest.fixture
async def last(database: Database, project: Project) -> str:
    """A coupon with a single use; its voucher's id."""
    async with database.transaction(project.project_id) as tx:
        return (await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)).id


def body(session: dict[str, Any] | None, *codes: str) -> dict[str, Any]:
    """A request for these codes, of a session or of none."""
    named = {} if session is None else {"session": session}
    redeemables = [{"object": "voucher", "id": code} for code in codes or ("LAST",)]
    return {"redeemables": redeemables, "order": ORDER, **named}


def lock(key: str | None = None, **more: Any) -> dict[str, Any]:
    """A session of type LOCK."""
    return {"type": "LOCK", **({} if key is None else {"key": key}), **more}


async def validate(api: Api, session: dict[str, Any] | None) -> dict[str, Any]:
    """Validate; it must be answered with 200."""
    answer = await api.post("/v1/validations", json=body(session))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_lock_lasts_for_seven_days_under_a_key_that_was_made(api: Api, last: str) -> None:
    answer = await validate(api, lock())
    assert ValidationsValidateResponseBody.model_validate(answer).valid
    session = Session.model_validate(answer["session"])
    assert session.key is not None
    assert (session.ttl, session.ttl_unit, len(session.key) >= 20) == (7, "DAYS", True)
    kept = (await api.get(f"/v1/vouchers/LAST/sessions/{session.key}")).json()
    assert (kept["key"], kept["ttl"], kept["ttl_unit"]) == (session.key, 7, "DAYS")
    assert kept["kaquan"]["discount_amount"] == 1000
    assert kept["kaquan"]["voucher_id"] == last


async def test_the_holder_redeems_and_others_do_not(api: Api, last: str) -> None:
    await validate(api, lock("ours"))
    theirs = await validate(api, lock("theirs"))
    assert (theirs["valid"], "session" in theirs) == (False, False)
    assert theirs["redeemables"][0]["result"]["error"]["key"] == "quantity_exceeded"
    for session in (None, lock("theirs")):
        refused = await api.post("/v1/redemptions", json=body(session))
        assert (refused.status_code, refused.json()["key"]) == (400, "quantity_exceeded")
    done = await api.post("/v1/redemptions", json=body(lock("ours")))
    assert done.status_code == 200, done.text
    assert (await api.get("/v1/vouchers/LAST/sessions")).json()["total"] == 0


async def test_listing_and_releasing(api: Api, database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        voucher = await add_code(tx, "LAST", offer=amount_off(1000), quantity=5)
    for key in ("a", "b/c", "d"):
        await validate(api, lock(key, ttl=1.5, ttl_unit="HOURS"))
    page = (await api.get("/v1/vouchers/LAST/sessions", params={"limit": 2, "page": 2})).json()
    assert (page["total"], [one["key"] for one in page["data"]]) == (3, ["a"])
    assert page["data"][0]["ttl"] == 1.5
    assert (await api.delete("/v1/vouchers/LAST/sessions/a")).status_code == 204
    again = await api.delete("/v1/vouchers/LAST/sessions/a")
    assert (again.status_code, again.json()["key"]) == (404, "not_found")
    assert again.json()["resource_type"] == "session"
    assert (await api.delete("/v1/vouchers/NOBODY/sessions/d")).status_code == 404
    everything = await api.delete("/v1/vouchers/LAST/sessions")
    assert everything.json() == {"released": 2}
    async with database.transaction(project.project_id) as tx:
        key = AccountKey(voucher.id, AccountKind.USES)
        assert (await list_accounts(tx, [key]))[key].held == 0
        assert await check_ledger(tx) == []


@pytest.mark.parametrize(
    ("session", "field"),
    [
        ({"type": "UNLOCK"}, "session.type"),
        (lock(""), "session.key"),
        (lock("x" * 256), "session.key"),
        (lock("k", ttl=5), "session.ttl_unit"),
        (lock("k", ttl_unit="DAYS"), "session.ttl"),
        (lock("k", ttl=0, ttl_unit="DAYS"), "session.ttl"),
        (lock("k", ttl=-3, ttl_unit="SECONDS"), "session.ttl"),
        (lock("k", ttl=2**53, ttl_unit="DAYS"), "session.ttl"),
        (lock("k", ttl="1e400", ttl_unit="DAYS"), "session.ttl"),
        (lock("k", ttl=5, ttl_unit="WEEKS"), "session.ttl_unit"),
        ([], "session"),
    ],
)
async def test_sessions_that_cannot_be(api: Api, last: str, session: Any, field: str) -> None:
    answer = await api.post("/v1/validations", json={**body(None), "session": session})
    problem = answer.json()
    assert (answer.status_code, problem["key"]) == (400, "invalid_payload"), problem
    assert problem["field"] == field
    assert (await api.get("/v1/vouchers/LAST/sessions")).json()["total"] == 0


async def test_a_dry_run_locks_nothing(api: Api, last: str) -> None:
    answer = await api.post("/v1/validations", params={"dry_run": "true"}, json=body(lock("ours")))
    assert answer.json()["valid"]
    assert (await api.get("/v1/vouchers/LAST/sessions")).json()["total"] == 0


async def test_one_key_at_once_from_everywhere_is_one_lock(
    crowd: AsyncClient, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        limited = await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
        await add_code(tx, "FREE", offer=amount_off(1), quantity=None)

    async def ask(number: int) -> Response:
        codes = ("FREE", "LAST") if number % 2 else ("LAST", "FREE")
        return await crowd.post("/v1/validations", json=body(lock("ours"), *codes))

    answers = await asyncio.gather(*map(ask, range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["valid"] for answer in answers)
    assert Decimal(answers[0].json()["session"]["ttl"]) == 7
    async with database.transaction(project.project_id) as tx:
        key = AccountKey(limited.id, AccountKind.USES)
        assert (await list_accounts(tx, [key]))[key].held == 1
        assert await check_ledger(tx) == []
