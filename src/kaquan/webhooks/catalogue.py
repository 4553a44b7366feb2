"""The catalogue of events: their names, their versions, and what their messages hold.

docs/reference/events.md is written from it.
"""

import msgspec

from kaquan.webhooks.payloads import (
    AssignmentData,
    CampaignData,
    ConsentData,
    CustomerData,
    CustomEventData,
    LoyaltyTierData,
    OrderData,
    PlanData,
    PublicationData,
    RedemptionData,
    RewardRedemptionData,
    RuleData,
    SegmentData,
    StackData,
    TierData,
    VoucherData,
)

TEST_EVENT = "webhook.test"
"""Sent on request to one endpoint, whatever it asked for."""

MEMBERS: dict[str, type[msgspec.Struct]] = {
    "customer": CustomerData,
    "campaign": CampaignData,
    "voucher": VoucherData,
    "promotion_tier": TierData,
    "promotion_stack": StackData,
    "publication": PublicationData,
    "redemption": RedemptionData,
    "reward_redemption": RewardRedemptionData,
    "loyalty_tier": LoyaltyTierData,
    "order": OrderData,
    "segment": SegmentData,
    "plan": PlanData,
    "custom_event": CustomEventData,
    "consent": ConsentData,
    "validation_rule": RuleData,
    "validation_rule_assignment": AssignmentData,
}
"""What each member of a message's data is. Besides these, ``amount`` and ``count`` are numbers."""


class EventType(msgspec.Struct, frozen=True):
    """A kind of event; the first of its members is what it happened to."""

    name: str
    meaning: str
    members: tuple[str, ...]
    version: int = 1

    @property
    def subject(self) -> str:
        """The member of the data that the event happened to."""
        return self.members[0]


_REDEMPTION = ("redemption", "voucher", "campaign", "order", "customer")
_VOUCHER = ("voucher", "campaign")
_POINTS = ("voucher", "campaign", "customer", "amount")
_LOYALTY_TIER = ("loyalty_tier", "campaign", "customer")
_TIER = ("promotion_tier", "campaign")

