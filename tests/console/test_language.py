"""The choice of a language, and whether its catalogue says everything."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg  # pyright: ignore[reportUnknownVariableType]
from babel.messages.pofile import read_po

from kaquan.console.language import CATALOGUES, Language, choose_language, translations

Mapping = tuple[list[tuple[str, str]], dict[str, dict[str, Any]]]

SOURCES = Path(__file__).parents[2] / "src"
EACH_ROOM = pytest.mark.parametrize(
    ("folder", "at_least"),
    [
        pytest.param(CATALOGUES[0], 100, id="console"),
        pytest.param(CATALOGUES[1], 50, id="storefront"),
    ],
)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("en", "zh-CN", Language.EN),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        (None, "fr, en-GB;q=0.8, zh;q=0.7", Language.EN),
        (None, "en;q=0.2, zh-TW;q=0.9", Language.ZH),
        (None, "en;q=0", Language.ZH),
        (None, "de, fr;q=0.5", Language.ZH),
        (None, "", Language.ZH),
        (None, "en;q=x, ;;q=, ,", Language.ZH),
        ("klingon", "en", Language.EN),
    ],
)
def test_language_of_a_reader(chosen: str | None, accepted: str, language: Language) -> None:
    assert choose_language(chosen=chosen, accepted=accepted, fallback=Language.ZH) is language


def texts_in_sources(catalogue: Path) -> Iterator[str | tuple[str, ...]]:
    """Every text that a room's pages mark for its catalogue."""
    with (catalogue / "babel.cfg").open(encoding="utf-8") as config:
        methods, options = cast("Mapping", parse_mapping_cfg(config))
    keywords: dict[str, Any] = {"_": None, "gettext": None, "N_": None, "say": None}
    keywords |= {"ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
    found = extract_from_dir(
        SOURCES, method_map=methods, options_map=options, keywords=keywords, directory_filter=_own
    )
    for _, _, text, _, _ in found:
        yield text


def _own(folder: str) -> bool:
    return Path(folder).name not in {"vendor", "__pycache__"}


def chinese(catalogue: Path) -> dict[str, Message]:
    """A room's Chinese catalogue by its first English form."""
    with (catalogue / "zh.po").open("rb") as source:
        messages = [message for message in read_po(source, locale="zh") if message.id]
    return {_key(message.id): message for message in messages}


def _key(text: Any) -> str:
    return text if isinstance(text, str) else text[0]


def _forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


@EACH_ROOM
def test_every_text_has_chinese_words_and_none_is_left_over(folder: Path, at_least: int) -> None:
    wanted = {_key(text) for text in texts_in_sources(folder)}
    catalogue = chinese(folder)
    said = {key for key, message in catalogue.items() if all(_forms(message))}
    assert len(wanted) >= at_least
    assert wanted - said == set()
    assert set(catalogue) - wanted == set()


def test_no_text_reads_differently_in_two_rooms() -> None:
    console, storefront = map(chinese, CATALOGUES)
    shared = console.keys() & storefront.keys()
    assert "Sandbox" in shared
    assert [key for key in shared if _forms(console[key]) != _forms(storefront[key])] == []


def test_the_rooms_catalogues_are_one_for_the_reader() -> None:
    catalogue = translations(Language.ZH)
    said = {text: catalogue.gettext(text) for text in ("Campaigns", "Redeem", "Sandbox")}
    assert said == {"Campaigns": "活动", "Redeem": "核销", "Sandbox": "沙盒"}


@EACH_ROOM
def test_chinese_texts_keep_the_placeholders(folder: Path, at_least: int) -> None:
    catalogue = chinese(folder)
    assert len(catalogue) >= at_least
    wrong = [
        key
        for key, message in catalogue.items()
        for form in _forms(message)
        if _placeholders(form) != _placeholders(_widest(message))
    ]
    assert wrong == []


def _widest(message: Message) -> str:
    """The English form with all placeholders: the plural where there is one."""
    return message.id if isinstance(message.id, str) else message.id[-1]


def _placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))
