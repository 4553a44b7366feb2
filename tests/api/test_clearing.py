"""What is said about time, rules and categories, taken back with null."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

DISCOUNT = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 500}}
SAID: list[tuple[str, Any]] = [
    ("start_date", "2026-01-01T00:00:00Z"),
    ("expiration_date", "2036-01-01T00:00:00Z"),
    ("validity_timeframe", {"interval": "P2D", "duration": "P1D"}),
    ("validity_day_of_week", [1, 2]),
    ("validity_hours", {"daily": [{"start_time": "09:00", "days_of_week": [1],
                                   "expiration_time": "11:00"}]}),
]  # fmt: skip
CAMPAIGN_SAID = [*SAID, ("activity_duration_after_publishing", "P1D"), ("description", "Words")]


@pytest.mark.parametrize(("name", "value"), CAMPAIGN_SAID)
async def test_of_a_campaign(api: Client, name: str, value: Any) -> None:
    body = {"name": "C", "voucher": DISCOUNT, name: value}
    made = (await api.post("/v1/campaigns", json=body)).json()
    assert made[name] == value
    kept = (await api.put(f"/v1/campaigns/{made['id']}", json={"metadata": {"a": 1}})).json()
    assert kept[name] == value
    cleared = await api.put(f"/v1/campaigns/{made['id']}", json={name: None})
    assert (cleared.status_code, cleared.json()[name]) == (200, None)
    assert (await api.get(f"/v1/campaigns/{made['id']}")).json()[name] is None


@pytest.mark.parametrize(("name", "value"), SAID)
async def test_of_a_voucher(api: Client, name: str, value: Any) -> None:
    made = (await api.post("/v1/vouchers/A", json={**DISCOUNT, name: value})).json()
    assert made[name] == value
    cleared = await api.put("/v1/vouchers/A", json={name: None})
    assert (cleared.status_code, cleared.json()[name]) == (200, None)
    assert (await api.get("/v1/vouchers/A")).json()[name] is None


async def test_of_the_rules_of_a_campaign(api: Client) -> None:
    rules = {"1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [1_000]}}}
    rule = (await api.post("/v1/validation-rules", json={"name": "R", "rules": rules})).json()["id"]
    body = {"name": "C", "voucher": DISCOUNT, "vouchers_count": 1, "validation_rules": [rule]}
    campaign = (await api.post("/v1/campaigns", json=body)).json()["id"]
    (voucher,) = (await api.get("/v1/vouchers", params={"campaign_id": campaign})).json()[
        "vouchers"
    ]
    order = {
        "redeemables": [{"object": "voucher", "id": voucher["code"]}],
        "order": {"amount": 999},
    }
    assert (await api.post("/v1/validations", json=order)).json()["valid"] is False
    cleared = await api.put(f"/v1/campaigns/{campaign}", json={"validation_rules": None})
    assert cleared.json()["validation_rules_assignments"]["total"] == 0
    assert (await api.post("/v1/validations", json=order)).json()["valid"] is True
