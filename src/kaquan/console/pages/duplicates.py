"""People who are likely entered twice: the review queue, a merge seen beforehand, and its undoing."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.customer_portrait import LIKENESSES, MOVES
from kaquan.console.pages.paging import page_number
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.customers import (
    SEARCH,
    Customer,
    DuplicatePair,
    MergePreview,
    PairState,
    accept_pair,
    accept_pairs,
    add_note,
    export_person,
    get_customer,
    get_pair,
    list_customers,
    list_pairs,
    merge_customers,
    preview_merge,
    reject_pair,
    request_search,
    undo_merge,
)
from kaquan.runtime import ActionStatus, AsyncAction, InvalidInput, Tx, list_actions
from kaquan.trust import Ability

PATH = "/console/customers/duplicates"
PAIRS_SHOWN = 25
SURE_PPM = 990_000
COMPARED = ("name", "source_id", "email", "phone", "birth_date", "created_at")


class PairRow(msgspec.Struct, frozen=True):
    """A pair with its people."""

    pair: DuplicatePair
    first: Customer
    second: Customer


class Progress(msgspec.Struct, frozen=True):
    """The latest search: whether it is running, how far it is, what it found."""

    action: AsyncAction

    @property
    def running(self) -> bool:
        """Whether it is not done yet."""
        return self.action.status in (ActionStatus.PENDING, ActionStatus.RUNNING)

    @property
    def percent(self) -> int:
        """How far it is."""
        return self.action.done * 100 // max(1, self.action.total or 0)


@get(PATH, include_in_schema=False)
async def show_duplicates(request: Request[Any, Any, Any]) -> Response[str]:
    """The review queue, the likeliest pair first."""
    number = page_number(dict(page_of(request).query).get("cursor", ""))
    async with page_snapshot(request) as tx:
        found = await list_pairs(tx, limit=PAIRS_SHOWN, page=number)
        sure = (await list_pairs(tx, least_ppm=SURE_PPM, limit=1)).total
        rows = await _with_people(tx, found.items)
        latest = await list_actions(tx, limit=1, kind=SEARCH)
    return render(
        request,
        "pages/duplicates.html",
        rows=rows,
        total=found.total,
        sure=sure,
        next_cursor=found.next_cursor,
        search=Progress(latest[0]) if latest else None,
        likenesses=LIKENESSES,
        decides=person_of(request).may(Ability.MANAGE),
    )


@get(PATH + "/{first_id:str}/{second_id:str}", include_in_schema=False)
async def show_pair(
    request: Request[Any, Any, Any], first_id: FromPath[str], second_id: FromPath[str]
) -> Response[str]:
    """Two people side by side, and what merging the second into the first would do."""
    async with page_snapshot(request) as tx:
        preview = await preview_merge(tx, first_id, second_id)
        found = await list_pairs(tx, customer_id=preview.survivor.id, limit=1000)
    ids = {preview.survivor.id, preview.merged.id}
    known = [one for one in found.items if {one.first_id, one.second_id} == ids]
    return render(
        request,
        "pages/duplicate.html",
        preview=preview,
        pair=known[0] if known else None,
        compared=_compared(preview),
        moves=[(MOVES[kind], preview.moves[kind]) for kind in MOVES if preview.moves[kind]],
        likenesses=LIKENESSES,
        decides=person_of(request).may(Ability.MANAGE),
    )


@post(PATH + "/search", include_in_schema=False)
async def search_duplicates(request: Request[Any, Any, Any]) -> Response[str]:
    """Ask for a search of the whole base."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        await request_search(tx, now=page.now)
    return redirect(PATH, notice=_say(page, N_("The search has begun. Pairs appear here.")))


