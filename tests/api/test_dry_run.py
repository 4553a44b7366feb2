"""Dry runs and the scopes of keys: the same answer, and nothing is changed by it."""

from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of
from kaquan.runtime import Database, Project, Tx, utc_now
from kaquan.trust import KeyKind, KeyScope, create_api_key

Client = AsyncTestClient[Litestar]

BODY = {
    "redeemables": [{"object": "voucher", "id": "CODE"}],
    "order": {"source_id": "bill 1", "amount": 10_000},
    "customer": {"source_id": "anna", "name": "Anna"},
}
TABLES = ("redemption", "orders", "customer", "transfer", "publication", "attempt", "idempotency")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def voucher(api: Client) -> None:
    """A code that can be used once, from the year 2100 on another one."""
    discount = {"type": "AMOUNT", "amount_off": 1_000}
    body = {"type": "DISCOUNT_VOUCHER", "discount": discount, "redemption": {"quantity": 1}}
    assert (await api.post("/v1/vouchers/CODE", json=body)).status_code == 200
    later = body | {"start_date": "2100-01-01T00:00:00Z"}
    assert (await api.post("/v1/vouchers/LATER", json=later)).status_code == 200


async def count_rows(tx: Tx) -> dict[str, int]:
    """How many rows there are of everything that a checkout writes."""
    counts: dict[str, int] = {}
    for table in TABLES:
        row = await (await tx.execute(f"select count(*) from {table}")).fetchone()  # pyright: ignore[reportArgumentType]
        assert row is not None
        counts[table] = row[0]
    return counts


@pytest_asyncio.fixture(loop_scope="session")
async def restricted(
    request: pytest.FixtureRequest, app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client whose key has the scope that the test names."""
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(
            tx, KeyKind.SERVER, name="restricted", scope=request.param, now=utc_now()
        )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers_of(key)
    ) as client:
        yield client


class Dry(NamedTuple):
    name: str
    path: str
    body: dict[str, Any]
    status: int


DRY = [
    Dry("redeem", "/v1/redemptions", BODY, 200),
    Dry("redeem in vain", "/v1/redemptions", BODY | {"order": {"amount": 0}}, 400),
    Dry("publish", "/v1/publications", {"customer": BODY["customer"], "voucher": "CODE"}, 200),
    Dry("validate", "/v1/validations", BODY, 200),
    Dry("lock", "/v1/validations", BODY | {"session": {"type": "LOCK"}}, 200),
    Dry("qualify", "/v1/qualifications", {"order": BODY["order"]}, 200),
]


@pytest.mark.parametrize("case", DRY, ids=lambda case: case.name)
async def test_a_dry_run_answers_as_ever_and_writes_nothing(
    api: Client, database: Database, project: Project, case: Dry
) -> None:
    async with database.transaction(project.project_id) as tx:
        before = await count_rows(tx)
    answer = await api.post(
        case.path,
        params={"dry_run": "true"},
        json=case.body,
        headers={"Idempotency-Key": "0123456789abcdef"},
    )
    assert answer.status_code == case.status, answer.text
    await api.get("/v1/attempts")
    async with database.transaction(project.project_id) as tx:
        assert await count_rows(tx) == before
    if case.path == "/v1/redemptions":
        assert answer.headers["Kaquan-Dry-Run"] == "true"


async def test_a_dry_redemption_says_what_the_real_one_says(api: Client) -> None:
    dry = (await api.post("/v1/redemptions", params={"dry_run": "true"}, json=BODY)).json()
    real = (await api.post("/v1/redemptions", json=BODY)).json()
    for name in ("amount", "total_discount_amount", "total_amount"):
        assert dry["order"][name] == real["order"][name]
    again = await api.post("/v1/redemptions", params={"dry_run": "true"}, json=BODY)
    assert (again.status_code, again.json()["key"]) == (400, "quantity_exceeded")


@pytest.mark.parametrize("path", ["/v1/redemptions", "/v1/validations"])
async def test_another_time(api: Client, path: str) -> None:
    body = BODY | {"redeemables": [{"object": "voucher", "id": "LATER"}]}
    verdicts: list[bool] = []
    for now in ("2099-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2100-01-01T08:00:00"):
        answer = await api.post(path, params={"dry_run": "true", "now": now}, json=body)
        verdicts.append(answer.json().get("valid", answer.status_code == 200))
    assert verdicts == [False, True, True]


@pytest.mark.parametrize(
    "query", [{"now": "2100-01-01"}, {"dry_run": "true", "now": "soon"}, {"dry_run": "perhaps"}]
)
async def test_a_wrong_dry_run_names_the_field(api: Client, query: dict[str, str]) -> None:
    answer = await api.post("/v1/redemptions", params=query, json=BODY)
    assert answer.status_code == 400
    assert answer.json()["field"] in {"now", "dry_run"}


@pytest.mark.parametrize("restricted", [KeyScope.DRY_RUN], indirect=True)
async def test_with_a_dry_run_key_everything_is_only_tried(
    restricted: httpx.AsyncClient, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        before = await count_rows(tx)
    for case in DRY:
        answer = await restricted.post(case.path, json=case.body)
        assert answer.status_code == case.status, answer.text
    async with database.transaction(project.project_id) as tx:
        assert await count_rows(tx) == before
    for method, path in (
        ("GET", "/v1/vouchers/CODE"),
        ("POST", "/v1/vouchers/OTHER"),
        ("POST", "/v1/vouchers/CODE/disable?dry_run=true"),
        ("GET", "/v1/publications/create?voucher=CODE&customer[source_id]=anna&dry_run=true"),
    ):
        refused = await restricted.request(method, path, json={})
        assert (refused.status_code, refused.json()["key"]) == (403, "key_scope"), path


@pytest.mark.parametrize("restricted", [KeyScope.READ_ONLY], indirect=True)
async def test_with_a_read_only_key_nothing_but_reading_works(
    restricted: httpx.AsyncClient,
) -> None:
    assert (await restricted.get("/v1/vouchers/CODE")).status_code == 200
    for method, path in (
        ("POST", "/v1/redemptions"),
        ("POST", "/v1/validations?dry_run=true"),
        ("PUT", "/v1/vouchers/CODE"),
        ("DELETE", "/v1/vouchers/CODE"),
        ("GET", "/v1/publications/create?voucher=CODE&customer[source_id]=anna"),
    ):
        refused = await restricted.request(method, path, json={})
        assert (refused.status_code, refused.json()["key"]) == (403, "key_scope"), path
