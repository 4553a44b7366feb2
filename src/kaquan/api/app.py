"""Putting the application together."""

from collections.abc import Callable, Sequence
from typing import Any

from litestar import Litestar, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ControllerRouterHandler

from kaquan.api.async_actions import async_actions_router
from kaquan.api.body import MAX_BODY_BYTES
from kaquan.api.call import describe_call, require_server_key
from kaquan.api.campaign_vouchers import campaign_vouchers_router
from kaquan.api.campaigns import campaigns_router
from kaquan.api.customers import customers_router
from kaquan.api.documentation import describe_api
from kaquan.api.health import read_health, read_readiness
from kaquan.api.listing import read_paging
from kaquan.api.locations import locations_router
from kaquan.api.orders import orders_router
from kaquan.api.problems import AnyRequest, api_exception_handlers, handle_http_exception
from kaquan.api.products import products_router
from kaquan.api.publications import publications_router
from kaquan.api.redemptions import redemptions_router
from kaquan.api.reports import reports_router
from kaquan.api.request_id import name_request
from kaquan.api.rollbacks import rollbacks_router
from kaquan.api.segments import segments_router
from kaquan.api.validations import validations_router
from kaquan.api.vouchers import vouchers_router
from kaquan.runtime import Database, Settings
from kaquan.trust import RecentKeys

_PROGRAMS = ("/v1/", "/docs", "/healthz", "/readyz")


def api_routers() -> list[Router]:
    """Return the routers of the API: one, ``/v1``, with one inside for each resource."""
    return [
        Router(
            path="/v1",
            guards=[require_server_key],
            dependencies={
                "call": Provide(describe_call, sync_to_thread=False),
                "paging": Provide(read_paging, sync_to_thread=False),
            },
            exception_handlers=api_exception_handlers(),
            route_handlers=[
                customers_router(),
                products_router(),
                orders_router(),
                locations_router(),
                segments_router(),
                campaigns_router(),
                campaign_vouchers_router(),
                vouchers_router(),
                publications_router(),
                validations_router(),
                redemptions_router(),
                rollbacks_router(),
                reports_router(),
                async_actions_router(),
            ],
        )
    ]


def create_app(
    *,
    database: Database,
    settings: Settings,
    handlers: Sequence[ControllerRouterHandler] = (),
    docs_script: str | None = None,
    show_error: Callable[[AnyRequest, int], Response[str]] | None = None,
) -> Litestar:
    """Return the ASGI application: the API, its health and documents, and other ``handlers``.

    ``docs_script`` is the address, on this server, of RapiDoc's script for the page at ``/docs``.
    ``show_error`` makes the page for a status at an address that is neither the API's nor a page.
    """
    return Litestar(
        route_handlers=[read_health, read_readiness, *api_routers(), *handlers],
        state=State({"database": database, "settings": settings, "recent_keys": RecentKeys()}),
        before_send=[name_request],
        exception_handlers=api_exception_handlers() | _page_errors(show_error),
        compression_config=CompressionConfig("gzip", exclude=["^/static/"]),
        openapi_config=describe_api(docs_script),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )


def _page_errors(
    show_error: Callable[[AnyRequest, int], Response[str]] | None,
) -> dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]]:
    """How addresses that no route knows are answered: people by a page, programs by a problem."""
    if show_error is None:
        return {}

    def answer(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if request.url.path.startswith(_PROGRAMS):
            return handle_http_exception(request, error)
        return show_error(request, error.status_code)

    return {NotFoundException: answer, MethodNotAllowedException: answer}
