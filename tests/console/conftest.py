"""A small app of shell pages, with a signed-in person where a test asks for one."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.testing import AsyncTestClient

from console.shop import PASSWORD, Shop, open_shop
from console.site import Browser, open_site
from kaquan.console import (
    load_assets,
    page_router,
    redirect,
    render,
    render_error,
    save_preferences,
    static_handler,
)
from kaquan.console.pages.style import show_style
from kaquan.runtime import Database, Project, create_project, utc_now
from kaquan.trust import Role, User, sign_in

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROJECT = Project(
    project_id=1,
    id="proj_1",
    name="Corner <Market>",
    currency="CNY",
    time_zone="Asia/Shanghai",
    language="zh",
    sandbox=True,
    settings={},
    created_at=NOW,
)


def user(role: Role, *, language: str | None = None) -> User:
    """A person of the sample project."""
    return User(
        project_id=1,
        id="user_1",
        email="lin@example.com",
        name="Lin Wei",
        role=role,
        language=language,
    )


async def sign_in_by_header(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Let the header `x-role` say who is there, so that a test can be anyone."""
    connection.state.project = PROJECT
    connection.state.person = user(Role(connection.headers.get("x-role", "owner")))


@get("/login")
async def login_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The sign-in form of a stranger."""
    return render(request, "pages/login.html", refusal="", email="", next="/console")


@get("/members-only")
async def members_only() -> None:
    """Refuses strangers."""
    raise NotAuthorizedException


@get("/not-yours")
async def not_yours() -> None:
    """Refuses everyone."""
    raise PermissionDeniedException


@get("/broken")
async def broken() -> None:
    """Fails."""
    raise RuntimeError("the secret reason")


@post("/save")
async def save() -> Response[str]:
    """Changes nothing and says so on the next page."""
    return redirect("/login", notice="已保存 ✓")


def not_found(request: Request[Any, Any, Any], _: Exception) -> Response[str]:
    """What the whole app answers where there is no route."""
    return render_error(request, 404)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(database: Database) -> Shop:
    """A shop that tests look at and leave as it is."""
    return await _open(database, "Corner <Market>")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def other_shop(database: Database) -> Shop:
    """Another tenant's shop."""
    return await _open(database, "Somebody else")


async def _open(database: Database, name: str) -> Shop:
    now = utc_now()
    async with database.transaction() as tx:
        project = await create_project(
            tx, name, currency="CNY", time_zone="Asia/Shanghai", language="zh", now=now
        )
    return await open_shop(database, project, now=now)


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(database: Database) -> AsyncGenerator[Browser]:
    """The browser of someone who is not signed in."""
    async with AsyncTestClient(open_site(database)) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_token(database: Database, shop: Shop) -> str:
    """An open session of the shop's marketer: hashing a password for each test would be slow."""
    email = shop.people[Role.MARKETER].email
    return (await sign_in(database, email, PASSWORD, now=utc_now())).token


@pytest_asyncio.fixture(loop_scope="session")
async def browser(stranger: Browser, session_token: str) -> Browser:
    """The browser of the shop's marketer."""
    stranger.cookies.set("kq_session", session_token)
    return stranger


@pytest.fixture(scope="session")
def shell() -> Litestar:
    """The shell's pages."""
    inside = Router("/", route_handlers=[show_style], guards=[sign_in_by_header])
    outside = [login_page, members_only, not_yours, broken, save, save_preferences, inside]
    return Litestar(
        [page_router("/", route_handlers=outside), static_handler(load_assets())],
        openapi_config=None,
        exception_handlers={404: not_found},
    )


@pytest_asyncio.fixture(loop_scope="session")
async def pages(shell: Litestar) -> AsyncGenerator[AsyncTestClient[Litestar]]:
    """A client of the shell's pages; it keeps cookies as a browser does."""
    async with AsyncTestClient(shell) as client:
        yield client
