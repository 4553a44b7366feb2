"""Every route of the OpenAPI document with the ids of another project: as if there were none.

A foreign id must be answered as one that nobody has, after as many waits for the database, and
must leave both projects as they were. Waits are counted where a clock would only guess: a foreign
row that was read before it was refused would show as one more.
Who owns the ids gets something for them: the control that these are ids of real objects.
"""

import itertools
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, cast

import httpx
import psycopg
import pytest
import pytest_asyncio
from litestar import Litestar
from psycopg import sql

from api.stock import WORD, Shop, Stock, fill, open_shop
from kaquan.api import describe_routes
from kaquan.runtime import Database, Project, create_project, utc_now

NAMES = {"resource", "event", "kind", "value", "subject"}
"""Parts of addresses that are words and no ids."""

MAKERS = {
    "POST /v1/vouchers/{code}",
    "POST /v1/campaigns/{campaign_id}/vouchers/{code}",
    "PUT /v1/kaquan/metadata-schemas/{resource}",
    "PUT /v1/kaquan/import-profiles/{subject}/{name}",
}
"""Routes whose address names what shall be made; they know no id in that place."""

_ITEM = {"product_id": "{product_id}", "sku_id": "{sku_id}", "quantity": 1, "price": 100}
_BASKET = {
    "redeemables": [{"object": "voucher", "id": "{code}"}],
    "order": {"amount": 10_000},
}
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/redemptions", _BASKET),
    ("POST", "/v1/redemptions", _BASKET | {"customer": {"id": "{customer_id}"}}),
    ("POST", "/v1/redemptions", {**_BASKET, "order": {"id": "{order_id}", "amount": 1_000}}),
    (
        "POST",
        "/v1/redemptions",
        {**_BASKET, "redeemables": [{"object": "promotion_tier", "id": "{tier_id}"}]},
    ),
    (
        "POST",
        "/v1/redemptions",
        {**_BASKET, "redeemables": [{"object": "promotion_stack", "id": "{stack_id}"}]},
    ),
    ("POST", "/v1/validations", _BASKET),
    ("POST", "/v1/validations", _BASKET | {"customer": {"id": "{customer_id}"}}),
    ("POST", "/v1/validations", _BASKET | {"session": {"type": "LOCK", "key": "{session_key}"}}),
    ("POST", "/v1/qualifications", {"scenario": "ALL", "customer": {"id": "{customer_id}"}}),
    ("POST", "/v1/kaquan/best-combinations", _BASKET | {"customer": {"id": "{customer_id}"}}),
    ("POST", "/client/v1/validations", _BASKET),
    ("POST", "/client/v1/redemptions", _BASKET),
    ("POST", "/v1/publications", {"voucher": "{code}", "customer": {"source_id": "me"}}),
    (
        "POST",
        "/v1/publications",
        {"campaign": {"name": "{campaign_id}"}, "customer": {"source_id": "me"}},
    ),
    ("POST", "/v1/orders", {"customer": {"id": "{customer_id}"}, "amount": 1}),
    ("POST", "/v1/orders", {"id": "{order_id}", "amount": 1}),
    ("POST", "/v1/orders", {"items": [_ITEM]}),
    ("POST", "/v1/customers", {"id": "{customer_id}", "name": "Mine now"}),
    ("POST", "/v1/products", {"id": "{product_id}", "price": 1}),
    ("POST", "/v1/events", {"event": "seen", "customer": {"id": "{customer_id}"}}),
    ("POST", "/v1/locations", {"id": "{location_id}", "name": "Mine now"}),
    ("POST", "/v1/segments", {"name": "S{turn}", "type": "static", "customers": ["{customer_id}"]}),
    (
        "POST",
        "/v1/product-collections",
        {
            "name": "C{turn}",
            "type": "STATIC",
            "products": [{"object": "product", "id": "{product_id}"}],
        },
    ),
    (
        "POST",
        "/v1/kaquan/experiments",
        {
            "name": "X{turn}",
            "campaign_id": "{campaign_id}",
            "arms": [{"name": "one", "weight_bps": 5_000}, {"name": "two", "weight_bps": 5_000}],
        },
    ),
    (
        "POST",
        "/v1/kaquan/plans",
        {"name": "P{turn}", "learnt_from": "{experiment_id}", "segment_id": "{segment_id}"},
    ),
    (
        "POST",
        "/v1/kaquan/distributions",
        {"campaign_id": "{campaign_id}", "segment_id": "{segment_id}"},
    ),
    ("POST", "/v1/loyalties/{campaign_id}/members", {"customer": {"id": "{customer_id}"}}),
    ("POST", "/v1/loyalties/members/{member_id}/balance", {"points": 5}),
    (
        "POST",
        "/v1/loyalties/members/{member_id}/redemption",
        {"reward": {"id": "{reward_id}"}, "order": {"id": "{order_id}"}},
    ),
    (
        "POST",
        "/v1/loyalties/{campaign_id}/members/{member_id}/transfers",
        [{"code": "{other_member}", "points": 1}],
    ),
    ("POST", "/v1/rewards/{reward_id}/assignments", {"campaign": "{campaign_id}"}),
    ("POST", "/v1/validation-rules/{rule_id}/assignments", {"voucher": "{code}"}),
    ("POST", "/v1/vouchers/{code}/balance", {"amount": 5}),
    ("POST", "/v1/promotions/{campaign_id}/stacks", {"name": "S", "tiers": {"ids": ["{tier_id}"]}}),
    (
        "PUT",
        "/v1/kaquan/campaigns/{campaign_id}/funding",
        {"shares": [{"partner": "{partner_id}", "share_bps": 1}]},
    ),
    ("POST", "/v1/kaquan/merges", {"survivor": "{first_id}", "merged": "{second_id}"}),
    ("POST", "/v1/kaquan/merges/preview", {"survivor": "{first_id}", "merged": "{second_id}"}),
    ("POST", "/v1/templates/campaigns", {"campaign_id": "{campaign_id}", "name": "T{turn}"}),
    ("POST", "/v1/templates/campaigns", {"promotion_tier_id": "{tier_id}", "name": "T{turn}"}),
    (
        "POST",
        "/v1/rewards",
        {"name": "R{turn}", "parameters": {"campaign": {"id": "{campaign_id}"}}},
    ),
    (
        "POST",
        "/v1/rewards",
        {"name": "R{turn}", "parameters": {"product": {"id": "{product_id}"}}},
    ),
    (
        "POST",
        "/v1/vouchers",
        {"discount": {"type": "AMOUNT", "amount_off": 1}, "category_id": "{category_id}"},
    ),
    (
        "POST",
        "/v1/campaigns",
        {
            "name": "C{turn}",
            "voucher": {"discount": {"type": "AMOUNT", "amount_off": 1}},
            "validation_rules": ["{rule_id}"],
        },
    ),
    (
        "POST",
        "/v1/exports",
        {
            "exported_object": "order",
            "parameters": {"filters": {"customer_id": {"conditions": {"$is": ["{customer_id}"]}}}},
        },
    ),
]
"""Bodies that refer to something; a word in braces is an id of it."""

