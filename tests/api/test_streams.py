"""Streams over HTTP: lines of JSON, filters, and what is refused before the first line."""

import json
from typing import Any, TypeAlias

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Api: TypeAlias = AsyncTestClient[Litestar]


async def test_customers_as_lines(api: Api) -> None:
    for number in range(3):
        body = {"source_id": f"s-{number}", "name": f"Person {number}"}
        assert (await api.post("/v1/customers", json=body)).status_code == 200
    answer = await api.get("/v1/kaquan/streams/customer?fields=name&order=created_at")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = answer.text.splitlines()
    assert [json.loads(line) for line in lines] == [{"name": f"Person {n}"} for n in range(3)]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("customer?fields=shoe", 400, "parameters.fields"),
        ("customer?order=shoe", 400, "parameters.order"),
        ("nothing", 400, None),
    ],
)
async def test_what_is_refused(api: Api, path: str, status: int, field: Any) -> None:
    answer = await api.get(f"/v1/kaquan/streams/{path}")
    assert answer.status_code == status, answer.text
    if field is not None:
        assert answer.json()["field"] == field
