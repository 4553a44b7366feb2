"""``/v1/campaigns/{id}/claims``: our own resource, how a campaign's vouchers may be fetched."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.routes import reads, writes
from kaquan.api.values import Count, Minor, MomentText, read_moment
from kaquan.campaigns import ClaimRule, ClaimState, get_claim_rule, set_claim_rule
from kaquan.runtime import Tx, get_project


class ClaimRuleBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole rule: a member left out, or null, is no limit."""

    stock: Minor | None = None
    per_customer: Count | None = None
    opens_at: MomentText | None = None
    closes_at: MomentText | None = None


class ClaimRuleView(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign's vouchers may be fetched; ``left`` of the stock may still be."""

    campaign_id: str
    stock: int | None
    left: int | None
    per_customer: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    object: Literal["claim_rule"] = "claim_rule"


def _view(state: ClaimState) -> ClaimRuleView:
    rule = state.rule
    return ClaimRuleView(
        campaign_id=state.campaign_id,
        stock=rule.stock,
        left=state.left,
        per_customer=rule.per_customer,
        opens_at=rule.opens_at,
        closes_at=rule.closes_at,
    )


async def _read_rule(tx: Tx, body: ClaimRuleBody) -> ClaimRule:
    zone = (await get_project(tx)).zone
    opens, closes = body.opens_at, body.closes_at
    return ClaimRule(
        stock=body.stock,
        per_customer=body.per_customer,
        opens_at=None if opens is None else read_moment(opens, zone, field="opens_at"),
        closes_at=None
        if closes is None
        else read_moment(closes, zone, field="closes_at", ends=True),
    )


@reads("/campaigns/{campaign_id:str}/claims", "Get claim rule")
async def read_claim_rule(campaign_id: FromPath[str], call: CurrentCall) -> ClaimRuleView:
    """Get how a campaign's vouchers may be fetched by customers, and how many are left."""
    async with call.transaction() as tx:
        return _view(await get_claim_rule(tx, campaign_id))


@writes("PUT", "/campaigns/{campaign_id:str}/claims", "Set claim rule")
async def put_claim_rule(
    campaign_id: FromPath[str], data: JSONBody[ClaimRuleBody], call: CurrentCall
) -> ClaimRuleView:
    """Say how many customers may fetch, in all and each, and when.

    The rule binds ``POST /v1/publications`` that name the campaign; distributions are the
    merchant's own and not bound by it. A refused claim answers claim_not_open, claim_closed,
    claim_stock_exhausted or claim_limit_reached, and customer_in_holdout where the campaign keeps
    the customer back.
    """
    async with call.transaction() as tx:
        rule = await _read_rule(tx, data)
        return _view(await set_claim_rule(tx, campaign_id, rule, now=call.now))


def claims_router() -> Router:
    """Routes of claim rules."""
    return Router(path="/", route_handlers=[read_claim_rule, put_claim_rule], tags=["Campaigns"])
