"""``/v1/templates/campaigns``: starting campaigns and tiers from others."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.body import read_value
from kaquan.api.call import CurrentCall
from kaquan.api.campaign_bodies import CampaignBody
from kaquan.api.campaign_views import CampaignView
from kaquan.api.campaign_views import load_view as load_campaign
from kaquan.api.campaigns import enter_campaign
from kaquan.api.listing import CurrentFilters, read_condition
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.promotion_views import TierBody, TierView, enter_tier, load_tier_views
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, LongText
from kaquan.campaigns import (
    SAYINGS,
    TEMPLATE_FILTERS,
    Campaign,
    CampaignKind,
    CampaignTemplate,
    RuleDraft,
    create_rule,
    create_template,
    delete_template,
    find_terms,
    get_campaign,
    get_promotion_tier,
    get_rule,
    get_template,
    list_assignments_of,
    list_templates,
    update_template,
)
from kaquan.runtime import Answer, InvalidInput, Tx

_RULES = "rules"
"""Under this name a template's content has the sets of rules to be made anew."""


class TemplateBody(msgspec.Struct, frozen=True, kw_only=True):
    """From what a template is made, and what it is called."""

    campaign_id: Identifier | None = None
    promotion_tier_id: Identifier | None = None
    name: Identifier | None = None
    description: LongText | None = None


class TemplateChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a template."""

    name: Identifier | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """A template as answered."""

    id: str
    name: str
    description: str | None
    campaign_type: CampaignKind
    created_at: datetime
    updated_at: datetime | UnsetType = UNSET
    object: Literal["campaign_template"] = "campaign_template"


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the templates."""

    data: list[TemplateView]
    total: int | UnsetType = UNSET
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class CreatedResource(msgspec.Struct, frozen=True):
    """Something that was made along."""

    id: str
    object: Literal["validation_rules"] = "validation_rules"


class CampaignSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that was started from a template."""

    created_resources: list[CreatedResource]
    campaign: CampaignView
    object: Literal["campaign_setup"] = "campaign_setup"


class TierSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A tier that was started from a template."""

    created_resources: list[CreatedResource]
    promotion_tier: TierView
    object: Literal["promotion_tier_setup"] = "promotion_tier_setup"


def view_template(template: CampaignTemplate) -> TemplateView:
    """Map a template to the wire."""
    return TemplateView(
        id=template.id,
        name=template.name,
        description=template.description,
        campaign_type=template.campaign_kind,
        created_at=template.created_at,
        updated_at=template.updated_at or UNSET,
    )


async def _describe(tx: Tx, owner_id: str, offer: dict[str, Any]) -> dict[str, Any]:
    """What was said of an object's offer, with the text of the rules that hold for it."""
    terms = await find_terms(tx, owner_id)
    rules: list[dict[str, Any]] = []
    for assignment in (await list_assignments_of(tx, [owner_id]))[owner_id]:
        rule = await get_rule(tx, assignment.rule_id)
        fields = {name: getattr(rule, name) for name in RuleDraft.__struct_fields__}
        rules.append(msgspec.to_builtins(RuleDraft(**fields)))
    stated = offer if terms is None or terms.offer is None else terms.offer
    said = {} if terms is None else terms.said
    content: dict[str, Any] = {name: said[name] for name in SAYINGS if name in said}
    content["kaquan"] = {"offer": {name: stated[name] for name in stated if name != "id"}}
    content[_RULES] = rules
    return content


async def _describe_campaign(tx: Tx, campaign: Campaign) -> dict[str, Any]:
    content = await _describe(tx, campaign.id, campaign.offer)
    template = campaign.voucher_template
    content["kaquan"] |= {
        "budget_minor": campaign.budget_minor,
        "per_customer_cap": campaign.per_customer_cap,
        "redemption_cap": campaign.redemption_cap,
        "category_ids": list(campaign.category_ids),
        "priority": campaign.priority,
        "lane": campaign.lane,
        "holdout_bps": campaign.holdout_bps,
        "open_to_holdout": campaign.open_to_holdout,
        "balance": template.balance,
    }
    code = msgspec.to_builtins(template.code)
    return content | {
        "campaign_type": campaign.kind.value,
        "type": campaign.activation.value,
        "join_once": campaign.join_once,
        "description": campaign.description,
        "voucher": {
            "code_config": {name: value for name, value in code.items() if value is not None},
            "redemption": {"quantity": template.quantity},
        },
    }


@writes("POST", "/", "Create campaign template")
async def make_template(data: JSONBody[TemplateBody], call: CurrentCall) -> TemplateView:
    """Keep what a campaign or a promotion tier is like."""
    if (data.campaign_id is None) == (data.promotion_tier_id is None):
        message = "Name either a campaign or a promotion tier."
        raise InvalidInput(message, field="campaign_id")
    async with call.transaction() as tx:
        if data.campaign_id is not None:
            campaign = await get_campaign(tx, data.campaign_id)
            kind, name = campaign.kind, campaign.name
            promotes = kind is CampaignKind.PROMOTION
            content = {} if promotes else await _describe_campaign(tx, campaign)
        else:
            tier = await get_promotion_tier(tx, data.promotion_tier_id or "")
            kind, name = CampaignKind.DISCOUNT_COUPONS, tier.name
            content = await _describe(tx, tier.id, tier.offer)
        template = await create_template(
            tx,
            name=data.name or name,
            description=data.description,
            kind=kind,
            content=content,
            now=call.now,
        )
    return view_template(template)


