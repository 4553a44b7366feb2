"""Settings and accounts: who may open them, and whole ways through them by forms."""

import re
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient

from console.shop import PASSWORD, Shop
from console.site import Browser, build_site, enter, open_site, token_in
from kaquan.console.pages.account import name_device
from kaquan.runtime import Database, Project, Settings, utc_now
from kaquan.trust import RelyingParty, Role, User, authenticate_key, create_user, sign_in
from outreach.mailbox import open_mailbox
from trust.test_passkeys import Authenticator

ENGLISH = {"accept-language": "en"}
TEAM, KEYS, ACCOUNT = "/console/settings/team", "/console/settings/keys", "/console/account"


@pytest_asyncio.fixture(loop_scope="session")
async def owner(database: Database, project: Project) -> User:
    """The owner of the test's own project."""
    async with database.transaction(project.project_id) as tx:
        return await create_user(
            tx,
            f"owner-{project.project_id}@shop.example",
            password=PASSWORD,
            name="Olga",
            role=Role.OWNER,
            now=utc_now(),
        )


@pytest_asyncio.fixture(loop_scope="session")
async def office(database: Database, owner: User) -> AsyncGenerator[Browser]:
    """The browser of the owner."""
    async with AsyncTestClient(open_site(database)) as browser:
        session = await sign_in(database, owner.email, PASSWORD, now=utc_now())
        browser.cookies.set("kq_session", session.token)
        browser.headers.update(ENGLISH)
        yield browser


async def post(
    browser: httpx.AsyncClient, page: str, path: str, form: dict[str, str] | None = None
) -> tuple[int, str]:
    """Send a page's form; gives the status and the page that comes of it."""
    token = token_in((await browser.get(page)).text)
    answer = await browser.post(
        path, data={"csrf_token": token, **(form or {})}, follow_redirects=False
    )
    if answer.status_code == 303:
        return 303, (await browser.get(answer.headers["location"])).text
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("role", "settings", "account"),
    [
        (Role.OWNER, 200, 200),
        (Role.ADMIN, 200, 200),
        (Role.MARKETER, 403, 200),
        (Role.ANALYST, 403, 200),
        (Role.CASHIER, 403, 200),
    ],
)
async def test_who_may_open_them(
    stranger: Browser, database: Database, shop: Shop, *, role: Role, settings: int, account: int
) -> None:
    for path in (TEAM, KEYS, ACCOUNT):
        answer = await stranger.get(path, follow_redirects=False)
        assert answer.status_code == 303
    await enter(stranger, database, shop, role)
    for path in (TEAM, KEYS, f"{TEAM}/{shop.people[Role.ANALYST].id}"):
        assert (await stranger.get(path)).status_code == settings, path
    token = token_in((await stranger.get(ACCOUNT)).text)
    for path in (f"{TEAM}/invitations", KEYS, f"{TEAM}/{shop.people[Role.ANALYST].id}/role"):
        answer = await stranger.post(path, data={"csrf_token": token})
        assert (answer.status_code == 403) is (settings == 403), path


async def test_other_tenants_people_and_keys_are_not_there(office: Browser, shop: Shop) -> None:
    theirs = shop.people[Role.ANALYST].id
    assert (await office.get(f"{TEAM}/{theirs}")).status_code == 404
    assert (await office.get(f"{KEYS}/key_none")).status_code == 404
    for path in (f"{TEAM}/{theirs}/remove", f"{TEAM}/{theirs}/password", f"{KEYS}/key_x/revoke"):
        assert (await post(office, TEAM, path))[0] == 404


