"""What an offer takes to know besides what every checkout reads: nothing, for ordinary ones."""

from typing import Any

import pytest

from checkout.shop import NOW, add_code, amount_off, on_condition
from kaquan.checkout import Coupon
from kaquan.checkout.offers import Setting, read_offer, want_facts
from kaquan.engine import find_needs
from kaquan.runtime import Tx

OFF = amount_off(100)
SETTING = Setting(
    now=NOW,
    zone="Asia/Shanghai",
    customer_id="cust_1",
    guests=(),
    location_id=None,
    orders_before=(NOW, ""),
    stored_order_id="ord_1",
)


@pytest.mark.parametrize(
    ("offer", "wanted"),
    [
        (OFF, set[str]()),
        (on_condition(OFF, code="minimum_spend", amount_minor=5), set[str]()),
        (on_condition(OFF, code="first_order"), set[str]()),
        (on_condition(OFF, code="code_holder"), set[str]()),
        (on_condition(OFF, code="birthday_window"), set[str]()),
        ({**OFF, "window": {"after_claim": {"days": 7}}}, set[str]()),
        ({"effect": {"code": "stored_value"}}, set[str]()),
        (on_condition(OFF, code="customer_spend", at_least_minor=5), {"spend_before"}),
        (on_condition(OFF, code="redemption_count", of="code", at_most=1), {"counts"}),
        ({"effect": {"code": "free_units", "units": [{"product_id": "p"}]}}, {"catalogue"}),
        (amount_off(1, amount_formula="voucher_redeemed_quantity"), {"counts"}),
        (amount_off(1, amount_formula='publication_metadata("a")'), {"publications"}),
        (amount_off(1, amount_formula="customer_birthdate"), set[str]()),
        ({"effect": {"code": "shipping_off"}}, {"delivery_of"}),
        ({"effect": {"code": "points_multiplier", "extra_points": 5}}, {"card"}),
        ({"effect": {"code": "points_multiplier", "multiplier_bps": 20_000}}, set[str]()),
    ],
)
async def test_what_is_looked_up(tx: Tx, offer: dict[str, Any], wanted: set[str]) -> None:
    voucher = await add_code(tx, "CODE", offer=offer)
    coupons = {"CODE": Coupon(voucher, None)}
    offers = {"CODE": read_offer(coupons["CODE"], NOW)}
    facts = want_facts(coupons, offers, find_needs(offers.values()), SETTING)
    lookups = ("counts", "spend_before", "category_ids", "catalogue", "publications")
    assert {name for name in (*lookups, "delivery_of", "card") if getattr(facts, name)} == wanted
    assert facts.is_nothing is (not wanted)
