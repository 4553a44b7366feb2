"""The templates: one environment a language, always escaping, with the filters that pages use."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kaquan.console import formats
from kaquan.console.assets import load_assets
from kaquan.console.language import Language, translations
from kaquan.console.navigation import navigation_for
from kaquan.console.page import current_page
from kaquan.console.pages.words import CHANNELS
from kaquan.runtime import format_money

_ROOMS = Path(__file__).parent.parent
TEMPLATE_FOLDERS = (_ROOMS / "console" / "templates", _ROOMS / "storefront" / "templates")


@cache
def environment(language: Language) -> Environment:
    """The environment of a language; an unknown name in a template is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = translations(language)
    install = cast("Any", made).install_gettext_callables
    install(catalogue.gettext, catalogue.ngettext, newstyle=True, pgettext=catalogue.pgettext)
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    made.filters.update(  # pyright: ignore[reportUnknownMemberType]
        money=_money,
        money_whole=_money_whole,
        number=formats.number,
        percent=formats.percent,
        percent_bps=formats.percent_bps,
        compact=_compact,
        day=_day,
        moment=_moment,
        last_day=_last_day,
        ago=_ago,
        channel=_channel,
    )
    cast("dict[str, Any]", made.globals).update(
        page=current_page,
        navigation_for=navigation_for,
        languages=tuple(Language),
        asset=_asset,
        icon_url=_icon_url,
        currency_sign=_currency_sign,
    )
    return made


def _asset(name: str) -> str:
    return load_assets().url(name)


def _icon_url(icon: str) -> str:
    return load_assets().icon_url(icon)


def _currency_sign() -> str:
    page = current_page()
    return formats.currency_sign(page.currency, language=page.language)


def _money(amount_minor: int, currency: str | None = None) -> str:
    page = current_page()
    return format_money(amount_minor, currency=currency or page.currency, language=page.language)


def _money_whole(amount_minor: int, currency: str | None = None) -> str:
    page = current_page()
    return formats.money_whole(
        amount_minor, currency=currency or page.currency, language=page.language
    )


def _compact(value: int) -> str:
    return formats.compact(value, language=current_page().language)


def _day(value: date | datetime) -> str:
    page = current_page()
    return formats.day(value, language=page.language, zone=page.zone)


def _moment(value: datetime) -> str:
    page = current_page()
    return formats.moment(value, language=page.language, zone=page.zone)


def _last_day(value: datetime) -> str:
    page = current_page()
    return formats.last_moment(value, language=page.language, zone=page.zone)


def _channel(name: str) -> str:
    known = CHANNELS.get(name)
    return name if known is None else translations(current_page().language).gettext(known)


def _ago(value: datetime) -> Markup:
    page = current_page()
    words = (
        _day(value)
        if formats.is_long_ago(value, now=page.now)
        else formats.relative(value, now=page.now, language=page.language)
    )
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        f"{value.astimezone(UTC):%Y-%m-%dT%H:%MZ}", _moment(value), words
    )
