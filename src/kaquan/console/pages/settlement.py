"""Figures, settlement: who bears which share of the discounts, and the partners who do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post

from kaquan.campaigns import (
    WHOLE_DISCOUNT_BPS,
    FundingShare,
    create_partner,
    get_campaign,
    get_partner,
    list_partners,
    set_funding,
)
from kaquan.checkout import (
    LARGEST_REPORT,
    Period,
    SettlementQuery,
    SettlementReport,
    report_settlement,
    write_settlement,
)
from kaquan.console.language import N_, translations
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, read_form
from kaquan.runtime import Duplicate, InvalidInput, NotFound, Tx, utc_now

PATH = "/console/settlement"
LINES_A_PAGE = 50
_MOST_PARTNERS = 200

AnyRequest = Request[Any, Any, Any]


@get(PATH, include_in_schema=False)
async def show_settlement(request: AnyRequest) -> Response[str]:
    """What each side bears, month by month, campaign by campaign."""
    return await _show(request)


@get(f"{PATH}/download", include_in_schema=False)
async def download_settlement(request: AnyRequest) -> Response[bytes]:
    """The same lines as CSV."""
    query, _ = _read_query(request)
    async with page_snapshot(request) as tx:
        report = await report_settlement(tx, query, limit=LARGEST_REPORT)
    headers = {"Content-Disposition": 'attachment; filename="settlement.csv"'}
    return Response(write_settlement(report.lines), media_type="text/csv", headers=headers)


@post(f"{PATH}/partners", include_in_schema=False)
async def add_partner(request: AnyRequest) -> Response[str]:
    """Enter a partner."""
    fields = await read_form(request, "name")
    try:
        async with page_transaction(request) as tx:
            await create_partner(tx, fields["name"], now=utc_now())
    except Duplicate:
        return await _show(request, fields, {"name": N_("There is a partner of this name.")})
    except InvalidInput:
        return await _show(request, fields, {"name": N_("Name it.")})
    return redirect(PATH, notice=_say(request, N_("Saved.")))


@post(f"{PATH}/shares", include_in_schema=False)
async def save_share(request: AnyRequest) -> Response[str]:
    """Set what one partner bears of one campaign's discounts from now on; 0 ends it."""
    fields = await read_form(request, "campaign", "partner", "percent")
    share_bps = _read_percent(fields["percent"])
    if share_bps is None:
        message = N_("A percentage from 0 to 100, with two decimals at most.")
        return await _show(request, fields, {"percent": message})
    try:
        async with page_transaction(request) as tx:
            await _set_share(tx, fields["campaign"], fields["partner"], share_bps)
    except NotFound as error:
        missing = "partner" if error.kind == "partner" else "campaign"
        texts = {
            "partner": N_("Choose a partner."),
            "campaign": N_("There is no campaign of this name."),
        }
        return await _show(request, fields, {missing: texts[missing]})
    except InvalidInput:
        message = N_("All partners together would bear more than the whole discount.")
        return await _show(request, fields, {"percent": message})
    return redirect(PATH, notice=_say(request, N_("Saved.")))


async def _set_share(tx: Tx, campaign: str, partner: str, share_bps: int) -> None:
    known = await get_campaign(tx, campaign, lock=True)
    partner_id = (await get_partner(tx, partner)).id
    shares = [one for one in known.funding if one.partner_id != partner_id]
    if share_bps:
        shares.append(FundingShare(partner_id=partner_id, share_bps=share_bps))
    await set_funding(tx, known.id, shares, now=utc_now())


async def _show(
    request: AnyRequest,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response[str]:
    query, number = _read_query(request)
    async with page_snapshot(request) as tx:
        report = await report_settlement(tx, query, limit=LINES_A_PAGE, page=number)
        whole = await _sum_partners(tx, query)
        partners = (await list_partners(tx, limit=_MOST_PARTNERS)).items
    return render(
        request,
        "pages/settlement.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        query=query,
        report=report,
        net_minor=report.discount_minor - report.returned_minor,
        borne_minor=whole.discount_minor - whole.returned_minor,
        partners=partners,
        partner_choices=[(one.id, one.name) for one in partners],
        number=number,
        pages=max(-(-report.total // LINES_A_PAGE), 1),
        given=given or {},
        errors={name: _say(request, text) for name, text in (errors or {}).items()},
    )


async def _sum_partners(tx: Tx, query: SettlementQuery) -> SettlementReport:
    """The same without the merchant's own share."""
    of_partners = SettlementQuery(since=query.since, until=query.until, by=None, own=False)
    return await report_settlement(tx, of_partners, limit=1)


def _read_query(request: AnyRequest) -> tuple[SettlementQuery, int]:
    """The days and the page that the address names; what makes no sense is left out."""
    said = dict(page_of(request).query)
    since, until = _read_day(said.get("since", "")), _read_day(said.get("until", ""))
    if since is not None and until is not None and until < since:
        since, until = until, since
    page = said.get("page", "")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 5 else 1
    return SettlementQuery(since=since, until=until, by=Period.MONTH), max(number, 1)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _read_percent(text: str) -> int | None:
    """Basis points of a percentage such as 12.5; None for what is none."""
    whole, _, part = text.removesuffix("%").partition(".")
    digits = whole + part
    if not whole or not digits.isascii() or not digits.isdecimal() or len(part) > 2:
        return None
    bps = int(whole[:6]) * 100 + int(part.ljust(2, "0"))
    return bps if bps <= WHOLE_DISCOUNT_BPS else None


def _say(request: AnyRequest, text: str) -> str:
    return translations(page_of(request).language).gettext(text)
