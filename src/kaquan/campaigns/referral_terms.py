"""Checking what a referral programme promises."""

from msgspec import structs

from kaquan.campaigns.kinds import balance_kind_of
from kaquan.campaigns.model import Campaign, CampaignKind
from kaquan.campaigns.referral_model import ReferralReward, ReferralTerms
from kaquan.campaigns.store.campaigns import find_campaign
from kaquan.engine import parse_offer
from kaquan.runtime import InvalidInput, Tx, check_whole_number

_UNFIT = frozenset({CampaignKind.PROMOTION, CampaignKind.REFERRAL_PROGRAM})


async def settle_referral_terms(tx: Tx, campaign: Campaign) -> Campaign:
    """Return the campaign with our ids of the campaigns that its rewards name.

    A programme that says nothing has terms without a reward. Raises InvalidInput naming the
    field, also for terms of a campaign that is no referral programme.
    """
    terms = campaign.referral
    if campaign.kind is not CampaignKind.REFERRAL_PROGRAM:
        if terms is not None:
            message = "Only a referral programme has terms of one."
            raise InvalidInput(message, field="referral", key="invalid_campaign_params")
        return campaign
    terms = terms or ReferralTerms()
    settled = structs.replace(
        terms,
        reward=await _settle_reward(tx, terms.reward, "referral.reward"),
        referee_reward=await _settle_reward(tx, terms.referee_reward, "referral.referee_reward"),
    )
    return structs.replace(campaign, referral=settled)


async def _settle_reward(
    tx: Tx, reward: ReferralReward | None, field: str
) -> ReferralReward | None:
    if reward is None:
        return None
    given = await find_campaign(tx, reward.campaign_id)
    if given is None or given.kind in _UNFIT:
        fault = "is unknown" if given is None else "has no vouchers to reward with"
        message = f"The campaign '{reward.campaign_id[:64]}' {fault}."
        raise InvalidInput(message, field=f"{field}.campaign")
    if reward.amount is not None:
        check_whole_number(reward.amount, f"{field}.amount", least=1)
        if balance_kind_of(parse_offer(given.offer)) is None:
            message = "Coupons have no balance; leave the amount out."
            raise InvalidInput(message, field=f"{field}.amount")
    return ReferralReward(campaign_id=given.id, amount=reward.amount)
