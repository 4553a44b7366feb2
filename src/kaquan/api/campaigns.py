"""``/v1/campaigns``."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET

from kaquan.api.call import CurrentCall
from kaquan.api.campaign_bodies import CampaignBody, draft_campaign, draft_change, read_flags
from kaquan.api.campaign_summaries import SummaryView, view_summary
from kaquan.api.campaign_views import (
    CampaignList,
    CampaignView,
    load_view,
    load_views,
)
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    conditions_of,
    merge_filters,
    read_condition,
)
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.programme_bodies import is_programme, read_cards, told_expiry
from kaquan.api.promotion_views import enter_tier
from kaquan.api.routes import deletes, reads, writes
from kaquan.api.said import keep_said
from kaquan.api.values import read_moment
from kaquan.campaigns import (
    CAMPAIGN_FILTERS,
    Campaign,
    CampaignKind,
    CampaignPhase,
    OwnerKind,
    create_campaign,
    disable_campaign,
    enable_campaign,
    find_terms,
    get_campaign,
    list_campaigns,
    request_deletion,
    request_vouchers,
    update_campaign,
)
from kaquan.insight import summarise_campaign
from kaquan.loyalty import set_points_expiry
from kaquan.runtime import (
    Answer,
    InvalidInput,
    Tx,
    get_project,
)


class Switched(msgspec.Struct, frozen=True):
    """Said, empty as in the dialect, when a campaign was switched on or off."""


class CampaignDeleted(msgspec.Struct, frozen=True):
    """The work that deletes; up to 2,000 vouchers it is done when this is answered."""

    async_action_id: str


async def enter_campaign(tx: Tx, data: CampaignBody, *, now: datetime) -> Campaign:
    """Create a campaign as a caller says it, with its rules, tiers and vouchers."""
    expiry = told_expiry(data)
    if is_programme(data):
        data = read_cards(data, new=True)
    draft = await draft_campaign(tx, data)
    campaign = await create_campaign(tx, draft, now=now)
    flags = read_flags(data, {})
    await keep_said(
        tx,
        OwnerKind.CAMPAIGN,
        campaign.id,
        data,
        offer=campaign.offer or None,
        flags=flags,
        now=now,
    )
    if data.promotion is not None and campaign.kind is not CampaignKind.PROMOTION:
        message = "Only a campaign of type PROMOTION has tiers."
        raise InvalidInput(message, field="promotion", key="invalid_campaign_params")
    if expiry is not UNSET:
        await set_points_expiry(tx, campaign.id, expiry)
    for tier in () if data.promotion is None else data.promotion.tiers:
        await enter_tier(tx, campaign.id, tier, now=now)
    if data.count:
        await request_vouchers(tx, campaign.id, data.count, now=now)
    return await get_campaign(tx, campaign.id)


async def amend_campaign(tx: Tx, known: Campaign, data: CampaignBody, *, now: datetime) -> Campaign:
    """Change a campaign, which is locked, as a caller says it."""
    if is_programme(data) and known.kind is CampaignKind.LOYALTY_PROGRAM:
        expiry = told_expiry(data)
        if expiry is not UNSET:
            await set_points_expiry(tx, known.id, expiry)
        data = read_cards(data, new=False)
    change = await draft_change(tx, data, known)
    changed = await update_campaign(tx, known.id, change, now=now)
    terms = await find_terms(tx, known.id)
    stated = UNSET if change.offer is UNSET else changed.offer
    flags = read_flags(data, {} if terms is None else terms.said)
    await keep_said(tx, OwnerKind.CAMPAIGN, known.id, data, offer=stated, flags=flags, now=now)
    return await get_campaign(tx, known.id)


@writes("POST", "/", "Create campaign")
async def make_campaign(
    request: AnyRequest, data: JSONBody[CampaignBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[CampaignView]:
    """Create a campaign and its vouchers; above 1,000 they are made in the background."""

    async def produce(tx: Tx) -> Answer:
        campaign = await enter_campaign(tx, data, now=call.now)
        return succeed(await load_view(tx, campaign))

    return await move_value(request, call, key, produce=produce)


@reads("/{campaign_id:str}", "Get campaign")
async def read_campaign(campaign_id: FromPath[str], call: CurrentCall) -> CampaignView:
    """Get a campaign by id or name."""
    async with call.transaction() as tx:
        return await load_view(tx, await get_campaign(tx, campaign_id))


@writes("PUT", "/{campaign_id:str}", "Update campaign")
async def change_campaign(
    campaign_id: FromPath[str], data: JSONBody[CampaignBody], call: CurrentCall
) -> CampaignView:
    """Change a campaign by id or name; metadata is merged key by key."""
    async with call.transaction() as tx:
        known = await get_campaign(tx, campaign_id, lock=True)
        return await load_view(tx, await amend_campaign(tx, known, data, now=call.now))


@deletes("/{campaign_id:str}", "Delete campaign")
async def remove_campaign(
    campaign_id: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> CampaignDeleted:
    """Put a campaign with its vouchers into the bin; with ``force`` it is gone for good.

    Above 2,000 vouchers that is done in the background.
    """
    async with call.transaction() as tx:
        action = await request_deletion(tx, campaign_id, force=force, now=call.now)
    return CampaignDeleted(action.id)


@writes("POST", "/{campaign_id:str}/enable", "Enable campaign")
async def switch_campaign_on(campaign_id: FromPath[str], call: CurrentCall) -> Switched:
    """Let a campaign's vouchers be given away and used again."""
    async with call.transaction() as tx:
        await enable_campaign(tx, campaign_id, now=call.now)
    return Switched()