async def test_from_the_invitation_to_the_way_out(
    office: Browser, database: Database, project: Project
) -> None:
    email = f"mei-{project.project_id}@shop.example"
    form = {"email": email, "name": "Mei", "role": "analyst"}
    status, page = await post(office, TEAM, f"{TEAM}/invitations", form)
    assert status == 200
    found = re.search(r'value="http://[^/]+(/invitation/[^"]+)"', page)
    assert found is not None
    async with AsyncTestClient(build_site(database)) as guest:
        guest.headers.update(ENGLISH)
        shown = await guest.get(found[1])
        assert f"You are invited to {project.name}" in shown.text
        short = await post(guest, found[1], found[1], {"name": "Mei", "password": "short"})
        assert (short[0], "at least 10 characters" in short[1]) == (422, True)
        joined = await post(guest, found[1], found[1], {"name": "Mei", "password": PASSWORD})
        assert joined[0] == 303
        assert (await guest.get("/console")).status_code == 200
        gone = await guest.get(found[1])
        assert (gone.status_code, "does not work any more" in gone.text) == (410, True)
        team = (await office.get(TEAM)).text
        member = re.search(rf"{TEAM}/(user_\w+)\">Mei<", team)
        assert member is not None
        here = f"{TEAM}/{member[1]}"
        status, page = await post(office, here, f"{here}/role", {"role": "marketer"})
        assert (status, "The role is changed." in page) == (303, True)
        status, page = await post(office, here, f"{here}/remove")
        assert (status, email in page) == (303, False)
        assert (await guest.get("/console", follow_redirects=False)).status_code == 303


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"email": "nobody", "role": "analyst"}, "This is not an e-mail address."),
        ({"email": "a@shop.example", "role": "boss"}, "A role is one of"),
        ({"email": "{owner}", "role": "analyst"}, "This person belongs to the project already."),
        ({}, "A role is one of"),
    ],
)
async def test_wrong_invitations(
    office: Browser, owner: User, form: dict[str, str], says: str
) -> None:
    filled = {name: text.replace("{owner}", owner.email) for name, text in form.items()}
    status, page = await post(office, TEAM, f"{TEAM}/invitations", filled)
    assert (status, says in page) == (422, True)


async def test_the_last_owner_is_told_why_they_stay(office: Browser, owner: User) -> None:
    here = f"{TEAM}/{owner.id}"
    status, page = await post(office, here, f"{here}/remove")
    assert (status, "A project needs an owner" in page) == (422, True)


async def test_a_key_from_its_making_to_its_end(office: Browser, database: Database) -> None:
    form = {"name": "Till 4", "access": "server/read_only", "limit": "120"}
    status, page = await post(office, KEYS, KEYS, form)
    assert status == 200
    first = re.findall(r'class="form-control kq-code"[^>]* value="([^"]+)"', page)
    app_id, token = first
    caller = await authenticate_key(database, app_id, token, now=utc_now())
    assert caller is not None
    assert (caller.scope, caller.requests_per_minute) == ("read_only", 120)
    listed = (await office.get(KEYS)).text
    assert token not in listed
    assert "120 a minute" in listed
    here = f"{KEYS}/{caller.key_id}"
    status, page = await post(office, here, f"{here}/rotate", {"overlap": "1"})
    second = re.findall(r'class="form-control kq-code"[^>]* value="([^"]+)"', page)
    assert (status, "Being replaced" in page) == (200, True)
    for pair in (first, second):
        assert await authenticate_key(database, pair[0], pair[1], now=utc_now()) is not None
    status, page = await post(office, here, f"{here}/revoke")
    assert (status, "The key is revoked." in page, app_id in page) == (303, True, False)
    assert await authenticate_key(database, app_id, token, now=utc_now()) is None
    assert await authenticate_key(database, second[0], second[1], now=utc_now()) is not None


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "", "access": "server/server"}, "A key needs a name"),
        ({"name": "x", "access": "client/server"}, "Choose what the key is for."),
        ({"name": "x", "access": "server/server", "limit": "0"}, "whole number from 1"),
        ({"name": "x", "access": "server/server", "limit": "many"}, "whole number from 1"),
    ],
)
async def test_wrong_keys(office: Browser, form: dict[str, str], says: str) -> None:
    status, page = await post(office, KEYS, KEYS, form)
    assert (status, says in page) == (422, True)


async def test_ones_own_password_and_sessions(
    office: Browser, database: Database, owner: User
) -> None:
    elsewhere = await sign_in(
        database,
        owner.email,
        PASSWORD,
        user_agent="Mozilla/5.0 (iPhone) Safari/604.1",
        now=utc_now(),
    )
    page = (await office.get(ACCOUNT)).text
    assert "Safari · iPhone" in page
    other = re.search(rf'action="({ACCOUNT}/sessions/\w+/end)"', page)
    assert other is not None
    status, page = await post(office, ACCOUNT, other[1])
    assert (status, "Safari · iPhone" in page) == (303, False)
    wrong = {"old_password": "not this one", "password": "a new, longer password"}
    status, page = await post(office, ACCOUNT, f"{ACCOUNT}/password", wrong)
    assert (status, "This is not your password." in page) == (422, True)
    right = {"old_password": PASSWORD, "password": "a new, longer password"}
    status, page = await post(office, ACCOUNT, f"{ACCOUNT}/password", right)
    assert (status, "The password is changed." in page) == (303, True)
    assert elsewhere.token
    await sign_in(database, owner.email, "a new, longer password", now=utc_now())


