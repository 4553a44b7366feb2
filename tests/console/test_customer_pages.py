"""The customer's file on the console: portrait, notes, duplicates, merges."""

import io
import re
import zipfile
from html import unescape

import pytest
import pytest_asyncio

from console.shop import Shop, open_shop
from console.site import Browser, enter, open_site, token_in
from kaquan.campaigns import list_vouchers, publish_voucher
from kaquan.customers import (
    CustomerDraft,
    Likely,
    Likeness,
    LocationDraft,
    OrderStatus,
    enter_pairs,
    get_customer,
    join_sessions,
    list_orders,
    list_pairs,
    list_sessions,
    record_event,
    upsert_customer,
    upsert_location,
)
from kaquan.runtime import Database, create_project, utc_now
from kaquan.trust import Role

QUEUE = "/console/customers/duplicates"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_shop(database: Database) -> Shop:
    """A shop that only these tests change."""
    now = utc_now()
    async with database.transaction() as tx:
        project = await create_project(
            tx, "File", currency="CNY", time_zone="Asia/Shanghai", language="en", now=now
        )
    return await open_shop(database, project, now=now)


async def pair_up(
    database: Database, own_shop: Shop, copy_id: str, *, score_ppm: int
) -> tuple[str, str]:
    """Put the shop's regular and a copy of them into the queue; their ids, the regular's first."""
    async with database.transaction(own_shop.project.project_id) as tx:
        draft = CustomerDraft(source_id=copy_id, name="Lin Xiao", phone="13800138000")
        copy = await upsert_customer(tx, draft, now=utc_now())
        first, second = sorted((own_shop.regular.id, copy.id))
        pair = Likely(
            first_id=first,
            second_id=second,
            score_ppm=score_ppm,
            reasons=(Likeness.PHONE, Likeness.ALIKE_NAME),
        )
        await enter_pairs(tx, [pair], now=utc_now())
    return own_shop.regular.id, copy.id


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Portrait", "Known by", "Spent more than", "Nothing written down."]),
        ("zh", ["画像", "身份标识", "消费超过", "暂无备注。"]),
    ],
)
async def test_a_customers_page_shows_their_portrait(
    database: Database, own_shop: Shop, language: str, words: list[str]
) -> None:
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", language)
        page = await browser.get(f"/console/customers/{own_shop.regular.id}")
        assert page.status_code == 200
        assert [word for word in words if word not in page.text] == []
        empty = await browser.get(f"/console/customers/{own_shop.newcomer.id}")
        assert empty.status_code == 200


async def test_numbers_of_a_customer_lead_to_their_rows(database: Database, own_shop: Shop) -> None:
    now = utc_now()
    path = f"/console/customers/{own_shop.regular.id}"
    async with database.transaction(own_shop.project.project_id) as tx:
        await upsert_location(tx, LocationDraft(source_id="Main <St>", name="Main <St>"), now=now)
        for name, metadata in (
            ("Page Viewed", {"url": "https://shop.example/tea"}),
            ("Product Viewed", {"product_id": "tea"}),
            ("Store Visited", {"location_id": "Main <St>"}),
            ("Survey Answered", {"survey": "nps", "score": 9, "comment": "Fine & good"}),
        ):
            await record_event(tx, own_shop.regular.id, name, metadata=metadata, at=now, now=now)
        await join_sessions(tx)
        (session,) = await list_sessions(tx, own_shop.regular.id, limit=9)
        for _ in range(11):
            await publish_voucher(
                tx,
                campaign_id=own_shop.campaign.id,
                customer_id=own_shop.regular.id,
                join_once=False,
                channel="api",
                now=now,
            )
        vouchers = await list_vouchers(tx, holder_id=own_shop.regular.id)
        paid = await list_orders(
            tx, customer_id=own_shop.regular.id, status=OrderStatus.PAID, order="total", limit=15
        )
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        shown = (await browser.get(path)).text
        for words in (
            f'href="{path}/orders"',
            f'href="{path}/sessions/{session.id}"',
            "1 page · 1 product",
            "Main &lt;St&gt;",
            "Answered the survey “nps”",
            "9 of 10 · Fine &amp; good",
        ):
            assert words in shown
        listed = (await browser.get(f"{path}/orders?status=PAID&sort=total")).text
        assert paid.items
        assert [one.id for one in paid.items if f"/console/orders/{one.id}" not in listed] == []
        canceled = (await browser.get(f"{path}/orders?status=CANCELED")).text
        assert [one.id for one in paid.items if f"/console/orders/{one.id}" in canceled] == []
        rows = (await browser.get(f"{path}/sessions/{session.id}")).text
        assert "product_id: tea" in rows
        assert rows.count("<tr><td>") == session.event_count
        for rows, words in (
            ("visits", "Store visits of"),
            ("visits?store=Main+%3CSt%3E", "<td>Main &lt;St&gt;</td>"),
            ("visits?store=none", "No rows"),
            ("vouchers", "Vouchers of"),
            ("vouchers?active=no", "Nothing matches"),
        ):
            assert words in (await browser.get(f"{path}/{rows}")).text, rows
        for rows, cells in (("visits", "Main <St>"), ("vouchers", vouchers.items[0].code)):
            assert f'href="{path}/{rows}' in shown
            told = (await browser.get(f"{path}/{rows}?download=rows.csv")).text.splitlines()
            assert any(cells in line for line in told[1:])
        assert len(told) == vouchers.total + 1
        (rank,) = re.findall(r'href="(/console/customers\?definition=[^"]+)">Spent more', shown)
        assert (await browser.get(unescape(rank))).status_code == 200
        none = await browser.get(f"/console/customers/{own_shop.newcomer.id}/orders")
        assert "No orders yet" in none.text
        for person, number in (
            (own_shop.regular.id, "bs_no"),
            ("x", session.id),
            (own_shop.newcomer.id, session.id),
        ):
            wrong = f"/console/customers/{person}/sessions/{number}"
            assert (await browser.get(wrong)).status_code == 404


