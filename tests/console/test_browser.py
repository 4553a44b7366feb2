"""The console in a real browser, served by the real server process."""

import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from cli.conftest import CommandLine
from console.shop import Shop, open_shop
from console.shop_plan import STEPS, add_plan
from kaquan.runtime import (
    embedded_postgres,
    open_database,
    read_projects,
    utc_now,
)

CHROMIUM = Path("/usr/bin/chromium")
# The browser's own calls home would be refused, and would drown ours.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 120_000
"""A machine with much to do may be slow; a page that never comes is not waited for for ever."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("console-browser"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


class Visit:
    """A signed-in browser window, and everything that went wrong in it."""

    def __init__(self, page: Page, address: str, shop: Shop) -> None:
        self.page = page
        self.address = address
        self.shop = shop
        self.troubles: list[str] = []
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("request", lambda request: self._outside(request.url))
        page.on("response", lambda answer: self._failed(answer.status, answer.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.troubles.append(f"console: {text}")

    def _outside(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:")):
            self.troubles.append(f"asked another host: {url}")

    def _failed(self, status: int, url: str) -> None:
        if status >= 400:
            self.troubles.append(f"{status}: {url}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[tuple[str, dict[str, str], Shop]]:
    """A server process on a folder of its own, with a shop in it: address, credentials, shop."""
    program = CommandLine(tmp_path_factory.mktemp("console") / "data")
    # Held here, the database is started once for all that the program does.
    with embedded_postgres(program.data_dir, durable=False) as url:
        credentials = program.init()
        async with open_database(url) as database:
            (project,) = await read_projects(database)
            shop = await open_shop(database, project, now=utc_now())
            async with database.transaction(project.project_id) as tx:
                await add_plan(tx, shop, now=utc_now())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with program.serving(port):
            yield f"http://127.0.0.1:{port}", credentials, shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    """Debian's browser, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(
    chromium: Browser, served: tuple[str, dict[str, str], Shop]
) -> AsyncGenerator[BrowserContext]:
    """A reader of English who was never here."""
    context = await chromium.new_context(base_url=served[0], viewport=DESKTOP, locale="en-GB")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    context: BrowserContext, served: tuple[str, dict[str, str], Shop]
) -> AsyncGenerator[Visit]:
    """The owner, signed in by the form; fails at the end if anything went wrong in the browser."""
    address, credentials, shop = served
    page = await context.new_page()
    visit = Visit(page, address, shop)
    await page.goto("/console/campaigns")
    await page.get_by_label("E-mail").fill(credentials["admin_email"])
    await page.get_by_label("Password").fill(credentials["admin_password"])
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url("**/console/campaigns")
    yield visit
    assert visit.troubles == []


async def test_from_home_to_a_campaign(visit: Visit) -> None:
    page = visit.page
    await page.get_by_role("link", name="Home").click()
    await page.wait_for_url("**/console")
    await page.locator(".kq-chart-picture svg").wait_for()
    await page.get_by_role("link", name="Campaigns", exact=True).click()
    # A row opens on a click anywhere, not only on its name.
    await page.locator("tr", has_text="春节").locator("td").nth(4).click()
    await page.wait_for_url(f"**/console/campaigns/{visit.shop.campaign.id}")
    assert "1 published, 100.0% redeemed" in await page.locator("main").inner_text()
    await page.locator(".kq-chart-funnel svg").wait_for()
    await page.get_by_text("Show as a table").click()
    assert await page.get_by_role("cell", name="1", exact=True).count() == 2


async def test_a_list_narrows_while_one_types(visit: Visit) -> None:
    page = visit.page
    await page.goto("/console/customers")
    await page.get_by_role("searchbox", name="Search by name").fill("林晓")
    await page.wait_for_url("**/console/customers?q=*")
    await page.get_by_text("1 entry").wait_for()
    assert await page.locator("tbody tr").count() == 1
    await page.go_back()
    await page.get_by_text("2 entries").wait_for()


async def test_the_timeline_grows_in_place(visit: Visit) -> None:
    page = visit.page
    await page.goto(f"/console/customers/{visit.shop.regular.id}")
    entries = page.locator(".kq-timeline li")
    before = await entries.count()
    await page.get_by_role("link", name="Show older").click()
    await entries.nth(before).wait_for()
    assert await entries.count() > before


