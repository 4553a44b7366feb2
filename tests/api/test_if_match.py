"""Changing only what is still as the caller knows it, on every route of the OpenAPI document."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.stock import WORD, fill, open_shop
from kaquan.api import describe_routes
from kaquan.api.links import list_operations
from kaquan.runtime import Database, Project

COUPON = {"discount": {"type": "AMOUNT", "amount_off": 100}}
STALE = 'W/"00000000000000000000000000000000"'

Client = AsyncTestClient[Litestar]


def _changes(app: Litestar) -> Iterator[tuple[str, str]]:
    """The routes that the document says to take If-Match."""
    for path, method, operation in list_operations(describe_routes(app)):
        if any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
            yield method.upper(), path


@pytest.mark.slow
async def test_another_version_is_left_as_it_is_everywhere(
    app: Litestar, database: Database, project: Project
) -> None:
    changes = [*_changes(app)]
    found: set[str] = set()
    compared: set[tuple[str, str]] = set()
    async with open_shop(app, database, project, mark="M") as shop:
        for method, path in changes:
            ids = {name: some[0] for name, some in shop.stock.items()}
            address = fill(path, ids)
            was = await shop.client.get(address)
            told = await shop.client.request(
                method, address, json={}, headers={"If-Match": f'{STALE}, W/"other"'}
            )
            # What is wrong with the body is told first, as RFC 9110 (13.2.1) has it.
            assert told.status_code in (400, 412, 501), (method, path, told.text)
            if told.status_code == 412:
                assert told.json()["key"] == "precondition_failed"
                compared.add((method, path))
            if was.status_code == 200:
                assert (await shop.client.get(address)).content == was.content, (method, path)
                found.add(path)
                if method == "PUT":
                    tag = {"If-Match": f"{STALE}, {was.headers['etag']}"}
                    again = await shop.client.put(address, json={}, headers=tag)
                    assert again.status_code != 412, (path, again.text)
    assert len(compared) > 40
    assert len(found) > 25
    assert WORD.search(changes[0][1])


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/redemptions"), ("POST", "/v1/vouchers"), ("POST", "/v1/vouchers/A/enable")],
)
async def test_where_nothing_can_be_compared_nothing_happens(
    api: Client, method: str, path: str
) -> None:
    await api.post("/v1/vouchers/A", json=COUPON)
    told = await api.request(method, path, json={}, headers={"If-Match": "*"})
    assert (told.status_code, told.json()["key"]) == (412, "precondition_failed")


async def test_a_code_that_is_free_matches_nothing(api: Client) -> None:
    told = await api.post("/v1/vouchers/FREE", json=COUPON, headers={"If-Match": "*"})
    assert told.status_code == 412
    assert (await api.get("/v1/vouchers/FREE")).status_code == 404


async def test_of_many_who_change_one_version_one_wins(crowd: httpx.AsyncClient) -> None:
    customer = (await crowd.post("/v1/customers", json={"source_id": "ann"})).json()["id"]
    address = f"/v1/customers/{customer}"
    tag = (await crowd.get(address)).headers["etag"]
    answers = await asyncio.gather(
        *(
            crowd.put(address, json={"name": f"name {turn}"}, headers={"If-Match": tag})
            for turn in range(6)
        )
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 412, 412, 412, 412, 412]
    won = next(one for one in answers if one.status_code == 200).json()["name"]
    assert (await crowd.get(address)).json()["name"] == won
