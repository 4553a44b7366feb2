"""Segments on pages: building, trying, explaining, keeping, comparing, scoring; lists by a rule."""

import json
import re
from html import unescape
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest

from console.shop import Shop
from console.site import Browser, enter, token_in
from kaquan.console import Language, PageView, Theme
from kaquan.console.pages.segment_faults import fault_of, read_definition
from kaquan.runtime import Database, InvalidInput, utc_now
from kaquan.segments import (
    create_segment,
    find_scoring,
    find_segment,
    keep_members,
    list_filters,
    list_segment_changes,
    parse_definition,
    update_segment,
)
from kaquan.trust import Role

ENGLISH = {"accept-language": "en"}
BUYERS: dict[str, Any] = {"all": [{"attribute": "order_count", "operator": "at_least", "value": 1}]}


async def send(browser: Browser, path: str, **fields: str) -> Any:
    """Post a form with the token of a page of this session."""
    token = token_in((await browser.get("/console/segments/new", headers=ENGLISH)).text)
    return await browser.post(
        path, data=fields | {"csrf_token": token}, headers=ENGLISH, follow_redirects=False
    )


async def test_the_builder_offers_the_language_and_what_the_project_has(browser: Browser) -> None:
    html = (await browser.get("/console/segments/new", headers=ENGLISH)).text
    start = html.index('id="segment-catalogue">') + len('id="segment-catalogue">')
    offered = json.loads(html[start : html.index("</script>", start)])
    assert {"code": "metadata.level", "kind": "metadata", "label": "level", "type": "text"} in [
        {name: one[name] for name in ("code", "kind", "label", "type")} for one in offered["keys"]
    ]
    assert {one["value"] for one in offered["deeds"]} >= {"order", "order_line", "event"}
    assert {one["value"]: one["shape"] for one in offered["operators"]["number"]}[
        "between"
    ] == "two"
    assert "Buyers 买家" in [one["label"] for one in offered["segments"]]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (BUYERS, [">1</a> <span", "Counted exactly", "林晓", "select c.id", ":p"]),
        ({"any": []}, ["0 <span", "Nobody matches yet"]),
        (
            {"all": [{"attribute": "city", "operator": "is"}]},
            ["definition.all[0].value", "missing"],
        ),
        ({"all": [{"attribute": "citty", "operator": "is", "value": "x"}]}, ["“citty”", "city"]),
    ],
)
async def test_a_rule_is_tried(browser: Browser, definition: Any, words: list[str]) -> None:
    answer = await send(browser, "/console/segments/try", definition=json.dumps(definition))
    assert answer.status_code == HTTPStatus.OK
    assert [word for word in words if word not in answer.text] == []


async def test_json_that_is_none_is_refused_with_its_place(browser: Browser) -> None:
    answer = await send(browser, "/console/segments/try", definition='{"all":\n [}')
    assert "line 2, column 3" in answer.text


@pytest.mark.parametrize(
    ("customer", "words"),
    [
        ("C-1", ["is in it, because", "(found: 3"]),
        ("C-2", ["is not in it, because", "(found: 0)"]),
        ("林晓", ["is in it, because"]),
        ("nobody at all", ["Nobody is called “nobody at all”"]),
        ("", ["Enter a name"]),
    ],
)
async def test_membership_is_explained(browser: Browser, customer: str, words: list[str]) -> None:
    answer = await send(
        browser, "/console/segments/explain", definition=json.dumps(BUYERS), customer=customer
    )
    assert [word for word in words if word not in answer.text] == []


async def test_what_was_found_is_told_as_people_read_it(browser: Browser) -> None:
    rule = {
        "any": [
            {"attribute": "spend_minor", "operator": "at_least", "value": 1},
            {"attribute": "rfm.band", "operator": "is", "value": "champions"},
        ]
    }
    answer = await send(
        browser, "/console/segments/explain", definition=json.dumps(rule), customer="C-1"
    )
    assert "RFM group is Champions" in answer.text
    assert re.search(r"\(found: ¥[0-9,]+\.[0-9]{2}\)", answer.text)


async def test_a_segment_is_kept_changed_refused_and_deleted(
    browser: Browser, database: Database, shop: Shop
) -> None:
    kept = await send(
        browser, "/console/segments", name="Two", definition=json.dumps(BUYERS), kind="fixed"
    )
    path = kept.headers["location"]
    assert kept.status_code == HTTPStatus.SEE_OTHER
    twice = await send(
        browser, "/console/segments", name="Two", definition=json.dumps(BUYERS), kind="live"
    )
    assert twice.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "The name “Two” is taken already." in twice.text
    everybody = json.dumps({"all": []})
    changed = await send(browser, path, name="Everybody", definition=everybody)
    assert changed.headers["location"] == path
    assert "Everybody" in (await browser.get(path, headers=ENGLISH)).text
    async with database.transaction(shop.project.project_id) as tx:
        found = await find_segment(tx, "Everybody")
        assert found is not None
        assert (found.kind, found.member_count) == ("static", 2)
        refers = {"attribute": "segment", "operator": "is", "value": found.id}
        user = await create_segment(tx, "Refers", refers, now=utc_now())
    refused = await send(browser, f"{path}/delete")
    assert refused.headers["location"] == path
    assert "Refers" in (await browser.get(path, headers=ENGLISH)).text
    for gone in (user.id, found.id):
        done = await send(browser, f"/console/segments/{gone}/delete")
        assert done.headers["location"] == "/console/segments"
    assert (await browser.get(path)).status_code == HTTPStatus.NOT_FOUND