@post(PATH + "/accept", include_in_schema=False)
async def accept_sure(request: Request[Any, Any, Any]) -> Response[str]:
    """Merge the pairs that are as good as certain."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        done = await accept_pairs(tx, least_ppm=SURE_PPM, by=person_of(request).name, now=page.now)
    words = translations(page.language).ngettext(
        "%(num)d pair merged.", "%(num)d pairs merged.", done.decided
    )
    return redirect(PATH, notice=words % {"num": done.decided})


@post(PATH + "/{first_id:str}/{second_id:str}/merge", include_in_schema=False)
async def merge_pair(
    request: Request[Any, Any, Any], first_id: FromPath[str], second_id: FromPath[str]
) -> Response[str]:
    """Merge the second person into the first."""
    page, by = page_of(request), person_of(request).name
    async with page_transaction(request) as tx:
        if await _is_open(tx, first_id, second_id):
            merge = await accept_pair(
                tx, first_id, second_id, survivor=first_id, by=by, now=page.now
            )
        else:
            merge = await merge_customers(
                tx, first_id, second_id, by=by, reason="Merged by hand.", now=page.now
            )
    notice = _say(page, N_("Two people are one now. It can be undone on this page."))
    return redirect(f"/console/customers/{merge.survivor_id}", notice=notice)


@post(PATH + "/{first_id:str}/{second_id:str}/reject", include_in_schema=False)
async def reject_one(
    request: Request[Any, Any, Any], first_id: FromPath[str], second_id: FromPath[str]
) -> Response[str]:
    """Decide that these are two people."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        await reject_pair(tx, first_id, second_id, by=person_of(request).name, now=page.now)
    return redirect(PATH, notice=_say(page, N_("Noted: these are two people.")))


@post("/console/merges/{merge_id:str}/undo", include_in_schema=False)
async def revert_merge(request: Request[Any, Any, Any], merge_id: FromPath[str]) -> Response[str]:
    """Make two people of one again."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        merge = await undo_merge(tx, merge_id, by=person_of(request).name, now=page.now)
    notice = _say(page, N_("The merge is undone: these are two people again."))
    return redirect(f"/console/customers/{merge.survivor_id}", notice=notice)


@post("/console/customers/{customer_id:str}/notes", include_in_schema=False)
async def write_note(request: Request[Any, Any, Any], customer_id: FromPath[str]) -> Response[str]:
    """Write something down about a customer."""
    page = page_of(request)
    form = await request.form()
    try:
        async with page_transaction(request) as tx:
            await add_note(
                tx,
                customer_id,
                str(form.get("text", "")),
                by=person_of(request).name,
                now=page.now,
            )
    except InvalidInput:
        notice = _say(page, N_("A note has 1 to 4,000 characters; nothing was written down."))
    else:
        notice = _say(page, N_("Written down."))
    return redirect(f"/console/customers/{customer_id}", notice=notice)


@get("/console/customers/{customer_id:str}/data", include_in_schema=False)
async def download_person(
    request: Request[Any, Any, Any], customer_id: FromPath[str]
) -> Response[bytes]:
    """All that is stored about a customer, as a ZIP file."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        packed = await export_person(tx, customer.id, now=page.now)
    return Response(
        packed,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{customer.id}.zip"',
            "Cache-Control": "no-store",
        },
    )


async def _with_people(tx: Tx, pairs: list[DuplicatePair]) -> list[PairRow]:
    ids = sorted({one for pair in pairs for one in (pair.first_id, pair.second_id)})
    if not ids:
        return []
    people = {one.id: one for one in (await list_customers(tx, ids=ids, limit=len(ids))).items}
    return [PairRow(pair, people[pair.first_id], people[pair.second_id]) for pair in pairs]


def _compared(preview: MergePreview) -> list[tuple[str, Any, Any]]:
    """The fields of both, those that neither has left out."""
    first, second = preview.survivor, preview.merged
    rows = [(name, getattr(first, name), getattr(second, name)) for name in COMPARED]
    return [row for row in rows if row[1] is not None or row[2] is not None]


async def _is_open(tx: Tx, first_id: str, second_id: str) -> bool:
    found = await list_pairs(tx, customer_id=first_id, limit=1000)
    open_ids = {one for pair in found.items for one in (pair.first_id, pair.second_id)}
    if second_id not in open_ids or first_id == second_id:
        return False
    return (await get_pair(tx, first_id, second_id)).state is PairState.OPEN


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