QUERIES: list[tuple[str, str]] = [
    ("/v1/vouchers", "campaign_id={campaign_id}"),
    ("/v1/vouchers", "campaign={campaign_id}"),
    ("/v1/vouchers", "customer={customer_id}"),
    ("/v1/vouchers", "code={code}"),
    ("/v1/redemptions", "customer={customer_id}"),
    ("/v1/redemptions", "campaign={campaign_id}"),
    ("/v1/redemptions", "order_id={order_id}"),
    ("/v1/publications", "customer={customer_id}"),
    ("/v1/publications", "voucher={code}"),
    ("/v1/publications", "campaign={campaign_id}"),
    ("/v1/publications/create", "voucher={code}&customer=%7B%22source_id%22:%22me%22%7D"),
    ("/v1/customers", "segment_id={segment_id}"),
    ("/v1/customers", "starting_after={customer_id}"),
    ("/v1/attempts", "customer={customer_id}"),
    ("/v1/attempts", "code={code}"),
    ("/v1/validation-rules-assignments", "related_object_id={code}"),
    ("/v1/validation-rules-assignments", "rule={rule_id}"),
    ("/v1/rewards", "assignment_id={assignment_id}"),
    ("/v1/kaquan/duplicates", "customer_id={customer_id}"),
    ("/v1/kaquan/distributions", "campaign_id={campaign_id}"),
    ("/v1/kaquan/settlement", "campaign={campaign_id}"),
    ("/v1/kaquan/settlement/csv", "partner={partner_id}"),
    ("/v1/trash-bin", "starting_after_id={entry_id}"),
    ("/v1/orders", "filters[customer_id][conditions][$is][0]={customer_id}"),
    ("/v1/kaquan/audit", "filters[object_id][conditions][$is][0]={campaign_id}"),
]

