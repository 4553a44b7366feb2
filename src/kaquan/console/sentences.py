"""Refusals of the rooms in the reader's language, by the pattern of their sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kaquan.console.language import translations
from kaquan.console.page import PageView
from kaquan.runtime import KaquanError, Sentence


def say_sentence(
    sentence: Sentence, gettext: Callable[[str], str], *, instead: Mapping[str, str] | None = None
) -> str:
    """The sentence by the catalogue; ``instead`` has other words for a page's own readers.

    Its pattern is the key in both. What is put in is said the same way where it is a sentence; a
    pattern that the catalogue does not have is told in English.
    """
    pattern = gettext((instead or {}).get(sentence.key, sentence.key))
    if not sentence.given:
        return pattern
    return pattern % {
        name: say_sentence(one, gettext, instead=instead) if isinstance(one, Sentence) else one
        for name, one in sentence.given.items()
    }


def say_error(error: KaquanError, page: PageView) -> str:
    """Why something was refused, in the reader's language."""
    return say_sentence(error.sentence, translations(page.language).gettext)
