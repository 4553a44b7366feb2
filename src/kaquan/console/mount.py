"""What the server mounts of the console, and what it needs to know of the browser's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from kaquan.console.assets import AssetsMissing, list_missing_files, load_assets, static_handler
from kaquan.console.pages.account import (
    end_one_session,
    end_other_sessions,
    go_to_project,
    save_password,
    show_account,
)
from kaquan.console.pages.campaign import (
    show_campaign,
    show_campaign_redemptions,
    show_vouchers,
)
from kaquan.console.pages.campaign_edit import (
    add_campaign,
    save_campaign,
    show_campaign_form,
    show_new_campaign,
    tell_offer,
)
from kaquan.console.pages.campaign_try import show_trial, try_campaign
from kaquan.console.pages.campaign_work import (
    activate_campaign,
    halt_campaign,
    make_codes,
    show_code_form,
    show_work,
)
from kaquan.console.pages.campaigns import show_campaigns
from kaquan.console.pages.customer_list import (
    export_list,
    forget_filter,
    keep_filter,
    show_customers,
)
from kaquan.console.pages.customer_orders import show_customer_orders, show_session
from kaquan.console.pages.customer_rows import show_customer_vouchers, show_visits
from kaquan.console.pages.customers import show_customer, show_older
from kaquan.console.pages.duplicates import (
    accept_sure,
    download_person,
    merge_pair,
    reject_one,
    revert_merge,
    search_duplicates,
    show_duplicates,
    show_pair,
    write_note,
)
from kaquan.console.pages.entry import (
    accept,
    ask_for_password,
    set_password,
    show_forgotten,
    show_invitation,
    show_reset,
)
from kaquan.console.pages.experiments import (
    design_experiment,
    halt_experiment,
    run_experiment,
    show_design,
    show_experiment,
    show_experiments,
)
from kaquan.console.pages.figure_rows import show_cohort_cell, show_figure_rows
from kaquan.console.pages.figures import download_figures, show_cohorts, show_figures
from kaquan.console.pages.home import show_home
from kaquan.console.pages.imports import (
    download_rejects,
    drop_import,
    run_import,
    save_mapping,
    send_import,
    show_import,
    show_imports,
)
from kaquan.console.pages.keys import (
    create_key,
    revoke_key,
    rotate_key,
    save_key,
    show_key,
    show_keys,
)
from kaquan.console.pages.models import (
    ask_to_train,
    download_scores,
    show_model,
    show_models,
)
from kaquan.console.pages.oidc import come_back, go_to_provider
from kaquan.console.pages.orders import show_order
from kaquan.console.pages.outbox import show_letter, show_message, show_outbox
from kaquan.console.pages.passkeys import (
    add_passkey,
    ask_any_authenticator,
    ask_own_authenticator,
    forget_passkey,
    log_in_by_passkey,
)
from kaquan.console.pages.plan import accept_plan, look_at_plan, show_plan
from kaquan.console.pages.plans import ask_plan, show_plans
from kaquan.console.pages.receipts import carry_out_again, show_receipt, show_receipts
from kaquan.console.pages.redemptions import show_redemptions
from kaquan.console.pages.rfm import recompute_rfm, show_progress, show_rfm
from kaquan.console.pages.search import show_search
from kaquan.console.pages.segment_builder import (
    change_segment,
    explain_rule,
    keep_segment,
    show_builder,
    show_editor,
    try_rule,
)
from kaquan.console.pages.segment_changes import show_segment_changes
from kaquan.console.pages.segments import (
    remove_segment,
    show_overlap,
    show_segment,
    show_segments,
)
from kaquan.console.pages.settlement import (
    add_partner,
    download_settlement,
    save_share,
    show_settlement,
)
from kaquan.console.pages.sources import (
    add_source,
    remove_source,
    save_source,
    show_source,
    show_sources,
)
from kaquan.console.pages.spillover import show_spillover
from kaquan.console.pages.stacking import (
    add_category,
    remove_category,
    reset_stacking,
    save_stacking,
    show_stacking,
)
from kaquan.console.pages.style import show_style
from kaquan.console.pages.team import (
    invite,
    offer_password,
    remove,
    save_role,
    show_member,
    show_team,
    sign_member_out,
    withdraw,
)
from kaquan.console.pages.webhook_log import (
    send_a_test,
    send_again,
    send_period_again,
    show_delivery,
    show_log,
)
from kaquan.console.pages.webhooks import (
    add_webhook,
    remove_webhook,
    rotate_webhook_secret,
    save_webhook,
    show_new_webhook,
    show_webhook,
    show_webhooks,
)
from kaquan.console.render import render_error
from kaquan.console.routes import page_router, save_preferences
from kaquan.console.session import log_in, log_out, show_login, signed_in, start
from kaquan.trust import Ability

UNKNOWN_ADDRESSES = ("/{rest:path}", "/console/{rest:path}")


@get(list(UNKNOWN_ADDRESSES), include_in_schema=False, sync_to_thread=False)
def show_nothing_here(request: Request[Any, Any, Any], rest: FromPath[Path]) -> Response[str]:
    """The 404 page, at every address that nothing else answers."""
    return render_error(request, 404)


READING = (
    show_home,
    show_spillover,
    show_figures,
    show_cohorts,
    download_figures,
    show_figure_rows,
    show_cohort_cell,
    show_settlement,
    download_settlement,
    show_customers,
    show_customer,
    show_customer_orders,
    show_customer_vouchers,
    show_visits,
    show_session,
    show_older,
    show_duplicates,
    show_pair,
    show_imports,
    show_import,
    show_segments,
    show_segment,
    show_segment_changes,
    show_overlap,
    show_builder,
    show_editor,
    try_rule,
    explain_rule,
    show_rfm,
    show_progress,
    show_campaigns,
    show_campaign,
    show_vouchers,
    show_campaign_redemptions,
    show_work,
    show_experiments,
    show_experiment,
    show_plans,
    show_plan,
    show_models,
    show_model,
    download_scores,
    show_redemptions,
    show_order,
    show_outbox,
    show_message,
    show_letter,
    show_search,
    show_style,
)
MANAGING = (
    send_import,
    save_mapping,
    run_import,
    drop_import,
    download_rejects,
    show_new_campaign,
    add_campaign,
    show_campaign_form,
    save_campaign,
    tell_offer,
    show_trial,
    try_campaign,
    activate_campaign,
    halt_campaign,
    show_code_form,
    make_codes,
    show_design,
    design_experiment,
    run_experiment,
    halt_experiment,
    ask_plan,
    ask_to_train,
    accept_plan,
    look_at_plan,
    search_duplicates,
    accept_sure,
    merge_pair,
    reject_one,
    revert_merge,
    write_note,
    download_person,
    add_partner,
    save_share,
    keep_segment,
    change_segment,
    remove_segment,
    recompute_rfm,
    export_list,
    keep_filter,
    forget_filter,
)
ADMINISTERING = (
    show_team,
    invite,
    withdraw,
    show_member,
    save_role,
    remove,
    sign_member_out,
    offer_password,
    show_keys,
    create_key,
    show_key,
    save_key,
    rotate_key,
    revoke_key,
    show_webhooks,
    show_new_webhook,
    add_webhook,
    show_webhook,
    save_webhook,
    rotate_webhook_secret,
    remove_webhook,
    show_log,
    show_delivery,
    send_again,
    send_a_test,
    send_period_again,
    show_sources,
    add_source,
    show_source,
    save_source,
    remove_source,
    show_receipts,
    show_receipt,
    carry_out_again,
    show_stacking,
    save_stacking,
    reset_stacking,
    add_category,
    remove_category,
)
OF_EVERYBODY = (
    show_account,
    save_password,
    end_one_session,
    end_other_sessions,
    go_to_project,
    ask_own_authenticator,
    add_passkey,
    forget_passkey,
)
ENTRY = (
    show_invitation,
    accept,
    show_forgotten,
    ask_for_password,
    show_reset,
    set_password,
    ask_any_authenticator,
    log_in_by_passkey,
    go_to_provider,
    come_back,
)


def console_routers() -> list[ControllerRouterHandler]:
    """Everything that the console adds to the application.

    Raises:
        AssetsMissing: the browser's files have not been built.
    """
    return [
        static_handler(load_assets()),
        page_router(
            "/",
            route_handlers=[
                start,
                show_login,
                log_in,
                log_out,
                save_preferences,
                show_nothing_here,
                *ENTRY,
                Router("/", route_handlers=READING, guards=[signed_in(Ability.READ)]),
                Router("/", route_handlers=MANAGING, guards=[signed_in(Ability.MANAGE)]),
                Router("/", route_handlers=ADMINISTERING, guards=[signed_in(Ability.ADMINISTER)]),
                Router("/", route_handlers=OF_EVERYBODY, guards=[signed_in(None)]),
            ],
        ),
    ]


def docs_script() -> str:
    """The address of the script that shows the API's documents."""
    return load_assets().url("vendor/rapidoc.js")


def missing_assets() -> list[str]:
    """Names of browser files that are not there; `manifest` when they were never built."""
    try:
        return list_missing_files()
    except AssetsMissing:
        return ["manifest"]
