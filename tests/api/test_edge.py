"""Health, documents, request ids, and faults of what stands behind the API."""

from typing import Any

import psycopg
import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.testing import AsyncTestClient
from psycopg_pool import PoolTimeout

from kaquan.api import create_app
from kaquan.runtime import Database, load_settings

Client = AsyncTestClient[Litestar]


async def test_health(api: Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_a_database() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    app = create_app(database=database, settings=load_settings(), docs_script=None)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        assert (await client.get("/healthz")).status_code == 200
        headers = {"X-App-Id": "a", "X-App-Token": "b"}
        for path in ("/readyz", "/v1/customers"):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["key"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0


@pytest.fixture(scope="module")
def faulty(database: Database) -> Litestar:
    """The application with routes that fail, one for each of FAULTS."""
    return create_app(
        database=database,
        settings=load_settings(),
        handlers=[_fail_with(name) for name in FAULTS],
        docs_script=None,
    )


def _fail_with(name: str) -> HTTPRouteHandler:
    @get(f"/fault/{name}")
    async def fail() -> None:
        raise FAULTS[name][0]

    return fail


FAULTS: dict[str, tuple[Exception, int, str]] = {
    "disk full": (psycopg.errors.DiskFull("no space"), 507, "storage_full"),
    "shut down": (psycopg.errors.AdminShutdown("bye"), 503, "unavailable"),
    "pool empty": (PoolTimeout("busy"), 503, "unavailable"),
    "deadlock": (psycopg.errors.DeadlockDetected("circle"), 503, "try_again"),
    "out of range": (psycopg.errors.NumericValueOutOfRange("much"), 400, "invalid_payload"),
    "too long": (psycopg.errors.ProgramLimitExceeded("long"), 400, "invalid_payload"),
    "twice": (psycopg.errors.UniqueViolation("twice"), 409, "duplicate_found"),
    "used": (psycopg.errors.ForeignKeyViolation("used"), 409, "resource_in_use"),
    "no table": (psycopg.errors.UndefinedTable("select secret from hidden"), 500, "internal_error"),
    "a defect": (ValueError("secret"), 500, "internal_error"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_faults_behind_the_api(faulty: Litestar, name: str) -> None:
    _, status, key = FAULTS[name]
    async with AsyncTestClient(faulty, raise_server_exceptions=False) as client:
        answer = await client.get(f"/fault/{name}")
    assert (answer.status_code, answer.json()["key"]) == (status, key)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("till-7:42", True), ("", False), ("a b", False), ("x" * 129, False), ("<script>", False)],
)
async def test_request_ids(api: Client, sent: str, is_kept: bool) -> None:
    for path in ("/healthz", "/v1/customers/x", "/nowhere"):
        answer = await api.get(path, headers={"X-Request-Id": sent})
        shown = answer.headers["x-request-id"]
        assert (shown == sent) is is_kept
        assert is_kept or shown.startswith("req_")


async def test_the_documents_ask_no_other_host(api: Client) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text
    assert 'src="/static/docs.js"' in page.text


async def test_the_document_is_complete(api: Client) -> None:
    document: dict[str, Any] = (await api.get("/docs/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["security"][0] == {"X-App-Id": [], "X-App-Token": []}
    operations = [
        operation
        for path, item in document["paths"].items()
        if path.startswith("/v1/")
        for method, operation in item.items()
        if method in {"get", "post", "put", "delete"}
    ]
    assert len(operations) > 40
    problem = {"$ref": "#/components/schemas/Problem"}
    for operation in operations:
        assert operation["summary"]
        for status in ("400", "401", "404", "501", "503"):
            content = operation["responses"][status]["content"]
            assert content == {"application/problem+json": {"schema": problem}}
