"""Calls of LoyaltiesApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping
from typing import Any

import voucherify
from voucherify import models

from contract.calls.rewards_api import new_reward
from contract.calls.shop import Call, Shop, required

API = voucherify.LoyaltiesApi


def new_programme(shop: Shop, *, points: int = 100) -> str:
    """A programme whose cards start with so many points."""
    made = shop.api(API).create_loyalty_program(
        models.LoyaltiesCreateCampaignRequestBody.model_validate(
            {
                "name": shop.name("programme"),
                "campaign_type": "LOYALTY_PROGRAM",
                "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": points}},
            }
        )
    )
    return required(made.id)


def join(shop: Shop, programme: str) -> str:
    """The code of a new member's card."""
    made = shop.api(API).add_member(
        programme,
        models.LoyaltiesMembersCreateRequestBody(
            customer=models.Customer(source_id=shop.name("member"))
        ),
    )
    return required(made.code)


def new_member(shop: Shop) -> str:
    """The code of the card of a member of a new programme."""
    return join(shop, new_programme(shop))


def member_of_new(shop: Shop) -> tuple[str, str]:
    """A new programme and the code of a member's card."""
    programme = new_programme(shop)
    return programme, join(shop, programme)


def add_rules(shop: Shop, programme: str) -> str:
    """The id of a new rule that gives 10 points for each order."""
    (made,) = shop.api(API).create_earning_rule(
        programme,
        [
            models.LoyaltiesEarningRulesCreateRequestBodyItem.model_validate(
                {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 10}}
            )
        ],
    )
    return required(made.id)


def new_rule(shop: Shop) -> tuple[str, str]:
    """A new programme and its rule."""
    programme = new_programme(shop)
    return programme, add_rules(shop, programme)


def new_tier(shop: Shop) -> tuple[str, str]:
    """A new programme and its tier, for which rule and reward count double."""
    programme, rule = new_rule(shop)
    reward = offer(shop, programme)[1]
    twice = {"type": "MULTIPLY", "multiplier": 2}
    (made,) = shop.api(API).create_in_bulk_loyalty_tiers(
        programme,
        [
            models.LoyaltiesTiersCreateInBulkRequestBodyItem.model_validate(
                {
                    "name": shop.name("tier"),
                    "points": {"from": 0, "to": 1_000},
                    "earning_rules": {rule: twice},
                    "rewards": {reward: twice},
                }
            )
        ],
    )
    return programme, required(made.id)


def member_of_tier(shop: Shop) -> str:
    """The code of a card that is in a tier."""
    return join(shop, new_tier(shop)[0])


def offer(shop: Shop, programme: str) -> tuple[str, str]:
    """The ids of an assignment and its reward, offered for 30 points."""
    reward = new_reward(shop)
    item = {"reward": reward, "parameters": {"loyalty": {"points": 30}}}
    made = shop.api(API).create_reward_assignment1(
        programme, [models.LoyaltiesRewardsCreateAssignmentItemRequestBody.model_validate(item)]
    )
    return required(made.id), reward


def new_offer(shop: Shop) -> tuple[str, str]:
    """A new programme and the id of an assignment."""
    programme = new_programme(shop)
    return programme, offer(shop, programme)[0]


def spender(shop: Shop) -> tuple[str, str, Any]:
    """A programme, a member's card, and what redeems a reward with it."""
    programme, code = member_of_new(shop)
    reward = offer(shop, programme)[1]
    wanted = models.LoyaltiesMembersRedemptionRedeemRequestBody.model_validate(
        {"reward": {"id": reward}}
    )
    return programme, code, wanted


def redeem(shop: Shop) -> object:
    _, code, wanted = spender(shop)
    return shop.api(API).redeem_reward(code, wanted)


def transfer(shop: Shop) -> object:
    programme, code = member_of_new(shop)
    source = join(shop, programme)
    return shop.api(API).transfer_points(
        programme, code, [models.LoyaltiesTransferPoints(code=source, points=40)]
    )


