"""Calls of TemplatesApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.promotions_api import create_promotion, new_tier
from contract.calls.shop import Call, Shop, required

API = voucherify.TemplatesApi


def create_template(shop: Shop) -> str:
    made = shop.api(API).create_campaign_template(
        models.TemplatesCampaignsCreateRequestBody.model_validate(
            {"name": shop.name("template"), "campaign_id": shop.campaign()}
        )
    )
    return required(made.id)


def add_tier_from_template(shop: Shop) -> object:
    made = shop.api(API).create_campaign_template(
        models.TemplatesCampaignsCreateRequestBody.model_validate(
            {"name": shop.name("template"), "promotion_tier_id": new_tier(shop)}
        )
    )
    return shop.api(API).add_tier_from_template(
        required(made.id),
        models.TemplatesCampaignsTierSetupCreateRequestBody.model_validate(
            {"name": shop.name("tier"), "campaign_id": create_promotion(shop)}
        ),
    )


CALLS: Mapping[str, Call] = {
    "add_tier_from_template": add_tier_from_template,
    "create_campaign_from_template": lambda shop: shop.api(API).create_campaign_from_template(
        create_template(shop),
        models.TemplatesCampaignsCampaignSetupCreateRequestBody(name=shop.name("campaign")),
    ),
    "create_campaign_template": create_template,
    "delete_campaign_template": lambda shop: shop.api(API).delete_campaign_template(
        create_template(shop)
    ),
    "get_campaign_template": lambda shop: shop.api(API).get_campaign_template(
        create_template(shop)
    ),
    "list_campaign_templates": lambda shop: shop.api(API).list_campaign_templates(),
    "update_campaign_template": lambda shop: shop.api(API).update_campaign_template(
        create_template(shop), models.TemplatesCampaignsUpdateRequestBody(name=shop.name("t"))
    ),
}
