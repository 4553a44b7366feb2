"""The way from hand to till in a real browser, on a phone's screen, in both languages."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from kaquan.campaigns import (
    CampaignDraft,
    create_campaign,
    get_voucher,
    voucher_usage,
    wallet_token,
)
from kaquan.customers import CustomerDraft, LocationDraft, upsert_customer, upsert_location
from kaquan.outreach import EMAIL, UNSUBSCRIBE_PATH, unsubscribe_signer
from kaquan.runtime import Database, Project, Tx
from kaquan.trust import Role
from storefront.conftest import NOW, add_code, browser_of, enter, spend

pytestmark = pytest.mark.browser

PHONE, DESKTOP = (360, 740), (1280, 800)
SMALLEST_TARGET_PX = 44
PATIENCE_MS = 120_000
"""A machine with much to do may be slow; a page that never comes is not waited for for ever."""

expect.set_options(timeout=PATIENCE_MS)

EACH_READER = pytest.mark.parametrize(
    ("language", "size"),
    [
        pytest.param("zh", PHONE, id="zh-phone"),
        pytest.param("en", PHONE, id="en-phone"),
        pytest.param("zh", DESKTOP, id="zh-desktop"),
        pytest.param("en", DESKTOP, id="en-desktop"),
    ],
)
WORDS = {
    "zh": {
        "check": "查询",
        "usable": "可以使用",
        "redeem": "核销",
        "done": "已核销",
        "undo": "撤销核销",
        "undone": "已撤销",
        "short": "还差 ¥23.50 可享满减",
        "copied": "已复制",
        "copy": "复制券码",
    },
    "en": {
        "check": "Check",
        "usable": "Can be used",
        "redeem": "Redeem",
        "done": "Redeemed",
        "undo": "Undo",
        "undone": "Undone",
        "short": "¥23.50 more to go for the discount",
        "copied": "Copied",
        "copy": "Copy the code",
    },
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(app: Litestar) -> AsyncGenerator[str]:
    """The address of a server of the application, for as long as the tests run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    yield f"http://127.0.0.1:{port}"
    server.stop()
    await serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    """Debian's browser, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


async def open_page(
    chromium: Browser, address: str, *, language: str, size: tuple[int, int]
) -> Page:
    """A fresh browser of a reader; any request to another host fails the page."""
    context = await chromium.new_context(
        base_url=address,
        viewport={"width": size[0], "height": size[1]},
        locale={"zh": "zh-CN", "en": "en-GB"}[language],
        device_scale_factor=2,
        has_touch=size == PHONE,
    )
    page = await context.new_page()

    async def only_us(route: Route) -> None:
        if route.request.url.startswith((address, "data:")):
            await route.continue_()
        else:
            await route.abort()

    await page.route("**/*", only_us)
    page.set_default_timeout(PATIENCE_MS)
    return page


async def sign_in(page: Page, app: Litestar, database: Database, project: Project) -> None:
    """Make the page a cashier's."""
    async with browser_of(app) as client:
        await enter(client, database, project, role=Role.CASHIER)
        token = client.cookies["kq_session"]
    await page.context.add_cookies(
        [{"name": "kq_session", "value": token, "domain": "127.0.0.1", "path": "/"}]
    )


async def keep_picture(page: Page, name: str) -> None:
    """Store a screenshot where the environment asks for them."""
    folder = os.environ.get("KAQUAN_SCREENSHOTS")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def assert_fits(page: Page) -> None:
    """Nothing is wider than the screen, and what is pressed is big enough for a thumb."""
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size is not None
    assert width <= page.viewport_size["width"]
    small = await page.evaluate(
        """least => [...document.querySelectorAll("button, a[href], input:not([type=hidden]), select")]
            .filter(one => one.checkVisibility())
            .filter(one => one.getBoundingClientRect().height < least)
            .map(one => one.outerHTML)""",
        SMALLEST_TARGET_PX,
    )
    assert small == []


async def uses_left(database: Database, project: Project, code: str) -> int | None:
    """What the ledger says of a code."""
    async with database.transaction(project.project_id) as tx:
        voucher = await get_voucher(tx, code)
        return (await voucher_usage(tx, [voucher]))[voucher.id].left


