"""Which language a page speaks, and its catalogue.

English texts are the keys. The Chinese texts stand in `i18n/zh.po` of the room that shows them, and
are read as they are when the process starts, so there is no compiled file that could be older than
its source. The rooms' catalogues become one: no text may read differently in two of them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_ROOMS = Path(__file__).parent.parent
CATALOGUES = (_ROOMS / "console" / "i18n", _ROOMS / "storefront" / "i18n")


class Language(StrEnum):
    """A language that the pages speak; the value is the tag in cookies and `<html lang>`."""

    ZH = "zh"
    EN = "en"

    @property
    def tag(self) -> str:
        """The BCP 47 tag for `<html lang>`, which also chooses the glyphs of a font."""
        return "zh-Hans" if self is Language.ZH else "en"

    @property
    def own_name(self) -> str:
        """The language's short name in itself, as its readers look for it."""
        return "中文" if self is Language.ZH else "EN"


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's extractor knows
    """Mark a text for the catalogue where it is written down before it is shown."""
    return text


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language; English is its own.

    Raises:
        FileNotFoundError: a room's `.po` file of the language is missing.
    """
    if language is Language.EN:
        return NullTranslations()
    merged = Catalog(locale=language.value)
    for folder in CATALOGUES:
        with (folder / f"{language.value}.po").open("rb") as source:
            for message in read_po(source, locale=language.value):
                merged[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return GNUTranslations(compiled)


def choose_language(*, chosen: str | None, accepted: str, fallback: Language) -> Language:
    """The reader's own choice, else the best of what the browser accepts, else the project's.

    `accepted` is an Accept-Language header (RFC 9110, 12.5.4); any Chinese or English counts.
    """
    wished = [chosen or "", *_by_preference(accepted)]
    known = (find_language(tag.split("-", 1)[0].lower()) for tag in wished)
    return next((language for language in known if language), fallback)


def find_language(tag: str) -> Language | None:
    """The language with this tag, if the pages speak it."""
    return next((language for language in Language if language.value == tag), None)


def _by_preference(accepted: str) -> Sequence[str]:
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accepted.split(",")):
        tag, _, weight = part.strip().partition(";")
        quality = _quality(weight)
        if tag and quality > 0:
            weighted.append((-quality, position, tag.strip()))
    return [tag for _, _, tag in sorted(weighted)]


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