def earn_pending(shop: Shop) -> tuple[str, str, str]:
    """A programme, a member's card, and the id of points that wait for it."""
    expiry = {"period_type": "MONTH", "period_value": 3, "rounding_type": "END_OF_MONTH"}
    made = shop.api(API).create_loyalty_program(
        models.LoyaltiesCreateCampaignRequestBody.model_validate(
            {
                "name": shop.name("programme"),
                "campaign_type": "LOYALTY_PROGRAM",
                "voucher": {
                    "type": "LOYALTY_CARD",
                    "loyalty_card": {"points": 10, "expiration_rules": expiry},
                },
            }
        )
    )
    programme, source_id = required(made.id), shop.name("member")
    rule = {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 10}}
    rule |= {"pending_points": {"period_type": "DAY", "period_value": 14}}
    shop.api(API).create_earning_rule(
        programme, [models.LoyaltiesEarningRulesCreateRequestBodyItem.model_validate(rule)]
    )
    joined = shop.api(API).add_member(
        programme,
        models.LoyaltiesMembersCreateRequestBody(customer=models.Customer(source_id=source_id)),
    )
    shop.api(voucherify.OrdersApi).create_order(
        models.OrdersCreateRequestBody.model_validate(
            {"amount": 500, "status": "PAID", "customer": {"source_id": source_id}}
        )
    )
    code = required(joined.code)
    waiting = shop.api(API).list_member_pending_points(code).data or []
    return programme, code, required(waiting[0].id)


def list_buckets(shop: Shop) -> object:
    programme, code, _ = earn_pending(shop)
    found = shop.api(API).list_points_expiration(programme, code)
    assert [one.status for one in found.data or []] == ["ACTIVE"]
    return found


MORE = models.LoyaltiesMembersPendingPointsBalanceRequestBody(points=5)
POINTS = models.LoyaltiesMembersBalanceUpdateRequestBody(points=10)
EXPORT = models.LoyaltiesMembersTransactionsExportCreateRequestBody()