@EACH_READER
async def test_scan_check_redeem_undo(
    chromium: Browser,
    address: str,
    app: Litestar,
    database: Database,
    project: Project,
    language: str,
    size: tuple[int, int],
) -> None:
    words, name = WORDS[language], f"{language}-{size[0]}"
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "KQ-7H3M9PQRSTUVW", quantity=2)
        await upsert_location(tx, LocationDraft(name="人民路店 People's Road"), now=NOW)
    page = await open_page(chromium, address, language=language, size=size)
    await sign_in(page, app, database, project)
    await page.goto("/staff")
    await page.wait_for_load_state()
    await expect(page.locator("#code")).to_be_focused()
    await assert_fits(page)
    await keep_picture(page, f"till-empty-{name}")

    # A scanner types fast and ends with Enter; the amount is next.
    await page.keyboard.type("kq-7h3m9pqrstuvw")
    await page.keyboard.press("Enter")
    await expect(page.locator("#amount")).to_be_focused()
    await page.keyboard.type("76.50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text(words["short"])
    await assert_fits(page)
    await keep_picture(page, f"till-refused-{name}")

    await page.fill("#amount", "128.5")
    await page.select_option("select[name=location]", index=1)
    await page.get_by_role("button", name=words["check"], exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(words["usable"])
    await expect(page.locator(".sf-pay strong")).to_have_text("¥118.50")
    await assert_fits(page)
    await keep_picture(page, f"till-usable-{name}")

    # A second scan of the same code must not confirm anything.
    await page.wait_for_load_state()
    await page.keyboard.type("KQ-7H3M9PQRSTUVW")
    await page.keyboard.press("Enter")
    assert await uses_left(database, project, "KQ-7H3M9PQRSTUVW") == 2

    await page.get_by_role("button", name=words["redeem"], exact=True).dblclick()
    await expect(page.get_by_role("status")).to_contain_text(words["done"])
    await expect(page.locator("#code")).to_be_focused()
    assert await uses_left(database, project, "KQ-7H3M9PQRSTUVW") == 1
    await assert_fits(page)
    await keep_picture(page, f"till-done-{name}")
    await page.reload()
    await expect(page.get_by_role("status")).to_contain_text(words["done"])
    assert await uses_left(database, project, "KQ-7H3M9PQRSTUVW") == 1

    await page.get_by_role("button", name=words["undo"], exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(words["undone"])
    assert await uses_left(database, project, "KQ-7H3M9PQRSTUVW") == 2
    await assert_fits(page)
    await keep_picture(page, f"till-undone-{name}")

    # Scanning on from here carries the code over and asks for its amount.
    await page.wait_for_load_state()
    await page.keyboard.type("NOSUCH")
    await page.keyboard.press("Enter")
    await expect(page.locator("#amount")).to_be_focused()
    await expect(page.locator("#code")).to_have_value("NOSUCH")
    await page.context.close()


RICH = CampaignDraft(
    name="春季回馈 Spring thanks",
    description="全场门店可用。In all our stores.",
    offer={
        "effect": {
            "code": "threshold_off",
            "tiers": [
                {"spend_minor": 10_000, "off_minor": 1_000},
                {"spend_minor": 20_000, "off_minor": 3_050},
            ],
            "scope": {"product_ids": ["bread"]},
        },
        "condition": {"all": [{"code": "first_order"}, {"not": {"code": "has_items"}}]},
    },
    per_customer_cap=2,
    expires_at=datetime(2999, 5, 31, 16, tzinfo=UTC),
)


@EACH_READER
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_coupon_with_many_rules_and_unsubscribing(
    chromium: Browser, address: str, tx: Tx, language: str, size: tuple[int, int], theme: str
) -> None:
    name = f"{language}-{size[0]}-{theme}"
    campaign = await create_campaign(tx, RICH, now=NOW)
    await add_code(tx, "SPRING-7H3M9PQRSTUVWXYZ23456789", campaign_id=campaign.id, offer=None)
    voucher = await get_voucher(tx, "SPRING-7H3M9PQRSTUVWXYZ23456789")
    link = await wallet_token(tx, voucher)
    person = await upsert_customer(tx, CustomerDraft(source_id="C-1"), now=NOW)
    token = (await unsubscribe_signer(tx)).sign(person.id, channel=EMAIL)
    await tx.commit()
    page = await open_page(chromium, address, language=language, size=size)
    await page.context.add_cookies([{"name": "kq_theme", "value": theme, "url": address}])
    await page.goto(f"/w/{link}")
    await expect(page.locator(".sf-rules li")).to_have_count(4)
    await assert_fits(page)
    await keep_picture(page, f"wallet-rich-{name}")
    await page.goto(UNSUBSCRIBE_PATH + token)
    await assert_fits(page)
    await keep_picture(page, f"unsubscribe-{name}")
    await page.locator("main button").click()
    await expect(page.locator("main button")).to_have_count(0)
    await keep_picture(page, f"unsubscribed-{name}")
    await page.context.close()


@EACH_READER
async def test_a_wallet_link(
    chromium: Browser, address: str, tx: Tx, language: str, size: tuple[int, int]
) -> None:
    words, name = WORDS[language], f"{language}-{size[0]}"
    await add_code(tx, "KQ-7H3M9PQRSTUVW")
    await add_code(tx, "KQ-SPENT")
    await spend(tx, "KQ-SPENT")
    vouchers = [await get_voucher(tx, code) for code in ("KQ-7H3M9PQRSTUVW", "KQ-SPENT")]
    good, spent = [f"/w/{await wallet_token(tx, voucher)}" for voucher in vouchers]
    await tx.commit()
    page = await open_page(chromium, address, language=language, size=size)
    await page.goto(good)
    box = await page.locator(".sf-qr").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] >= 200
    await page.get_by_role("button", name=words["copy"]).click()
    await expect(page.locator("[data-copied]")).to_have_text(words["copied"])
    await assert_fits(page)
    await keep_picture(page, f"wallet-usable-{name}")
    await page.goto(spent)
    assert await page.locator(".sf-qr").count() == 0
    await assert_fits(page)
    await keep_picture(page, f"wallet-spent-{name}")
    await page.goto("/w/wrong")
    await assert_fits(page)
    await keep_picture(page, f"wallet-dead-{name}")
    await page.context.close()
