"""Front door of the console: pages in the reader's language, and the files that browsers need."""

from kaquan.console.assets import Assets, AssetsMissing, load_assets, static_handler
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.csrf import SESSION_COOKIE, FormExpired, check_csrf, csrf_token
from kaquan.console.language import N_, Language, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListQuery, ListShape
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
    "csrf_token",
    "load_assets",
    "page_of",
    "page_router",
    "redirect",
    "render",
    "render_error",
    "save_preferences",
    "static_handler",
    "to_login",
    "translations",
]
