"""One customer with all that is known."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.campaigns import Campaign, Voucher, list_vouchers, voucher_usage, wallet_token
from kaquan.console.language import Language
from kaquan.console.page import PageView
from kaquan.console.pages.customer_portrait import (
    DAYS,
    IDENTITIES,
    STAGES,
    TIERS,
    prediction_rows,
    usual_time,
)
from kaquan.console.pages.model_uplift import experiment_names
from kaquan.console.pages.names import campaigns_by_id
from kaquan.console.pages.segment_builder import list_href
from kaquan.console.pages.timeline import TimelinePart, read_timeline
from kaquan.console.pages.words import PURPOSES, Badge, voucher_badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.customers import (
    Consent,
    Customer,
    CustomerSummary,
    Identity,
    Merge,
    Note,
    Portrait,
    get_customer,
    get_customer_summary,
    list_consents,
    list_identities,
    list_merges,
    list_notes,
    list_pairs,
    read_portrait,
)
from kaquan.outreach import WALLET_PATH
from kaquan.runtime import Tx
from kaquan.segments import (
    RFM_BANDS,
    RfmBand,
    RfmScore,
    Segment,
    find_score,
    list_segments,
    segment_ids_of,
)
from kaquan.trust import Ability

VOUCHERS_SHOWN = 10
NOTES_SHOWN = 10


class CustomerRow(msgspec.Struct, frozen=True):
    """A customer of the list with what they bought."""

    customer: Customer
    summary: CustomerSummary


class HeldVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher of a customer; `wallet_href` is empty for people who may not hand it out."""

    voucher: Voucher
    campaign: Campaign | None
    badge: Badge
    left: int | None
    wallet_href: str = ""


class Standing(msgspec.Struct, frozen=True):
    """A customer's RFM scores and the name of their group."""

    score: RfmScore
    band: RfmBand

    def label(self, language: Language) -> str:
        """The group's name."""
        return self.band.label_zh if language is Language.ZH else self.band.label_en

    def advice(self, language: Language) -> str:
        """What is usually done with the group."""
        return self.band.advice_zh if language is Language.ZH else self.band.advice_en


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a customer's page shows."""

    customer: Customer
    summary: CustomerSummary
    standing: Standing | None
    segments: list[Segment]
    consents: list[Consent]
    vouchers: list[HeldVoucher]
    voucher_count: int
    timeline: TimelinePart
    portrait: Portrait
    identities: list[Identity]
    notes: list[Note]
    merges: list[Merge]
    pair_count: int

    @property
    def average_order_minor(self) -> int:
        """What an order came to on average, half-even; 0 without orders."""
        count = self.summary.order_count
        return round(self.summary.spend_minor / count) if count else 0


@get("/console/customers/{customer_id:str}", include_in_schema=False)
async def show_customer(
    request: Request[Any, Any, Any], customer_id: FromPath[str]
) -> Response[str]:
    """One customer."""
    page = page_of(request)
    hands_out = person_of(request).may(Ability.MANAGE)
    # Not read-only: the first wallet link of a project makes the key that signs it.
    async with page_transaction(request) as tx:
        dossier = await _read_dossier(tx, customer_id, page=page, hands_out=hands_out)
        tried = await experiment_names(tx, dossier.portrait.predictions)
    return render(
        request,
        "pages/customer.html",
        dossier=dossier,
        purposes=PURPOSES,
        manages=hands_out,
        tiers=TIERS,
        stages=STAGES,
        identity_kinds=IDENTITIES,
        days=DAYS,
        usual=usual_time(dossier.portrait),
        rank_href=_spent_less(dossier.summary.spend_minor),
        predictions=prediction_rows(dossier.portrait, page, experiments=tried),
    )


@get("/console/customers/{customer_id:str}/timeline", include_in_schema=False)
async def show_older(request: Request[Any, Any, Any], customer_id: FromPath[str]) -> Response[str]:
    """More of a customer's timeline, for the place where it is asked for."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        part = await read_timeline(tx, customer.id, page=page)
    return render(request, "pages/customer_timeline.html", part=part, customer=customer)


async def _read_dossier(tx: Tx, customer_id: str, *, page: PageView, hands_out: bool) -> Dossier:
    customer = await get_customer(tx, customer_id)
    score = await find_score(tx, customer.id)
    inside = await segment_ids_of(tx, customer.id, now=page.now)
    vouchers, voucher_count = await _held_vouchers(tx, customer.id, page=page, hands_out=hands_out)
    return Dossier(
        customer=customer,
        summary=await get_customer_summary(tx, customer.id),
        standing=None if score is None else Standing(score, _band(score.band)),
        segments=[one for one in await list_segments(tx) if one.id in inside],
        consents=_latest(await list_consents(tx, customer.id)),
        vouchers=vouchers,
        voucher_count=voucher_count,
        timeline=await read_timeline(tx, customer.id, page=page),
        portrait=await read_portrait(tx, customer.id, now=page.now),
        identities=await list_identities(tx, customer.id),
        notes=(await list_notes(tx, customer.id, limit=NOTES_SHOWN)).items,
        merges=[
            one
            for one in (await list_merges(tx, survivor_id=customer.id)).items
            if one.may_be_undone
        ],
        pair_count=(await list_pairs(tx, customer_id=customer.id, limit=1)).total,
    )


async def _held_vouchers(
    tx: Tx, customer_id: str, *, page: PageView, hands_out: bool
) -> tuple[list[HeldVoucher], int]:
    found = await list_vouchers(tx, holder_id=customer_id, limit=VOUCHERS_SHOWN)
    usage = await voucher_usage(tx, found.items)
    campaigns = await campaigns_by_id(tx, [voucher.campaign_id for voucher in found.items])
    held: list[HeldVoucher] = []
    for voucher in found.items:
        campaign = campaigns.get(voucher.campaign_id or "")
        token = await wallet_token(tx, voucher) if hands_out else ""
        held.append(
            HeldVoucher(
                voucher=voucher,
                campaign=campaign,
                badge=voucher_badge(voucher, usage[voucher.id], campaign, now=page.now),
                left=usage[voucher.id].left,
                wallet_href=WALLET_PATH + token if token else "",
            )
        )
    return held, found.total


def _latest(consents: list[Consent]) -> list[Consent]:
    """The decision that holds for each channel and purpose; `consents` come newest first."""
    holding: dict[tuple[str, str], Consent] = {}
    for consent in consents:
        holding.setdefault((consent.channel, consent.purpose), consent)
    return list(holding.values())


def _spent_less(spend_minor: int) -> str:
    """The list of buyers who spent less than this."""
    rules = [
        {"attribute": "spend_minor", "operator": "less_than", "value": spend_minor},
        {"attribute": "order_count", "operator": "more_than", "value": 0},
    ]
    return list_href({"all": rules})


def _band(code: str) -> RfmBand:
    return next(band for band in RFM_BANDS if band.code == code)
