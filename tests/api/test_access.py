"""Who gets in, and that nobody sees what is another project's."""

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, Project, create_project, utc_now
from kaquan.trust import KeyKind

Client = AsyncTestClient[Litestar]

DISCOUNT = {"discount": {"type": "AMOUNT", "amount_off": 100}}


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("nothing", {"X-App-Id": "", "X-App-Token": ""}),
        ("no token", {"X-App-Token": ""}),
        ("a wrong token", {"X-App-Token": "x" * 43}),
        ("an unknown id", {"X-App-Id": "00000000-0000-0000-0000-000000000000"}),
        ("an odd token", {"X-App-Token": "\xff\xfe"}),
    ],
)
async def test_without_a_valid_pair(api: Client, what: str, changed: dict[str, str]) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in changed.items()}
    for path in ("/v1/customers", "/v1/customers/x", "/v1/campaigns/x/enable"):
        method = "POST" if path.endswith("enable") else "GET"
        answer = await api.request(method, path, headers=raw)
        assert (answer.status_code, answer.json()["key"]) == (401, "unauthorized"), what


@pytest.mark.parametrize("kind", [KeyKind.CLIENT, KeyKind.MANAGEMENT])
async def test_keys_of_another_kind(
    api: Client, database: Database, project: Project, kind: KeyKind
) -> None:
    key = await issue_key(database, project, kind)
    answer = await api.get("/v1/customers", headers=headers_of(key))
    assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")


async def test_a_key_is_checked_before_the_body_is_read(api: Client) -> None:
    answer = await api.post("/v1/customers", content=b"{", headers={"X-App-Token": "wrong"})
    assert answer.status_code == 401


async def test_foreign_ids_look_like_unknown_ones(api: Client, database: Database) -> None:
    async with database.transaction() as tx:
        other = await create_project(
            tx, "Other", currency="CNY", time_zone="UTC", language="en", now=utc_now()
        )
    foreign = headers_of(await issue_key(database, other, KeyKind.SERVER))
    ids = await fill(api, foreign)
    for method, path in (
        ("GET", "/v1/customers/{customer}"),
        ("PUT", "/v1/customers/{customer}"),
        ("DELETE", "/v1/customers/{customer}"),
        ("GET", "/v1/customers/{customer}/segments"),
        ("GET", "/v1/orders/{order}"),
        ("PUT", "/v1/orders/{order}"),
        ("GET", "/v1/campaigns/{campaign}"),
        ("PUT", "/v1/campaigns/{campaign}"),
        ("DELETE", "/v1/campaigns/{campaign}"),
        ("POST", "/v1/campaigns/{campaign}/disable"),
        ("POST", "/v1/campaigns/{campaign}/vouchers"),
        ("GET", "/v1/vouchers/{code}"),
        ("PUT", "/v1/vouchers/{code}"),
        ("DELETE", "/v1/vouchers/{code}"),
        ("POST", "/v1/vouchers/{code}/disable"),
        ("GET", "/v1/vouchers/{code}/redemption"),
        ("GET", "/v1/redemptions/{redemption}"),
        ("POST", "/v1/redemptions/{redemption}/rollback"),
        ("GET", "/v1/reports/campaigns/{campaign}"),
    ):
        named = await ask(api, method, path.format_map(ids))
        unknown = await ask(api, method, path.format_map(dict.fromkeys(ids, "nobody")))
        assert named.status_code == unknown.status_code == 404, (method, path, named.text)
        assert shape(named) == shape(unknown)
    still = await api.get(f"/v1/redemptions/{ids['redemption']}", headers=foreign)
    assert still.json()["status"] == "SUCCEEDED"
    assert (await api.get("/v1/customers")).json()["total"] == 0


async def ask(api: Client, method: str, path: str) -> httpx.Response:
    return await api.request(method, path, json={} if method == "PUT" else None)


def shape(answer: httpx.Response) -> dict[str, object]:
    """What a problem says besides the names that the caller sent."""
    told = answer.json()
    return {name: told[name] for name in told if name not in SENT}


SENT = {"detail", "details", "request_id", "resource_id"}


async def fill(api: Client, headers: dict[str, str]) -> dict[str, str]:
    """Make one of each in the project of these headers."""

    async def make(path: str, body: dict[str, object]) -> dict[str, str]:
        answer = await api.post(f"/v1{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    customer = await make("/customers", {"source_id": "theirs"})
    campaign = await make("/campaigns", {"name": "Theirs", "voucher": DISCOUNT})
    await make("/vouchers/THEIRS", {**DISCOUNT, "campaign": "Theirs"})
    redeemed = await api.post(
        "/v1/redemptions",
        json={
            "redeemables": [{"object": "voucher", "id": "THEIRS"}],
            "order": {"amount": 1000},
            "customer": {"id": customer["id"]},
        },
        headers=headers,
    )
    told = redeemed.json()
    return {
        "customer": customer["id"],
        "campaign": campaign["id"],
        "code": "THEIRS",
        "order": told["order"]["id"],
        "redemption": told["redemptions"][0]["id"],
    }
