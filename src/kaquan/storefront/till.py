"""The till: check a coupon on a purchase, redeem it once, take it back.

Everything works by plain forms; the script only saves a clerk some keys.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.checkout import AttemptGatherer, RedemptionKind, RedemptionResult, get_redemption
from kaquan.console import (
    page_of,
    page_transaction,
    person_of,
    project_of,
    redirect,
    render,
    render_error,
)
from kaquan.customers import Location, find_location, list_locations
from kaquan.runtime import InvalidInput, KeyInFlight, KeyReused, NotFound, Tx, utc_now
from kaquan.storefront.entry import Entry, Purchase, decimals_of, read_entry, read_purchase
from kaquan.storefront.verdict import (
    Done,
    Verdict,
    check_purchase,
    may_undo,
    redeem_once,
    undo,
)

AnyRequest: TypeAlias = Request[Any, Any, Any]

STAFF_PATH = "/staff"
_LOCATION_COOKIE = "kq_location"
_YEAR_S = 365 * 24 * 3600
_MOST_LOCATIONS = 500
_PATIENCE, _PAUSE_S = 50, 0.1


class TillPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the till shows: the fields, what is wrong in them, and the answer to a check.

    `nonce` stands for one intention to redeem; None when there is nothing to confirm. `pending`
    says that a redemption with it is still being worked on.
    """

    entry: Entry
    locations: Sequence[Location]
    wrong: dict[str, str] = {}
    verdict: Verdict | None = None
    refused: bool = False
    nonce: str | None = None
    pending: bool = False

    @property
    def focus(self) -> str:
        """The field where the clerk goes on."""
        if self.verdict is not None:
            return "face_value" if self.verdict.asks_face_value else ""
        if not self.entry.code:
            return "code"
        return "amount" if not self.entry.amount or "amount" in self.wrong else "face_value"


@get("/")
async def show_till(request: AnyRequest) -> Response[str]:
    """An empty till."""
    async with page_transaction(request) as tx:
        locations = await _list_locations(tx)
    remembered = {"location": request.cookies.get(_LOCATION_COOKIE, "")}
    return _show(request, TillPage(entry=read_entry(remembered, locations), locations=locations))


@post("/", status_code=200)
async def answer_till(request: AnyRequest) -> Response[str]:
    """Check what was entered; with a nonce, which a good check hands out, redeem it.

    One address for both, so that reloading, signing in again and changing the language all lead
    to a page.
    """
    form = await request.form()
    async with page_transaction(request) as tx:
        locations = await _list_locations(tx)
    entry = read_entry(form, locations)
    purchase = read_purchase(
        entry, currency=project_of(request).currency, language=page_of(request).language
    )
    if not isinstance(purchase, Purchase):
        # A scanner that ends with Enter sends the code alone: the amount is next, not wrong.
        is_next = entry.code and not entry.amount
        wrong = {} if is_next else purchase
        return _show(request, TillPage(entry=entry, locations=locations, wrong=wrong))
    page = TillPage(entry=entry, locations=locations)
    nonce = form.get("nonce")
    if isinstance(nonce, str):
        return await _redeem(request, purchase, page, nonce=nonce)
    return await _check(request, purchase, page)


@get("/redemptions/{redemption_id:str}")
async def show_redemption(request: AnyRequest, redemption_id: FromPath[str]) -> Response[str]:
    """What was redeemed and what is to be paid; undone or not."""
    try:
        async with page_transaction(request) as tx:
            redemption = await get_redemption(tx, redemption_id)
            place = redemption.location_id and await find_location(tx, redemption.location_id)
    except NotFound:
        return render_error(request, 404)
    if (redemption.kind, redemption.result) != (
        RedemptionKind.REDEMPTION,
        RedemptionResult.SUCCESS,
    ):
        return render_error(request, 404)
    can_undo = may_undo(redemption, person=person_of(request), now=utc_now())
    return render(
        request,
        "storefront/redeemed.html",
        redemption=redemption,
        place=place,
        can_undo=can_undo,
    )


@post("/redemptions/{redemption_id:str}")
async def undo_redemption(request: AnyRequest, redemption_id: FromPath[str]) -> Response[str]:
    """Take a redemption back; the page it leads to says whether that is so."""
    try:
        async with page_transaction(request) as tx:
            redemption = await get_redemption(tx, redemption_id)
            await undo(tx, redemption, person=person_of(request), now=utc_now())
    except NotFound:
        return render_error(request, 404)
    return redirect(f"{STAFF_PATH}/redemptions/{redemption_id}")


async def _check(request: AnyRequest, purchase: Purchase, page: TillPage) -> Response[str]:
    """What the coupon would do for the purchase, in words; nothing is written."""
    async with page_transaction(request) as tx:
        verdict, tried = await check_purchase(
            tx,
            purchase,
            person=person_of(request),
            project=project_of(request),
            language=page_of(request).language,
            now=utc_now(),
        )
    attempts: AttemptGatherer = request.app.state.attempts
    attempts.keep(project_of(request).project_id, tried)
    nonce = None if verdict.reasons else secrets.token_urlsafe(16)
    entry = msgspec.structs.replace(page.entry, code=verdict.code)
    return _show(request, msgspec.structs.replace(page, entry=entry, verdict=verdict, nonce=nonce))


async def _redeem(
    request: AnyRequest, purchase: Purchase, page: TillPage, *, nonce: str
) -> Response[str]:
    """Redeem what was checked; however often the form arrives, it happens once."""
    try:
        done = await _redeem_when_free(request, purchase, nonce=nonce)
    except KeyInFlight:
        return _show(request, msgspec.structs.replace(page, nonce=nonce, pending=True))
    except (KeyReused, InvalidInput):
        return render_error(request, 400)
    if done.redemption_id is not None:
        return redirect(f"{STAFF_PATH}/redemptions/{done.redemption_id}")
    return _show(request, msgspec.structs.replace(page, verdict=done.verdict, refused=True))


async def _redeem_when_free(request: AnyRequest, purchase: Purchase, *, nonce: str) -> Done:
    """Redeem; a second press while the first is being answered waits for its answer.

    The browser shows the answer to its last request only, so that one must say what happened.
    Raises KeyInFlight when that takes too long.
    """

    async def redeem_now() -> Done:
        async with page_transaction(request) as tx:
            return await redeem_once(
                tx, purchase, nonce=nonce, person=person_of(request), now=utc_now()
            )

    for _ in range(_PATIENCE):
        with suppress(KeyInFlight):
            return await redeem_now()
        await asyncio.sleep(_PAUSE_S)
    return await redeem_now()


async def _list_locations(tx: Tx) -> Sequence[Location]:
    return (await list_locations(tx, limit=_MOST_LOCATIONS)).items


def _show(request: AnyRequest, page: TillPage) -> Response[str]:
    project = project_of(request)
    language = page_of(request).language
    verdict = page.verdict
    response = render(
        request,
        "storefront/till.html",
        till=page,
        sentences=verdict.sentences(language=language, project=project) if verdict else (),
        decimals=decimals_of(project.currency),
    )
    if page.entry.location_id:
        response.set_cookie(
            _LOCATION_COOKIE,
            page.entry.location_id,
            path=STAFF_PATH,
            max_age=_YEAR_S,
            httponly=True,
            samesite="lax",
        )
    return response
