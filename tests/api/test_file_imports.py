"""Mapped imports over HTTP: sent, looked at, mapped, tried, run, and the rejects fetched."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.customers import carry_out
from kaquan.runtime import Database, Project, utc_now

Api = AsyncTestClient[Litestar]
PATH = "/v1/kaquan/imports"
CONTENT = "会员号,姓名,手机,邮箱\nm1,李雷,138 0013 8000,\nm2,韩梅梅,,not-mail\n"


async def send(api: Api, content: str = CONTENT, **form: str) -> dict[str, Any]:
    """Send a file and return its import."""
    files = {"file": ("members.csv", content.encode("gb18030"), "text/csv")}
    answer = await api.post(PATH, files=files, data={"subject": "customers"} | form)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def work(database: Database, project: Project, answer: Any) -> None:
    """Do the long work that an answer names, as its job does."""
    assert answer.status_code == 200, answer.text
    action_id = answer.json()["async_action_id"]
    await carry_out(database, project.project_id, action_id, clock=utc_now)


async def test_a_file_is_sent_mapped_tried_and_imported(
    api: Api, database: Database, project: Project
) -> None:
    sent = await send(api)
    assert sent["shape"]["encoding"] == "gb18030"
    assert sent["mapping"]["fields"] == {
        "source_id": "会员号",
        "name": "姓名",
        "phone": "手机",
        "email": "邮箱",
    }
    assert sent["preview"]["changes"][0]["stored"] == "+8613800138000"
    here = f"{PATH}/{sent['id']}"
    await work(database, project, await api.post(f"{here}/check"))
    tried = (await api.get(here)).json()["check"]["result"]
    assert [(one["line"], one["field"]) for one in tried["failed"]] == [(3, "email")]
    assert (await api.get("/v1/customers/m1")).status_code == 404
    fields = {k: v for k, v in sent["mapping"]["fields"].items() if k != "email"}
    mapping = {"fields": fields, "metadata": {"mail": "邮箱"}}
    body = {"mapping": mapping, "save_as": "till"}
    changed = (await api.put(f"{here}/mapping", json=body)).json()
    assert (changed["mapping"]["metadata"], changed["check"]) == ({"mail": "邮箱"}, None)
    await work(database, project, await api.post(f"{here}/run"))
    done = (await api.get(here)).json()
    assert (done["run"]["status"], done["run"]["result"]["added"]) == ("DONE", 2)
    assert done["preview"] is None
    assert (await api.get("/v1/customers/m2")).json()["metadata"] == {"mail": "not-mail"}
    again = await api.post(f"{here}/run")
    assert (again.status_code, again.json()["key"]) == (400, "import_begun")
    listed = (await api.get(PATH, params={"subject": "customers"})).json()
    assert (listed["total"], listed["data"][0]["id"]) == (1, sent["id"])


async def test_rejects_come_in_the_files_own_columns(
    api: Api, database: Database, project: Project
) -> None:
    sent = await send(api)
    here = f"{PATH}/{sent['id']}"
    assert (await api.get(f"{here}/rejects")).status_code == 404
    await work(database, project, await api.post(f"{here}/run"))
    lines = (await api.get(f"{here}/rejects")).text.splitlines()
    assert lines[0] == "会员号,姓名,手机,邮箱,import_line,import_reason"
    assert lines[1].startswith("m2,韩梅梅,,not-mail,3,")


async def test_profiles_are_kept_used_and_forgotten(api: Api) -> None:
    body = {"mapping": {"fields": {"source_id": "会员号"}}}
    kept = await api.put("/v1/kaquan/import-profiles/customers/till", json=body)
    assert kept.json()["data"][0]["name"] == "till"
    sent = await send(api, profile="till")
    assert sent["mapping"]["fields"] == {"source_id": "会员号"}
    listed = (await api.get("/v1/kaquan/import-profiles")).json()["data"]
    assert [(one["subject"], one["name"]) for one in listed] == [("customers", "till")]
    assert (await api.delete("/v1/kaquan/import-profiles/customers/till")).status_code == 204
    assert (await api.delete("/v1/kaquan/import-profiles/customers/till")).status_code == 404
    assert (await api.delete(f"{PATH}/{sent['id']}")).status_code == 204
    assert (await api.get(f"{PATH}/{sent['id']}")).status_code == 404


REFUSED: list[tuple[str, dict[str, str], str, int, str]] = [
    ("no such subject", {"subject": "cats"}, CONTENT, 400, "subject"),
    ("no such profile", {"profile": "none"}, CONTENT, 404, ""),
    ("an empty file", {}, "", 400, "file"),
    ("a header alone", {}, "id,name\n", 400, "file"),
]


@pytest.mark.parametrize(
    ("form", "content", "status", "field"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
async def test_files_refused(
    api: Api, form: dict[str, str], content: str, status: int, field: str
) -> None:
    files = {"file": ("f.csv", content.encode(), "text/csv")}
    answer = await api.post(PATH, files=files, data={"subject": "customers"} | form)
    assert answer.status_code == status, answer.text
    if field:
        assert field in json.dumps(answer.json())


async def test_a_mapping_that_cannot_be_names_its_place(api: Api) -> None:
    sent = await send(api)
    body = {"mapping": {"fields": {"source_id": "nowhere"}}}
    answer = await api.put(f"{PATH}/{sent['id']}/mapping", json=body)
    assert answer.status_code == 400
    assert "mapping.fields.source_id" in answer.text
    fields = (await api.get(f"{PATH}/fields/orders")).json()["data"]
    assert "line.quantity" in [one["name"] for one in fields]
