"""RFM: how lately, how often and for how much customers bought, as a heat map with named groups."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post

from kaquan.console.language import N_, Language, translations
from kaquan.console.pages.segment_builder import SEGMENTS_PATH, list_href
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.runtime import ActionStatus, AsyncAction
from kaquan.segments import (
    RFM_BANDS,
    BandFigures,
    RfmBand,
    ScoreCell,
    find_scored_at,
    find_scoring,
    list_band_figures,
    list_score_cells,
    request_scoring,
)
from kaquan.trust import Ability

RFM_PATH = f"{SEGMENTS_PATH}/rfm"
STEPS = 5
SCORES = (1, 2, 3, 4, 5)


class HeatCell(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the map: ``heat`` from 0 to 5 by what a customer of it spent on average."""

    recency: int
    frequency: int
    count: int
    average_minor: int
    heat: int
    href: str


class BandRow(msgspec.Struct, frozen=True, kw_only=True):
    """A named group with its figures; shares are of all scored customers and their spending."""

    band: RfmBand
    count: int
    share: float
    spend_minor: int
    spend_share: float
    href: str
    list_href: str

    def label(self, language: Language) -> str:
        """The group's name."""
        return self.band.label_zh if language is Language.ZH else self.band.label_en

    def advice(self, language: Language) -> str:
        """What is usually done with the group."""
        return self.band.advice_zh if language is Language.ZH else self.band.advice_en


@get(RFM_PATH, include_in_schema=False)
async def show_rfm(request: Request[Any, Any, Any]) -> Response[str]:
    """The map and the groups."""
    async with page_snapshot(request) as tx:
        cells = await list_score_cells(tx)
        bands = await list_band_figures(tx)
        scored_at = await find_scored_at(tx)
        scoring = await find_scoring(tx)
    return render(
        request,
        "pages/rfm.html",
        heat=heat_map(cells),
        scores=SCORES,
        rows=band_rows(bands, language=page_of(request).language),
        total=sum(one.count for one in bands),
        scored_at=scored_at,
        scoring=_unfinished(scoring),
        recomputes=person_of(request).may(Ability.MANAGE),
    )


@post(f"{RFM_PATH}/recompute", include_in_schema=False)
async def recompute_rfm(request: Request[Any, Any, Any]) -> Response[str]:
    """Ask for all customers to be scored anew."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        await request_scoring(tx, now=page.now)
    notice = translations(page.language).gettext(N_("The scores are being made anew."))
    return redirect(RFM_PATH, notice=notice)


@get(f"{RFM_PATH}/progress", include_in_schema=False)
async def show_progress(request: Request[Any, Any, Any]) -> Response[str]:
    """How far the scoring is; the page loads itself again when it is done."""
    async with page_snapshot(request) as tx:
        scoring = _unfinished(await find_scoring(tx))
    response = render(request, "pages/rfm_progress.html", scoring=scoring)
    if scoring is None:
        response.headers["HX-Refresh"] = "true"
    return response


def heat_map(cells: list[ScoreCell]) -> list[list[HeatCell]]:
    """All 25 fields, the latest buyers on top, the most frequent on the right.

    The heat is the fifth of the highest average that a field's average reaches; 0 for nobody.
    """
    known = {(one.recency, one.frequency): one for one in cells}
    highest = max((one.monetary_minor // one.count for one in cells), default=0)

    def field(recency: int, frequency: int) -> HeatCell:
        found = known.get((recency, frequency))
        count = found.count if found else 0
        average = found.monetary_minor // count if found and count else 0
        rule = {
            "all": [
                {"attribute": "rfm.recency_score", "operator": "is", "value": recency},
                {"attribute": "rfm.frequency_score", "operator": "is", "value": frequency},
            ]
        }
        return HeatCell(
            recency=recency,
            frequency=frequency,
            count=count,
            average_minor=average,
            heat=0 if not count else max(1, -(-average * STEPS // max(1, highest))),
            href=_builder_with(rule, ""),
        )

    return [[field(recency, frequency) for frequency in SCORES] for recency in reversed(SCORES)]


def band_rows(figures: list[BandFigures], *, language: Language) -> list[BandRow]:
    """Every named group in the order of its worth, also those that nobody is in."""
    known = {one.band: one for one in figures}
    people = max(1, sum(one.count for one in figures))
    spent = max(1, sum(one.monetary_minor for one in figures))
    rows: list[BandRow] = []
    for band in RFM_BANDS:
        found = known.get(band.code) or BandFigures(band=band.code, count=0, monetary_minor=0)
        rule = {"all": [{"attribute": "rfm.band", "operator": "is", "value": band.code}]}
        name = band.label_zh if language is Language.ZH else band.label_en
        rows.append(
            BandRow(
                band=band,
                count=found.count,
                share=found.count / people,
                spend_minor=found.monetary_minor,
                spend_share=found.monetary_minor / spent,
                href=_builder_with(rule, name),
                list_href=list_href(rule),
            )
        )
    return rows


def _unfinished(action: AsyncAction | None) -> AsyncAction | None:
    unfinished = (ActionStatus.PENDING, ActionStatus.RUNNING)
    return action if action is not None and action.status in unfinished else None


def _builder_with(rule: dict[str, Any], name: str) -> str:
    given = {"definition": json.dumps(rule, separators=(",", ":"))} | (
        {"name": name} if name else {}
    )
    return f"{SEGMENTS_PATH}/new?{urlencode(given)}"
