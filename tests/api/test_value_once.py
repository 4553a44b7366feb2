"""Whatever moves value can be sent again: every such route takes an Idempotency-Key, and minds it."""

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
from litestar import Litestar
from psycopg import sql

from api.stock import AMOUNT_OFF, Shop, Stock, fill, open_shop
from kaquan.api import describe_routes
from kaquan.api.links import list_operations
from kaquan.runtime import Database, Project

Connection = psycopg.Connection[tuple[Any, ...]]

VALUE = ("transfer", "hold", "redemption", "publication", "event", "distribution")
"""What is written when value moves, or is about to: an event may give points."""

GUARDED = {
    "POST /v1/validations": "a session is locked once under its own key",
    "POST /v1/kaquan/merges": "who was merged is not there to be merged again",
    "POST /v1/kaquan/merges/{merge_id}/undo": "a merge is undone once",
    "POST /v1/kaquan/duplicates/{first_id}/{second_id}/accept": "a merge, as above",
}
"""Routes that move value without a key, and what keeps them from doing it twice."""

_BASKET = {
    "redeemables": [{"object": "voucher", "id": "{code}"}],
    "order": {"amount": 10_000},
}
_TIER = {"name": "T", "action": {"discount": {"type": "AMOUNT", "amount_off": 10}}}
_SENDING = {"campaign_id": "{campaign_id}", "segment_id": "{segment_id}"}
_PENDING = "/v1/loyalties/members/{member_id}/pending-points/{pending_points_id}"
_REWARD = {"reward": {"id": "{reward_id}"}}
CLUB = {"campaign_id": 2}
PROMOTION = {"campaign_id": 1}
CARD = {"code": 1}

NEW: dict[str, dict[str, str]] = {
    "POST /v1/campaigns/{campaign_id}/vouchers/{code}": {"code": "FRESH1"},
    "POST /v1/vouchers/{code}": {"code": "FRESH2"},
}
"""Addresses that name what shall be made."""

QUERIES = {"POST /client/v1/redeem": "?code={code}"}

UNSENT = {"/in/{source_id}"}
"""Routes that others post to, with a signature of their own."""

BODIES: list[tuple[str, Any, dict[str, int]]] = [
    ("POST /v1/orders", {"amount": 100}, {}),
    ("PUT /v1/orders/{order_id}", {"metadata": {}}, {"order_id": 1}),
    ("POST /v1/campaigns", {"name": "once", "voucher": AMOUNT_OFF}, {}),
    ("POST /v1/campaigns/{campaign_id}/vouchers", {}, {}),
    ("POST /v1/campaigns/{campaign_id}/vouchers/{code}", {}, {}),
    ("POST /v1/promotions/{campaign_id}/tiers", _TIER, PROMOTION),
    ("POST /v1/templates/campaigns/{template_id}/campaign-setup", {"name": "again"}, {}),
    (
        "POST /v1/templates/campaigns/{template_id}/tier-setup",
        {"campaign_id": "{campaign_id}", "name": "one more"},
        {"template_id": 1, "campaign_id": 1},
    ),
    ("POST /v1/vouchers", AMOUNT_OFF, {}),
    ("POST /v1/vouchers/{code}", AMOUNT_OFF, {}),
    ("POST /v1/vouchers/{code}/balance", {"amount": 100}, CARD),
    ("POST /v1/publications", {"voucher": "{code}", "customer": {"source_id": "me"}}, {}),
    ("POST /v1/kaquan/distributions", _SENDING, {}),
    ("POST /v1/redemptions", _BASKET, {}),
    ("POST /v1/vouchers/{code}/redemption", {"order": {"amount": 10_000}}, {}),
    ("POST /v1/promotions/tiers/{tier_id}/redemption", {"order": {"amount": 10_000}}, {}),
    ("POST /client/v1/redemptions", _BASKET, {}),
    ("POST /client/v1/redeem", {"order": {"amount": 10_000}}, {}),
    (
        "POST /client/v1/publish",
        {"campaign": "{campaign_id}", "customer": {"source_id": "ann-ONCE"}},
        {},
    ),
    ("POST /v1/orders/{order_id}/returns", {"items": [{"line": 0, "quantity": 1}]}, {}),
    (
        "POST /v1/redemptions/{redemption_id}/returns",
        {"items": [{"line": 0, "quantity": 1}]},
        {"redemption_id": 1},
    ),
    ("POST /v1/redemptions/{redemption_id}/rollback", {}, {"redemption_id": 2}),
    ("POST /v1/redemptions/{redemption_id}/rollbacks", {}, {"redemption_id": 3}),
    ("POST /v1/loyalties", {"name": "club", "voucher": {"loyalty_card": {"points": 1}}}, {}),
    ("POST /v1/loyalties/{campaign_id}/members", {"customer": {"source_id": "bob"}}, CLUB),
    ("POST /v1/loyalties/members/{member_id}/balance", {"points": 7}, {}),
    ("POST /v1/loyalties/{campaign_id}/members/{member_id}/balance", {"points": 7}, CLUB),
    (
        "POST /v1/loyalties/{campaign_id}/members/{member_id}/transfers",
        [{"code": "{other_member}", "points": 1}],
        CLUB,
    ),
    (f"POST {_PENDING}/activate", {}, {}),
    (f"POST {_PENDING}/balance", {"points": 7}, {"pending_points_id": 1}),
    (f"POST {_PENDING}/cancel", {}, {"pending_points_id": 2}),
    ("POST /v1/loyalties/members/{member_id}/redemption", _REWARD, {}),
    ("POST /v1/loyalties/{campaign_id}/members/{member_id}/redemption", _REWARD, CLUB),
    ("POST /v1/events", {"event": "seen", "customer": {"source_id": "ann-ONCE"}}, {}),
    ("POST /client/v1/events", {"event": "seen", "customer": {"source_id": "ann-ONCE"}}, {}),
    ("POST /v1/validations", _BASKET | {"session": {"type": "LOCK", "key": "one"}}, {}),
    ("POST /v1/kaquan/merges", {"survivor": "{first_id}", "merged": "{second_id}"}, {}),
]
"""A request that is taken for each such route, with the places of the ids that it needs."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(app: Litestar, database: Database, project: Project) -> AsyncGenerator[Shop]:
    """A shop with one of everything and all its keys."""
    async with open_shop(app, database, project, mark="ONCE") as opened:
        yield opened


@pytest.fixture
def watching(postgres_url: str) -> Generator[Connection]:
    """A session that sees every project."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.mark.slow
