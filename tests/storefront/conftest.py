"""The whole application on a real database, with a browser of its own for each person."""

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest_asyncio
from httpx import ASGITransport, AsyncClient
from litestar import Litestar

from kaquan.api import create_app
from kaquan.campaigns import VoucherDraft, add_voucher
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed
from kaquan.checkout import redeem as redeem_voucher
from kaquan.console import console_routers
from kaquan.customers import OrderDraft
from kaquan.runtime import Database, Project, Settings, Tx, create_project, utc_now
from kaquan.storefront import storefront_routers
from kaquan.trust import Role, create_user, sign_in

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
TEN_OFF_HUNDRED: dict[str, Any] = {
    "effect": {"code": "threshold_off", "tiers": [{"spend_minor": 10_000, "off_minor": 1000}]}
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(database: Database) -> Litestar:
    """The application as the server mounts it."""
    return create_app(
        database=database,
        settings=Settings(),
        handlers=[*console_routers(), *storefront_routers()],
    )


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(app: Litestar) -> AsyncGenerator[AsyncClient]:
    """The browser of someone who is not signed in; it reads English."""
    async with browser_of(app) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def cashier(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[AsyncClient]:
    """The browser of a cashier of the test's project."""
    async with browser_of(app) as client:
        await enter(client, database, project, role=Role.CASHIER)
        yield client


def browser_of(app: Litestar) -> AsyncClient:
    """A client that keeps cookies, does not follow redirects and reads English."""
    return AsyncClient(
        transport=ASGITransport(app=cast("Any", app)),
        base_url="http://shop.example",
        headers={"accept-language": "en"},
    )


async def enter(client: AsyncClient, database: Database, project: Project, *, role: Role) -> None:
    """Make a person of this role and sign the client in."""
    email = f"{role}-{project.id}@shop.example"
    now = utc_now()
    async with database.transaction(project.project_id) as tx:
        await create_user(tx, email, password=PASSWORD, name="Lin Wei", role=role, now=now)
    session = await sign_in(database, email, PASSWORD, now=now)
    client.cookies.set("kq_session", session.token)


async def another_project(database: Database) -> Project:
    """A second shop."""
    async with database.transaction() as tx:
        return await create_project(
            tx, "Other shop", currency="CNY", time_zone="UTC", language="en", now=NOW
        )


async def add_code(tx: Tx, code: str, **fields: Any) -> str:
    """A voucher that stands alone, 10 off from 100 on unless told otherwise; returns its id."""
    fields.setdefault("offer", TEN_OFF_HUNDRED)
    return (await add_voucher(tx, VoucherDraft(code=code, **fields), now=NOW)).id


async def spend(tx: Tx, code: str) -> None:
    """Use a voucher once on a purchase of 100."""
    request = CheckoutRequest(
        redeemables=(Redeemable(id=code),), order=OrderDraft(amount_minor=10_000)
    )
    assert isinstance(await redeem_voucher(tx, request, now=NOW), Redeemed)


def field_in(html: str, name: str) -> str:
    """The value of a form's field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, name
    return found[1]


async def check(client: AsyncClient, **fields: str) -> httpx.Response:
    """Enter something at the till and press Check."""
    page = await client.get("/staff")
    return await client.post(
        "/staff", data={"csrf_token": field_in(page.text, "csrf_token"), **fields}
    )


def redeem_form(html: str) -> dict[str, str]:
    """What the button Redeem of a checked purchase sends."""
    names = ("csrf_token", "nonce", "code", "amount", "face_value", "location")
    return {name: field_in(html, name) for name in names}


async def redeem(client: AsyncClient, **fields: str) -> httpx.Response:
    """Check, press Redeem, and open the page that it leads to."""
    checked = await check(client, **fields)
    answer = await client.post("/staff", data=redeem_form(checked.text))
    assert answer.status_code == 303
    return await client.get(answer.headers["location"])