OPEN = ("/downloads/", "/in/")
"""Addresses of no project's keys: who knows one, and a token or how to sign, may use it."""

UNFINISHED = {
    "/v1/kaquan/async-actions/{action_id}/report",
    "/v1/kaquan/imports/{import_id}/rejects",
    "/v1/kaquan/plans/{plan_id}/assignments",
}
"""Addresses of what is there once the worker was."""

OWN_TRIES = {"attempt", "decided_offer"}
"""Tables that keep what somebody tried, by any code: trying foreign ones is kept as one's own."""


_TURNS = map(str, itertools.count())
_WAITS: ContextVar[list[int] | None] = ContextVar("waits", default=None)
_MEASURED = 3
"""So often waits are counted where they differ: a key or a plan may have been looked up anew."""
WINDOW = 25
"""So many requests are between two looks at what the projects have."""


class Try(NamedTuple):
    """A request with gaps for ids; one that ``makes`` something does so whatever the ids are."""

    method: str
    path: str
    body: Any = None
    query: str = ""

    @property
    def makes(self) -> bool:
        """Say whether it may rightly change what the caller has."""
        return f"{self.method} {self.path}" in MAKERS or "{" not in self.path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shops(app: Litestar, database: Database) -> AsyncGenerator[tuple[Shop, Shop]]:
    """Our shop and theirs."""
    projects: list[Project] = []
    for name in ("OURS", "THEIRS"):
        async with database.transaction() as tx:
            made = await create_project(
                tx, name, currency="CNY", time_zone="Asia/Shanghai", language="en", now=utc_now()
            )
        projects.append(made)
    async with (
        open_shop(app, database, projects[0], mark="OURS") as ours,
        open_shop(app, database, projects[1], mark="THEIRS") as theirs,
    ):
        yield ours, theirs


@pytest.fixture
def counted_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count each wait of a connection for PostgreSQL, for whoever asks to by ``_WAITS``."""
    wait = psycopg.AsyncConnection.wait

    async def counting(self: psycopg.AsyncConnection[Any], *given: Any, **named: Any) -> Any:
        counts = _WAITS.get()
        if counts is not None:
            counts.append(1)
        return await wait(self, *given, **named)

    monkeypatch.setattr(psycopg.AsyncConnection, "wait", counting)


async def _send_counted(
    client: httpx.AsyncClient, one: Try, ids: dict[str, str]
) -> tuple[tuple[Any, ...], int]:
    """What an answer says, and for how many answers of the database it waited."""
    counts: list[int] = []
    token = _WAITS.set(counts)
    try:
        told = _essence(await _send(client, one, ids))
        return told, len(counts)
    finally:
        _WAITS.reset(token)


async def _least_waits(client: httpx.AsyncClient, one: Try, ids: dict[str, str]) -> int:
    return min([(await _send_counted(client, one, ids))[1] for _ in range(_MEASURED)])


@pytest.mark.slow
async def test_a_foreign_id_is_an_unknown_id(
    app: Litestar, shops: tuple[Shop, Shop], postgres_url: str, counted_waits: None
) -> None:
    ours, theirs = shops
    document = describe_routes(app)
    tries = sorted(_list_tries(document), key=lambda one: one.makes)
    assert {one.path for one in tries} <= set(document["paths"])
    before = [_digest(postgres_url, shop.project) for shop in shops]
    wrong: list[str] = []
    for start in range(0, len(tries), WINDOW):
        window = tries[start : start + WINDOW]
        for one in window:
            both = [_ids(theirs.stock, known=known) for known in (True, False)]
            (told, waited), (as_unknown, usual) = [
                await _send_counted(ours.client, one, ids) for ids in both
            ]
            if told != as_unknown or (told[0] >= 500 and told[0] != 501):
                wrong.append(f"{one}: {told}, {as_unknown}")
            if waited != usual:
                least = [await _least_waits(ours.client, one, ids) for ids in both]
                if least[0] != least[1]:
                    wrong.append(f"{one}: {least[0]} waits, {least[1]} for an unknown id")
        after = [_digest(postgres_url, shop.project) for shop in shops]
        for shop, was, became in zip(shops, before, after, strict=True):
            makes = shop is ours and any(one.makes for one in window)
            ignored = OWN_TRIES if shop is ours else set[str]()
            changed = [name for name in became if became[name] != was[name] and name not in ignored]
            if changed and not makes:
                wrong.append(f"{shop.project.name}'s {changed} changed by one of {window}")
        before = after
    assert not wrong, "\n".join(wrong)
    assert len(tries) > 150


async def test_their_owner_finds_them(app: Litestar, shops: tuple[Shop, Shop]) -> None:
    """The control: the same addresses mean something to whose they are."""
    _, theirs = shops
    reads = [
        one
        for one in _list_tries(describe_routes(app))
        if one.method == "GET"
        and WORD.search(one.path)
        and one.path not in UNFINISHED
        and set(WORD.findall(one.path)) <= theirs.stock.keys()
    ]
    missed = [one.path for one in reads if not await _is_found(theirs, one)]
    assert not missed, "\n".join(missed)
    assert len(reads) > 60


async def _is_found(shop: Shop, one: Try) -> bool:
    """Try the shop's ids in every combination; some are campaigns of one kind, some of another."""
    names = WORD.findall(one.path)
    for ids in itertools.product(*(shop.stock.get(name, []) for name in names)):
        answer = await _send(shop.client, one, dict(zip(names, ids, strict=True)))
        # 503: it is there, and so is not yet the lake that its figures come from.
        if answer.status_code in (200, 501, 503):
            return True
    return False