async def test_a_segment_is_built_without_a_mouse(visit: Visit) -> None:
    page = visit.page
    await page.goto("/console/segments/new")
    trial = page.locator("#segment-trial")
    await trial.get_by_text("2 customers match now").wait_for()
    await page.get_by_role("button", name="+ Add a condition").press("Enter")
    await trial.get_by_text("1 customer matches now").wait_for()
    # The field that was added is where the keyboard is; an empty value is told at the condition.
    await page.locator(":focus").select_option("city")
    await page.locator(".kq-condition .kq-fault", has_text="A value is missing here.").wait_for()
    await page.get_by_label("Field", exact=True).select_option("metadata.level")
    await page.get_by_label("Value", exact=True).fill("A")
    await trial.get_by_text("2 customers match now").wait_for()
    await page.get_by_label("not", exact=True).check()
    await trial.get_by_text("0 customers match now").wait_for()
    await page.get_by_role("button", name="+ Add a group").first.press("Enter")
    await page.locator(".kq-group .kq-group").wait_for()
    await page.locator(".kq-group .kq-group").get_by_role("button", name="Remove").first.click()
    await page.get_by_label("not", exact=True).first.uncheck()
    await page.get_by_placeholder("Name, e-mail, phone or id").fill("C-2")
    await page.get_by_role("button", name="Explain").click()
    await page.get_by_text("is in it, because:").wait_for()
    await page.get_by_text("As JSON, to copy or paste").click()
    await page.get_by_label("Rule", exact=True).fill('{"any": [}')
    await page.get_by_text("This is not JSON: line 1, column").wait_for()
    await page.get_by_label("Rule", exact=True).fill('{"done": "order", "times": {"at_least": 2}}')
    await trial.get_by_text("1 customer matches now").wait_for()
    await page.get_by_label("Name", exact=True).fill("Came back")
    await page.get_by_role("button", name="Keep the segment").click()
    await page.get_by_role("heading", name="Came back").wait_for()


async def test_an_experiment_is_designed_and_started(visit: Visit) -> None:
    page = visit.page
    await page.get_by_role("link", name="Experiments", exact=True).click()
    await page.get_by_role("link", name="New experiment").click()
    await page.get_by_label("Name").first.fill("Faces")
    await page.get_by_label("Campaign", exact=True).select_option(visit.shop.quiet_campaign.id)
    await page.get_by_role("button", name="How many customers?").click()
    await page.get_by_text("Only 0 customers were there long enough").wait_for()
    await page.get_by_role("group", name="Arm 2").get_by_text("What is different").click()
    await page.locator("#field-arm2_face").fill("8.50")
    await page.get_by_role("button", name="Store the draft").click()
    await page.get_by_role("button", name="Start").click()
    await page.get_by_text("Running").wait_for()


async def test_a_plan_is_read_tried_at_other_budgets_and_approved(visit: Visit) -> None:
    page = visit.page
    await page.get_by_role("link", name="Experiments", exact=True).click()
    await page.get_by_role("link", name="Plans", exact=True).click()
    await page.get_by_role("link", name="Spring plan").click()
    await page.get_by_text("Certified: choosing by customer earns").first.wait_for()
    await page.locator(".kq-chart-picture svg").first.wait_for()
    async with page.expect_download() as coming:
        await page.locator("[data-chart-png=frontier]").click()
    picture = (await (await coming.value).path()).read_bytes()
    assert picture.startswith(b"\x89PNG")
    # The slider begins at what the plan spends, and its figures follow each key.
    slider, figures = page.get_by_role("slider"), page.locator("#budget-step")
    assert await slider.input_value() == "15"
    await slider.press("End")
    await figures.get_by_text("five 800").wait_for()
    await slider.press("Home")
    await figures.get_by_text("nothing 2,000").wait_for()
    for _ in range(2):
        await slider.press("ArrowRight")
    await figures.get_by_text("five 80 ").wait_for()
    assert await slider.get_attribute("max") == str(STEPS - 1)
    rows = page.locator("#assignments tbody tr")
    assert await rows.count() == 2
    assert "Expected to earn most" in await rows.first.inner_text()
    await page.locator("#assignments-arm").select_option("twenty")
    await page.wait_for_url("**arm=twenty*")
    await page.get_by_text("1 entry").wait_for()
    async with page.expect_download() as coming:
        await page.locator("a[download][href*='assignments.csv']").click()
    lines = (await (await coming.value).path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == 2
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_text("Approved: the campaign's next sending").wait_for()


async def test_search_is_a_key_away(visit: Visit) -> None:
    page = visit.page
    await page.keyboard.press("Control+k")
    await page.keyboard.type("stock-1")
    await page.keyboard.press("Enter")
    await page.get_by_text("STOCK-1", exact=True).wait_for()


async def test_the_language_is_switched_where_one_is(visit: Visit) -> None:
    page = visit.page
    await page.goto(f"/console/campaigns/{visit.shop.campaign.id}/vouchers?q=STOCK")
    await page.get_by_role("button", name="中文").click()
    await page.get_by_text("共 1 条").wait_for()
    assert page.url.endswith("/vouchers?q=STOCK")
    assert await page.locator("html").get_attribute("lang") == "zh-Hans"
    await page.get_by_role("button", name="EN").click()
    await page.get_by_text("1 entry").wait_for()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_nothing_sticks_out_on_a_phone(
    visit: Visit, context: BrowserContext, language: str
) -> None:
    shop, page = visit.shop, visit.page
    await context.add_cookies([{"name": "kq_lang", "value": language, "url": visit.address}])
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in (
        "/console",
        "/console/customers",
        f"/console/customers/{shop.regular.id}",
        "/console/segments",
        f"/console/segments/{shop.segment.id}",
        f"/console/segments/{shop.segment.id}/edit",
        "/console/segments/rfm",
        "/console/segments/overlap",
        "/console/campaigns",
        f"/console/campaigns/{shop.campaign.id}",
        f"/console/campaigns/{shop.campaign.id}/vouchers",
        "/console/redemptions",
        f"/console/orders/{shop.order.id}",
        "/console/outbox",
        f"/console/outbox/{shop.message.id}",
        "/console/search?q=1",
        "/console/style",
        *(f"/console/{name}" for name in ("experiments", "plans", "figures", "figures/cohorts")),
    ):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


async def tab_to(page: Page, place: str) -> None:
    """Reach an element as somebody without a mouse does."""
    target = page.locator(place)
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(place)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "headline", "refused", "imported"),
    [
        (
            "en",
            "2 rows can be imported, 1 would be refused",
            "does not look like an e-mail address",
            "2 added",
        ),
        ("zh", "2 行可以导入，1 行会被拒绝", "不像邮箱地址", "新增 2"),
    ],
)
async def test_a_file_is_imported_by_keyboard(
    visit: Visit, language: str, headline: str, refused: str, imported: str
) -> None:
    page = visit.page
    await page.context.add_cookies([{"name": "kq_lang", "value": language, "url": visit.address}])
    await page.goto("/console/imports")
    content = "会员号,姓名,手机,邮箱,暗号\n{0}1,李雷,138 0013 8000,,x\n{0}2,韩梅,,not-mail,y\n{0}3,Zoë,,,z\n"
    await page.locator("#field-file").set_input_files(
        {
            "name": f"members-{language}.csv",
            "mimeType": "text/csv",
            "buffer": content.format(language).encode("gb18030"),
        }
    )
    await tab_to(page, "form[enctype] button.btn-primary")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/imports/imp_*")
    meanings = page.locator("select[name^=column-]")
    guessed = [await meanings.nth(n).input_value() for n in range(5)]
    assert guessed == ["source_id", "name", "phone", "email", "+"]
    await tab_to(page, "select[name=column-4]")
    await page.keyboard.press("Home")
    await tab_to(page, "button[value=check]")
    await page.keyboard.press("Enter")
    await page.locator("#work .kq-headline", has_text=headline).wait_for()
    problem = page.locator("#work tbody tr")
    assert await problem.count() == 1
    assert await problem.locator("td").first.inner_text() == "3"
    assert refused in await problem.inner_text()
    await tab_to(page, "form[action$='/run'] button")
    await page.keyboard.press("Enter")
    await page.locator("#work .kq-headline", has_text=imported).wait_for()
    await tab_to(page, "a[href$='/rejects']")
    async with page.expect_download() as coming:
        await page.keyboard.press("Enter")
    rejects = (await (await coming.value).path()).read_text("utf-8-sig")
    second = rejects.splitlines()[1]
    assert second.startswith(f"{language}2,韩梅,,not-mail,y,3,")
    assert refused in second
    await page.goto("/console/customers?q=Zo%C3%AB")
    assert await page.locator("tbody tr").count() >= 1


