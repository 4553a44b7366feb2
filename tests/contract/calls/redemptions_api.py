"""Calls of RedemptionsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.RedemptionsApi


def rollback_stacked_redemptions(shop: Shop) -> object:
    answer = shop.api(API).redeem_stacked_discounts(
        models.RedemptionsRedeemRequestBody(
            redeemables=[
                models.RedemptionsRedeemRequestBodyRedeemablesItem(object="voucher", id=code)
                for code in (shop.voucher(), shop.voucher())
            ],
            order=models.Order(amount=5_000),
        )
    )
    assert answer.parent_redemption is not None
    return shop.api(API).rollback_stacked_redemptions(required(answer.parent_redemption.id))


CALLS: Mapping[str, Call] = {
    "get_redemption": lambda shop: shop.api(API).get_redemption(shop.redemption()),
    "get_voucher_redemptions": lambda shop: shop.api(API).get_voucher_redemptions(shop.voucher()),
    "list_redemptions": lambda shop: shop.api(API).list_redemptions(limit=5),
    "redeem_stacked_discounts": lambda shop: shop.redemption(),
    "rollback_redemption": lambda shop: shop.api(API).rollback_redemption(shop.redemption()),
    "rollback_stacked_redemptions": rollback_stacked_redemptions,
}
