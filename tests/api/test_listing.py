"""Filters in the address, in each of the ways that clients write them."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]
EITHER = (
    "filters[junction]=or&filters[price][conditions][$is][0]=400"
    "&filters[source_id][conditions][$is][0]=pot"
)


async def enter(api: Client) -> None:
    """Two products, one cheap."""
    for name, price in (("cup", 400), ("pot", 4_000)):
        made = await api.post("/v1/products", json={"source_id": name, "price": price})
        assert made.status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('filters={"price":{"conditions":{"$less_than":[1000]}}}', ["cup"]),
        ("filters[price][conditions][$less_than][0]=1000", ["cup"]),
        ("[filters][price][conditions][$less_than][0]=1000", ["cup"]),
        ("filters[price][conditions][$more_than]=1000", ["pot"]),
        ("filters[source_id][conditions][$in][]=cup&filters[source_id][conditions][$in][]=pot", 2),
        (EITHER, 2),
        ("created_at[before]=2020-01-01", []),
        ("[created_at][after]=2020-01-01", 2),
        ("created_at[after]=2020-01-01&created_at[before]=2021-01-01", []),
        ("filters=", 2),
    ],
)
async def test_ways_to_write_a_filter(api: Client, query: str, found: Any) -> None:
    await enter(api)
    answer = (await api.get(f"/v1/products?{query}")).json()
    names = [one["source_id"] for one in answer["products"]]
    assert len(names) == found if isinstance(found, int) else names == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("filters=no", "filters"),
        ("filters=[]", "filters"),
        ("filters[shoe][conditions][$is]=1", "filters.shoe"),
        ("filters[price][conditions][$is]=dear", "filters.price.conditions.$is"),
        ("filters[price]=1", "filters.price"),
        ("filters[a][b][c][d][e][f][g]=1", "filters"),
        ("created_at[around]=2020-01-01", "created_at"),
        ("created_at[before]=soon", "filters.created_at.conditions.$before"),
        ("order=shoe", "order"),
        ("limit=101", "limit"),
        ("page=0", "page"),
    ],
)
async def test_wrong_queries_name_their_place(api: Client, query: str, field: str) -> None:
    answer = await api.get(f"/v1/products?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_downloads_open_with_their_token_only(api: Client) -> None:
    for token in ("", "x", "AAAA", "A" * 27, "%F0%9F%92%A9"):
        answer = await api.get(f"/downloads/file_none?token={token}")
        assert answer.status_code == 401
    assert (await api.get("/downloads/file_none")).status_code == 400


@pytest.mark.parametrize("path", ["customers", "products", "skus"])
async def test_imports_need_a_file(api: Client, path: str) -> None:
    address = f"/v1/{path}/importCSV"
    for files in ({"file": ("x.csv", b"")}, {"other": ("x.csv", b"a\n1\n")}):
        answer = await api.post(address, files=files)
        assert (answer.status_code, answer.json()["field"]) == (400, "file")
    assert (await api.post(address, content=b"{}")).status_code == 400
