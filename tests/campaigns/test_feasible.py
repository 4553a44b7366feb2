"""An offer that a checkout could not carry out is refused when it is defined, not at the till."""

from typing import Any

import pytest

from conftest import NOW
from kaquan.campaigns import CampaignDraft, create_campaign
from kaquan.runtime import InvalidInput, Tx

AMOUNT = {"code": "amount_off", "amount_minor": 100}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a gift card", {"effect": {"code": "stored_value"}}, "offer.effect"),
    ("a visit", {"effect": {"code": "service_entitlement", "service_id": "s"}}, "offer"),
    (
        "a payment method",
        {"effect": AMOUNT, "condition": {"code": "paid_by", "payment_methods": ["card"]}},
        "offer.condition",
    ),
    (
        "the spend so far",
        {"effect": AMOUNT, "condition": {"code": "customer_spend", "at_least_minor": 1}},
        "offer",
    ),
    ("days after the claim", {"effect": AMOUNT, "window": {"after_claim": {"days": 7}}}, "offer"),
]


@pytest.mark.parametrize(
    ("case", "offer", "field"), [pytest.param(*row, id=row[0]) for row in REFUSED]
)
async def test_it_is_refused(tx: Tx, *, case: str, offer: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_campaign(tx, CampaignDraft(name=case, offer=offer), now=NOW)
    assert refused.value.key == "offer_not_supported", refused.value.message
    assert refused.value.field.startswith(field)


@pytest.mark.parametrize(
    "offer",
    [
        {"effect": AMOUNT, "condition": {"code": "first_order"}},
        {"effect": {"code": "cheapest_free", "of": 3}},
        {"effect": AMOUNT, "window": {"expires_on": "2030-05-31"}},
    ],
    ids=["first order", "cheapest free", "a last day"],
)
async def test_it_is_accepted(tx: Tx, offer: dict[str, Any]) -> None:
    await create_campaign(tx, CampaignDraft(name="Fine", offer=offer), now=NOW)
