"""Campaigns, vouchers and refusals as the official client writes and reads them."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import json
from typing import Any, cast

import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException


def campaign(name: str, **more: Any) -> models.CampaignsCreateRequestBody:
    """A campaign of 10 % coupons."""
    return models.CampaignsCreateRequestBody.model_validate(
        {
            "name": name,
            "campaign_type": "DISCOUNT_COUPONS",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10},
            },
            **more,
        }
    )


def voucher(**more: Any) -> models.VouchersCreateRequestBody:
    """A voucher of 5.00 off."""
    return models.VouchersCreateRequestBody.model_validate(
        {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ORDER"},
            **more,
        }
    )


def make_voucher(client: voucherify.ApiClient, code: str, **more: Any) -> None:
    """A voucher of 5.00 off that may be used any number of times."""
    voucherify.VouchersApi(client).create_voucher(
        code,
        models.VouchersCreateWithSpecificCodeRequestBody.model_validate(
            {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "AMOUNT", "amount_off": 500},
                "redemption": {"quantity": None},
                **more,
            }
        ),
    )


def problem_of(refused: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    """The problem that the client raised, its HTTP status with it."""
    return json.loads(cast("str", refused.value.body))  # pyright: ignore[reportUnknownMemberType]
