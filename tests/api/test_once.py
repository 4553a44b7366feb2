"""Idempotency keys: what moves value happens once, however often it is sent."""

import asyncio

from httpx import AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

DISCOUNT = {"discount": {"type": "AMOUNT", "amount_off": 100}}
KEY = {"Idempotency-Key": "checkout-0000000001"}


def redeem(code: str, amount: int = 1000) -> dict[str, object]:
    return {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": amount}}


async def count_redemptions(api: AsyncClient) -> int:
    return (await api.get("/v1/redemptions")).json()["total"]


async def test_the_first_answer_again(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=DISCOUNT | {"redemption": {"quantity": 5}})
    first = await api.post("/v1/redemptions", json=redeem("A"), headers=KEY)
    again = await api.post("/v1/redemptions", json=redeem("A"), headers=KEY)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await count_redemptions(api) == 1


async def test_a_key_is_for_one_request(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=DISCOUNT | {"redemption": {"quantity": 5}})
    await api.post("/v1/redemptions", json=redeem("A"), headers=KEY)
    other = await api.post("/v1/redemptions", json=redeem("A", 2000), headers=KEY)
    assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")
    assert await count_redemptions(api) == 1


async def test_the_same_key_on_another_redemption_is_another_request(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=DISCOUNT | {"redemption": {"quantity": 5}})
    ids = [
        (await api.post("/v1/redemptions", json=redeem("A"))).json()["redemptions"][0]["id"]
        for _ in range(2)
    ]
    first = await api.post(f"/v1/redemptions/{ids[0]}/rollback", headers=KEY)
    second = await api.post(f"/v1/redemptions/{ids[1]}/rollback", headers=KEY)
    assert (first.status_code, second.status_code) == (200, 422)


async def test_a_key_stays_used_when_its_answer_is_erased(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=DISCOUNT | {"redemption": {"quantity": 5}})
    request = redeem("A") | {"customer": {"source_id": "alice", "email": "alice@example.com"}}
    assert (await api.post("/v1/redemptions", json=request, headers=KEY)).status_code == 200
    gone = await api.post("/v1/customers/alice/permanent-deletion")
    assert gone.status_code == 200
    again = await api.post("/v1/redemptions", json=request, headers=KEY)
    assert (again.status_code, again.json()["key"]) == (409, "idempotency_answer_erased")
    other = await api.post("/v1/redemptions", json=redeem("A"), headers=KEY)
    assert (other.status_code, other.json()["key"]) == (422, "idempotency_key_reused")
    assert await count_redemptions(api) == 1


async def test_a_refusal_is_remembered_and_a_mistake_is_not(api: Client) -> None:
    refused = await api.post("/v1/vouchers/B", json=DISCOUNT | {"active": False})
    assert refused.status_code == 200
    first = await api.post("/v1/redemptions", json=redeem("B"), headers=KEY)
    assert (first.status_code, first.json()["key"]) == (400, "voucher_disabled")
    await api.post("/v1/vouchers/B/enable")
    again = await api.post("/v1/redemptions", json=redeem("B"), headers=KEY)
    assert again.content == first.content
    assert again.headers["content-type"].startswith("application/problem+json")

    wrong: dict[str, list[str]] = {"redeemables": []}
    other = {"Idempotency-Key": "checkout-0000000002"}
    assert (await api.post("/v1/redemptions", json=wrong, headers=other)).status_code == 400
    right = await api.post("/v1/redemptions", json=redeem("B"), headers=other)
    assert right.status_code == 200


async def test_many_at_once_redeem_once(crowd: AsyncClient) -> None:
    await crowd.post("/v1/vouchers/C", json=DISCOUNT | {"redemption": {"quantity": 20}})
    answers = await asyncio.gather(
        *(crowd.post("/v1/redemptions", json=redeem("C"), headers=KEY) for _ in range(8))
    )
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 409}
    assert {a.json()["key"] for a in answers if a.status_code == 409} <= {
        "idempotency_key_in_flight"
    }
    assert await count_redemptions(crowd) == 1


async def test_without_a_key_many_at_once_redeem_as_often(crowd: AsyncClient) -> None:
    """The control of the test above: it can fail."""
    await crowd.post("/v1/vouchers/D", json=DISCOUNT | {"redemption": {"quantity": 20}})
    await asyncio.gather(*(crowd.post("/v1/redemptions", json=redeem("D")) for _ in range(8)))
    assert await count_redemptions(crowd) == 8


async def test_keys_that_are_none(api: Client) -> None:
    for key in ("short", "x" * 256):
        answer = await api.post(
            "/v1/redemptions", json=redeem("E"), headers={"Idempotency-Key": key}
        )
        told = answer.json()
        assert (answer.status_code, told["field"]) == (400, "Idempotency-Key")
