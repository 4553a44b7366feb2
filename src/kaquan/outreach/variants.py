"""Creating an experiment on a campaign: what an arm does otherwise has to be possible."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from kaquan.campaigns import Campaign, CampaignKind, balance_kind_of, get_campaign
from kaquan.engine import InvalidOffer, offer_to_data, parse_offer
from kaquan.experiments import (
    Experiment,
    ExperimentDraft,
    ExperimentKind,
    Overrides,
    Variant,
    create_experiment,
    read_arms,
)
from kaquan.outreach.default_template import default_template
from kaquan.outreach.render import check_template
from kaquan.runtime import InvalidInput, Tx, new_id


async def define_experiment(tx: Tx, draft: ExperimentDraft, *, now: datetime) -> Experiment:
    """Create a draft of an experiment, having looked at its campaign, offers and messages.

    Raises NotFound for the campaign, Duplicate for the name, and InvalidInput with the field.
    """
    if draft.kind is ExperimentKind.GLOBAL_HOLDOUT:
        return await create_experiment(tx, draft, now=now)
    arms = read_arms(draft)
    assert draft.campaign_id is not None
    campaign = await get_campaign(tx, draft.campaign_id)
    if campaign.kind is CampaignKind.PROMOTION:
        message = "A promotion gives nobody a voucher: there is nothing to assign."
        raise InvalidInput(message, field="campaign_id")
    checked = tuple(
        replace(arm, overrides=_check(arm, campaign, f"arms[{number}].overrides"))
        for number, arm in enumerate(arms)
    )
    return await create_experiment(
        tx, replace(draft, campaign_id=campaign.id, arms=checked, factors=()), now=now
    )


def _check(arm: Variant, campaign: Campaign, place: str) -> Overrides:
    given = arm.overrides
    if given.offer is not None:
        given = replace(given, offer=_check_offer(given.offer, campaign, f"{place}.offer"))
    if given.subject is not None or given.mjml is not None:
        template = default_template("en")
        template = replace(
            template,
            subject=template.subject if given.subject is None else given.subject,
            mjml=template.mjml if given.mjml is None else given.mjml,
        )
        try:
            check_template(template)
        except InvalidInput as error:
            field = f"{place}.{error.field.removeprefix('template.')}"
            raise InvalidInput(error.message, field=field) from error
    return given


def _check_offer(data: dict[str, Any], campaign: Campaign, place: str) -> dict[str, Any]:
    """Return the offer in full; it must be of the campaign's kind."""
    try:
        offer = parse_offer({"id": new_id("offer"), **data})
    except InvalidOffer as error:
        field = f"{place}.{error.path}" if error.path else place
        raise InvalidInput(str(error), field=field, key="invalid_offer") from error
    if balance_kind_of(offer) is not balance_kind_of(parse_offer(campaign.offer)):
        message = "This makes another kind of voucher than the campaign's."
        raise InvalidInput(message, field=place, key="invalid_offer")
    return offer_to_data(offer)
