"""Calls of CampaignsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.CampaignsApi


def gift_campaign(shop: Shop) -> str:
    """The id of a new campaign of two gift cards."""
    made = shop.api(API).create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {
                "name": shop.name("gifts"),
                "campaign_type": "GIFT_VOUCHERS",
                "vouchers_count": 2,
                "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}},
            }
        )
    )
    return required(made.id)


CALLS: Mapping[str, Call] = {
    "add_voucher_with_specific_code_to_campaign": lambda shop: shop.api(
        API
    ).add_voucher_with_specific_code_to_campaign(shop.campaign(), shop.name("NAMED")),
    "add_vouchers_to_campaign": lambda shop: shop.api(API).add_vouchers_to_campaign(
        shop.campaign(), vouchers_count=2
    ),
    "create_campaign": lambda shop: shop.campaign(),
    "delete_campaign": lambda shop: shop.api(API).delete_campaign(shop.campaign()),
    "disable_campaign": lambda shop: shop.api(API).disable_campaign(shop.campaign()),
    "enable_campaign": lambda shop: shop.api(API).enable_campaign(shop.campaign()),
    "get_campaign": lambda shop: shop.api(API).get_campaign(shop.campaign()),
    "get_campaign_summary": lambda shop: shop.api(API).get_campaign_summary(shop.campaign()),
    "import_vouchers_to_campaign": lambda shop: shop.api(API).import_vouchers_to_campaign(
        shop.campaign(), [models.CampaignsImportVoucherItem(code=shop.name("IMPORTED"))]
    ),
    "import_vouchers_to_campaign_using_csv": lambda shop: shop.api(
        API
    ).import_vouchers_to_campaign_using_csv(shop.campaign(), b"Code\nCSV-2\n"),
    "export_campaign_transactions": lambda shop: shop.api(API).export_campaign_transactions(
        gift_campaign(shop), models.CampaignsTransactionsExportCreateRequestBody()
    ),
    "list_campaign_transactions": lambda shop: shop.api(API).list_campaign_transactions(
        gift_campaign(shop)
    ),
    "list_campaigns": lambda shop: shop.api(API).list_campaigns(limit=5),
    "update_campaign": lambda shop: shop.api(API).update_campaign(
        shop.campaign(), models.CampaignsUpdateRequestBody(description="leaves")
    ),
}
