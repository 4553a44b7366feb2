"""Front door of the console: pages in the reader's language, and the files that browsers need."""

from kaquan.console.assets import Assets, AssetsMissing, load_assets, static_handler
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.csrf import SESSION_COOKIE, FormExpired, check_csrf, csrf_token
from kaquan.console.language import N_, Language, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListQuery, ListShape
from kaquan.console.mount import console_routers, docs_script, missing_assets
from kaquan.console.page import PageView, Theme
from kaquan.console.render import (
    PAGE_EXCEPTION_HANDLERS,
    page_of,
    redirect,
    render,
    render_error,
    to_login,
)
from kaquan.console.routes import page_router, save_preferences
from kaquan.console.session import (
    database_of,
    home_path,
    page_snapshot,
    page_transaction,
    person_of,
    project_of,
    signed_in,
)

__all__ = [
    "N_",
    "PAGE_EXCEPTION_HANDLERS",
    "SESSION_COOKIE",
    "Assets",
    "AssetsMissing",
    "Chart",
    "ChartKind",
    "Choice",
    "Column",
    "Count",
    "Filter",
    "FormExpired",
    "Language",
    "ListQuery",
    "ListShape",
    "Listing",
    "PageView",
    "Series",
    "Theme",
    "Unit",
    "check_csrf",
    "console_routers",
    "csrf_token",
    "database_of",
    "docs_script",
    "home_path",
    "load_assets",
    "missing_assets",
    "page_of",
    "page_router",
    "page_snapshot",
    "page_transaction",
    "person_of",
    "project_of",
    "redirect",
    "render",
    "render_error",
    "save_preferences",
    "signed_in",
    "static_handler",
    "to_login",
    "translations",
]
