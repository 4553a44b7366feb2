"""The way to the provider and back, in a browser's steps."""

from collections.abc import AsyncGenerator, Generator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient
from pydantic import SecretStr

from console.shop import Shop
from console.site import Browser, build_site, open_site
from kaquan.runtime import Database, Settings, utc_now
from kaquan.trust import Role
from trust.provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider


@pytest.fixture
def provider() -> Generator[Provider]:
    """A provider that signs tokens as of now."""
    with run_provider() as served:
        served.now = int(utc_now().timestamp())
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def browser(database: Database, provider: Provider) -> AsyncGenerator[Browser]:
    """A browser at a site whose people may sign in by the provider."""
    settings = Settings(
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
        oidc_name="Corner Directory",
    )
    async with AsyncTestClient(build_site(database, settings)) as opened:
        yield opened


async def _go_there(browser: Browser, query: str = "") -> str:
    """Let the provider send the browser back; returns the path it comes to."""
    away = await browser.get(f"/login/oidc{query}", follow_redirects=False)
    assert away.status_code == 303
    async with httpx.AsyncClient() as outside:
        back = urlsplit((await outside.get(away.headers["Location"])).headers["Location"])
    return f"{back.path}?{back.query}"


async def test_through_the_provider_to_the_page_that_was_wanted(
    browser: Browser, provider: Provider, shop: Shop
) -> None:
    login = await browser.get("/login?next=/console/segments")
    assert "Corner Directory" in login.text
    provider.account = {
        "sub": "s-1",
        "email": shop.people[Role.MARKETER].email,
        "email_verified": True,
    }
    path = await _go_there(browser, "?next=/console/segments")
    entered = await browser.get(path, follow_redirects=False)
    assert entered.headers["Location"] == "/console/segments"
    assert (await browser.get("/console/segments")).status_code == 200


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ("a stranger", "opens nothing here"),
        ("no cookie", "took too long"),
        ("called off", "called off"),
        ("another state", "opens nothing here"),
    ],
)
async def test_what_goes_wrong_is_said_at_the_door(
    browser: Browser, provider: Provider, shop: Shop, spoiled: str, said: str
) -> None:
    provider.account = {"sub": "s-2", "email": "nobody@example.com", "email_verified": True}
    if spoiled != "a stranger":
        provider.account["email"] = shop.people[Role.MARKETER].email
    path = await _go_there(browser)
    if spoiled == "no cookie":
        browser.cookies.clear()
    elif spoiled == "called off":
        path = "/login/oidc/return?error=access_denied"
    elif spoiled == "another state":
        path = path.replace("state=", "state=x")
    refused = await browser.get(path, headers={"Accept-Language": "en"})
    assert refused.status_code == 422
    assert said in refused.text
    assert "kq_session" not in browser.cookies


async def test_a_provider_that_is_down_is_said(database: Database) -> None:
    settings = Settings(
        oidc_issuer="http://127.0.0.1:1",
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
    )
    async with AsyncTestClient(build_site(database, settings)) as browser:
        answer = await browser.get("/login/oidc", headers={"Accept-Language": "en"})
    assert answer.status_code == 502
    assert "does not answer" in answer.text


async def test_without_a_provider_there_is_no_such_page(database: Database) -> None:
    async with AsyncTestClient(open_site(database)) as browser:
        assert (await browser.get("/login/oidc")).status_code == 404
        assert "OpenID" not in (await browser.get("/login")).text
