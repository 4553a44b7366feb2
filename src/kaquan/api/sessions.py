"""``/v1/vouchers/{code}/sessions``: what sessions have reserved of a voucher."""

from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import deletes, reads, removes
from kaquan.api.session_views import LockView, view_lock
from kaquan.checkout import (
    get_lock,
    list_voucher_locks,
    release_lock,
    release_voucher_locks,
)


class LockList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the sessions that have reserved something of a voucher."""

    data: list[LockView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class LocksReleased(msgspec.Struct, frozen=True):
    """How many sessions have let the voucher go."""

    released: int


@reads("/{code:str}/sessions", "List validation sessions")
async def read_sessions(code: FromPath[str], call: CurrentCall, paging: CurrentPaging) -> LockList:
    """List the sessions that have reserved something of a voucher.

    Newest first unless ``order`` is created_at, expires_at or -expires_at.
    """
    async with call.transaction() as tx:
        found = await list_voucher_locks(
            tx,
            code,
            now=call.now,
            order=paging.order or "-created_at",
            limit=paging.limit,
            page=paging.page,
        )
    return LockList(data=list(map(view_lock, found.items)), total=found.total)


@reads("/{code:str}/sessions/{session_key:str}", "Get validation session")
async def read_session_of_voucher(
    code: FromPath[str], session_key: FromPath[str], call: CurrentCall
) -> LockView:
    """Get what a session has reserved of a voucher."""
    async with call.transaction() as tx:
        return view_lock(await get_lock(tx, code, session_key, now=call.now))


@removes("/{code:str}/sessions/{session_key:str}", "Release validation session")
async def release_session_of_voucher(
    code: FromPath[str], session_key: FromPath[str], call: CurrentCall
) -> None:
    """Free what a session has reserved of a voucher; a second time there is nothing to free."""
    async with call.transaction() as tx:
        await release_lock(tx, code, session_key, now=call.now)


@deletes("/{code:str}/sessions", "Release all validation sessions")
async def release_sessions(code: FromPath[str], call: CurrentCall) -> LocksReleased:
    """Free what all sessions have reserved of a voucher."""
    async with call.transaction() as tx:
        return LocksReleased(await release_voucher_locks(tx, code, now=call.now))


def sessions_router() -> Router:
    """Routes of sessions."""
    return Router(
        path="/vouchers",
        route_handlers=[
            read_sessions,
            read_session_of_voucher,
            release_session_of_voucher,
            release_sessions,
        ],
        tags=["Vouchers"],
    )