async def test_a_note_is_written_and_refused_when_empty(database: Database, own_shop: Shop) -> None:
    path = f"/console/customers/{own_shop.newcomer.id}"
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        token = token_in((await browser.get(path)).text)
        for text in ("Likes <b>tea</b>.", "  "):
            form = {"csrf_token": token, "text": text}
            answer = await browser.post(f"{path}/notes", data=form, follow_redirects=False)
            assert answer.status_code == 303
        page = (await browser.get(path)).text
        assert page.count("Likes &lt;b&gt;tea&lt;/b&gt;.") == 2
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.ANALYST)
        browser.cookies.set("kq_lang", "en")
        page = (await browser.get(path)).text
        assert "Write down" not in page
        form = {"csrf_token": token_in(page), "text": "x"}
        assert (await browser.post(f"{path}/notes", data=form)).status_code == 403
        assert (await browser.get(f"{path}/data")).status_code == 403


async def test_a_pair_is_looked_at_merged_and_undone(database: Database, own_shop: Shop) -> None:
    regular, copy = await pair_up(database, own_shop, "copy-1", score_ppm=950_000)
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        queue = (await browser.get(QUEUE)).text
        assert "95.0% likely one person" in queue
        assert "same phone · similar name" in queue
        preview = (await browser.get(f"{QUEUE}/{regular}/{copy}")).text
        assert "Taken over:" in preview
        form = {"csrf_token": token_in(preview)}
        merged = await browser.post(f"{QUEUE}/{regular}/{copy}/merge", data=form)
        assert merged.status_code == 200
        assert "Undo this merge" in merged.text
        async with database.transaction(own_shop.project.project_id) as tx:
            assert (await get_customer(tx, "copy-1")).id == regular
        start = merged.text.index("/console/merges/")
        undo = merged.text[start : merged.text.index('"', start)]
        undone = await browser.post(undo, data=form)
        assert "Undo this merge" not in undone.text
        assert "No pair waits for a decision." in (await browser.get(QUEUE)).text


async def test_a_pair_is_rejected(database: Database, own_shop: Shop) -> None:
    regular, copy = await pair_up(database, own_shop, "copy-2", score_ppm=950_000)
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        form = {"csrf_token": token_in((await browser.get(QUEUE)).text)}
        answer = await browser.post(f"{QUEUE}/{regular}/{copy}/reject", data=form)
        assert answer.status_code == 200
    async with database.transaction(own_shop.project.project_id) as tx:
        assert (await list_pairs(tx)).total == 0


async def test_the_surest_are_merged_and_a_search_is_asked_for(
    database: Database, own_shop: Shop
) -> None:
    await pair_up(database, own_shop, "copy-3", score_ppm=995_000)
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        queue = (await browser.get(QUEUE)).text
        assert "Merge the 1 surest" in queue
        form = {"csrf_token": token_in(queue)}
        merged = await browser.post(f"{QUEUE}/accept", data=form)
        assert "Nobody is waiting to be looked at" in merged.text
        searching = await browser.post(f"{QUEUE}/search", data=form)
        assert "Searching: 0% done." in searching.text


async def test_all_data_of_a_person(database: Database, own_shop: Shop) -> None:
    async with Browser(open_site(database)) as browser:
        await enter(browser, database, own_shop, Role.MARKETER)
        browser.cookies.set("kq_lang", "en")
        answer = await browser.get(f"/console/customers/{own_shop.regular.id}/data")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {"person.json", "orders.csv", "order_lines.csv"} <= set(archive.namelist())
