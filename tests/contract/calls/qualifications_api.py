"""Calls of QualificationsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call

CALLS: Mapping[str, Call] = {
    "check_eligibility": lambda shop: shop.api(voucherify.QualificationsApi).check_eligibility(
        models.QualificationsCheckEligibilityRequestBody(
            scenario="CUSTOMER_WALLET", customer=models.Customer(id=shop.customer())
        )
    ),
}
