"""The API in-process, over the real database, with a server key of the test's project."""

from collections.abc import AsyncGenerator

import httpx
import pytest_asyncio
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.api import create_app
from kaquan.runtime import Database, Project, load_settings, utc_now
from kaquan.trust import IssuedKey, KeyKind, create_api_key


async def issue_key(database: Database, project: Project, kind: KeyKind) -> IssuedKey:
    """Create a key of ``kind`` for the project."""
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(tx, kind, name="test", now=utc_now())


def headers_of(key: IssuedKey) -> dict[str, str]:
    """The headers that show a key."""
    return {"X-App-Id": key.app_id, "X-App-Token": key.token}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(database: Database) -> Litestar:
    """The application."""
    return create_app(database=database, settings=load_settings(), docs_script="/static/docs.js")


@pytest_asyncio.fixture(loop_scope="session")
async def api(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[AsyncTestClient[Litestar]]:
    """A client that shows a server key of the test's project."""
    key = await issue_key(database, project, KeyKind.SERVER)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers.update(headers_of(key))
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client whose requests run at the same time; those of ``api`` wait for each other."""
    key = await issue_key(database, project, KeyKind.SERVER)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers_of(key)
    ) as client:
        yield client