EVENT_TYPES: tuple[EventType, ...] = (
    EventType("redemption.succeeded", "A coupon was redeemed.", _REDEMPTION),
    EventType("redemption.failed", "A coupon was refused at redemption.", _REDEMPTION),
    EventType("redemption.rollback.succeeded", "A redemption was rolled back.", _REDEMPTION),
    EventType("redemption.rollback.failed", "A rollback was refused.", _REDEMPTION),
    EventType(
        "publication.succeeded",
        "A customer was given a voucher.",
        ("publication", "voucher", "campaign", "customer"),
    ),
    EventType(
        "voucher.published",
        "A voucher was given to a customer: the same moment, told of the voucher.",
        ("publication", "voucher", "campaign", "customer"),
    ),
    EventType("voucher.created", "A voucher without a campaign was created.", _VOUCHER),
    EventType("voucher.updated", "Something of a voucher was changed.", _VOUCHER),
    EventType("voucher.enabled", "A voucher was enabled.", _VOUCHER),
    EventType("voucher.disabled", "A voucher was disabled.", _VOUCHER),
    EventType("voucher.deleted", "A voucher was deleted.", _VOUCHER),
    EventType(
        "voucher.gift.balance_added",
        "A gift card's balance was adjusted by hand; `amount` in minor units, negative when taken.",
        ("voucher", "campaign", "customer", "amount"),
    ),
    EventType(
        "voucher.loyalty_card.points_added",
        "A card's points were adjusted by hand; `amount` in points, negative when taken.",
        ("voucher", "campaign", "customer", "amount"),
    ),
    EventType(
        "voucher.loyalty_card.transaction.created",
        "A card's points moved, whatever moved them: earned, spent, adjusted, given back, expired;"
        " `amount` is negative when they went.",
        _POINTS,
    ),
    EventType(
        "voucher.loyalty_card.points_expired",
        "Points were not spent in time; `amount` is how many.",
        _POINTS,
    ),
    EventType(
        "voucher.loyalty_card.pending_points.added",
        "Points were earned that wait before they count; `amount` is how many.",
        _POINTS,
    ),
    EventType(
        "voucher.loyalty_card.pending_points.updated",
        "More or fewer points wait, by hand or because goods came back; `amount` is the change.",
        _POINTS,
    ),
    EventType(
        "voucher.loyalty_card.pending_points.activated",
        "Points that waited count from now on; `amount` is how many.",
        _POINTS,
    ),
    EventType(
        "voucher.loyalty_card.pending_points.canceled",
        "Points that waited will never count, by hand or because goods came back; `amount` is how"
        " many.",
        _POINTS,
    ),
    EventType("campaign.created", "A campaign was created.", ("campaign",)),
    EventType("campaign.updated", "Something of a campaign was changed.", ("campaign",)),
    EventType("campaign.enabled", "A campaign was enabled.", ("campaign",)),
    EventType("campaign.disabled", "A campaign was disabled.", ("campaign",)),
    EventType("campaign.deleted", "A campaign was deleted.", ("campaign",)),
    EventType(
        "campaign.vouchers.added",
        "Vouchers were added to a campaign: `count` of them, generated, imported or one by one;"
        " many come in several events.",
        ("campaign", "count"),
    ),
    EventType("campaign.promotion_tier.created", "A promotion got a tier.", _TIER),
    EventType("campaign.promotion_tier.updated", "Something of a tier was changed.", _TIER),
    EventType("campaign.promotion_tier.enabled", "A tier was enabled.", _TIER),
    EventType("campaign.promotion_tier.disabled", "A tier was disabled.", _TIER),
    EventType("campaign.promotion_tier.deleted", "A tier was deleted.", _TIER),
    EventType(
        "campaign.promotion_stack.created",
        "A promotion got a stack of tiers.",
        ("promotion_stack", "campaign"),
    ),
    EventType(
        "campaign.promotion_stack.updated",
        "Something of a stack was changed.",
        ("promotion_stack", "campaign"),
    ),
    EventType(
        "campaign.plan.withdrawn",
        "An approved plan's certificate no longer held; nothing more of the plan is sent.",
        ("plan", "campaign"),
    ),
    EventType("customer.created", "A customer was entered.", ("customer",)),
    EventType("customer.updated", "Something of a customer was changed.", ("customer",)),
    EventType(
        "customer.deleted",
        "A customer was erased; earlier events of this customer leave the log.",
        ("customer",),
    ),
    EventType("customer.consents.given", "A customer allowed something.", ("consent", "customer")),
    EventType(
        "customer.consents.revoked", "A customer forbade something.", ("consent", "customer")
    ),
    EventType(
        "customer.custom_event",
        "A customer did something elsewhere.",
        ("custom_event", "customer"),
    ),
    EventType(
        "customer.rewarded.loyalty_points",
        "An earning rule gave points that count; `amount` is how many.",
        _POINTS,
    ),
    EventType(
        "customer.reward_redemptions.completed",
        "Points were given for a reward.",
        ("reward_redemption", "voucher", "campaign", "order", "customer"),
    ),
    EventType(
        "customer.loyalty.tier.joined",
        "Points moved, and brought a customer into a tier from none.",
        _LOYALTY_TIER,
    ),
    EventType(
        "customer.loyalty.tier.left",
        "Points moved, and a customer is in no tier any more; `loyalty_tier` is the former one.",
        _LOYALTY_TIER,
    ),
    EventType(
        "customer.loyalty.tier.upgraded",
        "Points moved, and brought a customer from a tier into a higher one.",
        _LOYALTY_TIER,
    ),
    EventType(
        "customer.loyalty.tier.downgraded",
        "Points moved, and a customer fell from a tier into a lower one.",
        _LOYALTY_TIER,
    ),
    EventType("customer.segment.entered", "A customer entered a segment.", ("segment", "customer")),
    EventType("customer.segment.left", "A customer left a segment.", ("segment", "customer")),
    EventType("customer.order.created", "An order was stored.", ("order", "customer")),
    EventType(
        "customer.order.updated",
        "An order was changed, its goods returned or fulfilled.",
        ("order", "customer"),
    ),
    EventType("customer.order.paid", "An order was paid.", ("order", "customer")),
    EventType("customer.order.canceled", "An order was cancelled.", ("order", "customer")),
    EventType("business_validation_rule.created", "A rule was created.", ("validation_rule",)),
    EventType("business_validation_rule.updated", "A rule was changed.", ("validation_rule",)),
    EventType("business_validation_rule.deleted", "A rule was deleted.", ("validation_rule",)),
    EventType(
        "business_validation_rule.assignment.created",
        "A rule was assigned to something.",
        ("validation_rule_assignment", "validation_rule"),
    ),
    EventType(
        "business_validation_rule.assignment.deleted",
        "A rule was taken off something.",
        ("validation_rule_assignment", "validation_rule"),
    ),
)

TYPES_BY_NAME: dict[str, EventType] = {one.name: one for one in EVENT_TYPES}
