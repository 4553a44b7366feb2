"""A campaign that is set up from a template is like the one that the template was made of."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]
PATH = "/v1/templates/campaigns"
OFF = {"discount": {"type": "AMOUNT", "amount_off": 500}}
LIMITS = {
    "budget_minor": 90_000,
    "per_customer_cap": 2,
    "redemption_cap": 40,
    "priority": 3,
    "lane": "order",
    "holdout_bps": 1_000,
    "open_to_holdout": True,
}

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "coupons with limits": {
        "campaign_type": "DISCOUNT_COUPONS",
        "voucher": OFF | {"redemption": {"quantity": 3}, "code_config": {"pattern": "T-########"}},
        "kaquan": LIMITS,
    },
    "gift cards": {
        "campaign_type": "GIFT_VOUCHERS",
        "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}},
    },
}
OWN = {"id", "name", "created_at", "updated_at", "vouchers_count"}


@pytest.mark.parametrize("kind", CAMPAIGNS)
async def test_a_template_keeps_what_a_campaign_is_like(api: Client, kind: str) -> None:
    made = await api.post("/v1/campaigns", json=CAMPAIGNS[kind] | {"name": "First"})
    assert made.status_code == 200, made.text
    first = made.json()
    kept = await api.post(PATH, json={"campaign_id": first["id"]})
    assert kept.status_code == 200, kept.text
    template = kept.json()
    answer = await api.post(f"{PATH}/{template['id']}/campaign-setup", json={"name": "Second"})
    assert answer.status_code == 200, answer.text
    second = answer.json()["campaign"]
    for one in (first, second):
        one["kaquan"]["offer"].pop("id", None)
    assert {k: v for k, v in second.items() if k not in OWN} == {
        k: v for k, v in first.items() if k not in OWN
    }
