"""Putting the application together."""

from collections.abc import Callable, Sequence
from typing import Any

from litestar import Litestar, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import ControllerRouterHandler

from kaquan.api.async_actions import async_actions_router
from kaquan.api.attempts import attempts_router
from kaquan.api.audit import audit_router
from kaquan.api.balances import balances_router
from kaquan.api.body import MAX_BODY_BYTES
from kaquan.api.call import describe_call, require_server_key
from kaquan.api.campaign_vouchers import campaign_imports_router, campaign_vouchers_router
from kaquan.api.campaigns import campaigns_router
from kaquan.api.categories import categories_router
from kaquan.api.claims import claims_router
from kaquan.api.client_key import CLIENT_ID, CLIENT_TOKEN, require_client_key, tell_browsers
from kaquan.api.client_legacy import client_legacy_router
from kaquan.api.client_side import client_side_router
from kaquan.api.collections import collections_router
from kaquan.api.consents import consents_router
from kaquan.api.customer_activity import customer_activity_router
from kaquan.api.customer_file import customer_file_router
from kaquan.api.customers import customers_router
from kaquan.api.distributions import distributions_router
from kaquan.api.documentation import describe_api
from kaquan.api.downloads import download_file
from kaquan.api.dry_run import read_dry_run
from kaquan.api.duplicates import duplicates_router
from kaquan.api.etag import tag_reads
from kaquan.api.events import events_router
from kaquan.api.experiments import experiments_router
from kaquan.api.exports import exports_router
from kaquan.api.health import read_health, read_readiness
from kaquan.api.ignored import tell_ignored
from kaquan.api.imports import imports_routers
from kaquan.api.legacy import legacy_router
from kaquan.api.listing import read_filters, read_paging
from kaquan.api.locations import locations_router
from kaquan.api.loyalties import loyalties_router
from kaquan.api.loyalty_expiry import loyalty_expiry_router
from kaquan.api.loyalty_exports import transaction_exports_router
from kaquan.api.loyalty_members import loyalty_members_router
from kaquan.api.loyalty_pending import loyalty_pending_router
from kaquan.api.loyalty_rules import loyalty_rules_router
from kaquan.api.loyalty_transactions import loyalty_transactions_router
from kaquan.api.management import management_router
from kaquan.api.management_key import MANAGEMENT_ID, MANAGEMENT_TOKEN, require_management_key
from kaquan.api.management_later import management_later_router
from kaquan.api.management_projects import management_projects_router
from kaquan.api.management_schemas import management_schemas_router
from kaquan.api.management_webhooks import management_webhooks_router
from kaquan.api.merges import merges_router
from kaquan.api.metadata_schemas import metadata_schemas_router
from kaquan.api.metrics import metrics_router
from kaquan.api.models import models_router
from kaquan.api.oauth import oauth_router
from kaquan.api.order_imports import order_imports_router
from kaquan.api.order_routes import orders_router
from kaquan.api.plans import plans_router
from kaquan.api.problems import AnyRequest, api_exception_handlers, handle_http_exception
from kaquan.api.products import products_router
from kaquan.api.promotions import promotions_router
from kaquan.api.publications import publications_router
from kaquan.api.publishing import answer_publications
from kaquan.api.qualifications import qualifications_router
from kaquan.api.rate_limit import RequestCounter, tell_allowance
from kaquan.api.receiving import receiving_router
from kaquan.api.redeeming import answer_redemptions
from kaquan.api.redemptions import redemptions_router
from kaquan.api.referrals import referrals_router
from kaquan.api.reports import reports_router
from kaquan.api.request_id import name_request
from kaquan.api.returns import returns_router
from kaquan.api.rewards import rewards_router
from kaquan.api.rollbacks import rollbacks_router
from kaquan.api.segments import segments_router
from kaquan.api.sessions import sessions_router
from kaquan.api.settlements import settlements_router
from kaquan.api.simulations import simulations_router
from kaquan.api.skus import skus_router
from kaquan.api.sources import receipts_router, sources_router
from kaquan.api.stacking_rules import stacking_rules_router
from kaquan.api.streams import streams_router
from kaquan.api.templates import templates_router
from kaquan.api.tracking import answer_tracking, tracking_router
from kaquan.api.trash_bin import trash_bin_router
from kaquan.api.users import users_routers
from kaquan.api.validation_rules import validation_rules_routers
from kaquan.api.validations import answer_validations, validations_router
from kaquan.api.versions import tell_version
from kaquan.api.vouchers import vouchers_router
from kaquan.api.webhooks import webhooks_router
from kaquan.api.write_key import WRITE_KEY, RecentWriters, require_write_key
from kaquan.checkout import MOST_WAITING, AttemptGatherer, Batcher
from kaquan.runtime import Database, Settings
from kaquan.trust import RecentKeys

_COMPRESSION = CompressionConfig("gzip", exclude=["^/static/"])

_PROGRAMS = (
    "/v1/",
    "/client/v1/",
    "/management/v1/",
    "/in/",
    "/downloads/",
    "/docs",
    "/healthz",
    "/readyz",
)