CALLS: Mapping[str, Call] = {
    "activate_member_pending_points": lambda shop: shop.api(API).activate_member_pending_points(
        *earn_pending(shop)[1:]
    ),
    "adjust_member_pending_points": lambda shop: shop.api(API).adjust_member_pending_points(
        *earn_pending(shop)[1:], MORE
    ),
    "cancel_member_pending_points": lambda shop: shop.api(API).cancel_member_pending_points(
        *earn_pending(shop)[1:]
    ),
    "create_points_expiration_export": lambda shop: shop.api(API).create_points_expiration_export(
        new_programme(shop), models.LoyaltiesPointsExpirationExportCreateRequestBody()
    ),
    "list_campaign_pending_points": lambda shop: shop.api(API).list_campaign_pending_points(
        earn_pending(shop)[0]
    ),
    "list_member_pending_points": lambda shop: shop.api(API).list_member_pending_points(
        earn_pending(shop)[1]
    ),
    "list_member_pending_points1": lambda shop: shop.api(API).list_member_pending_points1(
        *earn_pending(shop)[:2]
    ),
    "list_points_expiration": list_buckets,
    "add_member": new_member,
    "create_earning_rule": new_rule,
    "create_in_bulk_loyalty_tiers": new_tier,
    "create_loyalty_program": new_programme,
    "create_reward_assignment1": new_offer,
    "delete_earning_rule": lambda shop: shop.api(API).delete_earning_rule(*new_rule(shop)),
    "delete_loyalty_program": lambda shop: shop.api(API).delete_loyalty_program(
        new_programme(shop)
    ),
    "delete_reward_assignment1": lambda shop: shop.api(API).delete_reward_assignment1(
        *new_offer(shop)
    ),
    "disable_earning_rule": lambda shop: shop.api(API).disable_earning_rule(*new_rule(shop)),
    "enable_earning_rule": lambda shop: shop.api(API).enable_earning_rule(*new_rule(shop)),
    "export_loyalty_campaign_transactions": lambda shop: shop.api(
        API
    ).export_loyalty_campaign_transactions(
        new_programme(shop), models.LoyaltiesTransactionsExportCreateRequestBody()
    ),
    "export_loyalty_card_transactions": lambda shop: shop.api(API).export_loyalty_card_transactions(
        new_member(shop), EXPORT
    ),
    "export_loyalty_card_transactions1": lambda shop: shop.api(
        API
    ).export_loyalty_card_transactions1(*member_of_new(shop), EXPORT),
    "get_earning_rule": lambda shop: shop.api(API).get_earning_rule(*new_rule(shop)),
    "get_loyalty_program": lambda shop: shop.api(API).get_loyalty_program(new_programme(shop)),
    "get_loyalty_tier": lambda shop: shop.api(API).get_loyalty_tier(*new_tier(shop)),
    "get_member": lambda shop: shop.api(API).get_member(new_member(shop)),
    "get_member1": lambda shop: shop.api(API).get_member1(*member_of_new(shop)),
    "get_reward_assignment1": lambda shop: shop.api(API).get_reward_assignment1(*new_offer(shop)),
    "get_reward_assignment2": lambda shop: shop.api(API).get_reward_assignment2(*new_offer(shop)),
    "get_reward_details": lambda shop: shop.api(API).get_reward_details(*new_offer(shop)),
    "list_earning_rules": lambda shop: shop.api(API).list_earning_rules(new_rule(shop)[0]),
    "list_loyalty_campaign_transactions": lambda shop: shop.api(
        API
    ).list_loyalty_campaign_transactions(member_of_new(shop)[0]),
    "list_loyalty_card_transactions": lambda shop: shop.api(API).list_loyalty_card_transactions(
        new_member(shop)
    ),
    "list_loyalty_card_transactions1": lambda shop: shop.api(API).list_loyalty_card_transactions1(
        *member_of_new(shop)
    ),
    "list_loyalty_programs": lambda shop: shop.api(API).list_loyalty_programs(limit=5),
    "list_loyalty_tier_earning_rules": lambda shop: shop.api(API).list_loyalty_tier_earning_rules(
        *new_tier(shop)
    ),
    "list_loyalty_tier_rewards": lambda shop: shop.api(API).list_loyalty_tier_rewards(
        *new_tier(shop)
    ),
    "list_loyalty_tiers": lambda shop: shop.api(API).list_loyalty_tiers(new_tier(shop)[0]),
    "list_member_activity": lambda shop: shop.api(API).list_member_activity(new_member(shop)),
    "list_member_activity1": lambda shop: shop.api(API).list_member_activity1(*member_of_new(shop)),
    "list_member_loyalty_tier": lambda shop: shop.api(API).list_member_loyalty_tier(
        member_of_tier(shop)
    ),
    "list_member_rewards": lambda shop: shop.api(API).list_member_rewards(member_of_tier(shop)),
    "list_members": lambda shop: shop.api(API).list_members(member_of_new(shop)[0]),
    "list_reward_assignments1": lambda shop: shop.api(API).list_reward_assignments1(
        new_offer(shop)[0]
    ),
    "list_reward_assignments2": lambda shop: shop.api(API).list_reward_assignments2(
        new_offer(shop)[0]
    ),
    "redeem_reward": redeem,
    "redeem_reward1": lambda shop: shop.api(API).redeem_reward1(*spender(shop)),
    "transfer_points": transfer,
    "update_earning_rule": lambda shop: shop.api(API).update_earning_rule(
        *new_rule(shop),
        models.LoyaltiesEarningRulesUpdateRequestBody.model_validate(
            {"loyalty": {"type": "FIXED", "points": 20}, "source": {"banner": "Twenty"}}
        ),
    ),
    "update_loyalty_card_balance": lambda shop: shop.api(API).update_loyalty_card_balance(
        new_member(shop), POINTS
    ),
    "update_loyalty_card_balance1": lambda shop: shop.api(API).update_loyalty_card_balance1(
        *member_of_new(shop), POINTS
    ),
    "update_loyalty_program": lambda shop: shop.api(API).update_loyalty_program(
        new_programme(shop), models.LoyaltiesUpdateCampaignRequestBody(description="points")
    ),
    "update_reward_assignment1": lambda shop: shop.api(API).update_reward_assignment1(
        *new_offer(shop),
        models.LoyaltiesRewardsUpdateAssignmentRequestBody.model_validate(
            {"parameters": {"loyalty": {"points": 5}}}
        ),
    ),
}
