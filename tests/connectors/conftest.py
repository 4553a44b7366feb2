"""What tests of connectors start from: the API, a tracking key, and small questions."""

from collections.abc import AsyncGenerator

import httpx
import pytest_asyncio
from litestar import Litestar

from api.conftest import app as app
from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import IssuedKey, KeyKind, KeyScope, create_api_key


@pytest_asyncio.fixture(loop_scope="session")
async def writer(database: Database, project: Project) -> IssuedKey:
    """A key of the test's project that may only track."""
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(
            tx, KeyKind.SERVER, name="tracking", scope=KeyScope.TRACKING, now=utc_now()
        )


@pytest_asyncio.fixture(loop_scope="session")
async def web(app: Litestar) -> AsyncGenerator[httpx.AsyncClient]:
    """A client that shows nothing."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def tracker(web: httpx.AsyncClient, writer: IssuedKey) -> httpx.AsyncClient:
    """The client, showing the write key as Segment's clients do."""
    web.auth = httpx.BasicAuth(writer.token, "")
    return web


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with a server key."""
    key = await issue_key(database, project, KeyKind.SERVER)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers_of(key)
    ) as client:
        yield client
