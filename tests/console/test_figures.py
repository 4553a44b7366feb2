"""The pages of figures: before the first copy, with figures, as files, and the heat map."""

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient

from console.shop import Shop, open_shop
from console.site import Browser, build_site, enter
from insight.copying import copy_lake
from insight.rows import Sale, add_customers, add_sale, expose
from kaquan.console.pages.figures import COURSES, SHOWN, shade_cohorts
from kaquan.insight.lake import Storage
from kaquan.insight.metrics import FUNNEL
from kaquan.runtime import Database, Project, Settings, utc_now
from kaquan.trust import Role

LONG_AGO = datetime(2025, 1, 5, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def figured(
    database: Database, project: Project, tmp_path: Path
) -> AsyncGenerator[tuple[Browser, Shop]]:
    """A shop that was never copied, seen by its analyst."""
    shop = await open_shop(database, project, now=utc_now())
    site = build_site(database, Settings(lake=str(tmp_path / "lake")))
    async with AsyncTestClient(site, raise_server_exceptions=True) as browser:
        await enter(browser, database, shop, Role.ANALYST)
        yield browser, shop


async def _copy(database: Database, project: Project, place: Path) -> None:
    await copy_lake(database, project.project_id, Storage(str(place)), now=utc_now())


async def test_before_the_first_copy_the_pages_say_so(figured: tuple[Browser, Shop]) -> None:
    browser, _ = figured
    for path in ("/console/figures", "/console/figures/cohorts"):
        assert "No figures yet" in (await browser.get(path)).text, path


async def test_goods_beside_an_offer_need_a_holdout(
    database: Database, tmp_path: Path, figured: tuple[Browser, Shop]
) -> None:
    browser, shop = figured
    place = f"/console/campaigns/{shop.campaign.id}/spillover"
    browser.cookies.set("kq_lang", "en")
    assert "No figures yet" in (await browser.get(place)).text
    async with database.transaction(shop.project.project_id) as tx:
        await add_customers(tx, "t1", "t2", "h1", "h2", at=LONG_AGO)
        for number, name in enumerate(("t1", "t2", "h1", "h2")):
            later = LONG_AGO + timedelta(days=9)
            await add_sale(tx, Sale(customer_id=name, at=later, amount=100 * number))
            if name in ("t1", "t2"):
                await expose(tx, shop.campaign.id, name, arm="treatment", at=LONG_AGO)
    await _copy(database, shop.project, tmp_path / "lake")
    assert "This cannot be said yet" in (await browser.get(place)).text
    async with database.transaction(shop.project.project_id) as tx:
        for name in ("h1", "h2"):
            await expose(tx, shop.campaign.id, name, arm="holdout", at=LONG_AGO)
    await _copy(database, shop.project, tmp_path / "lake")
    told = (await browser.get(f"{place}?days=7")).text
    assert "2 customers who got it, 2 held out" in told
    assert "The offer is for whole orders" in told
    browser.cookies.set("kq_lang", "zh")
    assert "优惠针对整单" in (await browser.get(place)).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Revenue", "Compared with", "margin_rate_bps", "Not recorded: Opened", "7 days"]),
        ("zh", ["收入", "与此前同样天数相比", "margin_rate_bps", "未记录：打开", "7 天"]),
    ],
)
async def test_the_overview(
    database: Database,
    tmp_path: Path,
    figured: tuple[Browser, Shop],
    *,
    language: str,
    words: list[str],
) -> None:
    browser, shop = figured
    await _copy(database, shop.project, tmp_path / "lake")
    browser.cookies.set("kq_lang", language)
    text = (await browser.get("/console/figures?days=7")).text
    assert [word for word in words if word not in text] == []
    cohorts = (await browser.get("/console/figures/cohorts")).text
    assert "100%" in cohorts


