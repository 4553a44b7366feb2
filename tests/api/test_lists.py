"""Every list of the OpenAPI document, found by its parameters, pages and answers the same way."""

import itertools
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest_asyncio
from litestar import Litestar

from api.stock import WORD, Shop, fill, open_shop
from kaquan.api import describe_routes
from kaquan.api.links import list_operations
from kaquan.runtime import Database, create_project, utc_now

NO_ORDER = {"/v1/attempts"}
"""There ``order`` is the id of an order; the list is sorted by ``sort``."""

WRONG = [
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=many", "limit"),
    ("page=0", "page"),
    ("page=99999999999999999999", "page"),
    ("order=shoe", "order"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(app: Litestar, database: Database) -> AsyncGenerator[Shop]:
    """A shop with one of everything, which nobody here changes."""
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Listed", currency="CNY", time_zone="Asia/Shanghai", language="en", now=utc_now()
        )
    async with open_shop(app, database, project, mark="LIST") as opened:
        yield opened


async def test_every_list_answers_the_same_way(app: Litestar, shop: Shop) -> None:
    wrong: list[str] = []
    filled = 0
    for path, names in list_lists(describe_routes(app)):
        address = await _find(shop, path)
        if address is None:
            continue
        whole = (await shop.client.get(address, params={"limit": 100})).json()
        items: Any = whole.get(whole.get("data_ref", ""))
        if whole.get("object") != "list" or items is None:
            wrong.append(f"{path}: {str(whole)[:200]}")
            continue
        if "page" in names and whole.get("total") != len(items):
            wrong.append(f"{path}: total {whole.get('total')} of {len(items)}")
        if "page" not in names and whole.get("has_more") is not False:
            wrong.append(f"{path}: does not say that this is all")
        if "page" in names and len(items) > 1:
            filled += 1
            parts: list[Any] = []
            for page in (1, 2):
                part = (await shop.client.get(address, params={"limit": 1, "page": page})).json()
                parts += part[whole["data_ref"]]
            if parts != items[:2]:
                wrong.append(f"{path}: pages differ from the whole")
    assert not wrong, "\n".join(wrong)
    assert filled > 8


async def test_every_list_refuses_the_same_way(app: Litestar, shop: Shop) -> None:
    wrong: list[str] = []
    asked = 0
    for path, names in list_lists(describe_routes(app)):
        address = await _find(shop, path)
        for query, field in WRONG:
            if address is None or field not in names:
                continue
            if field == "order" and path in NO_ORDER:
                continue
            answer = await shop.client.get(f"{address}?{query}")
            told = answer.json()
            asked += 1
            if (answer.status_code, told.get("key"), told.get("field")) != (
                400,
                "invalid_query_params",
                field,
            ):
                wrong.append(f"{path}?{query}: {answer.status_code} {answer.text[:160]}")
    assert not wrong, "\n".join(wrong)
    assert asked > 150


def list_lists(document: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Paths of lists, with the names of their parameters."""
    for path, method, operation in list_operations(document):
        names = {one["name"] for one in operation.get("parameters", ())}
        if method == "get" and "limit" in names:
            yield path, names


async def _find(shop: Shop, path: str) -> str | None:
    """The address of a list that is there."""
    names = WORD.findall(path)
    for ids in itertools.product(*(shop.stock.get(name, []) for name in names)):
        address = fill(path, dict(zip(names, ids, strict=True)))
        if (await shop.client.get(address)).status_code == 200:
            return address
    return None
