"""What a campaign did to other goods and to the days after it, beside its holdout."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.campaigns import get_campaign
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.figures import read_lake, settings_of
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.insight import Because, CannotSay
from kaquan.insight.metrics import (
    NotTold,
    Spill,
    SpillEffect,
    find_promoted,
    lacks_holdout,
    read_spillover,
    work_out,
)
from kaquan.runtime import format_money

DAYS = (7, 28, 91)
_NAMES = {
    Spill.PROMOTED: N_("Goods of the offer"),
    Spill.SIMILAR: N_("Other goods of their categories"),
    Spill.OTHER: N_("All other goods"),
    Spill.AFTERWARDS: N_("Everything, in as many days after"),
}
_HINTS = {
    Spill.PROMOTED: N_("What the campaign is for."),
    Spill.SIMILAR: N_("Below zero, the offer took the place of these."),
    Spill.OTHER: N_("Above zero, customers took more along."),
    Spill.AFTERWARDS: N_("Below zero, they only bought earlier."),
}
_LACKS: dict[str, str] = {
    Because.EMPTY_TREATMENT: N_("Nobody's days are over yet."),
    Because.EMPTY_HOLDOUT: N_("Nobody was held out, so this cannot be said."),
    Because.TOO_FEW: N_("Too few customers were compared."),
    Because.NO_VARIANCE: N_("All customers of a group did the same, so chance cannot be judged."),
    NotTold.WHOLE_ORDER: N_("The offer is for whole orders, so no goods are its own."),
    NotTold.BY_ATTRIBUTE: N_("The offer names goods by attributes, which are not followed here."),
    NotTold.NO_CATEGORIES: N_("The goods of the offer have no category."),
}


class SpillRow(msgspec.Struct, frozen=True, kw_only=True):
    """A difference as written, and what it means."""

    name: str
    hint: str
    figure: str
    interval: str
    verdict: str


@get("/console/campaigns/{campaign_id:str}/spillover", include_in_schema=False)
async def show_spillover(
    request: Request[Any, Any, Any], campaign_id: FromPath[str]
) -> Response[str]:
    """The four differences, over the days chosen."""
    page = page_of(request)
    given = dict(page.query).get("days", "")
    days = int(given) if given in {str(one) for one in DAYS} else DAYS[1]
    async with page_snapshot(request) as tx:
        campaign = await get_campaign(tx, campaign_id)
        goods = await find_promoted(tx, campaign.id)
    source = await read_lake(request)
    found = None
    if source is not None:
        found = await work_out(
            settings_of(request),
            source,
            lambda engine: read_spillover(engine, campaign.id, goods, days=days),
        )
    return render(
        request,
        "pages/spillover.html",
        campaign=campaign,
        days=days,
        choices=DAYS,
        as_of=None if source is None else source.as_of,
        rows=[] if found is None else [_row(one, page) for one in found.effects],
        lacking=found is not None and lacks_holdout(found),
        people=None if found is None else found.effects[0],
    )


def _row(effect: SpillEffect, page: PageView) -> SpillRow:
    say = translations(page.language).gettext
    name, hint = say(_NAMES[effect.spill]), say(_HINTS[effect.spill])
    finding = effect.finding
    if isinstance(finding, NotTold | CannotSay):
        cause = finding if isinstance(finding, NotTold) else finding.because
        lack = say(_LACKS[cause])
        return SpillRow(name=name, hint=hint, figure="–", interval="–", verdict=lack)

    def money(value: float) -> str:
        return format_money(round(value), currency=page.currency, language=page.language)

    sure = finding.low > 0 or finding.high < 0
    return SpillRow(
        name=name,
        hint=hint,
        figure=money(finding.value),
        interval=f"{money(finding.low)} … {money(finding.high)}",
        verdict=say("not chance") if sure else say("may be chance"),
    )