async def test_signing_out_leads_to_the_login(visit: Visit) -> None:
    page = visit.page
    await page.get_by_role("button", name="Admin").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/login")
    await page.goto("/console")
    assert page.url == f"{visit.address}/login?next=/console"


@pytest.mark.slow
async def test_a_campaign_from_its_form_to_a_cart_and_to_running(visit: Visit) -> None:
    page = visit.page
    await page.get_by_role("link", name="New campaign").click()
    await page.get_by_label("Name").first.fill("Summer 满减")
    await page.get_by_label("What it does").select_option(label="Spend and save")
    # The fields of another offer come in place, and what was typed stays.
    await page.locator('[name="effect.tiers.0.spend_minor"]').fill("100")
    await page.locator('[name="effect.tiers.0.off_minor"]').fill("1000")
    await page.get_by_role("button", name="Add a rule").click()
    await page.get_by_label("Rule 1", exact=True).select_option(label="Weekdays and hours")
    await page.locator('[name="rules.0.hours.0.weekdays.1"]').uncheck()
    await page.get_by_role("button", name="Store the draft").click()
    await page.get_by_role("link", name="A step cannot save more than is spent.").wait_for()
    visit.troubles.clear()
    assert not await page.locator('[name="rules.0.hours.0.weekdays.1"]').is_checked()
    await page.locator('[name="effect.tiers.0.off_minor"]').fill("10")
    await page.locator("aside", has_text="100").wait_for()
    await page.get_by_label("Codes to make now").fill("1200")
    await page.get_by_role("button", name="Store the draft").click()
    await page.wait_for_url("**/camp_*")
    await page.locator("#codes-work").wait_for(state="detached")
    await page.get_by_role("link", name="Try", exact=True).click()
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await page.locator('[name="lines.0.price"]').fill("150")
    await page.locator('[name=".at"]').fill("2031-07-05T10:00")
    await page.get_by_role("button", name="Work it out").last.click()
    await page.locator("aside", has_text="10.00 off").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.locator(".kq-back").click()
    await page.get_by_role("button", name="Let it run").click()
    await page.get_by_role("button", name="Switch off").wait_for()
