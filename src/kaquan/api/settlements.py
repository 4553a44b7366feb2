"""``/v1/kaquan/partners``, ``…/funding`` and ``…/settlement``: our own, who bears discounts."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier
from kaquan.campaigns import (
    WHOLE_DISCOUNT_BPS,
    Campaign,
    FundingShare,
    Partner,
    create_partner,
    delete_partner,
    get_campaign,
    get_partner,
    list_partners,
    rename_partner,
    set_funding,
)
from kaquan.checkout import (
    LARGEST_REPORT,
    Period,
    SettlementLine,
    SettlementQuery,
    report_settlement,
    write_settlement,
)
from kaquan.runtime import Tx, get_project

CSV = "text/csv"

ShareBps = Annotated[int, Meta(ge=1, le=WHOLE_DISCOUNT_BPS)]
PeriodName = Literal["day", "month", "none"]


class PartnerBody(msgspec.Struct, frozen=True, kw_only=True):
    """A partner, by name alone."""

    name: Identifier


class PartnerView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who bears a part of discounts."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime | None
    object: Literal["partner"] = "partner"


class PartnerList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the partners."""

    data: list[PartnerView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class ShareBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner, by id or name, bears of a campaign's discounts, in basis points."""

    partner: Identifier
    share_bps: ShareBps


class FundingBody(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody's shares; what they leave of 10,000 is the merchant's own."""

    shares: Annotated[list[ShareBody], Meta(max_length=20)]


class ShareView(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner bears of a campaign's discounts, in basis points."""

    partner_id: str
    share_bps: int


class FundingView(msgspec.Struct, frozen=True, kw_only=True):
    """Who bears what of a campaign's discounts from now on."""

    campaign_id: str
    shares: list[ShareView]
    own_bps: int
    object: Literal["funding"] = "funding"


class SettlementLineView(msgspec.Struct, frozen=True, kw_only=True):
    """What one side bears in a period, in minor units; ``partner_id`` null is the merchant."""

    period: date | None
    campaign_id: str
    campaign_name: str
    partner_id: str | None
    partner_name: str | None
    redemptions: int
    discount_minor: int
    returned_minor: int
    net_minor: int


class SettlementView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the lines; the figures are of all of them."""

    data: list[SettlementLineView]
    total: int
    has_more: bool
    currency: str
    discount_minor: int
    returned_minor: int
    net_minor: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def _view_partner(partner: Partner) -> PartnerView:
    return PartnerView(
        id=partner.id,
        name=partner.name,
        created_at=partner.created_at,
        updated_at=partner.updated_at,
    )


def _view_funding(campaign: Campaign) -> FundingView:
    shares = [ShareView(partner_id=s.partner_id, share_bps=s.share_bps) for s in campaign.funding]
    own = WHOLE_DISCOUNT_BPS - sum(one.share_bps for one in shares)
    return FundingView(campaign_id=campaign.id, shares=shares, own_bps=own)


def _view_line(line: SettlementLine) -> SettlementLineView:
    return SettlementLineView(**msgspec.structs.asdict(line))


@writes("POST", "/partners", "Create partner")
async def make_partner(data: JSONBody[PartnerBody], call: CurrentCall) -> PartnerView:
    """Enter somebody who bears a part of discounts."""
    async with call.transaction() as tx:
        return _view_partner(await create_partner(tx, data.name, now=call.now))


@reads("/partners", "List partners")
async def read_partners(
    call: CurrentCall, paging: CurrentPaging, search: FromQuery[str | None] = None
) -> PartnerList:
    """List partners whose names contain ``search``, by name unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_partners(
            tx,
            search=search,
            order=paging.order or "name",
            page=paging.page,
            limit=paging.limit,
        )
    return PartnerList(
        data=list(map(_view_partner, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads("/partners/{partner_id:str}", "Get partner")
async def read_partner(partner_id: FromPath[str], call: CurrentCall) -> PartnerView:
    """Get a partner by id or name."""
    async with call.transaction() as tx:
        return _view_partner(await get_partner(tx, partner_id))


@writes("PUT", "/partners/{partner_id:str}", "Rename partner")
async def change_partner(
    partner_id: FromPath[str], data: JSONBody[PartnerBody], call: CurrentCall
) -> PartnerView:
    """Give a partner another name."""
    async with call.transaction() as tx:
        return _view_partner(await rename_partner(tx, partner_id, data.name, now=call.now))


@removes("/partners/{partner_id:str}", "Delete partner")
async def remove_partner(partner_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a partner that no campaign and no settlement names."""
    async with call.transaction() as tx:
        await delete_partner(tx, partner_id)


@reads("/campaigns/{campaign_id:str}/funding", "Get campaign funding")
async def read_funding(campaign_id: FromPath[str], call: CurrentCall) -> FundingView:
    """Get who bears which share of a campaign's discounts."""
    async with call.transaction() as tx:
        return _view_funding(await get_campaign(tx, campaign_id))


@writes("PUT", "/campaigns/{campaign_id:str}/funding", "Set campaign funding")
async def put_funding(
    campaign_id: FromPath[str], data: JSONBody[FundingBody], call: CurrentCall
) -> FundingView:
    """Say who bears which share of a campaign's discounts; past redemptions keep theirs."""
    shares = [FundingShare(partner_id=s.partner, share_bps=s.share_bps) for s in data.shares]
    async with call.transaction() as tx:
        return _view_funding(await set_funding(tx, campaign_id, shares, now=call.now))


async def _read_query(
    tx: Tx,
    *,
    since: date | None,
    until: date | None,
    by: PeriodName,
    campaign: str | None,
    partner: str | None,
    own: bool,
) -> SettlementQuery:
    return SettlementQuery(
        since=since,
        until=until,
        by=None if by == "none" else Period(by),
        campaign_id=None if campaign is None else (await get_campaign(tx, campaign)).id,
        partner_id=None if partner is None else (await get_partner(tx, partner)).id,
        own=own,
    )


_By = Annotated[PeriodName, QueryParameter(description="What a line's period is")]
_Named = Annotated[str | None, QueryParameter(max_length=255, description="Its id or name")]
_Own = Annotated[bool, QueryParameter(description="Whether the merchant's own share is told")]


@reads("/settlement", "Report settlement")
async def read_settlement(
    call: CurrentCall,
    paging: CurrentPaging,
    *,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    by: _By = "month",
    campaign: _Named = None,
    partner: _Named = None,
    own: _Own = True,
) -> SettlementView:
    """Report what each side bears of discounts, by period, campaign and partner.

    Days are those of the project's zone, ``until`` included; a return counts on its own day.
    ``order`` is period or net, with a minus in front for descending.
    """
    async with call.transaction() as tx:
        query = await _read_query(
            tx, since=since, until=until, by=by, campaign=campaign, partner=partner, own=own
        )
        report = await report_settlement(
            tx,
            query,
            order=paging.order or "period",
            limit=paging.limit,
            page=paging.page,
        )
        currency = (await get_project(tx)).currency
    return SettlementView(
        data=list(map(_view_line, report.lines)),
        total=report.total,
        has_more=paging.has_more(report.total),
        currency=currency,
        discount_minor=report.discount_minor,
        returned_minor=report.returned_minor,
        net_minor=report.discount_minor - report.returned_minor,
    )


@reads("/settlement/csv", "Download settlement", file="text/csv")
async def download_settlement(
    call: CurrentCall,
    *,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    by: _By = "month",
    campaign: _Named = None,
    partner: _Named = None,
    own: _Own = True,
) -> Response[bytes]:
    """Download the report as CSV, up to 10,000 lines; money is in minor units."""
    async with call.transaction() as tx:
        query = await _read_query(
            tx, since=since, until=until, by=by, campaign=campaign, partner=partner, own=own
        )
        report = await report_settlement(tx, query, limit=LARGEST_REPORT)
    headers = {"Content-Disposition": 'attachment; filename="settlement.csv"'}
    return Response(write_settlement(report.lines), media_type=CSV, headers=headers)


def settlements_router() -> Router:
    """Routes of partners, of campaigns' funding, and of settlement."""
    return Router(
        path="/kaquan",
        route_handlers=[
            make_partner,
            read_partners,
            read_partner,
            change_partner,
            remove_partner,
            read_funding,
            put_funding,
            read_settlement,
            download_settlement,
        ],
        tags=["Settlement"],
    )
