"""What the server mounts of the storefront."""

from __future__ import annotations

from litestar import Router
from litestar.types import ControllerRouterHandler

from kaquan.console import PAGE_EXCEPTION_HANDLERS, page_router, signed_in
from kaquan.storefront.till import (
    STAFF_PATH,
    answer_till,
    show_redemption,
    show_till,
    undo_redemption,
)
from kaquan.storefront.unsubscribe import ask_to_unsubscribe, confirm_unsubscribe
from kaquan.storefront.wallet import show_wallet
from kaquan.trust import Ability


def storefront_routers() -> list[ControllerRouterHandler]:
    """Pages for shoppers (wallet, unsubscribing) and for store staff (till)."""
    till = Router(
        path=STAFF_PATH,
        guards=[signed_in(Ability.REDEEM)],
        route_handlers=[show_till, answer_till, show_redemption, undo_redemption],
    )
    without_form_check = Router(
        path="/",
        route_handlers=[ask_to_unsubscribe, confirm_unsubscribe],
        exception_handlers=PAGE_EXCEPTION_HANDLERS,
        include_in_schema=False,
    )
    return [
        page_router("/", route_handlers=[show_wallet, till]),
        without_form_check,
    ]
