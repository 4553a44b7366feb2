"""Referral programmes over HTTP: from the programme to the reward, and what is refused."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.checkout import list_due_referrals, settle_referral
from kaquan.runtime import Database, Project, utc_now

Api = AsyncTestClient[Litestar]
OFF = {"discount": {"type": "AMOUNT", "amount_off": 1000}}


async def send(api: Api, method: str, path: str, body: object = None, status: int = 200) -> Any:
    """Send a request whose answer must have this status."""
    answer = await api.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def open_programme(api: Api, **more: Any) -> tuple[dict[str, Any], str]:
    """A programme as answered, and the code that anna hands on."""
    body = {"name": "Friends", "campaign_type": "REFERRAL_PROGRAM", "voucher": OFF, **more}
    made = await send(api, "POST", "/v1/campaigns", body)
    given = await send(
        api,
        "POST",
        "/v1/publications",
        {"campaign": {"id": made["id"]}, "customer": {"source_id": "anna"}},
    )
    return made, given["voucher"]["code"]


def using(code: str, customer: str) -> dict[str, Any]:
    """A redemption of the code by somebody."""
    return {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": {"source_id": customer},
        "order": {"amount": 5000},
    }


async def test_from_the_programme_to_the_reward(
    api: Api, database: Database, project: Project
) -> None:
    club = {"name": "Club", "voucher": {"loyalty_card": {"points": 0}}}
    await send(api, "POST", "/v1/loyalties", club)
    terms = {
        "new_customers_only": True,
        "reward": {"campaign": "Club", "amount": 50},
    }
    made, code = await open_programme(
        api,
        kaquan={"referral": terms},
        referral_program={
            "conversion_event_type": "redemption",
            "referee_reward": {
                "type": "LOYALTY_CARD",
                "related_object_parent": {"name": "Club", "object": "CAMPAIGN"},
                "amount": "5",
            },
        },
    )
    assert (made["campaign_type"], made["voucher"]["is_referral_code"]) == (
        "REFERRAL_PROGRAM",
        True,
    )
    assert made["voucher"]["redemption"]["quantity"] is None
    assert made["referral_program"]["referee_reward"]["amount"] == "5"
    assert made["kaquan"]["referral"]["reward"]["amount"] == 50
    voucher = await send(api, "GET", f"/v1/vouchers/{code}")
    assert voucher["is_referral_code"]
    assert voucher["referrer_id"] == voucher["holder_id"] is not None
    given = await send(api, "GET", "/v1/publications?is_referral_code=true")
    assert [one["voucher"]["is_referral_code"] for one in given["publications"]] == [True]
    refused = await send(api, "POST", "/v1/redemptions", using(code, "anna"), status=400)
    assert refused["key"] == "customer_rules_violated"
    own = await send(api, "POST", "/v1/validations", using(code, "anna"))
    assert own["redeemables"][0]["result"]["error"]["key"] == "customer_rules_violated"
    await send(api, "POST", "/v1/redemptions", using(code, "bo"))
    # Bo has bought by now.
    await send(api, "POST", "/v1/redemptions", using(code, "bo"), status=400)
    async with database.transaction(project.project_id) as tx:
        for due in await list_due_referrals(tx, now=utc_now(), limit=10):
            await settle_referral(tx, due, now=utc_now())
    cards = (await send(api, "GET", "/v1/vouchers?campaign=Club"))["vouchers"]
    assert {one["loyalty_card"]["balance"] for one in cards} == {50, 5}
    holders = await send(api, "GET", f"/v1/referrals/members/{code}/holders")
    assert [one["holder_role"] for one in holders["data"]] == ["REFEREE", "REFERRER"]
    friend = (await send(api, "GET", "/v1/customers/bo"))["referrals"]
    assert (friend["total"], friend["campaigns"][0]["campaign_id"]) == (1, made["id"])
    anna = await send(api, "GET", "/v1/customers/anna")
    assert (anna["loyalty"]["referred_customers"], anna["referrals"]["total"]) == (1, 0)
    changed = await send(
        api, "PUT", f"/v1/campaigns/{made['id']}", {"kaquan": {"referral": {"reward": None}}}
    )
    assert changed["kaquan"]["referral"]["reward"] is None


async def test_holders(api: Api) -> None:
    made, code = await open_programme(api)
    path = f"/v1/referrals/{made['id']}/members/{code}/holders"
    friends = {"holders": [{"source_id": "bo"}, {"source_id": "cy"}], "metadata": {"x": 1}}
    added = (await send(api, "POST", path, friends))["holders"]
    assert [one["redeemable_object"] for one in added] == ["voucher"] * 2
    role = "filters[holder_role][conditions][$is][0]=REFEREE"
    first = await send(api, "GET", f"{path}?{role}&limit=1&order=id")
    assert (first["total"], first["has_more"], len(first["data"])) == (2, True, 1)
    after = first["more_starting_after"]
    rest = await send(api, "GET", f"{path}?{role}&order=id&starting_after_id={after}")
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    await send(api, "DELETE", f"{path}/{added[0]['id']}", status=204)
    await send(api, "DELETE", f"{path}/{added[0]['id']}", status=404)
    own = await send(api, "POST", path, {"holders": [{"source_id": "anna"}]}, status=400)
    assert (own["key"], own["field"]) == ("self_referral", "holders[0]")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/referrals/members/nobody/holders", 404),
        ("GET", "/v1/referrals/members/PLAIN/holders", 404),
        ("GET", "/v1/referrals/elsewhere/members/{code}/holders", 404),
        ("GET", "/v1/referrals/members/{code}/holders?order=name", 400),
        ("POST", "/v1/referrals/members/{code}/holders", 400),
        ("DELETE", "/v1/referrals/members/{code}/holders/nobody", 404),
    ],
)
async def test_holders_that_cannot_be(api: Api, method: str, path: str, status: int) -> None:
    _, code = await open_programme(api)
    await send(api, "POST", "/v1/vouchers/PLAIN", {"type": "DISCOUNT_VOUCHER", **OFF})
    body: object = {"holders": []} if method == "POST" else None
    await send(api, method, path.format(code=code), body, status=status)
