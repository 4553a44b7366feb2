"""The shell's pages as a browser gets them: languages, themes, forms, errors, headers."""

import logging
import re

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.console.render import own_path
from kaquan.trust import Role

Client = AsyncTestClient[Litestar]

EACH_LANGUAGE = pytest.mark.parametrize(
    ("language", "tag", "words"),
    [
        (
            "zh",
            "zh-Hans",
            ["总览", "进行中", "共 3 条", "查看表格", "¥3,420.00", "还没有消息", "选填"],
        ),
        (
            "en",
            "en",
            [
                "Home",
                "Live",
                "3 entries",
                "Show as a table",
                "¥3,420.00",
                "No messages yet",
                "optional",
            ],
        ),
    ],
)


def token_in(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


@EACH_LANGUAGE
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_component_in_both_languages_and_themes(
    pages: Client, language: str, tag: str, words: list[str], theme: str
) -> None:
    cookies = {"kq_lang": language, "kq_theme": theme}
    answer = await pages.get("/console/style", headers=_cookie_header(cookies))
    assert answer.status_code == 200
    assert f'<html lang="{tag}" data-bs-theme="{theme}"' in answer.text
    assert [word for word in words if word not in answer.text] == []


def _cookie_header(cookies: dict[str, str]) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


async def test_pages_obey_their_own_content_policy(pages: Client) -> None:
    answer = await pages.get("/console/style")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", answer.text)
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", answer.text)
    assert inline
    assert all('type="application/json"' in attributes for attributes in inline)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


async def test_names_are_escaped(pages: Client) -> None:
    answer = await pages.get("/console/style?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "Corner &lt;Market&gt;" in answer.text
    assert "<script>alert" not in answer.text


async def test_the_frame_with_a_list_stays_small(pages: Client) -> None:
    text = (await pages.get("/console/style")).text
    frame, rest = text.split('<main id="content"', 1)
    listing = rest[rest.index('<section class="card kq-list"') :]
    listing = listing[: listing.index("</section>")]
    rows = re.findall(r"<tr>\s*<td.*?</tr>", listing, re.DOTALL)
    longest = max(len(row.encode()) for row in rows)
    around = len(frame.encode()) + len(listing.encode()) - sum(len(row.encode()) for row in rows)
    assert around + 20 * longest <= 15 * 1024


@pytest.mark.parametrize(
    ("role", "seen", "hidden"),
    [
        (Role.OWNER, ["总览", "活动", "核销记录", "收银台"], []),
        (Role.ANALYST, ["总览", "活动", "核销记录"], ["收银台"]),
        (Role.CASHIER, ["收银台"], ["总览", "活动", "核销记录"]),
    ],
)
async def test_navigation_shows_what_a_role_may_do(
    pages: Client, role: Role, seen: list[str], hidden: list[str]
) -> None:
    text = (await pages.get("/console/style", headers={"x-role": role.value})).text
    bar = text[text.index("kq-nav-list") : text.index("</nav>")]
    assert [word for word in seen if word not in bar] == []
    assert [word for word in hidden if word in bar] == []


@pytest.mark.parametrize(
    ("address", "rows", "words"),
    [
        ("?status=ended", 1, ["状态: 已结束"]),
        ("?q=welcome", 1, ["Welcome back"]),
        ("?q=nothing-like-it", 0, ["没有符合条件的结果", 'href="/console/style"']),
        ("?sort=discount", 3, ['aria-sort="ascending"']),
    ],
)
async def test_a_list_follows_its_address(
    pages: Client, address: str, rows: int, words: list[str]
) -> None:
    text = (await pages.get(f"/console/style{address}")).text
    listing = text[text.index('id="sample"') :]
    assert listing[: listing.index("</section>")].count("<tr>") == rows + (rows > 0)
    assert [word for word in words if word not in text] == []


async def test_preferences_are_kept_and_lead_back(pages: Client) -> None:
    token = token_in((await pages.get("/login")).text)
    form = {"csrf_token": token, "language": "en", "theme": "dark", "next": "/login"}
    answer = await pages.post("/preferences", data=form, follow_redirects=True)
    assert answer.url.path == "/login"
    assert '<html lang="en" data-bs-theme="dark"' in answer.text


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({"csrf_token": "TOKEN"}, {}, 303),
        ({}, {"x-csrf-token": "TOKEN"}, 303),
        ({}, {}, 403),
        ({"csrf_token": "x" * 24}, {}, 403),
        ({"csrf_token": "TOKEN"}, {"x-csrf-token": ""}, 403),
        ({}, {"x-csrf-token": "é"}, 403),
    ],
)
async def test_a_change_needs_the_token_of_its_own_page(
    pages: Client, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    token = token_in((await pages.get("/login")).text)
    sent = {name: value.replace("TOKEN", token) for name, value in form.items()}
    heads = {name: value.replace("TOKEN", token).encode() for name, value in headers.items()}
    raw = [(name.encode(), value) for name, value in heads.items()]
    answer = await pages.post("/save", data=sent, headers=raw, follow_redirects=False)
    assert answer.status_code == status


async def test_another_sessions_token_is_refused(pages: Client) -> None:
    token = token_in((await pages.get("/login")).text)
    pages.cookies.set("kq_session", "someone-else")
    answer = await pages.post("/save", data={"csrf_token": token}, follow_redirects=False)
    assert answer.status_code == 403
    assert "页面停留太久" in answer.text


async def test_a_notice_is_shown_once(pages: Client) -> None:
    token = token_in((await pages.get("/login")).text)
    answer = await pages.post("/save", data={"csrf_token": token}, follow_redirects=False)
    assert answer.headers["location"] == "/login"
    shown = await pages.get("/console/style")
    assert "已保存 ✓" in shown.text
    assert "已保存" not in (await pages.get("/console/style")).text


async def test_a_stranger_is_sent_to_the_login_and_back(pages: Client) -> None:
    answer = await pages.get("/members-only?a=1", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/members-only%3Fa%3D1"


async def test_a_part_of_a_page_sends_the_whole_page_to_the_login(pages: Client) -> None:
    answer = await pages.get("/members-only", headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-redirect"] == "/login"


@pytest.mark.parametrize(
    ("path", "language", "status", "words"),
    [
        ("/nowhere", "zh", 404, "这里什么也没有"),
        ("/nowhere", "en", 404, "There is nothing here"),
        ("/not-yours", "zh", 403, "您无权查看此页"),
        ("/not-yours", "en", 403, "You may not see this page"),
        ("/broken", "zh", 500, "系统出了点问题"),
        ("/broken", "en", 500, "Something went wrong on our side"),
    ],
)
async def test_errors_are_pages(
    pages: Client,
    caplog: pytest.LogCaptureFixture,
    path: str,
    language: str,
    status: int,
    words: str,
) -> None:
    with caplog.at_level(logging.ERROR, logger="kaquan.console.render"):
        answer = await pages.get(path, headers={"accept-language": language})
    assert answer.status_code == status
    assert words in answer.text
    assert "content-security-policy" in answer.headers
    assert "the secret reason" not in answer.text
    assert ("the secret reason" in caplog.text) == (status == 500)


@pytest.mark.parametrize(
    ("wished", "path"),
    [
        ("/console?a=1", "/console?a=1"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
    ],
)
def test_redirects_stay_on_this_site(wished: str, path: str) -> None:
    assert own_path(wished) == path
