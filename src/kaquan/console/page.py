"""What a page knows beside its content: who looks, at which project, how, and from where."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from kaquan.console.language import Language
from kaquan.runtime import Project, utc_now
from kaquan.trust import User


class Theme(StrEnum):
    """How bright the pages are; AUTO follows the device."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def find_theme(name: str) -> Theme | None:
    """The theme with this name, if there is one."""
    return next((theme for theme in Theme if theme.value == name), None)


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """One rendering: the reader's choices, the address, and the request's token for forms.

    `query` holds the address's parameters in order, empty values left out. Pages for strangers
    have no `person`; pages that show neither money nor times may do without a `project`.
    """

    language: Language
    theme: Theme
    path: str
    query: tuple[tuple[str, str], ...] = ()
    csrf_token: str = ""
    notice: str = ""
    project: Project | None = None
    person: User | None = None
    now: datetime = msgspec.field(default_factory=utc_now)

    @property
    def currency(self) -> str:
        """The currency of the money on this page."""
        return self._known_project.currency

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown."""
        return self._known_project.zone

    @property
    def _known_project(self) -> Project:
        if self.project is None:
            msg = f"the page {self.path} shows money or times, but no project was set"
            raise LookupError(msg)
        return self.project

    @property
    def address(self) -> str:
        """This page's own path with its parameters."""
        return self.link()

    def link(self, **changes: str | None) -> str:
        """This page's address with some parameters set and others (None or '') taken out.

        Any change leads back to the first page of a list, so the keyset cursor goes unless it is
        what changes.
        """
        kept = [
            (name, value)
            for name, value in self.query
            if name not in changes and (name != "cursor" or not changes)
        ]
        kept += [(name, value) for name, value in changes.items() if value]
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def link_without(self, name: str, value: str) -> str:
        """This page's address without one of its parameters, back at the first page."""
        kept = [pair for pair in self.query if pair != (name, value) and pair[0] != "cursor"]
        return f"{self.path}?{urlencode(kept)}" if kept else self.path


_current: ContextVar[PageView] = ContextVar("kaquan_page")


def current_page() -> PageView:
    """The page that is being rendered; LookupError outside of rendering."""
    return _current.get()


class rendering:  # noqa: N801 - reads as `with rendering(page):`
    """Make `page` the one that filters and components see while its template runs."""

    def __init__(self, page: PageView) -> None:
        self._page = page

    def __enter__(self) -> None:
        self._token = _current.set(self._page)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