@writes("POST", "/{campaign_id:str}/disable", "Disable campaign")
async def switch_campaign_off(campaign_id: FromPath[str], call: CurrentCall) -> Switched:
    """Keep a campaign's vouchers from being given away and used."""
    async with call.transaction() as tx:
        await disable_campaign(tx, campaign_id, now=call.now)
    return Switched()


_PHASES = {
    "$active": CampaignPhase.LIVE,
    "$expired": CampaignPhase.ENDED,
    "before_start": CampaignPhase.SCHEDULED,
    "$before_start": CampaignPhase.SCHEDULED,
}
_STATES = {"$enabled": "true", "$disabled": "false"}


def _read_states(filters: dict[str, Any]) -> tuple[dict[str, Any], CampaignPhase | None]:
    """Read the fields that name a state instead of comparing something.

    Of those about making codes only campaigns that are at it, or not, can be told apart.
    """
    left, phase = dict(filters), None
    for field in ("active", "status"):
        asked = left.pop(field, None)
        for name in _list_conditions(asked):
            if name in _PHASES:
                phase = _PHASES[name]
            elif name in _STATES:
                left["enabled"] = {"conditions": {"$is": [_STATES[name]]}}
            elif name == "$in_progress":
                left["campaign_status"] = {"conditions": {"$is": ["IN_PROGRESS"]}}
            else:
                message = f"'{name[:40]}' is no state of a campaign."
                raise InvalidInput(
                    message, field=f"filters.{field}.conditions", key="invalid_query_params"
                )
    return left, phase


def _list_conditions(asked: object) -> list[str]:
    """The words of a field whose conditions have no values."""
    fields = cast("dict[str, object]", asked) if isinstance(asked, dict) else {}
    conditions = fields.get("conditions")
    return list(cast("dict[str, object]", conditions)) if isinstance(conditions, dict) else []


@reads("/", "List campaigns")
async def read_campaigns(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    campaign_type: FromQuery[
        Literal[
            "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
        ]
        | None
    ] = None,
    campaign_status: FromQuery[str | None] = None,
    is_referral_code: FromQuery[bool | None] = None,
    expand: FromQuery[str | None] = None,
) -> CampaignList:
    """List campaigns, newest first unless ``order`` says otherwise."""
    asked, phase = _read_states(filters)
    named = conditions_of(
        campaign_status=("$is", campaign_status),
        is_referral_code=("$is", None if is_referral_code is None else str(is_referral_code)),
        campaign_type=("$is", campaign_type),
    )
    async with call.transaction() as tx:
        condition = await read_condition(
            tx, merge_filters(asked, named), CAMPAIGN_FILTERS, now=call.now
        )
        found = await list_campaigns(
            tx,
            condition=condition,
            phase=None if phase is None else (phase, call.now),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        views = await load_views(tx, found.items)
    return CampaignList(campaigns=views, total=found.total)


@reads("/{campaign_id:str}/summary", "Get campaign summary")
async def read_summary(
    campaign_id: FromPath[str],
    call: CurrentCall,
    start_date: Annotated[str | None, QueryParameter(max_length=40)] = None,
    end_date: Annotated[str | None, QueryParameter(max_length=40)] = None,
) -> SummaryView:
    """Sum up what happened in a campaign, from the start of one day to the end of another."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        zone = (await get_project(tx)).zone
        summary = await summarise_campaign(
            tx,
            campaign.id,
            since=None if start_date is None else read_moment(start_date, zone, field="start_date"),
            until=None
            if end_date is None
            else read_moment(end_date, zone, field="end_date", ends=True),
        )
        return view_summary(summary, await load_view(tx, campaign))


def campaigns_router() -> Router:
    """Routes of campaigns."""
    return Router(
        path="/campaigns",
        route_handlers=[
            make_campaign,
            read_campaign,
            change_campaign,
            remove_campaign,
            switch_campaign_on,
            switch_campaign_off,
            read_campaigns,
            read_summary,
        ],
        tags=["Campaigns"],
    )
