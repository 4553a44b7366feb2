"""The nouns of referral programmes: what a campaign promises to who brings somebody along."""

import msgspec


class ReferralReward(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher of a campaign, or so much (minor units, points) on the person's card of it.

    ``amount`` None gives a voucher; a card is given to who holds none yet.
    """

    campaign_id: str
    amount: int | None = None


class ReferralTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a referral programme asks and gives.

    With ``new_customers_only`` nobody uses a code who has bought before. ``reward`` goes to the
    holder of the code, ``referee_reward`` to who used it: once for each person brought along,
    after their first order with it is paid.
    """

    new_customers_only: bool = False
    reward: ReferralReward | None = None
    referee_reward: ReferralReward | None = None