async def test_a_key_moves_value_once(app: Litestar, shop: Shop, watching: Connection) -> None:
    """The same request again is answered from memory, another one with the key is refused."""
    keyed = _list_keyed(app)
    tried: set[str] = set()
    wrong: list[str] = []
    for turn, (what, body, places) in enumerate(BODIES):
        if what not in keyed:
            continue
        tried.add(what)
        content = fill(json.dumps(body), _ids(shop.stock, places))
        headers = {"Idempotency-Key": f"value-moves-once-{turn}"}
        answers: list[httpx.Response] = []
        counts: list[int] = []
        for sent in (content, content, f"{content} "):
            answers.append(await _send(shop, what, sent, places=places, headers=headers))
            counts.append(_count(watching, shop.project))
        first, again, other = answers
        if first.status_code not in (200, 204) or other.status_code != 422:
            wrong.append(f"{what}: {first.text[:300]} {other.text[:300]}")
        if again.content != first.content or "idempotency-replayed" not in again.headers:
            wrong.append(f"{what}: not remembered: {first.text[:300]} {again.text[:300]}")
        if len(set(counts)) != 1:
            wrong.append(f"{what}: moved more than once: {counts}")
    assert not wrong, "\n".join(wrong)
    assert tried == keyed, keyed - tried


@pytest.mark.slow
async def test_what_moves_value_takes_a_key(
    app: Litestar, shop: Shop, watching: Connection
) -> None:
    """Every route that writes is tried; those that moved something must take a key."""
    keyed, moved = _list_keyed(app), set[str]()
    bodies = {what: (body, places) for what, body, places in BODIES}
    count = _count(watching, shop.project)
    for path, method, _ in list_operations(describe_routes(app)):
        what = f"{method.upper()} {path}"
        if method not in ("post", "put") or path in UNSENT:
            continue
        body, places = bodies.get(what, ({}, {}))
        content = fill(json.dumps(body), _ids(shop.stock, places))
        await _send(shop, what, content, places=places)
        after = _count(watching, shop.project)
        if after != count:
            moved.add(what)
        count = after
    assert moved - keyed <= set(GUARDED), moved - keyed - set(GUARDED)
    assert len(moved) > 15, moved


def _list_keyed(app: Litestar) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, method, operation in list_operations(describe_routes(app))
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    }


def _ids(stock: Stock, places: dict[str, int]) -> dict[str, str]:
    return {name: ids[min(places.get(name, 0), len(ids) - 1)] for name, ids in stock.items()}


async def _send(
    shop: Shop,
    what: str,
    content: str,
    *,
    places: dict[str, int],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    method, _, path = what.partition(" ")
    ids = _ids(shop.stock, places) | NEW.get(what, {})
    return await shop.client.request(
        method, fill(path + QUERIES.get(what, ""), ids), content=content, headers=headers
    )


def _count(watching: Connection, project: Project) -> int:
    """How many rows stand for value of a project."""
    set_project = "select set_config('kaquan.project_id', %s, false)"
    watching.execute(set_project, (str(project.project_id),))
    query = sql.SQL(" union all ").join(
        sql.SQL("select count(*) from kaquan.{} where project_id = {}").format(
            sql.Identifier(table), sql.Literal(project.project_id)
        )
        for table in VALUE
    )
    return sum(row[0] for row in watching.execute(query).fetchall())
