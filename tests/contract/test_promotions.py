"""Promotions and templates through the official client, their offers at checkout included."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

from typing import Any

import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException, BadRequestException, NotFoundException

from contract.samples import problem_of


def tier_data(name: str, amount: int, **more: Any) -> dict[str, Any]:
    """An amount off the order."""
    return {
        "name": name,
        "banner": f"Get {name}",
        "action": {
            "discount": {"type": "AMOUNT", "amount_off": amount, "effect": "APPLY_TO_ORDER"}
        },
        **more,
    }


def make_promotion(
    client: voucherify.ApiClient, name: str = "Promotion", tiers: int = 2
) -> tuple[str, list[str]]:
    """A promotion with tiers of 10.00, 20.00, … off; returns its id and theirs."""
    made = voucherify.CampaignsApi(client).create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {
                "name": name,
                "campaign_type": "PROMOTION",
                "promotion": {
                    "tiers": [tier_data(f"Tier {n}", 1_000 * n) for n in range(1, tiers + 1)]
                },
            }
        )
    )
    assert made.id is not None
    assert made.promotion is not None
    assert (made.campaign_type, made.vouchers_count) == ("PROMOTION", 0)
    return made.id, [tier.id for tier in made.promotion.tiers or [] if tier.id is not None]


def try_out(client: voucherify.ApiClient, *redeemables: tuple[str, str]) -> Any:
    """The validation of redeemables on an order of 100.00."""
    return voucherify.ValidationsApi(client).validate_stacked_discounts(
        models.ValidationsValidateRequestBody.model_validate(
            {
                "redeemables": [{"object": kind, "id": one} for kind, one in redeemables],
                "order": {"amount": 10_000},
            }
        )
    )


def redeem(
    client: voucherify.ApiClient, *redeemables: tuple[str, str]
) -> models.RedemptionsRedeemResponseBody:
    """The redemption of redeemables on an order of 100.00."""
    return voucherify.RedemptionsApi(client).redeem_stacked_discounts(
        models.RedemptionsRedeemRequestBody.model_validate(
            {
                "redeemables": [{"object": kind, "id": one} for kind, one in redeemables],
                "order": {"amount": 10_000},
            }
        )
    )


def test_tiers(client: voucherify.ApiClient) -> None:
    api = voucherify.PromotionsApi(client)
    campaign_id, (first, _) = make_promotion(client)
    made = api.add_promotion_tier_to_campaign(
        campaign_id,
        models.PromotionsTiersCreateRequestBody.model_validate(
            tier_data(
                "Third",
                500,
                metadata={"a": 1},
                validity_day_of_week=[1, 2],
                validity_timeframe={"interval": "P3D", "duration": "P2D"},
            )
        ),
    )
    assert made.id is not None
    assert (made.hierarchy, made.campaign_id, made.active) == (3, campaign_id, True)
    assert made.validity_day_of_week == [1, 2]
    listed = api.list_promotion_tiers_from_campaign(campaign_id)
    assert [tier.hierarchy for tier in listed.tiers or []] == [1, 2, 3]
    changed = api.update_promotion_tier(
        made.id,
        models.PromotionsTiersUpdateRequestBody.model_validate(
            {
                "hierarchy": 9,
                "banner": "New",
                "metadata": {"b": 2},
                "action": tier_data("x", 700)["action"],
            }
        ),
    )
    assert (changed.hierarchy, changed.banner, changed.metadata) == (9, "New", {"a": 1, "b": 2})
    assert changed.action is not None
    assert changed.action.discount is not None
    assert changed.action.discount.amount_off == 700
    assert api.disable_promotion_tier(first).active is False
    assert api.list_promotion_tiers(is_available=True).total == 2
    assert api.enable_promotion_tier(first).active is True
    assert api.list_promotion_tiers().total == 3
    assert api.get_promotion_tier(first).name == "Tier 1"
    api.delete_promotion_tier(made.id)
    with pytest.raises(NotFoundException):
        api.get_promotion_tier(made.id)
    assert voucherify.VouchersApi(client).list_vouchers().total == 0
    with pytest.raises(NotFoundException):
        voucherify.VouchersApi(client).get_voucher(first)


def test_stacks(client: voucherify.ApiClient) -> None:
    api = voucherify.PromotionsApi(client)
    campaign_id, tiers = make_promotion(client)
    made = api.create_promotion_stack(
        campaign_id,
        models.PromotionsStacksCreateRequestBody.model_validate(
            {"name": "Both", "tiers": {"ids": tiers}}
        ),
    )
    assert made.id is not None
    assert made.tiers is not None
    assert made.tiers.ids == tiers
    changed = api.update_promotion_stack(
        campaign_id,
        made.id,
        models.PromotionsStacksUpdateRequestBody.model_validate({"name": "Two"}),
    )
    assert changed.name == "Two"
    assert api.get_promotion_stack(campaign_id, made.id).name == "Two"
    assert api.list_promotion_stacks_in_campaign(campaign_id).total == 1
    assert api.list_all_promotion_stacks(limit=5).total == 1
    with pytest.raises(NotFoundException):
        api.create_promotion_stack(
            campaign_id,
            models.PromotionsStacksCreateRequestBody.model_validate(
                {"name": "None", "tiers": {"ids": ["promo_none"]}}
            ),
        )
    api.delete_promotion_stack(campaign_id, made.id)
    with pytest.raises(NotFoundException):
        api.get_promotion_stack(campaign_id, made.id)


def test_a_tier_at_checkout(client: voucherify.ApiClient) -> None:
    campaign_id, (first, second) = make_promotion(client)
    tried = try_out(client, ("promotion_tier", first), ("promotion_tier", second))
    assert tried.valid is True
    redeemables: list[Any] = tried.redeemables
    assert [(one.object, one.id, one.status) for one in redeemables] == [
        ("promotion_tier", first, "APPLICABLE"),
        ("promotion_tier", second, "APPLICABLE"),
    ]
    assert tried.order.total_discount_amount == 3_000
    assert try_out(client, ("voucher", first)).valid is False
    assert try_out(client, ("promotion_tier", "promo_none")).valid is False
    done = redeem(client, ("promotion_tier", first))
    assert done.redemptions
    entry = done.redemptions[0]
    assert (entry.related_object_type, entry.related_object_id) == ("promotion_tier", first)
    assert entry.promotion_tier is not None
    assert entry.promotion_tier.id == first
    assert entry.voucher is None
    tier = voucherify.PromotionsApi(client).get_promotion_tier(first)
    assert tier.summary is not None
    assert tier.summary.redemptions is not None
    assert tier.summary.orders is not None
    assert tier.summary.redemptions.total_redeemed == 1
    assert tier.summary.orders.total_discount_amount == 1_000
    voucherify.CampaignsApi(client).disable_campaign(campaign_id)
    assert try_out(client, ("promotion_tier", first)).valid is False


def test_a_stack_at_checkout(client: voucherify.ApiClient) -> None:
    campaign_id, tiers = make_promotion(client)
    stack = voucherify.PromotionsApi(client).create_promotion_stack(
        campaign_id,
        models.PromotionsStacksCreateRequestBody.model_validate(
            {"name": "Both", "tiers": {"ids": tiers}}
        ),
    )
    assert stack.id is not None
    tried = try_out(client, ("promotion_stack", stack.id))
    assert tried.valid is True
    assert tried.order.total_discount_amount == 3_000
    with pytest.raises(BadRequestException):
        try_out(client, ("promotion_stack", stack.id), ("promotion_tier", tiers[0]))
    done = redeem(client, ("promotion_stack", stack.id))
    assert len(done.redemptions or []) == 2
    assert done.order is not None
    assert done.order.total_amount == 7_000


def test_rules_of_a_tier(client: voucherify.ApiClient) -> None:
    rule = voucherify.ValidationRulesApi(client).create_validation_rules(
        models.ValidationRulesCreateRequestBody.model_validate(
            {
                "name": "Big",
                "rules": {
                    "1": {"name": "order.amount", "conditions": {"$more_than": [10_000]}},
                    "logic": "1",
                },
                "error": {"message": "More, please"},
            }
        )
    )
    assert rule.id is not None
    _, (first, _) = make_promotion(client)
    voucherify.ValidationRulesApi(client).create_validation_rule_assignment(
        rule.id,
        validation_rules_assignments_create_request_body=models.ValidationRulesAssignmentsCreateRequestBody(
            related_object_type="promotion_tier", related_object_id=first
        ),
    )
    tried = try_out(client, ("promotion_tier", first))
    error = tried.inapplicable_redeemables[0].result.error
    assert (error.key, error.error.message) == ("order_rules_violated", "More, please")
    shown = voucherify.PromotionsApi(client).get_promotion_tier(first)
    assert shown.validation_rule_assignments is not None
    assert shown.validation_rule_assignments.total == 1


def test_templates(client: voucherify.ApiClient) -> None:
    api = voucherify.TemplatesApi(client)
    campaigns = voucherify.CampaignsApi(client)
    rule = voucherify.ValidationRulesApi(client).create_validation_rules(
        models.ValidationRulesCreateRequestBody.model_validate(
            {
                "name": "R",
                "rules": {"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}},
            }
        )
    )
    source = campaigns.create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {
                "name": "Source",
                "campaign_type": "DISCOUNT_COUPONS",
                "validation_rules": [rule.id],
                "validity_day_of_week": [1, 2, 3, 4, 5, 6, 0],
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "PERCENT", "percent_off": 15, "effect": "APPLY_TO_ORDER"},
                    "code_config": {"prefix": "T-"},
                    "redemption": {"quantity": 3},
                },
            }
        )
    )
    made = api.create_campaign_template(
        models.TemplatesCampaignsCreateRequestBody(
            campaign_id=source.id, name="Template", description="Words"
        )
    )
    assert made.id is not None
    assert (made.name, made.campaign_type) == ("Template", "DISCOUNT_COUPONS")
    started = api.create_campaign_from_template(
        made.id,
        models.TemplatesCampaignsCampaignSetupCreateRequestBody.model_validate(
            {"name": "Started", "vouchers_count": 1}
        ),
    )
    created = started.campaign
    assert (created.name, created.vouchers_count) == ("Started", 1)
    assert created.voucher is not None
    assert created.voucher.discount is not None
    assert created.voucher.redemption is not None
    assert (created.voucher.discount.percent_off, created.voucher.redemption.quantity) == (15, 3)
    assert created.voucher.code_config.prefix == "T-"
    assert created.validity_day_of_week == [1, 2, 3, 4, 5, 6, 0]
    assert [one.object for one in started.created_resources or []] == ["validation_rules"]
    campaign_id, _ = make_promotion(client)
    tier = api.add_tier_from_template(
        made.id,
        models.TemplatesCampaignsTierSetupCreateRequestBody.model_validate(
            {"campaign_id": campaign_id, "name": "From template"}
        ),
    ).promotion_tier
    assert tier is not None
    assert tier.action is not None
    assert tier.action.discount is not None
    assert (tier.name, tier.action.discount.percent_off) == ("From template", 15)
    changed = api.update_campaign_template(
        made.id, models.TemplatesCampaignsUpdateRequestBody(name="Renamed")
    )
    assert changed.name == "Renamed"
    assert api.get_campaign_template(made.id).description == "Words"
    listed = api.list_campaign_templates(include_total=True)
    assert (listed.total, listed.has_more) == (1, False)
    api.delete_campaign_template(made.id)
    with pytest.raises(NotFoundException):
        api.get_campaign_template(made.id)


def test_a_promotion_has_no_vouchers(client: voucherify.ApiClient) -> None:
    campaign_id, _ = make_promotion(client)
    with pytest.raises(ApiException) as refused:
        voucherify.CampaignsApi(client).add_vouchers_to_campaign(campaign_id)
    assert problem_of(refused)["status"] == 400
    assert problem_of(refused)["key"] == "invalid_campaign_params"