def _list_tries(document: dict[str, Any]) -> Iterator[Try]:
    for path, item in document["paths"].items():
        names = WORD.findall(path)
        if names and not set(names) <= NAMES and not path.startswith(OPEN):
            for method in ("get", "put", "post", "delete"):
                if method in item:
                    body: dict[str, Any] | None = {} if "requestBody" in item[method] else None
                    yield Try(method.upper(), path, body)
    yield from (Try(*one) for one in BODIES)
    yield from (Try("GET", path, query=query) for path, query in QUERIES)


def _ids(stock: Stock, *, known: bool) -> dict[str, str]:
    """An id for each name: one of the shop's, or one like it that nobody has."""
    return {
        name: ids[0] if known else f"{ids[0][:-4]}zzzz"
        for name, ids in stock.items()
        if name not in NAMES
    }


async def _send(client: httpx.AsyncClient, one: Try, ids: dict[str, str]) -> httpx.Response:
    ids = ids | {"turn": next(_TURNS)}
    path = fill(one.path, ids) + (f"?{fill(one.query, ids)}" if one.query else "")
    body = None if one.body is None else fill(json.dumps(one.body), ids)
    return await client.request(one.method, path, content=body)


def _essence(answer: httpx.Response) -> tuple[Any, ...]:
    """What an answer says, without the ids and times in it."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return (answer.status_code, type(told).__name__)
    members = cast("dict[str, Any]", told)
    return (
        answer.status_code,
        *(members.get(name) for name in ("key", "field", "resource_type", "total", "valid")),
    )


def _digest(url: str, project: Project) -> dict[str, str]:
    """What each table has of a project, but for when its keys were used last."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "select set_config('kaquan.project_id', %s, false)", (str(project.project_id),)
        )
        tables = _list_tables(connection)
        query = sql.SQL(" union all ").join(
            sql.SQL(
                "select {name}, coalesce(md5(string_agg(r::text, ',' order by r::text)), '')"
                " from kaquan.{table} r where project_id = {project}"
            ).format(
                name=sql.Literal(name),
                table=sql.Identifier(name),
                project=sql.Literal(project.project_id),
            )
            for name in tables
        )
        return dict(connection.execute(query).fetchall())


def _list_tables(connection: psycopg.Connection[Any]) -> Sequence[str]:
    rows = connection.execute(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'kaquan'::regnamespace and c.relkind in ('r', 'p')"
        " and not c.relispartition and a.attname = 'project_id' and c.relname <> 'api_key'"
        " order by 1"
    ).fetchall()
    return [row[0] for row in rows]
