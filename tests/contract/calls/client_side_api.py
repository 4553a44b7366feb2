"""Calls of ClientSideApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop

API = voucherify.ClientSideApi
ORIGIN = "https://shop.example"


def check_eligibility(shop: Shop) -> object:
    body = {"order": {"amount": 5_000}, "scenario": "ALL"}
    return shop.api(API).check_eligibility_client_side(
        models.ClientQualificationsCheckEligibilityRequestBody.model_validate(body)
    )


def validate(shop: Shop) -> object:
    body = {
        "redeemables": [{"object": "voucher", "id": shop.voucher()}],
        "order": {"amount": 5_000},
        "tracking_id": "anna",
    }
    answer = shop.api(API).validate_stacked_discounts_client_side(
        ORIGIN, models.ClientValidationsValidateRequestBody.model_validate(body)
    )
    assert answer.valid is True
    assert answer.tracking_id == "anna"
    return answer


def redeem(shop: Shop) -> object:
    body = {
        "redeemables": [{"object": "voucher", "id": shop.voucher()}],
        "order": {"amount": 5_000},
    }
    answer = shop.api(API).redeem_stacked_discounts_client_side(
        ORIGIN, models.ClientRedemptionsRedeemRequestBody.model_validate(body)
    )
    (redemption,) = answer.redemptions or []
    assert redemption.result == "SUCCESS"
    return answer


def track(shop: Shop) -> object:
    body = {"event": "seen", "customer": {"source_id": shop.name("visitor")}}
    return shop.api(API).track_custom_event_client_side(
        ORIGIN, models.ClientEventsCreateRequestBody.model_validate(body)
    )


CALLS: Mapping[str, Call] = {
    "check_eligibility_client_side": check_eligibility,
    "list_promotion_tiers_client_side": lambda shop: shop.api(API).list_promotion_tiers_client_side(
        ORIGIN
    ),
    "redeem_stacked_discounts_client_side": redeem,
    "track_custom_event_client_side": track,
    "validate_stacked_discounts_client_side": validate,
}
