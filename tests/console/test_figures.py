"""The pages of figures: before the first copy, with figures, as files, and the heat map."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient

from console.shop import Shop, open_shop
from console.site import Browser, enter, open_site
from insight.copying import copy_lake
from kaquan.insight.lake import Storage
from kaquan.runtime import Database, Project, Settings, utc_now
from kaquan.trust import Role


@pytest_asyncio.fixture(loop_scope="session")
async def figured(
    database: Database, project: Project, tmp_path: Path
) -> AsyncGenerator[tuple[Browser, Shop]]:
    """A shop that was never copied, seen by its analyst."""
    shop = await open_shop(database, project, now=utc_now())
    site = open_site(database, Settings(lake=str(tmp_path / "lake")))
    async with AsyncTestClient(site, raise_server_exceptions=True) as browser:
        await enter(browser, database, shop, Role.ANALYST)
        yield browser, shop


async def _copy(database: Database, project: Project, place: Path) -> None:
    await copy_lake(database, project.project_id, Storage(str(place)), now=utc_now())


async def test_before_the_first_copy_the_pages_say_so(figured: tuple[Browser, Shop]) -> None:
    browser, _ = figured
    for path in ("/console/figures", "/console/figures/cohorts"):
        assert "No figures yet" in (await browser.get(path)).text, path


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
    assert ("100%" in cohorts, "kq-cohort-10" in cohorts) == (True, True)


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