async def test_a_link_to_a_new_password(
    office: Browser, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        member = await create_user(
            tx,
            f"lost-{project.project_id}@shop.example",
            password=PASSWORD,
            name="Lost",
            role=Role.ANALYST,
            now=utc_now(),
        )
    here = f"{TEAM}/{member.id}"
    status, page = await post(office, here, f"{here}/password")
    found = re.search(r'value="http://[^/]+(/reset-password/[^"]+)"', page)
    assert status == 200
    assert found is not None
    async with AsyncTestClient(build_site(database)) as guest:
        guest.headers.update(ENGLISH)
        assert (await post(guest, found[1], found[1], {"password": "short"}))[0] == 422
        status, page = await post(guest, found[1], found[1], {"password": "found it again"})
        assert (status, "The new password is set." in page) == (303, True)
        assert (await guest.get(found[1])).status_code == 410
    await sign_in(database, member.email, "found it again", now=utc_now())


async def test_without_mail_the_forgetful_are_told_whom_to_ask(stranger: Browser) -> None:
    page = (await stranger.get("/login/forgotten", headers=ENGLISH)).text
    assert "This server sends no mail." in page


async def test_a_forgotten_password_is_mailed_and_nobody_is_told_who_is_here(
    database: Database, shop: Shop
) -> None:
    async with open_mailbox() as (mailbox, server):
        settings = Settings(
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_security="none",
            public_url="http://coupons.example",
            mail_from="Shop <shop@shop.example>",
        )
        # Not the client of other tests: while that one waits, the mailbox could not answer.
        site = httpx.ASGITransport(build_site(database, settings))  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
        async with httpx.AsyncClient(
            transport=site, base_url="http://coupons.example", headers=ENGLISH
        ) as guest:
            pages = [
                (await post(guest, "/login/forgotten", "/login/forgotten", {"email": email}))[1]
                for email in (shop.people[Role.APPROVER].email, "nobody@shop.example")
            ]
    assert all("a link is on its way" in page for page in pages)
    (letter,) = mailbox.received
    assert letter["To"] == shop.people[Role.APPROVER].email
    text = letter.get_content()
    assert "http://coupons.example/reset-password/" in text


PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (PHONE, "Chrome · Android"),
        (f"{PHONE} MicroMessenger/8.0", "WeChat · Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge · Windows"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_a_device_is_named_as_its_owner_knows_it(user_agent: str, name: str) -> None:
    assert name_device(user_agent) == name


async def test_a_passkey_from_its_making_to_its_use(office: Browser, owner: User) -> None:
    site = RelyingParty(str(office.base_url).rstrip("/"))
    device = Authenticator()
    device.origin, device.rp_id = site.origin, site.id
    token = {"X-CSRF-Token": token_in((await office.get(ACCOUNT)).text)}
    options = (await office.post(f"{ACCOUNT}/passkeys/options", headers=token)).text
    made = await office.post(
        f"{ACCOUNT}/passkeys",
        params={"name": "My phone"},
        content=device.register(options),
        headers=token,
    )
    assert made.json() == {"next": ACCOUNT}
    page = (await office.get(ACCOUNT)).text
    assert "My phone" in page
    forged = await office.post("/login/passkey/options", headers={"X-CSRF-Token": "x"})
    assert forged.status_code == 403
    office.cookies.clear()
    token = {"X-CSRF-Token": token_in((await office.get("/login")).text)}
    options = (await office.post("/login/passkey/options", headers=token)).text
    wrong = await office.post("/login/passkey", content=b"{}", headers=token)
    assert wrong.status_code == 422
    answer = await office.post(
        "/login/passkey",
        params={"next": "/console/customers"},
        content=device.sign(options),
        headers=token,
    )
    assert answer.json() == {"next": "/console/customers"}
    page = (await office.get(ACCOUNT)).text
    assert owner.email in page
    remove = re.search(rf'action="({ACCOUNT}/passkeys/[^"/]+/remove)"', page)
    assert remove is not None
    status, page = await post(office, ACCOUNT, remove[1])
    assert (status, "My phone" in page) == (303, False)
