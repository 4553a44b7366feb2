"""Calls of RewardsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.RewardsApi


def new_reward(shop: Shop) -> str:
    """The id of a reward: a coupon of a new campaign."""
    made = shop.api(API).create_reward(
        models.RewardsCreateRequestBody.model_validate(
            {
                "name": shop.name("reward"),
                "parameters": {"campaign": {"id": shop.campaign()}},
                "attributes": {"description": "1.00 off"},
            }
        )
    )
    return required(made.id)


def new_assignment(shop: Shop) -> tuple[str, str]:
    """A new reward and the id of its assignment to a new programme."""
    reward = new_reward(shop)
    programme = shop.api(voucherify.LoyaltiesApi).create_loyalty_program(
        models.LoyaltiesCreateCampaignRequestBody.model_validate(
            {
                "name": shop.name("programme"),
                "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}},
            }
        )
    )
    made = shop.api(API).create_reward_assignment(
        reward,
        models.RewardsAssignmentsCreateRequestBody.model_validate(
            {"campaign": required(programme.id), "parameters": {"loyalty": {"points": 50}}}
        ),
    )
    return reward, required(made.id)


CALLS: Mapping[str, Call] = {
    "create_reward": new_reward,
    "create_reward_assignment": new_assignment,
    "delete_reward": lambda shop: shop.api(API).delete_reward(new_reward(shop)),
    "delete_reward_assignment": lambda shop: shop.api(API).delete_reward_assignment(
        *new_assignment(shop)
    ),
    "get_reward": lambda shop: shop.api(API).get_reward(new_reward(shop)),
    "get_reward_assignment": lambda shop: shop.api(API).get_reward_assignment(
        *new_assignment(shop)
    ),
    "list_reward_assignments": lambda shop: shop.api(API).list_reward_assignments(
        new_assignment(shop)[0]
    ),
    "list_rewards": lambda shop: shop.api(API).list_rewards(limit=5),
    "update_reward": lambda shop: shop.api(API).update_reward(
        new_reward(shop), models.RewardsUpdateRequestBody(name=shop.name("reward"), stock=5)
    ),
    "update_reward_assignment": lambda shop: shop.api(API).update_reward_assignment(
        *new_assignment(shop),
        models.RewardsAssignmentsUpdateRequestBody.model_validate(
            {"parameters": {"loyalty": {"points": 60}}}
        ),
    ),
}
