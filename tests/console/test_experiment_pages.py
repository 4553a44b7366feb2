"""Experiments and plans on the console: designing, starting, reading, approving."""

import re
from typing import Any

import pytest
import pytest_asyncio

from console.shop import Shop, open_shop
from console.site import Browser, enter, open_site, token_in
from insight.plans.test_plans import LATER, LIGHT, tried
from kaquan.experiments import Experiment, find_running, get_experiment
from kaquan.insight.plans import Plan, PlanDraft
from kaquan.insight.plans.run import create_plan, gather_material, run_plan, store_decision
from kaquan.runtime import Database, create_project, utc_now
from kaquan.segments import create_segment
from kaquan.trust import Role

PATH = "/console/experiments"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(database: Database) -> tuple[Shop, Experiment, Plan]:
    """A shop with an experiment that is over, and a plan that waits for approval."""
    now = utc_now()
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Lab", currency="CNY", time_zone="Asia/Shanghai", language="en", now=now
        )
    shop = await open_shop(database, project, now=now)
    async with database.transaction(project.project_id) as tx:
        experiment = await tried(tx, 900)
        draft = PlanDraft(name="Spring", learnt_from=experiment.id, segment_id="all")
        plan = await create_plan(tx, draft, now=LATER)
        decision = run_plan(await gather_material(tx, plan.id, now=LATER), learning=LIGHT)
        plan = await store_decision(tx, plan.id, decision, now=LATER)
        await create_segment(tx, "nobody", {"any": []}, now=now)
    return shop, experiment, plan


def typed(shop: Shop, **changes: str) -> dict[str, str]:
    fields = {
        "name": "Faces again",
        "campaign": shop.campaign.id,
        "metric": "revenue",
        "days": "14",
        "detect": "10",
        "arm1_name": "as it is",
        "arm1_share": "50",
        "arm1_what": "email",
        "arm2_name": "five",
        "arm2_share": "50",
        "arm2_what": "email",
        "arm2_face": "5",
        "step": "create",
    }
    return fields | changes


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Difference to holdout", "Counted", "than with holdout", "compare with this"]),
        ("zh", ["与 对照 的差异", "分组", "对比基准", "高"]),
    ],
)
async def test_a_result_is_a_sentence_a_picture_and_a_table(
    database: Database, lab: tuple[Shop, Experiment, Plan], language: str, words: list[str]
) -> None:
    shop, experiment, _ = lab
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.ANALYST)
        browser.cookies.set("kq_lang", language)
        listed = await browser.get(PATH)
        assert experiment.name in listed.text
        page = await browser.get(f"{PATH}/{experiment.id}")
        assert [word for word in words if word not in page.text] == []
        turned = await browser.get(f"{PATH}/{experiment.id}", params={"control": "five"})
        assert "five" in turned.text.split("</h1>")[1][:400]
        # An analyst looks and changes nothing.
        assert f"{PATH}/new" not in listed.text
        assert (await browser.get(f"{PATH}/new")).status_code == 403


async def test_from_the_form_to_a_running_experiment(
    database: Database, lab: tuple[Shop, Experiment, Plan]
) -> None:
    shop = lab[0]
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        token = {"csrf_token": token_in((await browser.get(f"{PATH}/new")).text)}
        sized = await browser.post(f"{PATH}/new", data=token | typed(shop, step="size"))
        assert sized.status_code == 200
        assert "customers none differs: nothing can be sized." in sized.text
        made = await browser.post(f"{PATH}/new", data=token | typed(shop), follow_redirects=False)
        assert made.status_code == 303, made.text
        place = made.headers["location"]
        assert "Draft" in (await browser.get(place)).text
        started = await browser.post(f"{place}/start", data=token, follow_redirects=False)
        assert started.status_code == 303
        assert (await browser.post(f"{place}/start", data=token)).status_code == 409
        async with database.transaction(shop.project.project_id) as tx:
            running = await find_running(tx, shop.campaign.id)
        assert running is not None
        offer: Any = running.arms[1].overrides.offer
        assert offer["effect"]["amount_minor"] == 500
        stopped = await browser.post(f"{place}/stop", data=token, follow_redirects=False)
        assert stopped.status_code == 303


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "Faces"}),
        ("campaign", {"campaign": ""}),
        ("days", {"days": "1.5"}),
        ("days", {"days": "0"}),
        ("detect", {"detect": "x", "step": "size"}),
        ("arm1_share", {"arm1_share": "40"}),
        ("arm2_share", {"arm2_share": "many"}),
        ("arm2_face", {"arm2_face": "-1"}),
        ("arm2_subject", {"arm2_subject": "{{ nobody }}"}),
        ("arm2_valid", {"arm2_valid": "0"}),
        ("arm2_delay", {"arm2_delay": "99999"}),
        ("arm2_what", {"arm2_what": "nothing"}),
    ],
)
async def test_a_mistake_is_told_at_its_field(
    database: Database, lab: tuple[Shop, Experiment, Plan], field: str, given: dict[str, str]
) -> None:
    shop = lab[0]
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        token = {"csrf_token": token_in((await browser.get(f"{PATH}/new")).text)}
        answer = await browser.post(f"{PATH}/new", data=token | typed(shop, **given))
        assert answer.status_code == 400
        assert f'href="#field-{field}"' in answer.text


