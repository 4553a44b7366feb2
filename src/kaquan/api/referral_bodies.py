"""What callers say about referral programmes, and what is answered of them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.api.values import Count, Identifier
from kaquan.campaigns import ReferralReward, ReferralTerms
from kaquan.runtime import InvalidInput

_REWARD = "referral_program.referee_reward"


class RewardBody(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher of a campaign (by id or name), or ``amount`` on the person's card of it."""

    campaign: Identifier
    amount: Count | None = None


class ReferralExtension(msgspec.Struct, frozen=True, kw_only=True):
    """What a referral programme asks and gives, as a whole.

    ``reward`` goes to who hands the code on, ``referee_reward`` to who used it: once for each
    person brought along, after their first order with it is paid.
    """

    new_customers_only: bool = False
    reward: RewardBody | None = None
    referee_reward: RewardBody | None = None


class RewardSource(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign that a reward comes from."""

    id: Identifier | None = None
    name: Identifier | None = None
    object: Literal["CAMPAIGN", "campaign"] = "CAMPAIGN"


class RefereeReward(msgspec.Struct, frozen=True, kw_only=True):
    """What the person brought along gets on their card; the amount comes as text."""

    related_object_parent: RewardSource | None = None
    type: Literal["LOYALTY_CARD", "GIFT_VOUCHER"] | None = None
    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,15}$")] | int | None = None


class ReferralProgramBody(msgspec.Struct, frozen=True, kw_only=True):
    """How a referral counts, in the dialect's words."""

    conversion_event_type: Literal["redemption", "custom_event"] | None = None
    custom_event: dict[str, Any] | None = None
    referee_reward: RefereeReward | None = None


class ReferralProgramView(msgspec.Struct, frozen=True, kw_only=True):
    """How a referral counts, in the dialect's words."""

    conversion_event_type: Literal["redemption"] = "redemption"
    custom_event: None = None
    referee_reward: RefereeReward | None = None


def read_referral(
    program: ReferralProgramBody | None, extension: ReferralExtension | UnsetType | None
) -> ReferralTerms | UnsetType:
    """Map what a caller says of a programme; UNSET says nothing.

    Raises NotSupported for conversions by an event, InvalidInput for half a reward.
    """
    if program is not None and program.conversion_event_type == "custom_event":
        message = "A referral counts by a redemption; counting by an event is not supported yet."
        raise NotSupported(message, field="referral_program.conversion_event_type")
    said = None if program is None else program.referee_reward
    if not extension and said is None:
        return UNSET
    terms = extension or ReferralExtension()
    return ReferralTerms(
        new_customers_only=terms.new_customers_only,
        reward=_read_reward(terms.reward),
        referee_reward=_read_reward(terms.referee_reward) or _read_said(said),
    )


def _read_reward(reward: RewardBody | None) -> ReferralReward | None:
    if reward is None:
        return None
    return ReferralReward(campaign_id=reward.campaign, amount=reward.amount)


def _read_said(said: RefereeReward | None) -> ReferralReward | None:
    if said is None or (said.related_object_parent is None and said.amount is None):
        return None
    source = said.related_object_parent or RewardSource()
    campaign = source.id or source.name
    if campaign is None or said.amount is None:
        field = f"{_REWARD}.{'amount' if campaign else 'related_object_parent.id'}"
        message = "A reward takes the campaign of the cards and an amount."
        raise InvalidInput(message, field=field, key="invalid_campaign_params")
    return ReferralReward(campaign_id=campaign, amount=int(said.amount))


def view_terms(terms: ReferralTerms | None) -> ReferralExtension | UnsetType:
    """Map a programme's terms to our own member."""
    if terms is None:
        return UNSET
    return ReferralExtension(
        new_customers_only=terms.new_customers_only,
        reward=_view_reward(terms.reward),
        referee_reward=_view_reward(terms.referee_reward),
    )


def _view_reward(reward: ReferralReward | None) -> RewardBody | None:
    return None if reward is None else RewardBody(campaign=reward.campaign_id, amount=reward.amount)


def view_program(terms: ReferralTerms | None) -> ReferralProgramView | UnsetType:
    """Map a programme's terms to the dialect's words, as far as it has them."""
    if terms is None:
        return UNSET
    reward = terms.referee_reward
    if reward is None or reward.amount is None:
        return ReferralProgramView()
    return ReferralProgramView(
        referee_reward=RefereeReward(
            related_object_parent=RewardSource(id=reward.campaign_id), amount=str(reward.amount)
        )
    )
