"""Calls of PromotionsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.PromotionsApi


def create_promotion(shop: Shop) -> str:
    made = shop.api(voucherify.CampaignsApi).create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {"name": shop.name("promotion"), "campaign_type": "PROMOTION"}
        )
    )
    return required(made.id)


def add_tier(shop: Shop, campaign: str) -> str:
    made = shop.api(API).add_promotion_tier_to_campaign(
        campaign,
        models.PromotionsTiersCreateRequestBody.model_validate(
            {
                "name": shop.name("tier"),
                "banner": "1.00 off",
                "action": {"discount": {"type": "AMOUNT", "amount_off": 100}},
            }
        ),
    )
    return required(made.id)


def new_tier(shop: Shop) -> str:
    return add_tier(shop, create_promotion(shop))


def new_stack(shop: Shop) -> tuple[str, str]:
    campaign = create_promotion(shop)
    made = shop.api(API).create_promotion_stack(
        campaign,
        models.PromotionsStacksCreateRequestBody.model_validate(
            {"name": shop.name("stack"), "tiers": {"ids": [add_tier(shop, campaign)]}}
        ),
    )
    return campaign, required(made.id)


CALLS: Mapping[str, Call] = {
    "add_promotion_tier_to_campaign": new_tier,
    "create_promotion_stack": new_stack,
    "delete_promotion_stack": lambda shop: shop.api(API).delete_promotion_stack(*new_stack(shop)),
    "delete_promotion_tier": lambda shop: shop.api(API).delete_promotion_tier(new_tier(shop)),
    "disable_promotion_tier": lambda shop: shop.api(API).disable_promotion_tier(new_tier(shop)),
    "enable_promotion_tier": lambda shop: shop.api(API).enable_promotion_tier(new_tier(shop)),
    "get_promotion_stack": lambda shop: shop.api(API).get_promotion_stack(*new_stack(shop)),
    "get_promotion_tier": lambda shop: shop.api(API).get_promotion_tier(new_tier(shop)),
    "list_all_promotion_stacks": lambda shop: shop.api(API).list_all_promotion_stacks(),
    "list_promotion_stacks_in_campaign": lambda shop: shop.api(
        API
    ).list_promotion_stacks_in_campaign(create_promotion(shop)),
    "list_promotion_tiers": lambda shop: shop.api(API).list_promotion_tiers(),
    "list_promotion_tiers_from_campaign": lambda shop: shop.api(
        API
    ).list_promotion_tiers_from_campaign(create_promotion(shop)),
    "update_promotion_stack": lambda shop: shop.api(API).update_promotion_stack(
        *new_stack(shop), models.PromotionsStacksUpdateRequestBody(name=shop.name("stack"))
    ),
    "update_promotion_tier": lambda shop: shop.api(API).update_promotion_tier(
        new_tier(shop), models.PromotionsTiersUpdateRequestBody(banner="changed")
    ),
}