async def test_a_plan_waits_is_read_and_approved(
    database: Database, lab: tuple[Shop, Experiment, Plan]
) -> None:
    shop, experiment, plan = lab
    path = f"/console/plans/{plan.id}"
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        page = (await browser.get(path)).text
        for words in (
            "Certificate",
            "What a larger budget brings",
            "Who gets what, and why",
            "Expected to earn most",
            "Try a budget",
            "/customers/n0",
        ):
            assert words in page
        # The budget is a form that works without a mouse and without scripts.
        cheapest = (await browser.get(path, params={"step": "0"})).text
        assert 'value="0"' in cheapest
        dearest = (await browser.get(path, params={"step": "99"})).text
        assert figure_of(cheapest, "Budget") != figure_of(dearest, "Budget")
        assert (await browser.get(path, params={"step": "x"})).status_code == 200
        only = (await browser.get(path, params={"arm": "twenty", "why": "drawn"})).text
        rows = only[only.index("<tbody", only.index('id="assignments"')) :]
        assert "Drawn by chance" in rows
        assert "Expected to earn most" not in rows
        token = {"csrf_token": token_in(page)}
        assert (await browser.post(f"{path}/watch", data=token)).status_code == 409
        done = await browser.post(f"{path}/approve", data=token, follow_redirects=False)
        assert done.status_code == 303
        assert "Approved" in (await browser.get(path)).text
        assert (await browser.post(f"{path}/approve", data=token)).status_code == 409
        looked = await browser.post(f"{path}/watch", data=token)
        assert (looked.status_code, "no certificate in force" in looked.text) == (409, True)
        browser.cookies.set("kq_lang", "zh")
        assert "已批准" in (await browser.get("/console/plans")).text
    async with database.transaction(shop.project.project_id) as tx:
        source = await get_experiment(tx, experiment.id)
        running = await find_running(tx, source.campaign_id)
    assert running is not None
    assert running.id == plan.experiment_id


def figure_of(page: str, label: str) -> str:
    """The figure beside a label within the part of the page that the budget changes."""
    part = page[page.index('id="budget-step"') :]
    found = re.search(rf"<dt[^>]*>{label}</dt>\s*<dd[^>]*>(.*?)</dd>", part, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("file", "mark"),
    [
        ("assignments.csv", b"\xef\xbb\xbf"),
        ("assignments.xlsx", b"PK"),
        ("frontier.csv", b"\xef\xbb\xbf"),
        ("frontier.xlsx", b"PK"),
    ],
)
async def test_what_a_page_shows_is_there_as_a_file(
    database: Database, lab: tuple[Shop, Experiment, Plan], file: str, mark: bytes
) -> None:
    shop, _, plan = lab
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.ANALYST)
        browser.cookies.set("kq_lang", "en")
        path = f"/console/plans/{plan.id}"
        answer = await browser.get(path, params={"download": file})
        assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
        assert answer.content.startswith(mark)
        if file == "assignments.csv":
            lines = answer.text.splitlines()
            assert lines[0].startswith('\ufeff"id","Customer","Arm","Why"')
            # The file has everybody, of whom the page shows fifteen.
            assert plan.result is not None
            assert len(lines) == plan.result.audience + 1
        if mark == b"PK":
            tried_out = await browser.get(f"{PATH}/{lab[1].id}", params={"download": "arms.xlsx"})
            assert tried_out.content.startswith(mark)
        # What is not there is no file but the page.
        html = await browser.get(path, params={"download": "secrets.csv"})
        assert html.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "Spring"}),
        ("budget", {"budget": "much"}),
        ("budget", {"budget": "-3"}),
        ("floor", {"floor": "0"}),
        ("floor", {"floor": "half"}),
        ("person_cap", {"budget": "5", "person_cap": "6"}),
        ("contact_limit", {"contact_limit": "0"}),
        ("contact_days", {"contact_days": "1.5"}),
        ("contacts", {"contacts": "-1"}),
        ("cap2_segment", {"cap2_segment": "all"}),
        ("cap1_segment", {"cap1_budget": "5"}),
        ("cap2_budget", {"budget": "5", "cap2_segment": "all", "cap2_budget": "6"}),
    ],
)
async def test_asking_for_a_plan_can_go_wrong(
    database: Database, lab: tuple[Shop, Experiment, Plan], field: str, given: dict[str, str]
) -> None:
    shop, experiment, _ = lab
    form = {"name": "New", "experiment": experiment.id, "segment": "all", "budget": ""} | given
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        token = {"csrf_token": token_in((await browser.get("/console/plans")).text)}
        answer = await browser.post("/console/plans", data=token | form)
        assert answer.status_code == 400
        assert f'href="#field-{field}"' in answer.text


async def test_a_plan_is_asked_for_and_waited_for(
    database: Database, lab: tuple[Shop, Experiment, Plan]
) -> None:
    shop, experiment, _ = lab
    form = {"name": "Wait", "experiment": experiment.id, "segment": "nobody", "budget": "120.50"}
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        token = {"csrf_token": token_in((await browser.get("/console/plans")).text)}
        answer = await browser.post("/console/plans", data=token | form)
        assert answer.status_code == 200
        assert "Look again" in answer.text
