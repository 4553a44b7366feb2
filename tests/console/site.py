"""The console as the server mounts it, and a browser for each person."""

import re
from functools import cache

from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import AsyncTestClient

from console.shop import PASSWORD, Shop
from kaquan.console import console_routers
from kaquan.runtime import Database, Settings, utc_now
from kaquan.trust import Role, sign_in

Browser = AsyncTestClient[Litestar]


@cache
def open_site(database: Database) -> Litestar:
    """The console alone, on a real database; made once, for it takes longer than most tests."""
    return build_site(database)


def build_site(database: Database, settings: Settings | None = None) -> Litestar:
    """A console with settings of its own, or for a browser beside one that is on the first."""
    state = State({"database": database, "settings": settings or Settings()})
    return Litestar(console_routers(), state=state, openapi_config=None)


async def enter(browser: Browser, database: Database, shop: Shop, role: Role) -> None:
    """Sign the shop's person of this role in."""
    session = await sign_in(database, shop.people[role].email, PASSWORD, now=utc_now())
    browser.cookies.set("kq_session", session.token)


def token_in(html: str) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]
