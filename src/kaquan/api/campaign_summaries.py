"""What happened in a campaign, as the dialect sums it up."""

from typing import Literal

import msgspec

from kaquan.api.campaign_views import CampaignView
from kaquan.insight import CampaignSummary


class SummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """Counts, and amounts in minor units; what gift cards and cards of points moved beside them.

    Refused publications and rollbacks leave nothing to count, nor do vouchers that were deleted.
    """

    campaign: CampaignView
    redemptions: int
    redemptions_succeeded: int
    redemptions_failed: int
    rollbacks: int
    rollbacks_succeeded: int
    rollbacks_failed: Literal[0] = 0
    validations: int
    validations_succeeded: int
    validations_failed: int
    orders_amount: int
    orders_rolledback_amount: int
    vouchers_created: int
    vouchers_deleted: Literal[0] = 0
    publications: int
    publications_succeeded: int
    publications_failed: Literal[0] = 0
    discounted_amount: int = 0
    rolledback_discounted_amount: int = 0
    created_vouchers_amount: int = 0
    amount_added: int = 0
    amount_redeemed: int = 0
    amount_rolledback: int = 0
    amount_subtracted: int = 0
    object: Literal["campaign_summary"] = "campaign_summary"


def view_summary(summary: CampaignSummary, campaign: CampaignView) -> SummaryView:
    """Map a summary to the wire."""
    return SummaryView(
        campaign=campaign,
        redemptions=summary.redemptions_succeeded + summary.redemptions_failed,
        redemptions_succeeded=summary.redemptions_succeeded,
        redemptions_failed=summary.redemptions_failed,
        rollbacks=summary.rollbacks_succeeded,
        rollbacks_succeeded=summary.rollbacks_succeeded,
        validations=summary.validations_succeeded + summary.validations_failed,
        validations_succeeded=summary.validations_succeeded,
        validations_failed=summary.validations_failed,
        orders_amount=summary.orders_minor,
        orders_rolledback_amount=summary.orders_rolled_back_minor,
        vouchers_created=summary.vouchers_created,
        publications=summary.publications,
        publications_succeeded=summary.publications,
        discounted_amount=summary.discounts_minor,
        rolledback_discounted_amount=summary.discounts_rolled_back_minor,
        created_vouchers_amount=summary.issued,
        amount_added=summary.added,
        amount_redeemed=summary.paid,
        amount_rolledback=summary.paid_back,
        amount_subtracted=summary.subtracted,
    )
