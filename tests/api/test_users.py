"""Projects and their people by a management key: what is refused, and what stays apart."""

import httpx
import pytest
from litestar import Litestar

from api.conftest import headers_of, issue_key
from api.test_management import BASE, office
from kaquan.runtime import Database, Project, create_project, utc_now
from kaquan.trust import IssuedKey, KeyKind, Role, create_user

__all__ = ["office"]


async def test_a_project_from_its_opening_to_its_end(
    office: httpx.AsyncClient, app: Litestar
) -> None:
    made = await office.post(BASE, json={"name": "Second", "currency": "EUR", "timezone": "UTC"})
    told = made.json()
    assert made.status_code == 200, told
    pair = told["server_side_key"]
    headers = {"X-App-Id": pair["app_id"], "X-App-Token": pair["app_token"]}
    assert (await office.get("/v1/customers", headers=headers)).status_code == 200
    changed = await office.put(f"{BASE}/{told['id']}", json={"client_redeem_enabled": True})
    assert changed.json()["client_redeem_enabled"] is True
    own = (await office.get(BASE)).json()
    assert [one["client_redeem_enabled"] for one in own["data"]] == [False, True]
    assert (await office.delete(f"{BASE}/{told['id']}")).status_code == 204
    assert (await office.get(f"{BASE}/{told['id']}")).status_code == 404
    # A process remembers a key for five seconds; a bearer token is looked up each time.
    bearer = {"Authorization": f"Bearer {pair['app_token']}"}
    assert (await office.get("/v1/customers", headers=bearer)).status_code == 401
    assert app.state.database is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "", {}, 400, "name"),
        ("POST", "", {"name": "x", "currency": "ABC"}, 400, "currency"),
        ("POST", "", {"name": "x", "timezone": "Mars"}, 400, "time_zone"),
        ("POST", "", {"name": "x", "case_sensitive_codes": False}, 501, "case_sensitive_codes"),
        ("POST", "", {"name": "x", "users": [{"role": "USER"}]}, 400, "users[0].id"),
        ("POST", "", {"name": "x", "users": [{"role": "USER", "id": "u"}]}, 400, "users[0]"),
        ("DELETE", "/{id}", None, 400, "project_id"),
        ("DELETE", "/proj_other", None, 404, None),
        ("POST", "/{id}/users", {"role": "USER"}, 400, "id"),
        ("POST", "/{id}/users", {"role": "BOSS", "id": "u"}, 400, "role"),
        ("POST", "/{id}/users", {"role": "USER", "id": "nobody"}, 404, None),
        ("PUT", "/{id}/users/nobody", {"role": "USER"}, 404, None),
        ("DELETE", "/{id}/users/nobody", None, 404, None),
        ("POST", "/users/invite", {"email": "a@b.example", "projects": {}}, 400, "projects"),
        (
            "POST",
            "/users/invite",
            {"email": "a@b.example", "projects": {"proj_x": "USER"}},
            400,
            "projects",
        ),
        ("POST", "/users/invite", {"email": "nobody", "projects": {"{id}": "USER"}}, 400, "email"),
        (
            "POST",
            "/users/invite",
            {"email": "a@b.example", "projects": {"{id}": "OWNER"}},
            403,
            None,
        ),
        ("GET", "/proj_other/templates/campaigns", None, 404, None),
        ("POST", "/{id}/templates/campaigns/none/copy", {}, 404, None),
    ],
)
async def test_what_is_refused(
    office: httpx.AsyncClient,
    project: Project,
    *,
    method: str,
    path: str,
    body: dict[str, object] | None,
    status: int,
    field: str | None,
) -> None:
    if body and isinstance(body.get("projects"), dict):
        places: dict[str, str] = body["projects"]  # type: ignore[assignment]
        body = body | {"projects": {k.replace("{id}", project.id): v for k, v in places.items()}}
    answer = await office.request(method, BASE + path.replace("{id}", project.id), json=body)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert field is None or problem.get("field") == field


async def test_another_familys_project_and_people_do_not_exist(
    office: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="CNY", time_zone="UTC", language="en", now=utc_now()
        )
        theirs = await create_user(
            tx,
            f"theirs-{other.project_id}@shop.example",
            password="correct horse battery",
            name="Theirs",
            role=Role.OWNER,
            now=utc_now(),
        )
    for method, path in (
        ("GET", f"/{other.id}"),
        ("DELETE", f"/{other.id}"),
        ("GET", f"/{other.id}/users"),
        ("DELETE", f"/{other.id}/users/{theirs.id}"),
    ):
        assert (await office.request(method, BASE + path)).status_code == 404, path
    own = (await office.get(BASE)).json()["data"][0]["id"]
    body = {"role": "ADMIN", "login": theirs.email}
    assert (await office.post(f"{BASE}/{own}/users", json=body)).status_code == 404


async def test_a_server_key_manages_nobody(
    office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    key: IssuedKey = await issue_key(database, project, KeyKind.SERVER)
    shown = {f"X-Management-{n}": v for n, v in (("Id", key.app_id), ("Token", key.token))}
    answer = await office.get(f"{BASE}/{project.id}/users", headers=shown | headers_of(key))
    assert answer.status_code == 403
