"""What every route does for who integrates: tags, versions, compression, and what was left out."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from typer.testing import CliRunner

from kaquan.cli.app import cli
from kaquan.runtime import Project

Client = AsyncTestClient[Litestar]

COUPON = {"discount": {"type": "AMOUNT", "amount_off": 100}}


async def test_what_has_not_changed_is_not_sent_again(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=COUPON)
    for path in ("/v1/vouchers/A", "/v1/vouchers", "/v1/customers"):
        first = await api.get(path)
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = await api.get(path, headers={"If-None-Match": given})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert "content-type" not in again.headers
        other = await api.get(path, headers={"If-None-Match": 'W/"other"'})
        assert (other.status_code, other.content) == (200, first.content)
    tag = (await api.get("/v1/vouchers/A")).headers["etag"]
    await api.post("/v1/vouchers/A/disable")
    changed = await api.get("/v1/vouchers/A", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["active"]) == (200, False)
    assert changed.headers["etag"] != tag


async def test_only_good_answers_to_get_have_a_tag(api: Client) -> None:
    missing = await api.get("/v1/vouchers/nobody", headers={"If-None-Match": "*"})
    assert missing.status_code == 404
    assert "etag" not in missing.headers
    made = await api.post("/v1/vouchers/A", json=COUPON, headers={"If-None-Match": "*"})
    assert made.status_code == 200
    assert "etag" not in made.headers


async def test_answers_are_compressed_for_who_can_read_that(api: Client) -> None:
    await api.post("/v1/vouchers/A", json=COUPON)
    plain = await api.get("/v1/vouchers/A", headers={"Accept-Encoding": "identity"})
    packed = await api.get("/v1/vouchers/A", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] == plain.headers["etag"]
    assert packed.json() == plain.json()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Kaquan-Version": "2026-11-22"}, 200),
        ({"Kaquan-Version": "2020-01-01"}, 400),
        ({"Kaquan-Version": ""}, 400),
        ({"X-Voucherify-API-Version": "v2018-08-01"}, 200),
        ({"X-Voucherify-API-Version": "v2017-04-05"}, 400),
    ],
)
async def test_versions(api: Client, headers: dict[str, str], status: int) -> None:
    answer = await api.get("/v1/vouchers", headers=headers)
    assert answer.status_code == status
    assert answer.headers["kaquan-version"] == "2026-11-22"
    if status == 400:
        told = answer.json()
        assert told["key"] == "unknown_api_version"
        assert told["field"] in headers


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/customers", {"source_id": "a"}, None),
        ("/v1/customers", {"source_id": "a", "shoe_size": None}, None),
        ("/v1/customers", {"source_id": "a", "metadata": {"shoe_size": 42}}, None),
        ("/v1/customers", {"source_id": "a", "shoe_size": 42}, "shoe_size"),
        ("/v1/customers", {"source_id": "a", "address": {"planet": "Mars"}}, "address.planet"),
        ("/v1/customers", {"source_id": "a", "Schuhgröße\r\n": 42}, "Schuhgr%C3%B6%C3%9Fe%0D%0A"),
        (
            "/v1/orders",
            {"items": [{"price": 1, "source_id": "a", "colour": "red"}], "gift": 1},
            "items[0].colour, gift",
        ),
    ],
)
async def test_what_means_nothing_is_named(
    api: Client, path: str, body: dict[str, Any], told: str | None
) -> None:
    answer = await api.post(path, json=body)
    assert answer.status_code == 200
    assert answer.headers.get("kaquan-ignored-fields") == told


async def test_what_is_missing_is_told_in_the_dialects_words(api: Client) -> None:
    redeemed = {"redeemables": [{"object": "voucher", "id": "NONE"}], "order": {"amount": 1}}
    for answer in (
        await api.get("/v1/vouchers/NONE"),
        await api.get("/v1/customers/NONE"),
        await api.post("/v1/redemptions", json=redeemed),
    ):
        told = answer.json()
        assert (answer.status_code, told["key"]) == (404, "not_found")
        assert (told["message"], told["resource_id"]) == ("Resource not found", "NONE")


async def test_not_all_of_a_thousand_are_named(api: Client) -> None:
    body = {f"unknown_{number}": 1 for number in range(1_000)}
    answer = await api.post("/v1/customers", json=body | {"source_id": "a"})
    assert len(answer.headers["kaquan-ignored-fields"].split(", ")) == 20


@pytest.mark.slow
async def test_the_command_prints_the_document(api: Client, project: Project) -> None:
    assert project.id
    printed = CliRunner().invoke(cli, ["openapi", "--indent", "0"])
    assert printed.exit_code == 0
    assert printed.stdout.rstrip("\n") == (await api.get("/docs/openapi.json")).text