@reads("/{template_id:str}", "Get campaign template")
async def read_template(template_id: FromPath[str], call: CurrentCall) -> TemplateView:
    """Get a template."""
    async with call.transaction() as tx:
        return view_template(await get_template(tx, template_id))


@writes("PUT", "/{template_id:str}", "Update campaign template")
async def change_template(
    template_id: FromPath[str], data: JSONBody[TemplateChange], call: CurrentCall
) -> TemplateView:
    """Rename or describe a template."""
    async with call.transaction() as tx:
        changed = await update_template(
            tx, template_id, name=data.name, description=data.description, now=call.now
        )
    return view_template(changed)


@removes("/{template_id:str}", "Delete campaign template")
async def remove_template(template_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a template; what was started from it stays."""
    async with call.transaction() as tx:
        await delete_template(tx, template_id)


@reads("/", "List campaign templates")
async def read_templates(
    call: CurrentCall,
    filters: CurrentFilters,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 10,
    starting_after_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    order: FromQuery[Literal["id", "-id"]] = "-id",
    include_total: FromQuery[bool] = False,
) -> TemplateList:
    """List templates, the newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        return await load_templates(
            tx,
            filters,
            limit=limit,
            after=starting_after_id,
            order=order,
            include_total=include_total,
            now=call.now,
        )


async def load_templates(
    tx: Tx,
    filters: dict[str, Any],
    *,
    limit: int,
    after: str | None,
    order: Literal["id", "-id"],
    include_total: bool,
    now: datetime,
) -> TemplateList:
    """Read a part of the project's templates for the wire. Raises InvalidInput."""
    found = await list_templates(
        tx,
        condition=await read_condition(tx, filters, TEMPLATE_FILTERS, now=now),
        after=after,
        descending=order == "-id",
        limit=limit,
    )
    return TemplateList(
        data=list(map(view_template, found.items)),
        total=found.total if include_total else UNSET,
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


@writes("POST", "/{template_id:str}/campaign-setup", "Create campaign from template")
async def set_campaign_up(
    request: AnyRequest,
    template_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[CampaignSetup]:
    """Create a campaign like a template, but for what is said of it."""

    async def produce(tx: Tx) -> Answer:
        template = await get_template(tx, template_id)
        content = {"campaign_type": template.campaign_kind.value, **template.content, **data}
        stated = data.get("voucher")
        if isinstance(stated, dict):
            content["voucher"] = {**template.content.get("voucher", {}), **stated}
        made = await _make_rules(tx, template, now=call.now)
        content["validation_rules"] = [one.id for one in made]
        body = read_value(content, CampaignBody)
        campaign = await enter_campaign(tx, body, now=call.now)
        view = await load_campaign(tx, campaign)
        return succeed(CampaignSetup(created_resources=made, campaign=view))

    return await move_value(request, call, key, produce=produce)


@writes("POST", "/{template_id:str}/tier-setup", "Add promotion tier from template")
async def set_tier_up(
    request: AnyRequest,
    template_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[TierSetup]:
    """Add a tier like a template to a promotion, but for what is said of it."""
    campaign_id = data.get("campaign_id")
    if not isinstance(campaign_id, str):
        raise InvalidInput("Name the promotion.", field="campaign_id")

    async def produce(tx: Tx) -> Answer:
        template = await get_template(tx, template_id)
        words = {name: template.content[name] for name in SAYINGS if name in template.content}
        offer = template.content.get("kaquan", {}).get("offer")
        made = await _make_rules(tx, template, now=call.now)
        content = {
            "name": template.name,
            **words,
            "kaquan": {"offer": offer},
            **data,
            "validation_rules": [one.id for one in made],
        }
        body = read_value(content, TierBody)
        tier = await enter_tier(tx, campaign_id, body, now=call.now)
        view = (await load_tier_views(tx, [tier]))[0]
        return succeed(TierSetup(created_resources=made, promotion_tier=view))

    return await move_value(request, call, key, produce=produce)


async def _make_rules(
    tx: Tx, template: CampaignTemplate, *, now: datetime
) -> list[CreatedResource]:
    """Make a template's rules anew, so that each campaign's can be changed by themselves."""
    drafts = msgspec.convert(template.content.get(_RULES, []), list[RuleDraft])
    return [CreatedResource((await create_rule(tx, draft, now=now)).id) for draft in drafts]


def templates_router() -> Router:
    """Routes of templates."""
    return Router(
        path="/templates/campaigns",
        route_handlers=[
            make_template,
            read_template,
            change_template,
            remove_template,
            read_templates,
            set_campaign_up,
            set_tier_up,
        ],
        tags=["Templates"],
    )