def api_routers() -> list[Router]:
    """Return the routers of the APIs, by who calls, each with one inside for each resource."""
    return [
        Router(
            path="/v1",
            guards=[require_server_key],
            dependencies=_dependencies(),
            middleware=[tag_reads],
            exception_handlers=api_exception_handlers(),
            route_handlers=[
                *_data_routers(),
                *_offer_routers(),
                *_checkout_routers(),
                *_own_routers(),
            ],
        ),
        Router(
            path="/v1",
            guards=[require_write_key],
            security=[{WRITE_KEY: []}],
            exception_handlers=api_exception_handlers(),
            route_handlers=[tracking_router()],
        ),
        Router(
            path="/in",
            security=[{}],
            exception_handlers=api_exception_handlers(),
            route_handlers=[receiving_router()],
        ),
        Router(
            path="/client/v1",
            guards=[require_client_key],
            security=[{CLIENT_ID: [], CLIENT_TOKEN: []}],
            dependencies=_dependencies(),
            middleware=[tag_reads],
            exception_handlers=api_exception_handlers(),
            route_handlers=[client_side_router(), client_legacy_router()],
        ),
        Router(
            path="/management/v1",
            guards=[require_management_key],
            security=[{MANAGEMENT_ID: [], MANAGEMENT_TOKEN: []}],
            dependencies=_dependencies(),
            middleware=[tag_reads],
            exception_handlers=api_exception_handlers(),
            route_handlers=[
                management_router(),
                management_projects_router(),
                management_schemas_router(),
                management_webhooks_router(),
                management_later_router(),
                *users_routers(),
            ],
        ),
    ]


def _data_routers() -> list[Router]:
    """Whom a shop sells to, what and where."""
    return [
        customers_router(),
        customer_activity_router(),
        customer_file_router(),
        merges_router(),
        duplicates_router(),
        consents_router(),
        products_router(),
        skus_router(),
        collections_router(),
        orders_router(),
        order_imports_router(),
        *imports_routers(),
        events_router(),
        metadata_schemas_router(),
        exports_router(),
        streams_router(),
        trash_bin_router(),
        locations_router(),
        segments_router(),
    ]


def _offer_routers() -> list[Router]:
    """What a shop gives away, and how."""
    return [
        campaigns_router(),
        campaign_vouchers_router(),
        campaign_imports_router(),
        categories_router(),
        promotions_router(),
        templates_router(),
        *validation_rules_routers(),
        vouchers_router(),
        balances_router(),
        stacking_rules_router(),
        publications_router(),
        claims_router(),
        distributions_router(),
    ]


def _checkout_routers() -> list[Router]:
    """Trying, using and giving back; points and rewards."""
    return [
        validations_router(),
        qualifications_router(),
        attempts_router(),
        simulations_router(),
        redemptions_router(),
        legacy_router(),
        rollbacks_router(),
        returns_router(),
        loyalties_router(),
        loyalty_members_router(),
        loyalty_pending_router(),
        loyalty_expiry_router(),
        loyalty_rules_router(),
        loyalty_transactions_router(),
        transaction_exports_router(),
        referrals_router(),
        rewards_router(),
        sessions_router(),
    ]


def _own_routers() -> list[Router]:
    """Figures, experiments and the API's own affairs."""
    return [
        reports_router(),
        metrics_router(),
        settlements_router(),
        models_router(),
        experiments_router(),
        plans_router(),
        async_actions_router(),
        oauth_router(),
        audit_router(),
        webhooks_router(),
        sources_router(),
        receipts_router(),
    ]


def _dependencies() -> dict[str, Provide]:
    """What the routes of every API are given besides their own parameters."""
    return {
        "call": Provide(describe_call, sync_to_thread=False),
        "paging": Provide(read_paging, sync_to_thread=False),
        "filters": Provide(read_filters, sync_to_thread=False),
        "dry": Provide(read_dry_run, sync_to_thread=False),
    }


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
    keeps = MOST_WAITING if settings.attempt_days else 0
    attempts = AttemptGatherer(database, most_waiting=keeps)
    redemptions = Batcher(database, answer_redemptions)
    publications = Batcher(database, answer_publications)
    tracking = Batcher(database, answer_tracking)
    return Litestar(
        route_handlers=[read_health, read_readiness, download_file, *api_routers(), *handlers],
        state=State(
            {
                "database": database,
                "settings": settings,
                "recent_keys": RecentKeys(),
                "request_counter": RequestCounter(),
                "attempts": attempts,
                "redemptions": redemptions,
                "publications": publications,
                "recent_writers": RecentWriters(),
                "tracking": tracking,
                "validations": Batcher(database, answer_validations),
            }
        ),
        on_shutdown=[redemptions.drain, publications.drain, tracking.drain, attempts.close],
        before_send=[name_request, tell_version, tell_ignored, tell_browsers, tell_allowance],
        exception_handlers=api_exception_handlers() | _page_errors(show_error),
        # Not the framework's own setting: that one would compress before answers are tagged.
        middleware=[DefineMiddleware(CompressionMiddleware, config=_COMPRESSION)],
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
