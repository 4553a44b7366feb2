"""Access tokens: made by a key, working alone, for what they name, until they end."""

import base64
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, Project, create_project, utc_now
from kaquan.trust import (
    KeyKind,
    KeyScope,
    authenticate_bearer,
    create_access_token,
    create_api_key,
    replace_api_key,
)

Client = AsyncTestClient[Litestar]
GRANT = {"grant_type": "client_credentials"}


async def make(api: Client, scope: str) -> str:
    """A new token."""
    answer = await api.post("/v1/oauth/token", data=GRANT | {"scope": scope})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def ask(api: Client, method: str, path: str, token: str) -> httpx.Response:
    """A request that shows nothing but the token."""
    alone = {"X-App-Id": "", "X-App-Token": "", "Authorization": f"Bearer {token}"}
    return await api.request(method, path, headers=alone)


async def test_a_token_as_answered(api: Client) -> None:
    answer = await api.post("/v1/oauth/token", data=GRANT | {"scope": "vouchers  api vouchers"})
    token = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert token["client_id"] == api.headers["X-App-Id"]
    assert (token["token_type"], token["scope"], token["expires_in"]) == (
        "Bearer",
        "vouchers api",
        900,
    )
    assert abs(token["expires_at"] - utc_now().timestamp() - 900) < 60
    assert len(token["access_token"]) >= 40


async def test_basic_authentication(api: Client) -> None:
    pair = f"{api.headers['X-App-Id']}:{api.headers['X-App-Token']}"
    basic = {
        "X-App-Id": "",
        "X-App-Token": "",
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
    }
    answer = await api.post("/v1/oauth/token", data=GRANT | {"scope": "api"}, headers=basic)
    assert answer.status_code == 200
    wrong = basic | {"Authorization": "Basic !"}
    answer = await api.post("/v1/oauth/token", data=GRANT | {"scope": "api"}, headers=wrong)
    assert (answer.status_code, answer.json()["key"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("api", "/v1/customers", 200),
        ("api", "/v1/kaquan/stacking-rules", 200),
        ("customers", "/v1/customers", 200),
        ("customers", "/v1/vouchers/x", 403),
        ("vouchers", "/v1/vouchers/x", 404),
        ("customers vouchers", "/v1/vouchers/x", 404),
        ("customers", "/v1/kaquan/stacking-rules", 403),
        ("client_api", "/v1/customers", 403),
        ("metadata-schemas", "/v1/metadata-schemas", 200),
    ],
)
async def test_what_a_token_may_do(api: Client, scope: str, path: str, status: int) -> None:
    answer = await ask(api, "GET", path, await make(api, scope))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["key"] == "key_scope"


@pytest.mark.parametrize(
    ("form", "key", "field"),
    [
        ({"scope": "api"}, "invalid_payload", "grant_type"),
        (GRANT, "invalid_payload", "scope"),
        (GRANT | {"scope": " "}, "invalid_scope", "scope"),
        (GRANT | {"scope": "vouchers,api"}, "invalid_scope", "scope"),
        (GRANT | {"scope": "api\x00"}, "invalid_payload", "scope"),
        ({"grant_type": "password", "scope": "api"}, "unsupported_grant_type", "grant_type"),
    ],
)
async def test_forms_that_are_refused(
    api: Client, form: dict[str, str], key: str, field: str
) -> None:
    answer = await api.post("/v1/oauth/token", data=form)
    problem = answer.json()
    assert (answer.status_code, problem["key"]) == (400, key)
    assert field in (problem.get("field") or problem["detail"])


async def test_introspection_and_revocation(api: Client) -> None:
    token = await make(api, "customers")
    known = (await api.post("/v1/oauth/introspect", data={"access_token": token})).json()
    assert known["active"] is True
    assert (known["access_token"], known["scope"], known["token_type"]) == (
        token,
        "customers",
        "Bearer",
    )
    assert 0 < known["expires_in"] <= 900
    assert (await ask(api, "GET", "/v1/customers", token)).status_code == 200

    revoked = await api.post("/v1/oauth/token/revoke", data={"access_token": token})
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert (await ask(api, "GET", "/v1/customers", token)).status_code == 401
    again = await api.post("/v1/oauth/introspect", data={"access_token": token})
    assert again.json() == {"active": False}


async def test_a_token_is_nothing_in_another_project(api: Client, database: Database) -> None:
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="CNY", time_zone="UTC", language="en", now=utc_now()
        )
    theirs = headers_of(await issue_key(database, other, KeyKind.SERVER))
    form = {"access_token": await make(api, "api")}
    assert (await api.post("/v1/oauth/introspect", data=form, headers=theirs)).json() == {
        "active": False
    }
    assert (await api.post("/v1/oauth/token/revoke", data=form, headers=theirs)).status_code == 204
    assert (await ask(api, "GET", "/v1/customers", form["access_token"])).status_code == 200


async def test_a_token_ends_with_its_time_and_its_key(database: Database, project: Project) -> None:
    now = utc_now()
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(tx, KeyKind.SERVER, name="till", now=now)
        issued = await create_access_token(tx, key.key_id, scopes=("api",), now=now)
    for later, works in ((0, True), (899, True), (900, False)):
        at = now + timedelta(seconds=later)
        found = await authenticate_bearer(database, issued.token, now=at)
        assert (found is not None) is works, later
    async with database.transaction(project.project_id) as tx:
        await replace_api_key(tx, KeyKind.SERVER, name="till", now=now)
    assert await authenticate_bearer(database, issued.token, now=now) is None


async def test_a_token_may_do_no_more_than_its_key(
    api: Client, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(
            tx, KeyKind.SERVER, name="reader", scope=KeyScope.READ_ONLY, now=utc_now()
        )
        issued = await create_access_token(tx, key.key_id, scopes=("api",), now=utc_now())
    assert (await ask(api, "GET", "/v1/customers", issued.token)).status_code == 200
    refused = await ask(api, "DELETE", "/v1/customers/x", issued.token)
    assert (refused.status_code, refused.json()["key"]) == (403, "key_scope")


async def test_the_token_of_a_key_alone(api: Client, database: Database, project: Project) -> None:
    answer = await ask(api, "GET", "/v1/customers", api.headers["X-App-Token"])
    assert answer.status_code == 200
    public = await issue_key(database, project, KeyKind.CLIENT)
    assert (await ask(api, "GET", "/v1/customers", public.token)).status_code == 403
    for wrong in ("", "x" * 43, "%00"):
        assert (await ask(api, "GET", "/v1/customers", wrong)).status_code == 401
