"""Letting a campaign run, halting it, and making its codes with their progress."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.campaigns import (
    Campaign,
    CampaignKind,
    disable_campaign,
    enable_campaign,
    get_campaign,
    list_promotion_tiers,
    request_vouchers,
)
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.argument_texts import NEEDED, Reader, Terms
from kaquan.console.pages.campaign_form import LARGEST_COUNT
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_sentence
from kaquan.console.session import page_snapshot, page_transaction
from kaquan.runtime import ActionStatus, AsyncAction, InvalidInput, Tx, list_actions, words

PATH = "/console/campaigns"
MAKING = "campaigns.issue_vouchers"
LATELY = 50

GUESSABLE = N_("So many codes of this shape could be guessed: make them longer.")
NO_OFFER = N_("This has no offer yet. Edit it first.")
RUNS = N_("It runs now.")
HALTED = N_("It is switched off.")
MADE = N_("The codes are made.")
ASKED = N_("The codes are being made. You may leave this page.")

AnyRequest = Request[Any, Any, Any]


async def list_work(tx: Tx, campaign_id: str) -> list[AsyncAction]:
    """Codes of the campaign that are being made or could not be, the latest first."""
    found = await list_actions(tx, kind=MAKING, unfinished=True, limit=LATELY)
    return [one for one in found if one.request.get("campaign_id") == campaign_id]


@post(f"{PATH}/{{campaign_id:str}}/activate", include_in_schema=False)
async def activate_campaign(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """Let a campaign run."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        campaign = await get_campaign(tx, campaign_id, lock=True)
        empty = (
            campaign.kind is CampaignKind.PROMOTION
            and not (await list_promotion_tiers(tx, campaign_id=campaign.id, limit=1)).total
        )
        if not empty:
            await enable_campaign(tx, campaign.id, now=page.now)
    return redirect(f"{PATH}/{campaign.id}", notice=_say(page, NO_OFFER if empty else RUNS))


@post(f"{PATH}/{{campaign_id:str}}/halt", include_in_schema=False)
async def halt_campaign(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """Keep a campaign's vouchers from being given out and used."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        campaign = await disable_campaign(tx, campaign_id, now=page.now)
    return redirect(f"{PATH}/{campaign.id}", notice=_say(page, HALTED))


@get(f"{PATH}/{{campaign_id:str}}/codes", include_in_schema=False)
async def show_code_form(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """How many codes are wanted."""
    async with page_snapshot(request) as tx:
        campaign = await get_campaign(tx, campaign_id)
    return _show(request, campaign, count="", error="")


@post(f"{PATH}/{{campaign_id:str}}/codes", include_in_schema=False)
async def make_codes(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """Make codes: a few at once, many in the background."""
    page = page_of(request)
    text = (await request.form()).get("count")
    given = {"count": text.strip() if isinstance(text, str) else ""}
    reader = Reader(given, Terms(currency=page.currency, zone=page.zone.key))
    count = reader.number("count", scale=0, least=1, most=LARGEST_COUNT)
    async with page_snapshot(request) as tx:
        campaign = await get_campaign(tx, campaign_id)
    if count is None:
        reader.fault("count", NEEDED)
    else:
        try:
            async with page_transaction(request) as tx:
                action = await request_vouchers(tx, campaign.id, count, now=page.now)
            notice = MADE if action.status is ActionStatus.DONE else ASKED
            return redirect(f"{PATH}/{campaign.id}/vouchers", notice=_say(page, notice))
        except InvalidInput as error:
            known = error.key == "code_space_too_small"
            fault = words(GUESSABLE) if known else error.sentence
            reader.faults.setdefault("count", fault)
    gettext = translations(page.language).gettext
    error = say_sentence(reader.faults["count"], gettext)
    return _show(request, campaign, count=given["count"], error=error)


@get(f"{PATH}/{{campaign_id:str}}/work", include_in_schema=False)
async def show_work(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """How far the codes are; the page loads itself again when all are made."""
    async with page_snapshot(request) as tx:
        campaign = await get_campaign(tx, campaign_id)
        work = await list_work(tx, campaign.id)
    response = render(request, "pages/campaign_work.html", campaign=campaign, work=work)
    if not any(one.status in (ActionStatus.PENDING, ActionStatus.RUNNING) for one in work):
        response.headers["HX-Refresh"] = "true"
    return response


def _show(request: AnyRequest, campaign: Campaign, *, count: str, error: str) -> Response[str]:
    return render(
        request,
        "pages/campaign_codes.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        campaign=campaign,
        count=count,
        errors={"count": error} if error else {},
    )


def _say(page: PageView, text: str) -> str:
    return translations(page.language).gettext(text)
