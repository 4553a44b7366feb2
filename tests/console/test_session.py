"""Signing in and out, and what each role may see."""

from datetime import timedelta

import pytest
from litestar.testing import AsyncTestClient

from console.shop import PASSWORD, Shop
from console.site import Browser, build_site, enter, token_in
from kaquan.runtime import Database, Settings, utc_now
from kaquan.trust import Role, create_user, session_user

READING = ["/console", "/console/customers", "/console/campaigns", "/console/style"]


async def post_login(
    browser: Browser, email: str, password: str, *, wished: str = ""
) -> tuple[int, str, str]:
    """Fill in the form; gives status, where it leads, and the page."""
    token = token_in((await browser.get("/login", headers={"accept-language": "en"})).text)
    form = {"csrf_token": token, "email": email, "password": password, "next": wished}
    answer = await browser.post(
        "/login", data=form, headers={"accept-language": "en"}, follow_redirects=False
    )
    return answer.status_code, answer.headers.get("location", ""), answer.text


@pytest.mark.parametrize(
    ("role", "wished", "leads_to"),
    [
        (Role.OWNER, "", "/console"),
        (Role.ANALYST, "/", "/console"),
        (Role.CASHIER, "", "/staff"),
        (Role.MARKETER, "/console/customers?q=a&sort=name", "/console/customers?q=a&sort=name"),
        (Role.MARKETER, "/login", "/console"),
        (Role.MARKETER, "https://evil.example/", "/console"),
        (Role.MARKETER, "//evil.example/console", "/console"),
        (Role.MARKETER, "javascript:alert(1)", "/console"),
    ],
)
async def test_signing_in_leads_on_within_the_site(
    stranger: Browser, shop: Shop, role: Role, wished: str, leads_to: str
) -> None:
    email = shop.people[role].email
    assert await post_login(stranger, email, PASSWORD, wished=wished) == (303, leads_to, "")
    cookie = next(one for one in stranger.cookies.jar if one.name == "kq_session")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert not cookie.secure
    assert cookie.expires is not None
    lasts = cookie.expires - utc_now().timestamp()
    assert timedelta(hours=11) < timedelta(seconds=lasts) <= timedelta(hours=12)


async def test_behind_https_the_cookie_is_for_https_only(database: Database, shop: Shop) -> None:
    site = build_site(database, Settings(public_url="https://shop.example"))
    async with AsyncTestClient(site) as browser:
        token = token_in((await browser.get("/login")).text)
        visit = next(one for one in browser.cookies.jar if one.name == "kq_visit")
        assert visit.secure
        assert token


async def test_a_wrong_password_is_said_without_telling_which_part_is_wrong(
    stranger: Browser, shop: Shop
) -> None:
    known = await post_login(stranger, shop.people[Role.APPROVER].email, "wrong password")
    unknown = await post_login(stranger, "nobody@shop.example", "wrong password")
    assert (known[0], unknown[0]) == (422, 422)
    assert "This e-mail address and password do not go together." in known[2]
    assert "This e-mail address and password do not go together." in unknown[2]
    assert "wrong password" not in known[2]
    assert "kq_session" not in stranger.cookies


async def test_guessing_is_stopped(stranger: Browser, database: Database, shop: Shop) -> None:
    email = f"guessed-{shop.project.project_id}@shop.example"
    async with database.transaction(shop.project.project_id) as tx:
        await create_user(tx, email, password=PASSWORD, name="Guo", role=Role.OWNER, now=utc_now())
    statuses = [(await post_login(stranger, email, f"guess number {n}"))[0] for n in range(6)]
    assert statuses == [422] * 5 + [429]
    status, _, page = await post_login(stranger, email, PASSWORD)
    assert status == 429
    assert "Too many wrong passwords." in page


@pytest.mark.parametrize("form", [{"email": "a@b.example"}, {}, {"email": "\x00", "password": "x"}])
async def test_a_broken_login_form_is_just_refused(stranger: Browser, form: dict[str, str]) -> None:
    token = token_in((await stranger.get("/login")).text)
    answer = await stranger.post("/login", data={"csrf_token": token, **form})
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/login", "/logout", "/preferences"])
async def test_forms_without_the_token_are_refused(browser: Browser, path: str) -> None:
    answer = await browser.post(path, data={"email": "a", "password": "b"})
    assert answer.status_code == 403
    assert (await browser.get("/console")).status_code == 200


async def test_signing_out_ends_the_session_itself(
    stranger: Browser, database: Database, shop: Shop
) -> None:
    await enter(stranger, database, shop, Role.APPROVER)
    session = stranger.cookies["kq_session"]
    token = token_in((await stranger.get("/console")).text)
    answer = await stranger.post("/logout", data={"csrf_token": token}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert await session_user(database, session, now=utc_now()) is None
    assert 'kq_session=""; expires=' in answer.headers["set-cookie"]


async def test_whoever_is_signed_in_need_not_sign_in_again(browser: Browser) -> None:
    answer = await browser.get("/login?next=/console/customers", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/customers")
    assert (await browser.get("/", follow_redirects=False)).headers["location"] == "/console"


@pytest.mark.parametrize("path", READING)
async def test_strangers_are_sent_to_the_login_and_back(stranger: Browser, path: str) -> None:
    answer = await stranger.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    stranger.cookies.set("kq_session", "x" * 43)
    assert (await stranger.get(path, follow_redirects=False)).status_code == 303


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.OWNER, 200),
        (Role.APPROVER, 200),
        (Role.ANALYST, 200),
        (Role.CASHIER, 403),
        (Role.TRAINING, 403),
    ],
)
async def test_pages_are_for_roles_that_read(
    stranger: Browser, database: Database, shop: Shop, role: Role, status: int
) -> None:
    await enter(stranger, database, shop, role)
    for path in READING:
        answer = await stranger.get(path)
        assert answer.status_code == status, path
    if status == 403:
        answer = await stranger.get("/console", headers={"accept-language": "en"})
        assert "Your role does not include it." in answer.text