async def test_what_was_sent_to_is_not_deleted(browser: Browser, shop: Shop) -> None:
    path = f"/console/segments/{shop.segment.id}"
    refused = await send(browser, f"{path}/delete")
    assert refused.headers["location"] == path
    assert "something was sent to it" in (await browser.get(path, headers=ENGLISH)).text


async def test_segments_overlap(browser: Browser, database: Database, shop: Shop) -> None:
    async with database.transaction(shop.project.project_id) as tx:
        other = await create_segment(tx, "Anybody", {"all": []}, now=utc_now())
    query = urlencode([("of", shop.segment.id), ("of", other.id)])
    html = (await browser.get(f"/console/segments/overlap?{query}", headers=ENGLISH)).text
    assert "1 customer is in all of them." in html
    listed = re.search(r"Anybody</a>: <a href=\"([^\"]+)\">2</a>", html)
    both = re.search(r"<a href=\"([^\"]+)\">1</a> <span class=\"kq-side\">", html)
    for found, rows in ((listed, "2 entries"), (both, "1 entry")):
        assert found is not None
        shown = await browser.get(unescape(found[1]), headers=ENGLISH)
        assert rows in shown.text
    await send(browser, f"/console/segments/{other.id}/delete")


async def test_a_trend_leads_to_who_came_and_went(
    browser: Browser, database: Database, shop: Shop
) -> None:
    async with database.transaction(shop.project.project_id) as tx:
        kept = await create_segment(tx, "Moving", BUYERS, now=utc_now())
        await keep_members(tx, now=utc_now())
        await update_segment(tx, kept.id, definition={"not": BUYERS}, now=utc_now())
        await keep_members(tx, now=utc_now())
        moves = await list_segment_changes(tx, segment_id=kept.id)
    path = f"/console/segments/{kept.id}"
    html = (await browser.get(path, headers=ENGLISH)).text
    for word, wanted in (("entered", True), ("left", False)):
        count = sum(one.entered is wanted for one in moves)
        assert count
        link = re.search(rf'href="([^"]+move={word})">{count} ', html)
        assert link is not None
        rows = (await browser.get(unescape(link[1]), headers=ENGLISH)).text
        assert rows.count("/console/customers/cust_") == count
    told = await browser.get(f"{path}/changes?download=rows.csv", headers=ENGLISH)
    assert len(told.text.splitlines()) == len(moves) + 1
    assert "?days=7" in (await browser.get("/console/segments", headers=ENGLISH)).text
    await send(browser, f"{path}/delete")


async def test_rfm_leads_to_segments_and_is_made_anew(
    browser: Browser, database: Database, shop: Shop
) -> None:
    html = (await browser.get("/console/segments/rfm", headers=ENGLISH)).text
    assert "1 customer who has bought" in html
    assert "rfm.recency_score" in html
    asked = await send(browser, "/console/segments/rfm/recompute")
    assert asked.headers["location"] == "/console/segments/rfm"
    async with database.transaction(shop.project.project_id) as tx:
        scoring = await find_scoring(tx)
    assert scoring is not None
    progress = await browser.get("/console/segments/rfm/progress", headers=ENGLISH)
    assert "being made anew" in progress.text


async def test_customers_are_listed_by_a_kept_rule_and_exported(
    browser: Browser, database: Database, shop: Shop
) -> None:
    rule = json.dumps(BUYERS)
    html = (
        await browser.get(f"/console/customers?{urlencode({'definition': rule})}", headers=ENGLISH)
    ).text
    assert "1 entry" in html
    kept = await send(
        browser,
        "/console/customers/filters",
        **{
            "name": "Mine",
            "definition": rule,
            "columns": "city,spend",
            "sort": "name",
            "for": "me",
        },
    )
    where = kept.headers["location"]
    assert "Per order" not in (await browser.get(where, headers=ENGLISH)).text.split("<table")[1]
    export = await browser.get(where.replace("?", "/export?"), headers=ENGLISH)
    lines = export.text.removeprefix("\ufeff").splitlines()
    assert lines[0] == "id,source_id,Customer,City,Spent"
    assert [line.split(",")[1] for line in lines[1:]] == ["C-1"]
    async with database.transaction(shop.project.project_id) as tx:
        assert await list_filters(tx, owner="somebody else") == []
    forgotten = await send(browser, where.replace("?filter=", "/filters/") + "/delete")
    assert forgotten.status_code == HTTPStatus.SEE_OTHER
    assert (await browser.get(where)).status_code == HTTPStatus.NOT_FOUND


async def test_an_analyst_tries_rules_but_keeps_none(
    stranger: Browser, database: Database, shop: Shop
) -> None:
    await enter(stranger, database, shop, Role.ANALYST)
    html = (await stranger.get("/console/segments/new", headers=ENGLISH)).text
    assert "Keep the segment" not in html
    refused = await send(stranger, "/console/segments", name="X", definition="{}", kind="live")
    assert refused.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("definition", "path", "words"),
    [
        ('{"all": [{"attribute": "city", "operator": "is"}]}', "definition.all[0].value", "缺少"),
        ('{"all": [', "definition", "第 1 行"),
        ('{"sample": {"percent": 200}}', "definition.sample.percent", "0 到 100"),
        (
            '{"any": [{"attribute": "x", "operator": "is", "value": "1"}]}',
            "definition.any[0].attribute",
            "“x”",
        ),
    ],
)
def test_faults_are_told_in_the_readers_language(definition: str, path: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_definition(read_definition(definition))
    page = PageView(language=Language.ZH, theme=Theme.AUTO, path="/")
    fault = fault_of(refused.value, page)
    assert fault.path == path
    assert words in fault.text
