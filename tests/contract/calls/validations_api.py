"""Calls of ValidationsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call

CALLS: Mapping[str, Call] = {
    "validate_stacked_discounts": lambda shop: shop.api(
        voucherify.ValidationsApi
    ).validate_stacked_discounts(
        models.ValidationsValidateRequestBody(
            redeemables=[
                models.ValidationsValidateRequestBodyRedeemablesItem(
                    object="voucher", id=shop.voucher()
                )
            ],
            order=models.Order(amount=5_000),
        )
    ),
}
