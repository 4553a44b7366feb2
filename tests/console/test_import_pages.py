"""The import wizard: a file is sent, mapped, tried, imported; in both languages."""

import re

import pytest
import pytest_asyncio

from console.shop import Shop, open_shop
from console.site import Browser, enter, open_site, token_in
from kaquan.customers import carry_out, get_customer, list_file_imports
from kaquan.runtime import Database, create_project, utc_now
from kaquan.trust import Role

PATH = "/console/imports"
CONTENT = "会员号,姓名,手机,邮箱,等级\nm1,李雷,138 0013 8000,,金\nm2,韩梅梅,,not-mail,银\nm1,李雷雷,,,金\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_shop(database: Database) -> Shop:
    """A shop that only these tests change."""
    now = utc_now()
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Imports", currency="CNY", time_zone="Asia/Shanghai", language="zh", now=now
        )
    return await open_shop(database, project, now=now)


async def do_work(database: Database, shop: Shop, *, check: bool) -> None:
    """Do the latest file's work as its job does."""
    project_id = shop.project.project_id
    async with database.transaction(project_id) as tx:
        found = (await list_file_imports(tx, limit=1)).items[0]
    action_id = found.check_action_id if check else found.run_action_id
    assert action_id is not None
    await carry_out(database, project_id, action_id, clock=utc_now)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["would be refused", "GBK / GB 18030", "comes again", "does not look like an e-mail"],
        ),
        ("zh", ["会被拒绝", "分隔符：逗号", "以后面的为准", "不像邮箱地址"]),
    ],
)
async def test_a_file_goes_through_the_wizard(
    database: Database, own_shop: Shop, language: str, words: list[str]
) -> None:
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", language)
        token = {"csrf_token": token_in((await browser.get(PATH)).text)}
        sent = await browser.post(
            PATH,
            data=token | {"subject": "customers"},
            files={"file": ("members.csv", CONTENT.encode("gb18030"), "text/csv")},
            follow_redirects=False,
        )
        here = sent.headers["location"]
        page = (await browser.get(here)).text
        assert f'action="{here}/mapping"' in page
        chosen = dict(
            zip(
                re.findall(r'name="(column-\d+)"', page),
                re.findall(r'<option value="([^"]*)" selected>', page),
                strict=False,
            )
        )
        assert list(chosen.values()) == ["source_id", "name", "phone", "email", "+"]
        tried = await browser.post(f"{here}/mapping", data=token | chosen | {"then": "check"})
        assert 'hx-trigger="every 1s"' in tried.text
        await do_work(database, own_shop, check=True)
        page = (await browser.get(here)).text
        assert [word for word in words if word not in page] == []
        await browser.post(f"{here}/run", data=token)
        await do_work(database, own_shop, check=False)
        rejects = await browser.get(f"{here}/rejects")
        refused = rejects.text.splitlines()[1]
        assert refused.startswith("m2,韩梅梅,,not-mail,银,3,")
        assert words[-1] in refused
        assert "members.csv" in (await browser.get(PATH)).text
    async with database.transaction(own_shop.project.project_id) as tx:
        assert (await get_customer(tx, "m1")).name == "李雷雷"


async def test_what_cannot_be_is_said(database: Database, own_shop: Shop) -> None:
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        token = {"csrf_token": token_in((await browser.get(PATH)).text)}
        files = {"file": ("empty.csv", b"id,name\n", "text/csv")}
        refused = await browser.post(PATH, data=token | {"subject": "customers"}, files=files)
        assert (refused.status_code, "no rows" in refused.text) == (400, True)
        files = {"file": ("f.csv", b"x,y\n1,2\n", "text/csv")}
        page = await browser.post(PATH, data=token | {"subject": "customers"}, files=files)
        assert "Choose a column for: Id" in page.text
        here = str(page.url)
        double = {"column-0": "name", "column-1": "name"}
        refused = await browser.post(f"{here}/mapping", data=token | double)
        assert (refused.status_code, "same meaning" in refused.text) == (400, True)
        gone = await browser.post(f"{here}/discard", data=token)
        assert gone.status_code == 200
        assert (await browser.get(here)).status_code == 404


async def test_who_may_not_manage_sees_no_form(database: Database, own_shop: Shop) -> None:
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.ANALYST)
        page = await browser.get(PATH)
        assert page.status_code == 200
        assert 'type="file"' not in page.text
        assert (await browser.post(PATH, data={"csrf_token": "x"})).status_code == 403