async def test_figures_lead_to_the_rows_they_are_made_of(
    database: Database, tmp_path: Path, figured: tuple[Browser, Shop]
) -> None:
    browser, shop = figured
    await _copy(database, shop.project, tmp_path / "lake")
    browser.cookies.set("kq_lang", "en")
    overview = (await browser.get("/console/figures?days=7")).text
    found = re.findall(r'href="(/console/figures/of/([^?"]*)[^"]*)"', overview)
    addresses = {name: unescape(address) for address, name in found}
    assert addresses.keys() == {*SHOWN, *FUNNEL, *COURSES}
    shown = (await browser.get(addresses["revenue"])).text
    assert "Revenue" in shown
    assert re.search(r'href="/console/orders/[^"]+"', shown)
    assert re.search(r'href="/console/customers/[^"]+"', shown)
    file = await browser.get(f"{addresses['revenue']}&download=rows.csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert len(file.text.splitlines()) >= 2
    assert "everything up to" in (await browser.get(addresses["liability"])).text
    divided = (await browser.get("/console/figures/of/order_value?part=bottom&since=x")).text
    assert "What it is divided by" in divided
    browser.cookies.set("kq_lang", "zh")
    assert "分母" in (await browser.get(addresses["usage_rate"])).text
    assert (await browser.get("/console/figures/of/nonsense")).status_code == 404


async def test_cohort_cells_lead_to_their_customers(
    database: Database, tmp_path: Path, figured: tuple[Browser, Shop]
) -> None:
    browser, shop = figured
    browser.cookies.set("kq_lang", "en")
    for early in ("cohorts/2025-01/1", "of/revenue", "download?format=csv"):
        # Before the first copy one is led to the page that says so.
        assert (
            "No figures yet"
            in (await browser.get(f"/console/figures/{early}", follow_redirects=True)).text
        )
    await _copy(database, shop.project, tmp_path / "lake")
    browser.cookies.set("kq_lang", "en")
    cohorts = (await browser.get("/console/figures/cohorts")).text
    cells = re.findall(r'href="(/console/figures/cohorts/[^"]*)"', cohorts)
    assert cells
    told = (await browser.get(cells[0])).text
    assert "First bought in" in told
    assert re.search(r'href="/console/customers/[^"]+"', told)
    for strange in ("2025-13/1", "2025-01/99", "x/0"):
        answer = await browser.get(f"/console/figures/cohorts/{strange}")
        assert answer.status_code == 404, strange


async def test_a_shop_whose_orders_ended_is_led_to_their_days(
    database: Database, tmp_path: Path, figured: tuple[Browser, Shop]
) -> None:
    browser, shop = figured
    async with database.transaction(shop.project.project_id) as tx:
        await tx.execute("update orders set placed_at = %s", (LONG_AGO,))
    await _copy(database, shop.project, tmp_path / "lake")
    browser.cookies.set("kq_lang", "en")
    for address in ("/console/figures?days=7", "/console/figures/cohorts"):
        text = (await browser.get(address)).text
        assert "The last order was on" in text, address
        assert "until=2025-01-05" in text, address
    then = (await browser.get("/console/figures?days=7&until=2025-01-05")).text
    assert "The last order was on" not in then
    assert "?days=30&amp;until=2025-01-05" in then
    assert "100%" in (await browser.get("/console/figures/cohorts?until=2025-01-05")).text
    strange = await browser.get("/console/figures?until=0001-01-01")
    assert strange.status_code == 200


async def test_the_figures_as_files(
    database: Database, tmp_path: Path, figured: tuple[Browser, Shop]
) -> None:
    browser, shop = figured
    await _copy(database, shop.project, tmp_path / "lake")
    answer = await browser.get("/console/figures/download?days=7&format=csv")
    lines = [line for line in answer.text.splitlines() if line.startswith('"revenue"')]
    assert len(lines) == 7
    sheet = await browser.get("/console/figures/download?days=7&format=xlsx")
    assert (sheet.status_code, sheet.content[:2]) == (200, b"PK")


def test_the_heat_map_is_shaded_from_the_least_to_the_most_of_later_months() -> None:
    found = [("2026-01", [10, 1, 5, 0]), ("2026-02", [4, 1])]
    rows = shade_cohorts(found)
    assert [row.cells for row in rows] == [
        [("100%", 0), ("10%", 3), ("50%", 10), ("0%", 0)],
        [("100%", 0), ("25%", 5)],
    ]
    alike = shade_cohorts([("2026-01", [10, 4, 4])])
    assert alike[0].cells == [("100%", 0), ("40%", 5), ("40%", 5)]
    assert shade_cohorts([("2026-01", [3])])[0].cells == [("100%", 0)]
