"""The page behind a wallet link: one coupon for whoever holds the link, and nothing about anyone."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeAlias

from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.campaigns import open_wallet_token
from kaquan.console import database_of, page_of, render
from kaquan.outreach import WALLET_PATH
from kaquan.runtime import NotFound, get_project
from kaquan.storefront.codes import qr_picture
from kaquan.storefront.coupon import CouponState, view_coupon

AnyRequest: TypeAlias = Request[Any, Any, Any]

PRIVATE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""For pages whose address is the secret: nobody keeps it, passes it on, or lists it."""


@get(WALLET_PATH + "{token:str}", include_in_schema=False)
async def show_wallet(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """A coupon with its code; every link that does not hold looks the same."""
    try:
        async with database_of(request).transaction() as tx:
            ticket = await open_wallet_token(tx, token)
            project = await get_project(tx)
            request.state.project = project
            page = page_of(request)
            coupon = await view_coupon(
                tx, ticket.voucher_id, project=project, language=page.language, now=page.now
            )
    except NotFound:
        request.state.project = None
        return show_dead_link(request)
    usable = coupon.state in {CouponState.USABLE, CouponState.NOT_YET}
    return keep_private(
        render(
            request,
            "storefront/wallet.html",
            coupon=coupon,
            picture=qr_picture(coupon.code, label=coupon.code) if usable else None,
        )
    )


def show_dead_link(request: AnyRequest) -> Response[str]:
    """The page of a link that was mistyped, forged, or whose object is gone: always the same."""
    return keep_private(
        render(request, "storefront/dead_link.html", status_code=HTTPStatus.NOT_FOUND)
    )


def keep_private(response: Response[str]) -> Response[str]:
    """Add the headers of a page whose address is a secret."""
    response.headers.update(PRIVATE_HEADERS)
    return response
